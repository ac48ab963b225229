/**
 * A relay under a stream of sends and inbound messages, killed at random moments again and again, with a Messages that misbehaves. What it
 * does follows from the seed (the moments of the machine do not). Judged by the simulated Mac's chat.db and by what the controller was told.
 *
 *   open ─▶ round, round, … ─▶ settle ─▶ faults (a sentence each) ─▶ close
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Stage } from '../../scripts/demo/stage.ts';
import { type MacRow, readRows } from '../sim/own-rows.ts';
import { WIDE_RULES } from './wide-rules.ts';

const FACTOR = 20;
const INTERVAL_MS = 60_000;
/** One that says nothing about the sender, so that the sender does not become suspicious. */
const NETWORK_ERROR = 3;
/** Real time between a STOP and the last osascript that may have been on its way to its start. */
const ON_ITS_WAY_MS = 1_000;

/** What Messages may do with one send. */
const MISHAPS = [
  ['slow', { delayMs: 8_000 }],
  ['slow_before_mark', { delayMs: 6_000 }],
  ['died', {}],
  ['died', { goes: false }],
  ['timed_out', { delayMs: 8_000 }],
  ['connection_lost', {}],
  ['lost', {}],
  ['no_such_chat', {}],
  ['no_such_participant', {}],
  ['not_running', {}],
  ['hung_after_mark', { goes: true }],
  ['hung_before_mark', { delayMs: 9_000 }],
] as const;

interface Sent {
  command: string;
  to: string;
  text: string;
  family: boolean;
}

/** A small generator of random numbers, 0 to 1, that depends on its seed alone. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export class Soak {
  readonly stage: Stage;
  readonly #random: () => number;
  readonly #sent: Sent[] = [];
  /** By person, in order: when (real time) they said what, and the ROWID of that. */
  readonly #words = new Map<string, { word: 'STOP' | 'START'; realAt: number; rowid: number }[]>();
  readonly #osascripts: { handle: string; realAt: number }[] = [];
  kills = 0;

  private constructor(stage: Stage, random: () => number) {
    this.stage = stage;
    this.#random = random;
    stage.sim.onEvent((event) => {
      if (event.kind === 'osascript' && event.script !== 'probe')
        this.#osascripts.push({ handle: bare(event.handle), realAt: performance.now() });
      stage.look();
    });
  }

  static async open(seed: number): Promise<Soak> {
    const stage = await Stage.open({ factor: FACTOR, config: { policy: WIDE_RULES } });
    const soak = new Soak(stage, randomOf(seed));
    await stage.sim.contact(CHATTY[0] ?? '', { readAfterMs: 2_000, answers: [{ text: 'I see.', afterMs: 1_000 }] });
    await stage.sim.contact(CHATTY[1] ?? '', { deliveredAfterMs: null });
    await stage.sim.contact(CHATTY[2] ?? '', { lateError: { error: NETWORK_ERROR, afterMs: 3_000 } });
    stage.startRelay();
    return soak;
  }

  get sent(): number {
    return this.#sent.length;
  }

  async round(): Promise<void> {
    for (let left = 2 + this.#below(4); left > 0; left -= 1) {
      await this.#act();
      await sleep(this.#below(120));
    }
    // Often right into a send.
    if (this.#random() < 0.7) await this.#nextOsascript();
    await sleep(this.#below(this.#random() < 0.5 ? 60 : 400));
    if (this.#random() < 0.2) {
      this.stage.line.cut();
      await sleep(this.#below(200));
      this.stage.line.mend();
    }
    if (this.#random() < 0.25) return;
    this.kills += 1;
    await this.stage.killRelay();
    if (this.#random() < 0.3) await this.#act();
    this.stage.startRelay();
    // Sometimes it does not even come to its senses.
    if (this.#random() > 0.2) return;
    await sleep(this.#below(900));
    await this.stage.killRelay();
    this.stage.startRelay();
  }

  /** Until Messages is asked to send something, or it is clear that it will not be. */
  async #nextOsascript(): Promise<void> {
    const before = this.#osascripts.length;
    const called = () => this.#osascripts.length > before;
    await this.stage.until(called, { what: 'osascript', patienceMs: 1_500 }).catch(() => {});
  }

  async #act(): Promise<void> {
    const { sim } = this.stage;
    const dice = this.#random();
    if (dice < 0.4) await this.#send(this.#one(CHATTY), `${this.#one(SUBJECTS)} ${this.#letters()}.`, false);
    else if (dice < 0.6)
      await this.#send(
        this.#one(CUSTOMERS),
        `Your order ${1000 + this.#sent.length} can be fetched at the harbour store.`,
        true,
      );
    else if (dice < 0.65) await this.#again();
    else if (dice < 0.77) await sim.inbound({ from: this.#one(CHATTY), text: `Well, ${this.#letters()}` });
    else if (dice < 0.87) {
      const who = this.#one(CHATTY);
      const word = this.#random() < 0.35 ? 'STOP' : 'START';
      const { rowid } = await sim.inbound({ from: who, text: word });
      this.#words.set(who, [...(this.#words.get(who) ?? []), { word, realAt: performance.now(), rowid }]);
    } else {
      const [mode, options] = this.#one(MISHAPS);
      await sim.messages(mode, { count: 1, ...options });
    }
  }

  async #send(to: string, text: string, family: boolean): Promise<void> {
    const command = await this.stage.send(to, text, { expires_at: Math.round(this.stage.sim.now()) + 3_600_000 });
    this.#sent.push({ command, to, text, family });
  }

  /** The controller's own retry: the same id, the same content. */
  async #again(): Promise<void> {
    const before = this.stage.events.findLast((e) => e.name === 'command.result');
    if (before) await this.stage.command('snapshot.request', {}, `again-${String(before.seq)}-${this.#sent.length}`);
  }

  /** Messages behaves, the relay stays up, what waits for its interval is cancelled: all that is on its way comes to its end. */
  async settle(): Promise<void> {
    const { stage } = this;
    await stage.sim.messages('normal');
    await stage.sim.release('end');
    await stage.settle();
    for (const { command } of this.#sent) await stage.command('message.cancel', { command });
    const done = () => this.#sent.every(({ command }) => !OPEN.has(this.#state(command)));
    await stage.until(done, { what: 'all messages come to an end', patienceMs: 30_000 });
    // Receipts that are still to come.
    await sleep(600);
    await stage.settle();
  }

  /** What was promised and did not hold. */
  faults(): string[] {
    const rows = readRows(this.stage.sim.chatDb);
    const own = rows.filter((row) => row.is_from_me === 1);
    return [
      ...this.#sent.flatMap((sent) =>
        this.#faultsOf(
          sent,
          own.filter((row) => row.text === sent.text),
        ),
      ),
      ...this.#strangers(own),
      ...this.#inboundFaults(rows),
      ...this.#distanceFaults(own),
      ...this.#optOutFaults(),
      ...this.stage.sim.events.flatMap((e) =>
        e.kind === 'complaint' ? [`the simulated Mac complains: ${e.words}`] : [],
      ),
    ];
  }

  #faultsOf({ command, to }: Sent, rows: MacRow[]): string[] {
    const state = this.#state(command);
    const at = `${command} to ${to}`;
    if (rows.length > 1) return [`${at} went out ${rows.length} times`];
    const [row] = rows;
    if (row && row.handle !== to) return [`${at} went to ${row.handle}`];
    if (row && NOTHING_LEFT.has(state)) return [`${at} is told as ${state}, but a row is there`];
    if (!row && SEEN.has(state)) return [`${at} is told as ${state}, but no row is there`];
    if (!row) return [];
    const shows = row.error !== 0 ? 'not_delivered' : row.is_read ? 'read' : row.is_delivered ? 'delivered' : 'sent';
    return state === shows ? [] : [`${at} is told as ${state}, its row shows ${shows}`];
  }

  #strangers(own: MacRow[]): string[] {
    const texts = new Set(this.#sent.map(({ text }) => text));
    return own.flatMap((row) => (texts.has(row.text) ? [] : [`row ${row.rowid} has a text that nobody asked for`]));
  }

  #inboundFaults(rows: MacRow[]): string[] {
    const told = new Map<string, number>();
    for (const { name, data } of this.stage.events)
      if (name === 'message.inbound') told.set(String(data.guid), (told.get(String(data.guid)) ?? 0) + 1);
    return rows.flatMap(({ is_from_me: mine, guid, text }) =>
      mine === 1 || told.get(guid) === 1 ? [] : [`"${text}" was told ${told.get(guid) ?? 0} times`],
    );
  }

  #distanceFaults(own: MacRow[]): string[] {
    const family = new Set(this.#sent.flatMap((sent) => (sent.family ? [sent.text] : [])));
    const near = own.filter((row) => family.has(row.text)).sort((a, b) => (a.date ?? 0) - (b.date ?? 0));
    return near.flatMap((row, index) => {
      const before = near[index - 1];
      const apart = (row.date ?? 0) - (before?.date ?? Number.NEGATIVE_INFINITY);
      return apart >= INTERVAL_MS ? [] : [`rows ${before?.rowid} and ${row.rowid} are ${apart} ms apart`];
    });
  }

  #optOutFaults(): string[] {
    return this.#osascripts.flatMap(({ handle, realAt }) => {
      const said = (this.#words.get(handle) ?? []).filter((w) => w.realAt < realAt);
      const last = said.at(-1);
      if (last?.word !== 'STOP' || realAt - last.realAt < ON_ITS_WAY_MS) return [];
      return [`${handle} was written to ${Math.round(realAt - last.realAt)} ms after their STOP`];
    });
  }

  #state(command: string): string {
    const [status] = this.stage.statuses(command);
    if (status) return status.state;
    const result = this.stage.events.find((e) => e.name === 'command.result' && e.data.command === command);
    return result?.data.ok === false ? 'refused' : 'unanswered';
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #one<T>(list: readonly T[]): T {
    return list[this.#below(list.length)] as T;
  }

  /** Words that no other text has. */
  #letters(): string {
    return Array.from({ length: 5 }, () => this.#word()).join(' ');
  }

  #word(): string {
    return Array.from({ length: 7 }, () => String.fromCharCode(97 + this.#below(26))).join('');
  }

  async close(): Promise<void> {
    await this.stage.close();
  }
}

const CHATTY = Array.from({ length: 8 }, (_, n) => `+1415555${4100 + n}`);
/** They never write, so nothing to them is a reply. */
const CUSTOMERS = Array.from({ length: 8 }, (_, n) => `+1415555${4200 + n}`);
const SUBJECTS = ['The dog', 'My neighbour', 'A letter', 'Somebody', 'The choir'];
const OPEN = new Set(['accepted', 'held', 'dispatching', 'unanswered']);
const NOTHING_LEFT = new Set(['failed', 'rejected', 'cancelled', 'expired', 'refused']);
const SEEN = new Set(['sent', 'delivered', 'read', 'not_delivered']);

/** `any;-;+1415…` names the handle in its last part. */
function bare(target: string | undefined): string {
  return target?.split(';').at(-1) ?? '';
}
