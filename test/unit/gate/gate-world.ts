/** A gate on a real store, with a clock that stands still, and short ways to ask it. */
import { Gate } from '../../../daemon/gate/gate.ts';
import type { GateMessage, GateRequest, Recipient } from '../../../daemon/gate/requests.ts';
import { Health } from '../../../daemon/host/health.ts';
import { silentLog } from '../../../daemon/host/log.ts';
import type { TextSuspected } from '../../../protocol/events.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { makeQuickFolder, openStore, type TestStore } from '../../support/store.ts';
import { WIDE_RULES } from '../../support/wide-rules.ts';

export const OLD_SENDER = Date.UTC(2020, 0, 1);
const DAY = 86_400_000;

export interface Asking {
  category?: GateRequest['category'];
  pacing?: GateRequest['pacing'];
  variables?: string[];
  notBefore?: number;
  expiresAt?: number;
  command?: string;
  timeZone?: string;
}

export class GateWorld {
  readonly store: TestStore = openStore(makeQuickFolder());
  readonly clock = new FakeClock();
  health = new Health(this.clock);
  gate: Gate;
  readonly told: string[] = [];
  readonly suspected: TextSuspected[] = [];
  /** Would a receipt be seen now? */
  watching = true;
  /** The oldest row of a conversation in chat.db, from before the relay's memory. */
  readonly history = new Map<string, { at: number; fromMe: boolean; text: string; tapback: boolean }>();
  readonly #policy: Record<string, unknown>;
  readonly #since: number | null;
  readonly #kind: 'shared' | 'dedicated';
  #order = 0;
  /** What the outbox would still hold. */
  readonly waiting = new Map<string, GateMessage>();

  /** `rules`: those of the default instead of none that look at people. */
  constructor(
    o: {
      policy?: Record<string, unknown>;
      since?: number | null;
      rules?: 'default';
      kind?: 'shared' | 'dedicated';
    } = {},
  ) {
    this.#policy = { ...(o.rules === 'default' ? {} : WIDE_RULES), ...o.policy };
    this.#kind = o.kind ?? 'shared';
    this.#since = o.since === undefined ? OLD_SENDER : o.since;
    this.gate = this.#open();
  }

  #open(): Gate {
    const gate = new Gate({
      db: this.store.db,
      clock: this.clock,
      health: this.health,
      log: silentLog,
      policy: this.#policy,
      sender: { kind: this.#kind, since: this.#since },
      timeZone: 'UTC',
      oldestWord: (handle) => this.history.get(handle) ?? null,
      onSenderHealth: (health) => this.told.push(health.state),
      onTextSuspected: (text) => this.suspected.push(text),
      watching: () => this.watching,
    });
    gate.load();
    return gate;
  }

  /** As after a crash: a new gate on the same store, given what waits. */
  async restart(): Promise<void> {
    await this.store.reopen();
    this.health = new Health(this.clock);
    this.gate = this.#open();
    this.gate.add([...this.waiting.values()]);
  }

  request(to: string | string[] | Recipient, text: string, o: Asking = {}): GateRequest {
    const recipients =
      typeof to === 'object' && !Array.isArray(to)
        ? [to]
        : [to].flat().map((handle): Recipient => ({ kind: 'handle', handle }));
    return {
      command: o.command ?? `c${this.#count()}`,
      recipients,
      text,
      variables: o.variables ?? [],
      category: o.category ?? 'conversational',
      pacing: o.pacing ?? 'queue',
      notBefore: o.notBefore ?? null,
      expiresAt: o.expiresAt ?? this.clock.now() + 20 * DAY,
      timeZone: o.timeZone ?? null,
    };
  }

  admit(to: string | string[] | Recipient, text: string, o: Asking = {}) {
    return this.gate.admit(this.request(to, text, o));
  }

  /** Admits and adds what may wait. Returns the ids, in the order of the recipients; null for the refused. */
  send(to: string | string[] | Recipient, text: string, o: Asking = {}): (string | null)[] {
    const request = this.request(to, text, o);
    return this.store.db.transaction(() => {
      const admission = this.gate.admit(request);
      if (!admission.ok) return request.recipients.map(() => null);
      return request.recipients.map((recipient, index) => {
        const verdict = admission.verdicts[index];
        if (!verdict || verdict.kind === 'refuse') return null;
        return this.accept(request, recipient, verdict.reply);
      });
    });
  }

  accept(request: GateRequest, recipient: Recipient, reply: boolean): string {
    const order = this.#count();
    const { command, text, variables, category, notBefore, expiresAt, timeZone } = request;
    const message: GateMessage = {
      ...{ message: `m${order}`, command, order, recipient, text, variables, category, reply },
      ...{ acceptedAt: this.clock.now(), notBefore, expiresAt, timeZone },
    };
    this.waiting.set(message.message, message);
    this.gate.add([message]);
    return message.message;
  }

  #count(): number {
    this.#order += 1;
    return this.#order;
  }

  one(to: string | Recipient, text: string, o: Asking = {}): string {
    const [message] = this.send(to, text, o);
    if (!message) throw new Error(`refused: ${JSON.stringify(this.admit(to, text, o))}`);
    return message;
  }

  dispatch(message: string): void {
    this.store.db.transaction(() => this.gate.dispatched(message));
    this.waiting.delete(message);
  }

  settle(message: string, state: 'sent' | 'unknown' | 'failed' | 'delivered' | 'not_delivered' = 'sent'): void {
    this.store.db.transaction(() => this.gate.outcome(message, { state }));
  }

  /** Sends whatever may go now; the ids. */
  drain(): string[] {
    const gone: string[] = [];
    for (;;) {
      const pick = this.gate.pick();
      if (pick.kind !== 'go') return gone;
      this.dispatch(pick.message);
      this.settle(pick.message);
      gone.push(pick.message);
    }
  }

  inbound(
    handle: string,
    text: string,
    o: { at?: number; late?: boolean; kind?: 'text' | 'tapback'; group?: string; alias?: string } = {},
  ) {
    const { at = this.clock.now(), late = false, kind = 'text', group, alias } = o;
    return this.store.db.transaction(() =>
      this.gate.inbound({
        guid: `in-${this.#count()}`,
        handle,
        ...(alias === undefined ? {} : { alias }),
        chat: group ?? handle,
        group: group !== undefined,
        ...{ text, kind, at, late },
        seenMonoMs: this.clock.mono(),
      }),
    );
  }

  ownHand(to: string[], text: string, at = this.clock.now()): void {
    this.store.db.transaction(() =>
      this.gate.ownHand({ guid: `own-${this.#count()}`, recipients: to, text, at, late: false }),
    );
  }

  /** Lets time pass as it does for a relay that runs: with its upkeep every half minute. */
  live(ms: number): void {
    for (let left = ms; left > 0; left -= 30_000) {
      this.clock.advance(Math.min(left, 30_000));
      this.store.db.transaction(() => this.gate.tend());
    }
  }

  close(): Promise<void> {
    return this.store.remove();
  }
}

/** The n-th of a row of people. */
export function person(n: number): string {
  return `+1415555${String(1000 + n)}`;
}
