/**
 * A scenario: something that happens on the simulated Mac while a relay runs against it, and what must be seen of it.
 *
 *   begin ─▶ play (steps and checks) ─▶ settle ─▶ compare: the Mac's own record beside the controller's store ─▶ verdict
 *
 * A scenario is played on a ground: tests hand in a stage of their own, `npm run sim -- --play NAME` one where a person starts the relay.
 * Many are played on one ground, one after the other, so each brings its own people. What does not come in time throws; what is other
 * than it must be is a check that does not hold.
 */
import { isDeepStrictEqual } from 'node:util';
import type { StoredEvent } from '../../../protocol/controller-store.ts';
import type { MessageStatus } from '../../../protocol/events.ts';
import { type MacRow, readRows } from '../own-rows.ts';
import type { MacosVersion } from '../schema-macos.ts';
import type { MacEvent, Sim } from '../sim.ts';

export interface Scenario {
  name: string;
  /** What happens, in one sentence. */
  happens: string;
  /** What the relay must do, in one sentence. */
  must: string;
  /** Any Mac will do if not given. */
  mac?: { macos?: MacosVersion };
  /** It leaves something behind that others must not meet: it gets a ground of its own. */
  alone?: true;
  /** How fast its time may run, if not as fast as that of others. */
  factor?: number;
  play(scene: Scene): Promise<void>;
}

/** Where it is played: a simulated Mac, a controller, and a relay between them. */
export interface Ground {
  readonly sim: Sim;
  /** What the controller has stored, in its order. */
  readonly events: readonly StoredEvent[];
  /** A message.send; the answer is its id, and it is in the controller's store. */
  send(to: string | { chat: string }, text: string, more?: Record<string, unknown>): Promise<string>;
  command(name: string, data: Record<string, unknown>): Promise<string>;
  result(command: string): Promise<Record<string, unknown>>;
  /** Waits until it holds; rejects after some real time. It is asked whenever the Mac or the controller tells something. */
  until(condition: () => boolean, wait: { what: string; patienceMs?: number }): Promise<void>;
  /** SIGKILL. */
  killRelay(): Promise<void>;
  startRelay(): void;
  /** All that the relay had to tell until now is in the controller's store. */
  settle(): Promise<void>;
}

export interface Check {
  words: string;
  found: unknown;
  wanted: unknown;
  holds: boolean;
}

export interface Sent {
  command: string;
  /** A handle, or a group by the relay's name for it. */
  to: string;
  text: string;
}

/** Rows by which an inbound row may be told, each once. */
export const TELLINGS = ['message.inbound', 'message.reaction', 'chat.changed'];

export interface Group {
  /** The relay's name for it, `group:…`. */
  chat: string;
  /** Apple's. */
  guid: string;
  identifier: string;
}

export class Scene {
  readonly ground: Ground;
  readonly sim: Sim;
  readonly checks: Check[] = [];
  readonly people = new Set<string>();
  /** Apple's guids of groups. */
  readonly groups = new Set<string>();
  readonly sent: Sent[] = [];
  /** Rows that the scenario itself takes away: they may be told, or not. */
  readonly gone = new Set<string>();
  /** Where the Mac's log and the controller's store stood at the beginning. */
  readonly #macBegan: number;
  readonly #storeBegan: number;
  readonly #number: number;

  /** `number` differs for each scenario on a ground. */
  constructor(ground: Ground, number: number) {
    this.ground = ground;
    this.sim = ground.sim;
    this.#number = number;
    this.#macBegan = ground.sim.events.length;
    this.#storeBegan = ground.events.length;
  }

  /** A number that nobody had before. */
  person(): string {
    const handle = `+1415555${String(1000 + this.#number * 20 + this.people.size).padStart(4, '0')}`;
    this.people.add(handle);
    return handle;
  }

  async group(name: string, members: string[]): Promise<Group> {
    const group = await this.sim.group({ name, members });
    this.groups.add(group.guid);
    return group;
  }

  /** What the Mac tells of since the beginning. */
  get macEvents(): MacEvent[] {
    return this.sim.events.slice(this.#macBegan);
  }

  /** What the controller got since the beginning. */
  get events(): StoredEvent[] {
    return this.ground.events.slice(this.#storeBegan);
  }

  /** Hands the controller a message.send. */
  async send(to: string | Group, text: string, more: Record<string, unknown> = {}): Promise<string> {
    const command = await this.ground.send(typeof to === 'string' ? to : { chat: to.chat }, text, more);
    this.sent.push({ command, to: typeof to === 'string' ? to : to.chat, text });
    return command;
  }

  /** The newest status of a command to one recipient. */
  status(command: string): MessageStatus | undefined {
    let newest: MessageStatus | undefined;
    for (const { name, data } of this.events) {
      if (name !== 'message.status' || data.command !== command) continue;
      const status = data as MessageStatus;
      if ((newest?.n ?? 0) < status.n) newest = status;
    }
    return newest;
  }

  /** All states that were told of a command, in order. */
  told(command: string): string[] {
    return this.events.flatMap((e) =>
      e.name === 'message.status' && e.data.command === command ? [String(e.data.state)] : [],
    );
  }

  /** Waits until the message is in one of these states. */
  async becomes(command: string, ...states: string[]): Promise<MessageStatus> {
    const there = () => states.includes(this.status(command)?.state ?? '');
    const what = `the message becomes ${states.join(' or ')}`;
    await this.ground.until(there, { what }).catch((error: unknown) => {
      throw new Error(`${what}; it is ${JSON.stringify(this.status(command) ?? 'unknown')}`, { cause: error });
    });
    return this.status(command) as MessageStatus;
  }

  /** Waits for an event of the relay. */
  async hears(name: string, fits: (data: Record<string, unknown>) => boolean, what: string): Promise<StoredEvent> {
    const find = () => this.events.find((e) => e.name === name && fits(e.data));
    await this.ground.until(() => find() !== undefined, { what: `${name}: ${what}` });
    return find() as StoredEvent;
  }

  /** Waits until a row that came in is told, by whichever event. */
  async hearsOf(guid: string): Promise<StoredEvent> {
    const find = () => this.tellings(guid)[0];
    await this.ground.until(() => find() !== undefined, { what: `row ${guid} is told` });
    return find() as StoredEvent;
  }

  /** How often, and as what, a row that came in was told. */
  tellings(guid: string): StoredEvent[] {
    return this.events.filter((e) => TELLINGS.includes(e.name) && e.data.guid === guid);
  }

  observed(guid: string): StoredEvent[] {
    return this.events.filter((e) => e.name === 'message.observed' && e.data.guid === guid);
  }

  /** Waits for something on the Mac. */
  async happens(fits: (event: MacEvent) => boolean, what: string): Promise<MacEvent> {
    const find = () => this.macEvents.find(fits);
    await this.ground.until(() => find() !== undefined, { what });
    return find() as MacEvent;
  }

  /** Messages is asked to send to this person. */
  osascriptFor(handle: string): Promise<MacEvent> {
    return this.happens((e) => isSend(e) && e.handle?.split(';').at(-1) === handle, `osascript for ${handle}`);
  }

  /** How often Messages was asked to send this text, whatever came of it. */
  asked(text: string): number {
    return this.macEvents.filter((e) => isSend(e) && e.text === text).length;
  }

  /** Waits until the relay names a condition, and until it does so no more. */
  async condition(name: string, raised = true): Promise<void> {
    const what = `the condition ${name} is ${raised ? 'raised' : 'cleared'}`;
    await this.ground.until(() => this.conditions().includes(name) === raised, { what });
  }

  /** The conditions that the relay last named. */
  conditions(): string[] {
    const last = this.ground.events.findLast((e) => e.name === 'relay.health')?.data.conditions;
    return Array.isArray(last) ? last.map((c: unknown) => String(Reflect.get(Object(c), 'name'))) : [];
  }

  /** Time goes by at its own pace, where skipping it would cut off what is being done; for what must *not* happen meanwhile. */
  async elapse(ms: number): Promise<void> {
    const due = this.sim.now() + ms;
    while (this.sim.now() < due) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  /** The rows of this scenario's people and groups. */
  rows(): MacRow[] {
    const { people, groups } = this;
    return readRows(this.sim.chatDb).filter((row) => people.has(row.handle) || groups.has(row.chat ?? ''));
  }

  /** What must be so. */
  sees(words: string, found: unknown, wanted: unknown): void {
    this.checks.push({ words, found, wanted, holds: isDeepStrictEqual(found, wanted) });
  }

  /** Of the rows from us with this text: how many there are. */
  seesRows(text: string, count: number): void {
    const rows = this.rows().filter((row) => row.is_from_me === 1 && row.text === text);
    this.sees(`chat.db has “${text}” from us so many times`, rows.length, count);
  }
}

function isSend(event: MacEvent): boolean {
  return event.kind === 'osascript' && event.script !== 'probe';
}
