/** An outbox on a real store, with a gate and a bridge that do what the test says, and a clock that stands still. */

import { silentLog } from '../../daemon/host/log.ts';
import { Journal, type JournalEvent } from '../../daemon/journal/journal.ts';
import { Outbox } from '../../daemon/outbox/outbox.ts';
import type { AttemptRequest, Bridge, SendOutcome } from '../../daemon/outbox/ports.ts';
import type { CommandResult, MessageStatus } from '../../protocol/events.ts';
import type { CommandFrame } from '../../protocol/frames.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeFiles } from './fake-files.ts';
import { FakeGate } from './fake-gate.ts';
import { openStore, type TestStore } from './store.ts';

export class FakeBridge implements Bridge {
  begun: AttemptRequest[] = [];
  ran: string[] = [];
  /** Answers of the next runs, in order; then `accepted`. A function may be awaited by the test. */
  next: (() => Promise<SendOutcome> | SendOutcome)[] = [];
  condition: string | null = null;
  behind = false;
  leftovers: { attempt: string; message: string; outcome: SendOutcome }[] = [];

  async ready() {
    return this.condition ? { ok: false as const, condition: this.condition } : { ok: true as const };
  }

  begin(attempt: AttemptRequest): boolean {
    if (this.behind) return false;
    this.begun.push(attempt);
    return true;
  }

  async run(attempt: string): Promise<SendOutcome> {
    this.ran.push(attempt);
    const answer = this.next.shift();
    return answer ? answer() : { kind: 'accepted' };
  }

  async recover() {
    return this.leftovers.splice(0);
  }

  /** Stored outcomes by message, as a restart finds them. */
  stored = new Map<string, SendOutcome>();

  lastOutcome(message: string): SendOutcome | null {
    return this.stored.get(message) ?? null;
  }
}

export class OutboxWorld {
  readonly store: TestStore;
  /** Another one after `kill`: timers of the dead never run. */
  clock = new FakeClock();
  gate = new FakeGate();
  readonly bridge: FakeBridge;
  readonly files = new FakeFiles();
  readonly wall = { trusted: true };
  journal: Journal;
  outbox: Outbox;
  lookalike = false;
  groups = new Map<string, string[]>();
  #seq = 0;

  constructor(o: { bridge?: FakeBridge; folder?: string } = {}) {
    this.bridge = o.bridge ?? new FakeBridge();
    this.store = openStore(o.folder);
    [this.journal, this.outbox] = this.#open();
  }

  #open(): [Journal, Outbox] {
    const { db, commit } = this.store;
    const { clock, gate, bridge, files, wall } = this;
    const journal = new Journal({ db, commit, clock });
    const outbox = new Outbox({
      db,
      commit,
      clock,
      log: silentLog,
      journal,
      gate,
      bridge,
      files,
      wall,
      groups: { members: (chat) => this.groups.get(chat) ?? null },
      lookalikes: { find: () => this.lookalike },
      sender: { health: () => ({ state: 'healthy', since: 0, reason: 'new' }), optedOut: () => [...gate.optedOut] },
      region: 'US',
    });
    journal.snapshotWith((reason) => outbox.tellSnapshot(reason));
    return [journal, outbox];
  }

  /** As after a kill: what is in memory is gone, the store is opened again. */
  async restart(): Promise<void> {
    await this.outbox.stop();
    this.journal.close();
    await this.store.reopen();
    const { optedOut } = this.gate;
    this.gate = new FakeGate();
    this.gate.optedOut = optedOut;
    [this.journal, this.outbox] = this.#open();
  }

  /** The process was killed: nothing is finished, and what is in memory is gone. `meanwhile`: done to the closed store. Starts nothing. */
  async kill(meanwhile?: () => void): Promise<void> {
    this.clock = new FakeClock(this.clock.now(), this.clock.mono());
    this.journal.close();
    await this.store.reopen(meanwhile);
    const { optedOut, paused } = this.gate;
    this.gate = Object.assign(new FakeGate(), { optedOut, paused });
    [this.journal, this.outbox] = this.#open();
  }

  frame(name: string, data: Record<string, unknown>, id = `c${this.#seq + 1}`): CommandFrame {
    this.#seq += 1;
    return { type: 'command', seq: this.#seq, id, name, version: 1, data };
  }

  /** The data of a message.send that nothing is wrong with. */
  send(to: unknown, text: string, more: Record<string, unknown> = {}): Record<string, unknown> {
    const created = this.clock.now();
    return {
      to,
      text,
      category: 'conversational',
      pacing: 'queue',
      created,
      expires_at: created + 86_400_000,
      ...more,
    };
  }

  command(
    name: string,
    data: Record<string, unknown>,
    id?: string,
    from: 'controller' | 'here' = 'controller',
  ): Promise<CommandResult> {
    const frame = this.frame(name, data, id);
    return this.store.commit.run(() => this.outbox.receive(frame, from));
  }

  events(): JournalEvent[] {
    return this.journal.read(0, { frames: 500, bytes: 1e9 });
  }

  statuses(message?: string): MessageStatus[] {
    return this.events()
      .filter((e) => e.name === 'message.status' && (message === undefined || e.data.message === message))
      .map((e) => e.data as MessageStatus);
  }

  states(message?: string): string[] {
    return this.statuses(message).map((s) => s.state);
  }

  async close(): Promise<void> {
    this.gate.paused = true;
    await this.outbox.stop();
    this.journal.close();
    await this.store.remove();
  }
}
