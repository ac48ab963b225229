/** An outbox with the real gate on a real store; only Messages is made up. For rules that touch commands. */
import { Gate } from '../../daemon/gate/gate.ts';
import type { Inbound } from '../../daemon/gate/requests.ts';
import { Health } from '../../daemon/host/health.ts';
import { silentLog } from '../../daemon/host/log.ts';
import { Journal, type JournalEvent } from '../../daemon/journal/journal.ts';
import { Outbox } from '../../daemon/outbox/outbox.ts';
import { Questions } from '../../daemon/outbox/questions.ts';
import type { CommandResult, MessageStatus } from '../../protocol/events.ts';
import type { QueryName } from '../../protocol/names.ts';
import { FakeClock, settle } from './fake-clock.ts';
import { FakeFiles } from './fake-files.ts';
import { FakeBridge } from './outbox-world.ts';
import { openStore, type TestStore } from './store.ts';

export interface RulesOptions {
  policy?: Record<string, unknown>;
  kind?: 'shared' | 'dedicated';
}

export class RulesWorld {
  readonly store: TestStore = openStore();
  readonly clock = new FakeClock();
  readonly bridge = new FakeBridge();
  readonly files = new FakeFiles();
  readonly gate: Gate;
  readonly journal: Journal;
  readonly outbox: Outbox;
  readonly #questions: Questions;
  #seq = 0;

  constructor(o: RulesOptions = {}) {
    const { db, commit } = this.store;
    const { clock, bridge } = this;
    const health = new Health(clock);
    const sender = { kind: o.kind ?? 'dedicated', since: Date.UTC(2020, 0, 1) };
    const gate = new Gate({ db, clock, health, log: silentLog, policy: o.policy ?? {}, sender, timeZone: 'UTC' });
    this.gate = gate;
    this.journal = new Journal({ db, commit, clock });
    this.outbox = new Outbox({
      ...{ db, commit, clock, log: silentLog, journal: this.journal, gate, bridge, files: this.files },
      wall: { trusted: true },
      groups: { members: () => null },
      lookalikes: { find: () => false },
      sender: gate,
      region: 'US',
    });
    this.#questions = new Questions({
      messages: this.outbox.messages,
      gate,
      sender: () => gate.describe(),
      files: { piece: async () => ({ ok: false, code: 'not_found', words: 'There are no files here.' }) },
      checks: async () => [],
      now: () => clock.now(),
      region: 'US',
    });
    this.outbox.start();
  }

  async command(name: string, data: Record<string, unknown>): Promise<CommandResult> {
    this.#seq += 1;
    const frame = { type: 'command' as const, seq: this.#seq, id: `c${this.#seq}`, name, version: 1, data };
    const result = await this.store.commit.run(() => this.outbox.receive(frame));
    await this.#quiet();
    return result;
  }

  /** A message.send; its status once all that can happen at once has happened. Null if it was refused as a whole. */
  async send(to: string, text: string, more: Record<string, unknown> = {}) {
    const created = this.clock.now();
    const usual = { category: 'conversational', pacing: 'queue', created, expires_at: created + 9 * 86_400_000 };
    const result = await this.command('message.send', { to, text, ...usual, ...more });
    const [message] = (result.detail?.messages ?? []) as { message: string }[];
    return { result, status: () => (message ? this.outbox.messages.get(message.message)?.status : undefined) };
  }

  async ask<N extends QueryName>(name: N, data: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const answer = await this.#questions.answer(name, data);
    return 'data' in answer ? answer.data : { error: answer.error };
  }

  /** As the relay takes a row of chat.db that somebody wrote. */
  async inbound(from: string, text: string, o: Partial<Inbound> = {}): Promise<void> {
    await this.store.commit.run(() => {
      this.#seq += 1;
      const { clock } = this;
      const row: Inbound = {
        guid: `in-${this.#seq}`,
        handle: from,
        chat: from,
        group: false,
        kind: 'text',
        at: clock.now(),
        late: false,
        seenMonoMs: clock.mono(),
        ...o,
        text,
      };
      const effects = this.gate.inbound(row);
      if (effects.length > 0) this.outbox.swept();
      const confirmation = this.gate.people.confirmations.owed(row, effects);
      if (confirmation) this.outbox.confirm(confirmation);
    });
    this.outbox.dispatcher.wake();
    await this.#quiet();
  }

  /** Lets time pass and everything settle. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 60_000) {
      await this.clock.advanceAsync(Math.min(left, 60_000));
      await this.#quiet();
    }
  }

  /** Until a few commits in a row have told nothing new: whatever could happen now has happened. */
  async #quiet(): Promise<void> {
    for (let same = 0, last = -1; same < 4; same = this.journal.lastSeq === last ? same + 1 : 0) {
      last = this.journal.lastSeq;
      await this.store.commit.run(() => undefined);
      await settle();
    }
  }

  events(): JournalEvent[] {
    return this.journal.read(0, { frames: 500, bytes: 1e9 });
  }

  statuses(to: string): MessageStatus[] {
    return this.events()
      .filter((e) => e.name === 'message.status' && e.data.to === to)
      .map((e) => e.data as MessageStatus);
  }

  async close(): Promise<void> {
    this.gate.pause('the test is over');
    await this.outbox.stop();
    this.journal.close();
    await this.store.remove();
  }
}
