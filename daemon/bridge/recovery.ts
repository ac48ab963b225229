/**
 * After a restart: what became of the attempts that have no outcome. Nothing is ever sent again on a doubt.
 *
 *   a child that still runs is awaited, at most as long as it may run, then ended
 *     ─▶ its files decide: result line · mark · error number
 *     ─▶ no word at all: it did not start, IF it is gone, chat.db (read to its end) has no fitting row, it was a moment ago (a store that
 *        was set back does not know its outcome), and the Mac was not started anew since (after a power cut the files may have lost
 *        what was written). In all other cases: it may have gone.
 */
import { type Clock, pause } from '../host/clock.ts';
import type { Log } from '../host/log.ts';
import { type Attempt, nounOf } from './attempts.ts';
import type { Osascript, Running } from './osascript.ts';
import { errorNumber, type Route, type SendOutcome, type Verdict, verdictOf } from './outcome.ts';

const LOOK_MS = 250;
/** After its group was killed, a child gets this long to go. */
const KILL_PATIENCE_MS = 5_000;
/** Two boots are further apart than this; clocks that are slewed are not. */
const BOOT_TOLERANCE_MS = 20_000;
/** A relay that crashed is started again within seconds; what was cut off longer ago proves nothing by its silence. */
const LONG_AGO_MS = 15 * 60_000;

/** What is known of the child of an attempt. `unsure`: `ps` cannot be asked, or it will not end. */
export type Fate = 'gone' | 'killed' | 'unsure';

interface Settled {
  fates: Map<string, Fate>;
  /** Groups that would not end. */
  stuck: number[];
}

export class Leftovers {
  readonly #osascript: Osascript;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limitMs: number;
  #begun: Promise<Settled> | null = null;

  constructor(o: { osascript: Osascript; clock: Clock; log: Log; limitMs: number }) {
    this.#osascript = o.osascript;
    this.#clock = o.clock;
    this.#log = o.log;
    this.#limitMs = o.limitMs;
  }

  /** Begins to settle: the answer is there when the rest of the relay has started. */
  begin(attempts: Attempt[]): void {
    this.#begun = this.#settle(attempts);
    // Whoever asks for it hears of that.
    this.#begun.catch(() => {});
  }

  /** Resolves when no child of an earlier process runs any more, or will not go. Attempts that are not in the answer: gone. */
  settle(attempts: Attempt[]): Promise<Settled> {
    const begun = this.#begun;
    this.#begun = null;
    return begun ?? this.#settle(attempts);
  }

  async #settle(attempts: Attempt[]): Promise<Settled> {
    const known = attempts.flatMap((a) =>
      a.pid !== null && a.startedAt !== null ? [{ pid: a.pid, startedAt: a.startedAt }] : [],
    );
    const fates = new Map<string, Fate>();
    const killedAt = new Map<number, number>();
    const start = this.#clock.mono();
    for (;;) {
      const running = await this.#osascript.leftovers(known);
      if (!running) {
        this.#log.error('ps_unusable', {});
        // A child that we cannot see may still run: by now it would have had its time.
        await pause(this.#clock, Math.max(0, ...attempts.map((a) => this.#limitMs - this.#age(a))));
        for (const a of attempts) fates.set(a.id, 'unsure');
        return { fates, stuck: [] };
      }
      if (running.length === 0) return { fates, stuck: [] };
      const mono = this.#clock.mono();
      for (const child of running) {
        const attempt = attempts.find((a) => isChildOf(child, a));
        if (attempt && !this.#isOver(attempt, mono - start)) continue;
        if (!killedAt.has(child.pid)) this.#log.warn('leftover_ended', { pid: child.pid, attempt: attempt?.id });
        killedAt.set(child.pid, killedAt.get(child.pid) ?? mono);
        this.#osascript.end(child.pid);
        if (attempt) fates.set(attempt.id, 'killed');
      }
      const stuck = running.filter((r) => mono - (killedAt.get(r.pid) ?? mono) >= KILL_PATIENCE_MS);
      if (stuck.length === running.length) {
        for (const a of attempts) if (stuck.some((child) => isChildOf(child, a))) fates.set(a.id, 'unsure');
        return { fates, stuck: stuck.map((r) => r.pid) };
      }
      await pause(this.#clock, LOOK_MS);
    }
  }

  /** It has had its time: since its start, by the wall clock, or since we wait, by the monotonic one. */
  #isOver(a: Attempt, waitedMs: number): boolean {
    return this.#age(a) >= this.#limitMs || waitedMs >= this.#limitMs;
  }

  /** Never negative: the wall clock may have been set back. */
  #age(a: Attempt): number {
    return Math.max(0, this.#clock.now() - (a.startedAt ?? a.begunAt));
  }
}

function isChildOf(child: Running, a: Attempt): boolean {
  return child.command.split(/\s+/).includes(a.id) || child.pid === a.pid;
}

/** What the files of an attempt say. `silent`: neither result nor mark nor number, so they prove nothing alone. */
export function readVerdict(osascript: Osascript, a: Attempt, fate: Fate): Verdict & { silent: boolean } {
  const how = fate === 'killed' ? 'killed' : 'lost';
  const nothing = { stdout: '', stderr: '' };
  const second = osascript.written(a.id, 'participant');
  const route: Route = second ? 'participant' : 'chat';
  const written = second ?? osascript.written(a.id, 'chat') ?? nothing;
  const verdict = verdictOf({ how, code: null, ...written }, a.id, route);
  return { ...verdict, silent: verdict.outcome.kind === 'not_started' && errorNumber(written.stderr) === null };
}

/** The last word, when chat.db has been read to its end (or cannot be). */
export function decide(o: {
  attempt: Attempt;
  /** chat.db shows its text, or a piece of it, or its file. */
  shown: boolean;
  verdict: Verdict & { silent: boolean };
  fate: Fate;
  chatDbRead: boolean;
  now: number;
  bootedAt: number;
}): SendOutcome {
  const { outcome } = o.verdict;
  if (outcome.kind !== 'not_started') return outcome;
  if (o.shown)
    return doubt(`chat.db shows this ${nounOf(o.attempt)} to this recipient, and nobody saw how the send ended.`);
  if (!o.verdict.silent) return { ...outcome, again: outcome.again || (o.verdict.noSuchTarget && !o.attempt.isGroup) };
  if (o.fate === 'unsure')
    return doubt('The relay was cut off while it sent, and what it left behind cannot be found.');
  if (Math.abs(o.bootedAt - o.attempt.bootedAt) > BOOT_TOLERANCE_MS)
    return doubt('The Mac was started anew while the message was being sent.');
  // Files are kept until the outcome is stored. That they are not there after so long may mean that this store is an older copy.
  if (Math.abs(o.now - o.attempt.begunAt) > LONG_AGO_MS)
    return doubt('The relay was cut off while it sent, and that was long ago.');
  if (!o.chatDbRead) return doubt('The relay was cut off while it sent, and chat.db cannot be read.');
  return outcome;
}

function doubt(why: string): SendOutcome {
  return { kind: 'may_have_gone', words: `${why} It may have gone out.` };
}
