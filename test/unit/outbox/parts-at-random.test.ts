/**
 * A text with two files, and others like it, through whatever can happen to them in any order. What the Mac really sent is kept beside the store,
 * so that what is told can be judged by it: no part goes twice, none is lost without a word, the whole follows from its parts, and nobody is told
 * to send again what is there.
 */
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { AttemptRequest, SendOutcome, SoughtFile } from '../../../daemon/outbox/ports.ts';
import type { Sighted } from '../../../daemon/outbox/sighted.ts';
import { UNKNOWN_BEFORE } from '../../../daemon/outbox/twins.ts';
import type { MessagePart, MessageStatus } from '../../../protocol/events.ts';
import type { PartState } from '../../../protocol/names.ts';
import { settle } from '../../support/fake-clock.ts';
import { FakeBridge, OutboxWorld } from '../../support/outbox-world.ts';
import { makeQuickFolder } from '../../support/store.ts';

const ANNA = '+14155550101';
const A = 'https://files.example/a.jpg';
const B = 'https://files.example/b.pdf';
const LIFETIME_MS = 10 * 60_000;

/** How a run ends, and whether it went. `hangs`: it ends only with the process, or at the end of all. */
const PLANS = {
  accepted: { went: true, outcome: { kind: 'accepted' } },
  'doubt, went': { went: true, outcome: { kind: 'may_have_gone', words: 'Who knows.' } },
  'doubt, did not go': { went: false, outcome: { kind: 'may_have_gone', words: 'Who knows.' } },
  later: { went: false, outcome: { kind: 'not_started', code: 'messages_unavailable', words: 'Later.', again: true } },
  never: { went: false, outcome: { kind: 'not_started', code: 'not_found', words: 'No such chat.', again: false } },
  'hangs, went': { went: true, outcome: null },
  'hangs, did not go': { went: false, outcome: null },
} satisfies Record<string, { went: boolean; outcome: SendOutcome | null }>;
type Plan = keyof typeof PLANS;

type RowState = 'sent' | 'delivered' | 'read' | 'not_delivered';
/** What a row may say after what it said before. */
const NEXT: Record<RowState | 'nothing', readonly RowState[]> = {
  nothing: ['sent', 'delivered', 'read', 'not_delivered'],
  sent: ['delivered', 'read', 'not_delivered'],
  delivered: ['read'],
  read: [],
  not_delivered: ['sent'],
};

interface Attempt {
  request: AttemptRequest;
  went: boolean;
  /** As the bridge stored it. */
  outcome: SendOutcome | null;
  row: RowState | 'nothing';
  /** No store knows of it any more. */
  forgotten: boolean;
  end?: (outcome: SendOutcome) => void;
}

const whatOf = ({ text, file }: AttemptRequest) => (file === undefined ? text : file.slice(file.lastIndexOf('/') + 1));

/** Messages, osascript and chat.db in one, with the truth of what went. */
class Mac extends FakeBridge {
  attempts: Attempt[] = [];
  plans: Plan[] = [];
  /** Promises that were broken: whoever sends would only try again if something were thrown. */
  wrong: string[] = [];
  /** Asked right before an attempt is stored. */
  beforeBegin: (request: AttemptRequest) => void = () => {};
  /** What chat.db shows of sends that the store has forgotten. */
  reread: () => Promise<void> = async () => {};

  override begin(request: AttemptRequest): boolean {
    if (this.behind) return false;
    this.beforeBegin(request);
    this.attempts.push({ request, went: false, outcome: null, row: 'nothing', forgotten: false });
    return true;
  }

  override run(id: string): Promise<SendOutcome> {
    const attempt = this.attempts.find(({ request }) => request.attempt === id);
    if (!attempt) throw new Error(`no attempt ${id}`);
    const { went, outcome } = PLANS[this.plans.shift() ?? 'accepted'];
    attempt.went = went;
    const { message } = attempt.request;
    const what = whatOf(attempt.request);
    const same = this.attempts.filter((a) => a.went && a.request.message === message && whatOf(a.request) === what);
    if (same.length > 1) this.wrong.push(`${what} went ${same.length} times`);
    return new Promise((resolve) => {
      attempt.end = (ended) => {
        attempt.outcome = ended;
        delete attempt.end;
        resolve(ended);
      };
      if (outcome) attempt.end(outcome);
    });
  }

  override async recover() {
    await this.reread();
    return this.attempts
      .filter(({ outcome, forgotten }) => outcome === null && !forgotten)
      .map((attempt) => {
        const { went, request } = attempt;
        attempt.outcome = went ? PLANS['doubt, went'].outcome : PLANS.later.outcome;
        return { attempt: request.attempt, message: request.message, outcome: attempt.outcome };
      });
  }

  override lastOutcome(message: string): SendOutcome | null {
    return (
      this.attempts.findLast(({ request, forgotten }) => request.message === message && !forgotten)?.outcome ?? null
    );
  }
}

class Story {
  readonly mac = new Mac();
  readonly world = new OutboxWorld({ bridge: this.mac, folder: makeQuickFolder() });
  /** Text by message. */
  readonly texts = new Map<string, string>();
  /** Message and state. */
  readonly #told = new Set<string>();
  readonly numbers = new Map<string, number>();
  #copy: { numbers: Map<string, number | undefined>; known: Map<Attempt, Pick<Attempt, 'outcome' | 'row'>> } | null =
    null;
  #stale = new Map<string, number | undefined>();

  constructor() {
    this.mac.beforeBegin = (request) => this.#noTwinIsUnknown(request);
    this.mac.reread = () => this.#reread();
    this.world.outbox.start();
  }

  async send(text: string, urls: readonly string[]): Promise<void> {
    const { world } = this;
    const attachments = urls.length > 0 ? { attachments: urls.map((url) => ({ url })) } : {};
    const data = world.send(ANNA, text, { ...attachments, expires_at: world.clock.now() + LIFETIME_MS });
    const result = await world.command('message.send', data);
    for (const { message } of (result.detail?.messages ?? []) as { message: string }[]) this.texts.set(message, text);
    await this.quiet();
  }

  /** Until a few commits in a row have told nothing new: whatever could happen now has happened. */
  async quiet(): Promise<void> {
    const { world } = this;
    for (let same = 0, last = -1; same < 3; same = world.journal.lastSeq === last ? same + 1 : 0) {
      last = world.journal.lastSeq;
      await world.store.commit.run(() => {});
      await settle(4);
    }
  }

  async row(attempt: Attempt, state: RowState | 'unknown', more: Sighted['detail'] = {}): Promise<void> {
    const { world } = this;
    const { request, went, outcome, row, forgotten } = attempt;
    // Of an attempt that did not end nothing is told yet; of one that did not start there is no row.
    if (forgotten || outcome === null || outcome.kind === 'not_started') return;
    if (state === 'unknown' ? outcome.kind !== 'accepted' || row !== 'nothing' : !went || !NEXT[row].includes(state))
      return;
    if (state !== 'unknown') attempt.row = state;
    const seen = { attempt: request.attempt, state, at: world.clock.now(), outcome: { state } };
    await world.store.commit.run(() =>
      world.outbox.sighted(request.message, { ...seen, detail: { guid: `G-${request.attempt}`, ...more } }),
    );
  }

  /** The process dies at once. */
  async kill(meanwhile?: () => void): Promise<void> {
    await this.world.kill(meanwhile);
    for (const attempt of this.mac.attempts) delete attempt.end;
    this.world.outbox.start();
  }

  #files(): string[] {
    return ['', '-wal', '-shm'].map((end) => `${this.world.store.path}${end}`);
  }

  copy(): void {
    this.world.store.db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    copyFileSync(this.world.store.path, `${this.world.store.path}.old`);
    const numbers = new Map([...this.texts.keys()].map((id) => [id, this.newest(id)?.n] as const));
    this.#copy = { numbers, known: new Map(this.mac.attempts.map((a) => [a, { outcome: a.outcome, row: a.row }])) };
  }

  async setBack(): Promise<void> {
    const copy = this.#copy;
    if (!copy) return;
    await this.kill(() => {
      for (const file of this.#files()) rmSync(file, { force: true });
      if (existsSync(`${this.world.store.path}.old`))
        copyFileSync(`${this.world.store.path}.old`, this.world.store.path);
      for (const attempt of this.mac.attempts) {
        const known = copy.known.get(attempt);
        attempt.forgotten ||= !known;
        if (known) Object.assign(attempt, known);
      }
    });
    this.#stale = copy.numbers;
    await this.quiet();
  }

  /** At a start after a set-back: rows that no attempt of the store made are read once more. */
  async #reread(): Promise<void> {
    const { mac, world } = this;
    for (const attempt of mac.attempts.filter(({ forgotten, went }) => forgotten && went)) {
      const { request } = attempt;
      const what = whatOf(request);
      // An attempt that was running when the copy was made claims the row.
      const heir = mac.attempts.find(
        (a) =>
          !a.forgotten &&
          a.outcome?.kind !== 'not_started' &&
          a.row === 'nothing' &&
          a.request.message === request.message &&
          whatOf(a.request) === what,
      );
      if (heir) {
        heir.went = true;
        mac.attempts = mac.attempts.filter((a) => a !== attempt);
        continue;
      }
      const isIt = (to: string, text: string, files: SoughtFile[]) =>
        to === ANNA &&
        (request.file === undefined
          ? text === what
          : files.some((file) => ('name' in file ? file.name : file.url).endsWith(what)));
      const before = this.#doubted(what);
      await world.store.commit.run(() => world.outbox.settleLookalike(isIt));
      // Of two messages with the same in them nobody can tell which it was: it counts as the one that is not sent any more.
      const [chosen] = this.#doubted(what).filter((id) => !before.includes(id));
      if (chosen !== undefined) attempt.request = { ...request, message: chosen };
    }
  }

  /** Messages whose text or file of that name is unknown. */
  #doubted(what: string): string[] {
    return [...this.texts.keys()].filter((id) => {
      const { state, parts } = this.newest(id) ?? {};
      if (!parts) return state === 'unknown' && this.texts.get(id) === what;
      return parts.some(
        (part) =>
          part.state === 'unknown' && (part.name ?? (part.kind === 'text' ? this.texts.get(id) : what)) === what,
      );
    });
  }

  #noTwinIsUnknown(request: AttemptRequest): void {
    const rows = this.world.store.db
      .sql<{ id: string }>('SELECT id FROM message WHERE id <> ? AND changed_at > ?')
      .all(request.message, this.world.clock.now() - 86_400_000);
    for (const { id } of rows) {
      const { parts, state, status, text } = this.world.outbox.messages.get(id) ?? {};
      if (status?.rule === 'chat_db') continue;
      const doubtful = parts?.filter((part) => part.state === 'unknown' && !part.shown);
      const unknown = doubtful?.map(({ file }) => file?.name ?? text) ?? (state === 'unknown' ? [text] : []);
      if (unknown.includes(whatOf(request)))
        this.mac.wrong.push(`${whatOf(request)} went while a twin of it was unknown`);
    }
  }

  /** A person looks at the conversation, and speaks only if all that is unknown is there, or nothing. */
  async person(): Promise<void> {
    for (const [id] of this.texts) {
      const message = this.world.outbox.messages.get(id);
      const unknown = message?.parts?.filter((part) => part.state === 'unknown') ?? [];
      const there = new Set(
        unknown.map((part) =>
          this.isThere(id, part.file?.name ?? (part.kind === 'text' ? this.texts.get(id) : undefined) ?? ''),
        ),
      );
      if (there.size !== 1) continue;
      await this.world.store.commit.run(() => this.world.outbox.settle(id, there.has(true) ? 'sent' : 'not-sent'));
    }
  }

  /** Does the other side have it? */
  isThere(message: string, what: string): boolean {
    return this.mac.attempts.some(
      ({ request, went, row }) =>
        went && row !== 'not_delivered' && request.message === message && whatOf(request) === what,
    );
  }

  newest(message: string): MessageStatus | undefined {
    return this.world.outbox.messages.get(message)?.status;
  }

  check(): void {
    expect(this.mac.wrong).toEqual([]);
    for (const [id] of this.texts) {
      const status = this.newest(id);
      const stored = this.world.outbox.messages.get(id);
      if (!status || !stored) continue;
      // What stands in a store that was set back was told before; what is told from then on goes on above all that ever was.
      if (status.n !== this.#stale.get(id)) {
        expect(status.n).toBeGreaterThanOrEqual(this.numbers.get(id) ?? 0);
        this.numbers.set(id, status.n);
      }
      if (!status.parts) continue;
      const states = status.parts.map(({ state }) => state);
      // One that did not start waits again, and is told with what comes next.
      for (const [index, part] of (stored.parts ?? []).entries())
        if (!(part.state === 'waiting' && states[index] === 'dispatching')) expect(states[index]).toBe(part.state);
      const wholes = wholesOf(states);
      // What was called not delivered may be called so until all of it has gone after all; and what was unknown, though a person has settled that,
      // while another part is on its way.
      for (const { state } of this.world.outbox.messages.steps(id)) this.#told.add(`${id} ${state}`);
      const isGood = wholes.some((whole) => ['sent', 'delivered', 'read'].includes(whole));
      if (this.#told.has(`${id} not_delivered`) && !isGood) wholes.push('not_delivered');
      if (this.#told.has(`${id} unknown`) && wholes.includes('dispatching')) wholes.push('unknown');
      expect(wholes, `${status.state} of ${states}`).toContain(status.state);
      if (status.state === 'not_delivered')
        expect(status.words ?? status.code ?? status.apple_error, JSON.stringify(status)).toBeDefined();
      if (!status.retryable) continue;
      for (const state of states) expect(['waiting', 'not_sent', 'failed', 'not_delivered']).toContain(state);
      for (const part of status.parts) expect(this.isThere(id, part.name ?? this.texts.get(id) ?? '')).toBe(false);
    }
  }

  /** All that is open comes to an end: nothing may stay on its way, and nothing may be called what it is not. */
  async end(): Promise<void> {
    const { mac, world } = this;
    world.gate.paused = false;
    mac.condition = null;
    mac.plans = [];
    for (let round = 0; round < 200 && this.#isOpen(); round += 1) {
      for (const attempt of mac.attempts) {
        attempt.end?.(PLANS[attempt.went ? 'doubt, went' : 'later'].outcome);
        await this.quiet();
        if (attempt.row === 'nothing') await this.row(attempt, 'sent');
      }
      world.outbox.dispatcher.wake();
      await this.quiet();
      await world.clock.advanceAsync(2_000);
    }
    this.check();
    for (const [id] of this.texts) this.#ended(id);
  }

  async close(): Promise<void> {
    for (const { end } of this.mac.attempts) end?.(PLANS.never.outcome);
    await this.world.close();
  }

  #isOpen(): boolean {
    const isOpen = (id: string) => {
      const { state, rule } = this.newest(id) ?? {};
      return ['accepted', 'held', 'dispatching'].includes(state ?? '') && rule !== UNKNOWN_BEFORE;
    };
    const awaits = ({ went, row, forgotten }: Attempt) => went && row === 'nothing' && !forgotten;
    return (
      this.mac.attempts.some((attempt) => attempt.end !== undefined || awaits(attempt)) ||
      [...this.texts.keys()].some(isOpen)
    );
  }

  #ended(id: string): void {
    const status = this.newest(id);
    if (!status) return;
    const waitsForTwin = status.rule === UNKNOWN_BEFORE;
    if (!waitsForTwin) expect(['accepted', 'held', 'dispatching'], JSON.stringify(status)).not.toContain(status.state);
    for (const part of status.parts ?? []) {
      const there = this.isThere(id, part.name ?? this.texts.get(id) ?? '');
      const wanted: PartState[] = there
        ? ['sent', 'delivered', 'read', 'unknown']
        : ['not_sent', 'failed', 'not_delivered', 'unknown'];
      if (!waitsForTwin || there) expect(wanted, JSON.stringify(status)).toContain(part.state);
    }
    if (status.parts && !status.parts.every(isGood) && !waitsForTwin) {
      expect(['sent', 'delivered', 'read']).not.toContain(status.state);
      if (status.state !== 'cancelled') expect(status.words ?? status.code, JSON.stringify(status)).toBeDefined();
    }
  }
}

const isGood = ({ state }: MessagePart) => state === 'sent' || state === 'delivered' || state === 'read';

/** What the whole may be, by the states of its parts alone. */
function wholesOf(parts: readonly PartState[]): MessageStatus['state'][] {
  const has = (...states: PartState[]) => parts.some((state) => states.includes(state));
  if (has('not_delivered')) return ['not_delivered'];
  if (has('unknown')) return ['unknown'];
  if (parts.every((state) => ['failed', 'not_sent', 'waiting'].includes(state)))
    return has('failed', 'not_sent')
      ? ['failed', 'rejected', 'cancelled', 'expired']
      : ['accepted', 'held', 'dispatching'];
  if (has('dispatching')) return ['dispatching'];
  if (has('failed', 'not_sent')) return ['not_delivered'];
  if (has('waiting')) return ['dispatching'];
  return has('sent') ? ['sent'] : has('delivered') ? ['delivered'] : ['read'];
}

const UPLOAD = {
  apple_error: { number: 34, name: 'attachmentUploadFailure', meaning: 'attachment' as const },
  words: 'No.',
  retryable: true,
};
const plan = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Plan>('accepted') },
  { weight: 2, arbitrary: fc.constantFrom<Plan>('hangs, went', 'hangs, did not go') },
  { weight: 3, arbitrary: fc.constantFrom(...(Object.keys(PLANS) as Plan[])) },
);
/** Which attempt, counted from the newest. */
const which = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat({ max: 6 }) });
const state = fc.oneof(
  { weight: 4, arbitrary: fc.constant('sent' as const) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<RowState | 'unknown'>('delivered', 'read', 'not_delivered', 'not_delivered', 'unknown'),
  },
);
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('row' as const), which, state }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('end' as const), plan: fc.constantFrom(...(Object.keys(PLANS) as Plan[])) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      text: fc.constantFrom('Look!', 'Again:', ''),
      urls: fc.constantFrom([], [A], [B], [A, B]),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constantFrom('kill', 'kill late', 'copy', 'set back', 'set back', 'person') }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('pause', 'go on', 'go on', 'hung', 'well', 'well', 'lose a file') }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('cancel', 'expire', 'opt out', 'sms') }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function take(story: Story, s: Step): Promise<void> {
  const { world, mac } = story;
  if (s.do === 'row') {
    const attempt = mac.attempts.at(-1 - (s.which % Math.max(1, mac.attempts.length)));
    if (attempt) await story.row(attempt, s.state, s.state === 'not_delivered' ? UPLOAD : {});
  } else if (s.do === 'end') {
    const attempt = mac.attempts.find(({ end }) => end);
    const { went, outcome } = PLANS[s.plan];
    if (attempt && outcome && went === attempt.went) attempt.end?.(outcome);
  } else if (s.do === 'send') {
    if (s.text !== '' || s.urls.length > 0) await story.send(s.text, s.urls);
  } else if (s.do === 'kill') await story.kill();
  else if (s.do === 'kill late') {
    // The bridge has stored how it ended, and the message has not heard of it.
    for (const attempt of mac.attempts)
      if (attempt.end) attempt.outcome = PLANS[attempt.went ? 'doubt, went' : 'later'].outcome;
    await story.kill();
  } else if (s.do === 'copy') story.copy();
  else if (s.do === 'set back') await story.setBack();
  else if (s.do === 'person') await story.person();
  else if (s.do === 'cancel') await world.command('message.cancel', { message: [...story.texts.keys()][0] });
  else if (s.do === 'expire') await world.clock.advanceAsync(LIFETIME_MS);
  else if (s.do === 'pause') world.gate.paused = true;
  else if (s.do === 'go on') world.gate.paused = false;
  else if (s.do === 'opt out') await world.command('opt_out.put', { handle: ANNA });
  else if (s.do === 'hung') mac.condition = 'messages_hung';
  else if (s.do === 'well') mac.condition = null;
  else if (s.do === 'lose a file') world.files.here.delete([...world.files.here][0] ?? '');
  else {
    const attempt = mac.attempts.at(-1);
    if (attempt) await story.row(attempt, 'sent', { downgraded: true, service: 'SMS' });
  }
  world.outbox.dispatcher.wake();
}

it('no part goes twice or is lost without a word, and what is told of the whole is what its parts say', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('Look!', ''),
      fc.array(plan, { maxLength: 8, size: 'max' }),
      fc.array(step, { maxLength: 24, size: 'max' }),
      async (text, plans, steps) => {
        const story = new Story();
        story.mac.plans = [...plans];
        try {
          await story.send(text, [A, B]);
          story.check();
          for (const s of steps) {
            await story.world.clock.advanceAsync(1_000);
            await take(story, s);
            await story.quiet();
            story.check();
          }
          await story.end();
        } finally {
          await story.close();
        }
      },
    ),
    { numRuns: 150, endOnFailure: true },
  );
});
