/**
 * The health of the sender, by what becomes of its messages.
 *
 *   healthy ── one bad sign, or three late ──▶ at_risk ── two in a row, or three among the last 20 ──▶ suspicious
 *      ▲────── 20 deliveries and 24 h ──────────┘  ▲──── resume, or a probe that was delivered ──────────┘   (beside it: paused)
 *
 * Signs count by distinct recipient. Bad: (a) an error that speaks of the sender, the server or nothing known; (b) error 22 of somebody to
 * whom something was delivered within 30 days, or of the third new contact in a row. Late: (c) not delivered for an hour. Any delivery ends
 * a row. This Mac's network is no sign. Lives in the store alone.
 */
import type { SenderHealth } from '../../protocol/events.ts';
import type { Clock } from '../host/clock.ts';
import type { Db } from '../host/db.ts';
import type { Health } from '../host/health.ts';
import type { Contacts } from './contacts.ts';
import type { Facts } from './facts.ts';
import type { LivedTime } from './lived-time.ts';
import type { Policy } from './policy.ts';
import type { GateOutcome } from './requests.ts';
import { REMEDIES, SenderWords } from './sender-words.ts';
import type { Words } from './words.ts';

const DAY = 86_400_000;
const NOT_ON_IMESSAGE = 22;

interface State {
  state: 'healthy' | 'at_risk' | 'suspicious';
  since: number;
  reason: string;
  /** Only late ones speak against it: that can be taken back. */
  onlyLate: boolean;
  paused: { since: number; reason: string } | null;
  /** Deliveries since the last bad sign. */
  deliveries: number;
  /** In lived time: the last bad sign, when it became suspicious, and when the controller resumed it. */
  badAt: number;
  suspiciousAt: number;
  resumedAt: number | null;
  /** The one message that was let out of a suspicious sender. */
  probe: { message: string; at: number } | null;
}

/** `row`: a new contact not reached, the third or a later one in a row. */
type Sign = 'delivered' | 'bad' | 'stranger' | 'row' | 'late';

interface Signed {
  address: string;
  sign: Sign;
}

/** What a message's end says of the sender; null: nothing. */
export type Verdict = 'delivered' | 'bad' | 'stranger' | null;

export class Sender {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #lived: LivedTime;
  readonly #health: Health;
  readonly #facts: Facts;
  readonly #contacts: Contacts;
  readonly #policy: Policy['health'];
  readonly #words: SenderWords;
  readonly #onChange: (health: SenderHealth) => void;

  constructor(o: {
    db: Db;
    clock: Clock;
    lived: LivedTime;
    health: Health;
    facts: Facts;
    contacts: Contacts;
    policy: Policy['health'];
    words: Words;
    /** In the transaction of a change that nobody asked for. */
    onChange: (health: SenderHealth) => void;
  }) {
    this.#db = o.db;
    this.#clock = o.clock;
    this.#lived = o.lived;
    this.#health = o.health;
    this.#facts = o.facts;
    this.#contacts = o.contacts;
    this.#policy = o.policy;
    this.#words = new SenderWords(o.words, o.policy);
    this.#onChange = o.onChange;
  }

  health(): SenderHealth {
    const { state, since, reason, paused } = this.#read();
    if (paused) return { state: 'paused', since: paused.since, reason: paused.reason, remedy: REMEDIES.paused };
    return state === 'healthy' ? { state, since, reason } : { state, since, reason, remedy: REMEDIES[state] };
  }

  /** A pause hides how the sender fares, but does not heal it. */
  get atRisk(): boolean {
    return this.#read().state !== 'healthy';
  }

  get suspicious(): boolean {
    return this.#read().state === 'suspicious';
  }

  pause(reason: string): SenderHealth {
    const state = this.#read();
    state.paused ??= { since: this.#now(), reason };
    this.#write(state);
    return this.health();
  }

  /**
   * Ends a pause; a suspicious sender becomes one at risk. The controller may do the latter once in 24 h, and what spoke against the
   * sender goes on counting: the next bad sign closes it again. A person has looked, and begins anew.
   */
  resume(source: 'command' | 'person'): { ok: true; health: SenderHealth } | { ok: false; retryAfterMs: number } {
    const state = this.#read();
    if (state.state === 'suspicious') {
      const left = state.resumedAt === null ? 0 : state.resumedAt + this.#policy.resume_every_ms - this.#lived.now();
      if (source === 'command' && left > 0) {
        if (state.paused === null) return { ok: false, retryAfterMs: left };
        state.paused = null;
        this.#write(state);
        return { ok: true, health: this.health() };
      }
      if (source === 'command') state.resumedAt = this.#lived.begin();
      else this.#db.sql('DELETE FROM gate_sign').run();
      this.#move(state, 'at_risk', this.#words.resumed(source, this.#now()));
    }
    state.paused = null;
    this.#write(state);
    return { ok: true, health: this.health() };
  }

  /** News of a message to one person or group. */
  outcome(message: string, address: string, outcome: GateOutcome): Verdict {
    if (outcome.state === 'delivered' || outcome.state === 'read') {
      this.#delivered(message, address);
      return 'delivered';
    }
    if (outcome.state === 'failed') this.#neverLeft(message);
    return outcome.state === 'not_delivered' ? this.#notDelivered(address, outcome) : null;
  }

  /** These have not got an iMessage for an hour. */
  late(addresses: string[]): void {
    for (const address of addresses) this.#sign(address, 'late');
    if (addresses.length === 0) return;
    const late = this.#lateOnes();
    const state = this.#read();
    if (late.length < this.#policy.late_in_look_back || state.state === 'suspicious') return;
    if (state.state === 'healthy') state.onlyLate = true;
    state.deliveries = 0;
    state.badAt = this.#lived.begin();
    this.#move(state, 'at_risk', state.onlyLate ? this.#words.late(late, this.#now()) : state.reason);
    this.#write(state, true);
  }

  /** This one has got it after all. */
  noLongerLate(address: string): void {
    const gone = this.#db.sql("DELETE FROM gate_sign WHERE address = ? AND sign = 'late'").run(address).changes;
    const state = this.#read();
    if (gone === 0 || state.state !== 'at_risk' || !state.onlyLate) return;
    const late = this.#lateOnes();
    const few = late.length < this.#policy.late_in_look_back;
    this.#move(
      state,
      few ? 'healthy' : 'at_risk',
      few ? this.#words.notLateAnyMore() : this.#words.late(late, state.since),
    );
    this.#write(state, true);
  }

  /** May one message go out of a suspicious sender, to see whether it is delivered? One that was not in all that time has failed. */
  get probeDue(): boolean {
    const { state, paused, suspiciousAt, probe } = this.#read();
    if (state !== 'suspicious' || paused) return false;
    return this.#lived.now() - Math.max(suspiciousAt, probe?.at ?? 0) >= this.#policy.probe_after_ms;
  }

  /** It has gone out, alone. */
  probing(message: string): void {
    const state = this.#read();
    state.probe = { message, at: this.#lived.begin() };
    this.#write(state);
  }

  /** Says again what holds, as after a start. */
  tell(): void {
    const { state, since, reason, paused } = this.#read();
    const name = (on: boolean, condition: string, severity: 'warning' | 'error', words: string, remedy: string) =>
      on ? this.#health.raise(condition, severity, words, remedy) : this.#health.clear(condition);
    const from = this.#words.since(since, this.#now());
    name(paused !== null, 'sender_paused', 'warning', `The sender is paused: ${paused?.reason}.`, REMEDIES.paused);
    name(
      state === 'at_risk',
      'sender_at_risk',
      'warning',
      `The sender is at risk since ${from}: ${reason}. Near-same texts keep twice their distance.`,
      REMEDIES.at_risk,
    );
    name(
      state === 'suspicious',
      'sender_suspicious',
      'error',
      `Apple seems to take this sender for one of junk since ${from}: ${reason}. Only replies go.`,
      REMEDIES.suspicious,
    );
  }

  #delivered(message: string, address: string): void {
    this.#contacts.delivered(address);
    const state = this.#read();
    if (state.state === 'healthy' && this.#signs().length === 0) return;
    this.#sign(address, 'delivered');
    if (state.state === 'suspicious' && state.probe?.message === message) {
      this.#move(state, 'at_risk', this.#words.probed(address, this.#now()));
      return this.#write(state, true);
    }
    if (state.state !== 'at_risk') return;
    state.deliveries += 1;
    const { recover_deliveries, recover_ms } = this.#policy;
    if (state.deliveries >= recover_deliveries && this.#lived.now() - state.badAt >= recover_ms)
      this.#move(state, 'healthy', `${state.deliveries} messages were delivered since`);
    this.#write(state, true);
  }

  #notDelivered(address: string, { meaning, appleError, service }: GateOutcome): Verdict {
    if (meaning === 'network' || meaning === 'attachment') return null;
    if (service !== undefined && !/^imessage/i.test(service)) return null;
    if (meaning !== 'recipient') {
      this.#sign(address, 'bad');
      this.#bad(address, this.#words.failed(address, appleError, this.#now()), appleError);
      return 'bad';
    }
    if ((appleError ?? NOT_ON_IMESSAGE) !== NOT_ON_IMESSAGE || address.startsWith('group:')) return null;
    if (this.#contacts.deliveredWithin(address, 30 * DAY)) {
      this.#sign(address, 'bad');
      this.#bad(address, this.#words.unreachable(address, appleError, this.#now()), appleError);
      return 'bad';
    }
    this.#sign(address, 'stranger');
    const inRow = new Set(this.#sinceDelivery(['stranger', 'row']));
    if (inRow.size < this.#policy.strangers_in_row) return 'stranger';
    this.#sign(address, 'row');
    this.#bad(address, this.#words.strangers(inRow.size, address, appleError, this.#now()), appleError);
    return 'bad';
  }

  #bad(address: string, reason: string, appleError: number | undefined): void {
    const state = this.#read();
    const inRow = this.#sinceDelivery(['bad', 'row']);
    const many = this.#distinct(['bad', 'row']);
    state.deliveries = 0;
    state.badAt = this.#lived.begin();
    state.onlyLate = false;
    if (state.state !== 'suspicious') {
      if (inRow.length >= this.#policy.bad_in_row)
        this.#move(state, 'suspicious', this.#words.inRow(inRow, appleError, this.#now()));
      else if (many.length >= this.#policy.bad_in_look_back)
        this.#move(state, 'suspicious', this.#words.many(many, address, appleError, this.#now()));
      else this.#move(state, 'at_risk', reason);
    }
    this.#write(state, true);
  }

  /** Then it has shown nothing, and another one may be tried. */
  #neverLeft(message: string): void {
    const state = this.#read();
    if (state.probe?.message === message) this.#write({ ...state, probe: null });
  }

  #move(state: State, to: State['state'], reason: string): void {
    state.reason = reason;
    if (state.state === to) return;
    const lived = this.#lived.begin();
    state.state = to;
    state.since = this.#now();
    state.deliveries = 0;
    state.badAt = lived;
    if (to !== 'at_risk') state.onlyLate = false;
    if (to === 'suspicious') state.suspiciousAt = lived;
    state.probe = null;
  }

  /** Recipients with such a sign and no delivery to anybody since, the newest first. */
  #sinceDelivery(kinds: Sign[]): string[] {
    const signs = this.#signs();
    const end = signs.findIndex(({ sign }) => sign === 'delivered');
    return distinct(end < 0 ? signs : signs.slice(0, end), kinds);
  }

  /** Recipients with such a sign among the last 20, the newest first. */
  #distinct(kinds: Sign[]): string[] {
    return distinct(this.#signs(), kinds);
  }

  #lateOnes(): string[] {
    return this.#distinct(['late']);
  }

  /** The signs of the last 20 recipients, the newest first. */
  #signs(): Signed[] {
    const rows = this.#db.sql<Signed>('SELECT address, sign FROM gate_sign ORDER BY id DESC').all();
    const people = new Set<string>();
    const end = rows.findIndex(({ address }) => people.add(address).size > this.#policy.look_back);
    return end < 0 ? rows : rows.slice(0, end);
  }

  #sign(address: string, sign: Sign): void {
    this.#db.sql('DELETE FROM gate_sign WHERE address = ? AND sign = ?').run(address, sign);
    this.#db
      .sql('INSERT INTO gate_sign (id, address, sign, at) SELECT coalesce(max(id), 0) + 1, ?, ?, ? FROM gate_sign')
      .run(address, sign, this.#now());
    const kept = this.#signs().length;
    this.#db
      .sql('DELETE FROM gate_sign WHERE id <= (SELECT id FROM gate_sign ORDER BY id DESC LIMIT 1 OFFSET ?)')
      .run(kept);
  }

  #now(): number {
    return Math.round(this.#clock.now());
  }

  #read(): State {
    return {
      state: 'healthy',
      since: this.#facts.createdAt,
      reason: 'nothing speaks against it',
      onlyLate: false,
      paused: null,
      deliveries: 0,
      badAt: 0,
      suspiciousAt: 0,
      resumedAt: null,
      probe: null,
      ...(this.#facts.get('sender') as Partial<State> | undefined),
    };
  }

  #write(state: State, tell = false): void {
    const before = this.#read();
    this.#facts.put('sender', state);
    this.tell();
    if (tell && before.state !== state.state) this.#onChange(this.health());
  }
}

function distinct(signs: Signed[], kinds: Sign[]): string[] {
  return [...new Set(signs.filter(({ sign }) => kinds.includes(sign)).map(({ address }) => address))];
}
