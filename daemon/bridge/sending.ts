/**
 * One attempt, from the stored row to its outcome.
 *
 *   existing chat, by the id that chat.db has ─ −1728 before the mark ─▶ the participant of the iMessage account (1:1 only, once)
 *
 * A chat that chat.db has and Messages does not know is remembered until the restart. If chat.db has grown since the attempt began,
 * the second call is left to a new attempt: what came may be a STOP, and all rules must be asked again.
 */
import type { Clock } from '../host/clock.ts';
import type { GroupCommit } from '../host/commit.ts';
import { messageOf } from '../host/errors.ts';
import type { Log } from '../host/log.ts';
import type { Attempt, Attempts } from './attempts.ts';
import type { Lane } from './lane.ts';
import type { Osascript } from './osascript.ts';
import { errorNumber, type Route, type SendOutcome, type Verdict, verdictOf } from './outcome.ts';

const REMEMBERED_CHATS = 10_000;

export class Sending {
  readonly #osascript: Osascript;
  readonly #lane: Lane;
  readonly #hasGrown: (baseline: number) => boolean;
  readonly #attempts: Attempts;
  readonly #commit: GroupCommit;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limitMs: number;
  /** Guids that Messages answered with −1728. */
  readonly #unknownChats = new Set<string>();

  constructor(o: {
    osascript: Osascript;
    lane: Lane;
    /** Is there a row above this ROWID, or may there be one? */
    hasGrown: (baseline: number) => boolean;
    attempts: Attempts;
    commit: GroupCommit;
    clock: Clock;
    log: Log;
    limitMs: number;
  }) {
    this.#osascript = o.osascript;
    this.#lane = o.lane;
    this.#hasGrown = o.hasGrown;
    this.#attempts = o.attempts;
    this.#commit = o.commit;
    this.#clock = o.clock;
    this.#log = o.log;
    this.#limitMs = o.limitMs;
  }

  async send(a: Attempt, what: { text: string } | { file: string }): Promise<SendOutcome> {
    const { chatGuid } = a;
    if (a.isGroup && chatGuid === null)
      return {
        kind: 'not_started',
        code: 'not_found',
        words: 'There is no such group in Messages any more.',
        again: false,
      };
    if (chatGuid === null || (!a.isGroup && this.#unknownChats.has(chatGuid)))
      return (await this.#call(a, 'participant', a.address, what)).outcome;
    const first = await this.#call(a, 'chat', chatGuid, what);
    if (!first.noSuchTarget || a.isGroup) return first.outcome;
    if (this.#unknownChats.size < REMEMBERED_CHATS) this.#unknownChats.add(chatGuid);
    if (first.outcome.kind === 'not_started' && this.#hasGrown(a.baseline)) return { ...first.outcome, again: true };
    return (await this.#call(a, 'participant', a.address, what)).outcome;
  }

  async #call(a: Attempt, route: Route, target: string, what: { text: string } | { file: string }): Promise<Verdict> {
    const child = this.#osascript.send(a.id, route, { target, ...what }, this.#limitMs);
    const { pid } = child;
    if (pid !== null) this.#remember(a.id, pid);
    const ended = await this.#lane.during(child.ended);
    const verdict = verdictOf(ended, a.id, route);
    const { kind } = verdict.outcome;
    this.#log.info('osascript_ended', {
      attempt: a.id,
      route,
      outcome: kind,
      code: ended.code,
      number: errorNumber(ended.stderr),
    });
    if (verdict.trouble) this.#lane.doubt(verdict.trouble, ended.gone ? undefined : (pid ?? undefined));
    else if (kind === 'accepted') this.#lane.good();
    return verdict;
  }

  /** Not waited for: a crash before it is on disk finds the child by the attempt id in its arguments. */
  #remember(id: string, pid: number): void {
    const at = Math.round(this.#clock.now());
    this.#commit
      .run(() => this.#attempts.started(id, pid, at))
      .catch((error: unknown) => this.#log.warn('pid_not_stored', { error: messageOf(error) }));
  }
}
