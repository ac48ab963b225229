/**
 * The health of the sender, by what becomes of its messages.
 *
 *   healthy ── one bad sign ──▶ at_risk ── two in a row, or three among the last 20 ──▶ suspicious ── resume ──▶ at_risk
 *      ▲────── 20 deliveries and 24 h ──────┘                                                          (beside it: paused)
 *
 * Bad signs are counted by distinct recipient: an error that speaks of the sender, the server or nothing known; an unreachable recipient to
 * whom something was delivered within 30 days, or three strangers in a row. This Mac's network is no sign. Lives in the store alone.
 */
import type { SenderHealth } from '../../protocol/events.ts';
import type { Clock } from '../host/clock.ts';
import type { Db } from '../host/db.ts';
import type { Health } from '../host/health.ts';
import type { Contacts } from './contacts.ts';
import type { Facts } from './facts.ts';
import type { Policy } from './policy.ts';
import type { GateOutcome } from './requests.ts';

const DAY = 86_400_000;

interface State {
  state: 'healthy' | 'at_risk' | 'suspicious';
  since: number;
  reason: string;
  paused: { since: number; reason: string } | null;
  /** Deliveries since the last bad sign. */
  deliveries: number;
  resumedAt: number | null;
}

type Sign = 'delivered' | 'bad' | 'stranger';

export class Sender {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #health: Health;
  readonly #facts: Facts;
  readonly #contacts: Contacts;
  readonly #policy: Policy['health'];
  readonly #onChange: (health: SenderHealth) => void;

  constructor(o: {
    db: Db;
    clock: Clock;
    health: Health;
    facts: Facts;
    contacts: Contacts;
    policy: Policy['health'];
    /** In the transaction of a change that nobody asked for. */
    onChange: (health: SenderHealth) => void;
  }) {
    this.#db = o.db;
    this.#clock = o.clock;
    this.#health = o.health;
    this.#facts = o.facts;
    this.#contacts = o.contacts;
    this.#policy = o.policy;
    this.#onChange = o.onChange;
  }

  health(): SenderHealth {
    const { state, since, reason, paused } = this.#read();
    if (paused) return { state: 'paused', since: paused.since, reason: paused.reason };
    return { state, since, reason };
  }

  /** A pause hides how the sender fares, but does not heal it. */
  get atRisk(): boolean {
    return this.#read().state !== 'healthy';
  }

  pause(reason: string): SenderHealth {
    const state = this.#read();
    state.paused ??= { since: this.#now(), reason };
    this.#write(state);
    return this.health();
  }

  /** Ends a pause; a suspicious sender becomes one at risk. The controller may do the latter once in 24 h. */
  resume(source: 'command' | 'person'): { ok: true; health: SenderHealth } | { ok: false; retryAfterMs: number } {
    const state = this.#read();
    if (state.state === 'suspicious') {
      const left = state.resumedAt === null ? 0 : state.resumedAt + DAY - this.#now();
      if (source === 'command' && left > 0) return { ok: false, retryAfterMs: Math.min(left, DAY) };
      if (source === 'command') state.resumedAt = this.#now();
      this.#move(state, 'at_risk', source === 'command' ? 'resumed by the controller' : 'resumed by a person');
      this.#db.sql('DELETE FROM gate_sign').run();
    }
    state.paused = null;
    this.#write(state);
    return { ok: true, health: this.health() };
  }

  /** What became of a message to one person. */
  outcome(address: string, outcome: GateOutcome): void {
    if (outcome.state === 'delivered' || outcome.state === 'read') this.#delivered(address, outcome.state);
    else if (outcome.state === 'not_delivered') this.#notDelivered(address, outcome);
  }

  /** Says again what holds, as after a start. */
  tell(): void {
    const { state, reason, paused } = this.#read();
    const name = (on: boolean, condition: string, severity: 'warning' | 'error', words: string, remedy: string) =>
      on ? this.#health.raise(condition, severity, words, remedy) : this.#health.clear(condition);
    name(
      paused !== null,
      'sender_paused',
      'warning',
      `The sender is paused: ${paused?.reason}.`,
      'Resume it with relayctl, or from the controller.',
    );
    name(
      state === 'at_risk',
      'sender_at_risk',
      'warning',
      `The sender is at risk: ${reason}. Near-same texts keep twice their distance.`,
      'Write less, and only to people who expect it, until messages are delivered again.',
    );
    name(
      state === 'suspicious',
      'sender_suspicious',
      'error',
      `Apple seems to take this sender for one of junk: ${reason}. Only replies go.`,
      'Find out what was sent to whom; then resume with relayctl, or once a day from the controller.',
    );
  }

  #delivered(address: string, kind: 'delivered' | 'read'): void {
    if (kind === 'delivered') this.#contacts.delivered(address);
    const state = this.#read();
    if (state.state === 'healthy' && this.#signs(1).length === 0) return;
    this.#sign(address, 'delivered');
    if (state.state !== 'at_risk' || kind !== 'delivered') return;
    state.deliveries += 1;
    if (state.deliveries >= this.#policy.recover_deliveries && this.#now() - state.since >= this.#policy.recover_ms) {
      this.#move(state, 'healthy', `${state.deliveries} messages were delivered since`);
      this.#write(state, true);
    } else this.#write(state);
  }

  #notDelivered(address: string, { meaning, appleError }: GateOutcome): void {
    if (meaning === 'network' || meaning === 'attachment') return;
    const number = appleError === undefined ? '' : ` (Apple's error ${appleError})`;
    if (meaning === 'recipient' && !this.#contacts.deliveredWithin(address, 30 * DAY)) {
      this.#sign(address, 'stranger');
      const newest = this.#signs(3);
      if (newest.length < 3 || newest.some((sign) => sign !== 'stranger')) return;
      this.#bad(`three new contacts in a row could not be reached${number}`);
      return;
    }
    this.#sign(address, 'bad');
    this.#bad(
      meaning === 'recipient'
        ? `somebody who got messages before could not be reached${number}`
        : `a message was not delivered${number}`,
    );
  }

  #bad(reason: string): void {
    const state = this.#read();
    const signs = this.#signs(this.#policy.look_back).map((sign) => (sign === 'delivered' ? 'good' : sign));
    const inRow = signs.findIndex((sign) => sign !== 'bad');
    const many = signs.filter((sign) => sign === 'bad').length >= this.#policy.bad_in_look_back;
    state.deliveries = 0;
    if (state.state !== 'suspicious') {
      const worse = many || inRow >= 2 || (inRow === -1 && signs.length >= 2);
      this.#move(state, worse ? 'suspicious' : 'at_risk', reason);
    }
    this.#write(state, true);
  }

  #move(state: State, to: State['state'], reason: string): void {
    if (state.state !== to) state.since = this.#now();
    state.state = to;
    state.reason = reason;
    state.deliveries = 0;
  }

  /** The newest first, one for each recipient. */
  #signs(count: number): Sign[] {
    return this.#db
      .sql<{ sign: Sign }>('SELECT sign FROM gate_sign ORDER BY id DESC LIMIT ?')
      .all(count)
      .map((row) => row.sign);
  }

  #sign(address: string, sign: Sign): void {
    this.#db.sql('DELETE FROM gate_sign WHERE address = ?').run(address);
    this.#db
      .sql('INSERT INTO gate_sign (id, address, sign, at) SELECT coalesce(max(id), 0) + 1, ?, ?, ? FROM gate_sign')
      .run(address, sign, this.#now());
    this.#db
      .sql('DELETE FROM gate_sign WHERE id <= (SELECT id FROM gate_sign ORDER BY id DESC LIMIT 1 OFFSET ?)')
      .run(this.#policy.look_back);
  }

  #now(): number {
    return Math.round(this.#clock.now());
  }

  #read(): State {
    return (
      (this.#facts.get('sender') as State | undefined) ?? {
        state: 'healthy',
        since: this.#facts.createdAt,
        reason: 'nothing speaks against it',
        paused: null,
        deliveries: 0,
        resumedAt: null,
      }
    );
  }

  #write(state: State, tell = false): void {
    const before = this.#read();
    this.#facts.put('sender', state);
    this.tell();
    if (tell && before.state !== state.state) this.#onChange(this.health());
  }
}
