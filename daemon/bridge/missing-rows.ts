/**
 * Messages took a text or a file: its row should be there within 10 s.
 *
 *   expected ─ 10 s, chat.db read to its end, looked for once more ─▶ claimed · told as `unknown`, in words that say what was found instead
 *
 * The 10 s are time awake: Messages sleeps when the Mac does. A row that comes later still settles the message.
 */
import type { Clock, Timer } from '../host/clock.ts';
import { messageOf } from '../host/errors.ts';
import type { Log } from '../host/log.ts';
import { type Attempts, nounOf } from './attempts.ts';
import { type Claims, type Found, ROW_PATIENCE_MS } from './claims.ts';
import type { Sightings } from './sightings.ts';

/** A timer this late slept with the Mac. */
const ASLEEP_MS = 5_000;

export class MissingRows {
  readonly #attempts: Attempts;
  readonly #claims: Claims;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #sightings: Pick<Sightings, 'attempt'>;
  readonly #caughtUp: () => Promise<{ ok: boolean }>;
  readonly #stored: (work: () => void) => Promise<void>;
  readonly #timers = new Set<Timer>();
  #stopped = false;

  constructor(o: {
    attempts: Attempts;
    claims: Claims;
    clock: Clock;
    log: Log;
    sightings: Pick<Sightings, 'attempt'>;
    /** Resolves when chat.db has been read to its end, or cannot be. */
    caughtUp: () => Promise<{ ok: boolean }>;
    /** In the group commit, until it is on disk or this process stops. */
    stored: (work: () => void) => Promise<void>;
  }) {
    this.#attempts = o.attempts;
    this.#claims = o.claims;
    this.#clock = o.clock;
    this.#log = o.log;
    this.#sightings = o.sightings;
    this.#caughtUp = o.caughtUp;
    this.#stored = o.stored;
  }

  /** Their rows should come soon. Those that have one by then, or were not accepted, are passed over. */
  expect(attempts: string[]): void {
    if (this.#stopped || attempts.length === 0) return;
    const due = this.#clock.mono() + ROW_PATIENCE_MS;
    const timer = this.#clock.after(ROW_PATIENCE_MS, () => {
      this.#timers.delete(timer);
      if (this.#clock.mono() - due > ASLEEP_MS) return this.expect(attempts);
      this.#tell(attempts).catch((error: unknown) => this.#log.error('missing_not_told', { error: messageOf(error) }));
    });
    this.#timers.add(timer);
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
  }

  async #tell(attempts: string[]): Promise<void> {
    const { ok } = await this.#caughtUp();
    if (this.#stopped) return;
    await this.#stored(() => {
      const at = Math.round(this.#clock.now());
      for (const id of attempts) {
        const a = this.#attempts.get(id);
        if (a?.outcome?.kind !== 'accepted' || a.guid !== null || a.told !== null) continue;
        const found = ok ? this.#claims.searchAgain(a) : 'unreadable';
        if (found === 'claimed') continue;
        this.#attempts.tell(id, 'unknown', false);
        this.#sightings.attempt(a.message, id, { state: 'unknown', at, words: WORDS[found](nounOf(a)) });
      }
    });
  }
}

const WORDS: Record<Exclude<Found, 'claimed'> | 'unreadable', (noun: 'text' | 'file') => string> = {
  nothing: (noun) =>
    `Messages took the ${noun}, but chat.db does not show it yet. It may have gone out; look at the conversation on the Mac.`,
  part: (noun) =>
    `Messages took the ${noun}, but chat.db shows only a part of it. Look at the conversation on the Mac.`,
  elsewhere: (noun) =>
    `Messages took the ${noun}, but chat.db shows ${noun === 'file' ? 'one of its name' : 'it'} in another conversation than asked for. Look at both on the Mac before you send it again.`,
  unreadable: (noun) =>
    `Messages took the ${noun}, but chat.db cannot be read just now, so nobody knows what became of it.`,
};
