/** Doctor's questions that only the relay itself can answer: macOS grants by who asks, and what is wrong right now is in its register. */
import type { Check } from '../host/checks/check.ts';
import { conditionChecks } from '../host/checks/conditions.ts';
import {
  automation,
  chatDbSchema,
  fullDiskAccess,
  messagesAnswers,
  type ProbeLook,
  signedIn,
  watcherHeartbeat,
} from '../host/checks/messages.ts';
import { type Clock, pause } from '../host/clock.ts';
import type { Health } from '../host/health.ts';
import { lookAtChatDb } from './inspect-mac.ts';
import type { Lane } from './lane.ts';

/** Below the patience of a controller that asks. */
const PATIENCE_MS = 20_000;

interface MacChecksOptions {
  /** The path. */
  chatDb: string;
  lane: Lane;
  clock: Clock;
  health: Health;
  lookedMs: () => number | null;
}

export class MacChecks {
  readonly #o: MacChecksOptions;

  constructor(o: MacChecksOptions) {
    this.#o = o;
  }

  /** Asks Messages, unless that was done within the last seconds, and opens chat.db. */
  async all(): Promise<Check[]> {
    const { chatDb, lookedMs, health } = this.#o;
    const probe = await this.#probe();
    const look = lookAtChatDb(chatDb);
    return [
      fullDiskAccess(look, 'relay'),
      chatDbSchema(look),
      watcherHeartbeat(lookedMs()),
      automation(probe, 'relay'),
      messagesAnswers(probe),
      signedIn(probe),
      ...conditionChecks(health.list()),
    ];
  }

  async #probe(): Promise<ProbeLook> {
    const enough = new AbortController();
    const state = await Promise.race([
      this.#o.lane.prove(),
      pause(this.#o.clock, PATIENCE_MS, enough.signal).then(() => null),
    ]);
    enough.abort();
    if (state === null) return SILENT;
    if (state.ok) return { ok: true };
    const { condition } = state;
    const told = this.#o.health.list().find(({ name }) => name === condition);
    const words = told?.words ?? 'Messages was not asked yet.';
    return { ok: false, condition, words, remedy: told?.remedy ?? 'Ask again in a moment.' };
  }
}

const SILENT: ProbeLook = {
  ok: false,
  condition: 'messages_hung',
  words: `Messages has not answered within ${PATIENCE_MS / 1000} s.`,
  remedy: 'Look for an open dialog on the Mac’s screen; else quit Messages and open it again.',
};
