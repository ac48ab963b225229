/**
 * What a person at the Mac may see and do of a running relay: the same doors as the controller's, without the line.
 *
 * The rooms come in as the small interfaces that are needed here. What changes something runs in a group commit and is on disk when its
 * promise resolves; a refusal is a value with the protocol's code.
 */
import { randomBytes } from 'node:crypto';
import type { z } from 'zod';
import type { RefusalCode } from '../../protocol/codes.ts';
import type { CommandResult, MessageStatus, SenderHealth } from '../../protocol/events.ts';
import type { CommandFrame } from '../../protocol/frames.ts';
import { LOCAL_COMMAND } from '../../protocol/names.ts';
import type { Clock } from '../host/clock.ts';
import type { GroupCommit } from '../host/commit.ts';
import type { Health } from '../host/health.ts';
import { headlineOf } from './headline.ts';
import type {
  ASKED,
  Blocked,
  Cancelled,
  Cleared,
  ContactState,
  DoctorState,
  GateCheck,
  LocalAnswer,
  LocalEvent,
  LocalHandlers,
  MessageDetail,
  MetricsReport,
  Opted,
  PolicyState,
  QueuePage,
  RefusedTexts,
  Reloaded,
  SenderState,
  Sent,
  Status,
} from './schemas.ts';

/** A test message that could not go within a day is of no use any more. */
const TEST_MESSAGE_MS = 86_400_000;

/** An estimate costs a search in the gate, and status is asked every second by some. */
const LOOKED_AT = 20;

type Answer = { ok: true; detail?: Record<string, unknown> } | { ok: false; code: RefusalCode; message: string };

interface Stored {
  id: string;
  state: MessageStatus['state'];
}

export interface Parts<M extends Stored = Stored> {
  about: Pick<Status, 'device' | 'version' | 'started_at'>;
  clock: Clock;
  commit: GroupCommit;
  conditions: Health;
  controller(): Status['controller'];
  chatDb(): Status['chat_db'];
  lastInboundAt(): number | null;
  sender: { health(): SenderHealth; refusedTexts(): RefusedTexts['texts'] };
  outbox: {
    receive(frame: CommandFrame, from: 'here'): CommandResult;
    cancel(target: { message: string }): Answer;
    settle(id: string, as: 'sent' | 'not-sent'): Answer;
    resume(source: 'person'): Answer;
    optOut(handle: string, source: 'person'): Answer;
    optIn(handle: string, source: 'person'): Answer;
    blockText(o: { text: string; reason?: string }, source: 'person'): Answer;
    clearText(o: { text: string } | { number: number }, source: 'person'): Answer;
    messages: { get(id: string): M | undefined; ofCommand(command: string): M[]; counts(): Status['queue'] };
    dispatcher: { readonly lastSendAt: number | null };
  };
  questions: {
    present(message: M): MessageStatus;
    detail(message: M): MessageDetail;
    queue(page: { limit: number; cursor?: string }): { data: Omit<QueuePage, 'next'>; next?: string };
    policy(): PolicyState;
    sender(): SenderState;
    doctor(): Promise<DoctorState>;
    contact(asked: { handle: string }): { data: ContactState } | { error: { code: string; message: string } };
    check(
      asked: z.infer<(typeof ASKED)['gateCheck']>,
    ): { data: GateCheck } | { error: { code: string; message: string } };
  };
  journal: {
    readonly stream: string;
    readonly lastSeq: number;
    read(afterSeq: number, limit: { frames: number; bytes: number }): LocalEvent[];
    onDurable(listener: () => void): () => void;
  };
  metrics: { report(): Promise<MetricsReport> };
  /** Throws what is wrong with the file. */
  reload(): Promise<Reloaded>;
}

export function personsDoors<M extends Stored>(parts: Parts<M>): LocalHandlers {
  const { commit, outbox, questions, sender, clock } = parts;

  /** One command of the protocol, from here instead of from the controller. */
  async function command<T>(
    name: string,
    data: Record<string, unknown>,
    then: (result: CommandResult) => T,
  ): Promise<LocalAnswer<T>> {
    const id = `${LOCAL_COMMAND}${randomBytes(9).toString('base64url')}`;
    const frame: CommandFrame = { type: 'command', seq: 1, id, name, version: 1, data };
    const result = await commit.run(() => outbox.receive(frame, 'here'));
    if (result.ok) return { ok: true, data: then(result) };
    return { ok: false, error: { code: result.code ?? 'bad_request', message: result.message ?? 'It was refused.' } };
  }

  async function opted(work: () => Answer): Promise<LocalAnswer<Opted>> {
    const answer = await commit.run(work);
    return answer.ok ? { ok: true, data: answer.detail as Opted } : refused(answer);
  }

  return {
    status: () => statusOf(parts),
    queue({ limit, cursor }) {
      const { data, next } = questions.queue({ limit, cursor });
      return next === undefined ? data : { ...data, next };
    },
    message(id) {
      const message = outbox.messages.get(id);
      return message ? questions.detail(message) : null;
    },
    async gateCheck(asked) {
      const answer = questions.check(asked);
      return 'error' in answer ? { ok: false, error: answer.error } : { ok: true, data: answer.data };
    },
    policy: () => questions.policy(),
    sender: () => questions.sender(),
    doctor: async () => ({ ok: true, data: await questions.doctor() }),
    async contact(handle) {
      const answer = questions.contact({ handle });
      return 'error' in answer ? { ok: false, error: answer.error } : { ok: true, data: answer.data };
    },
    optOut: (handle) => opted(() => outbox.optOut(handle, 'person')),
    optIn: (handle) => opted(() => outbox.optIn(handle, 'person')),
    reload: async () => ({ ok: true, data: await parts.reload() }),
    metrics: async () => ({ ok: true, data: await parts.metrics.report() }),
    async cancel(message) {
      const answer = await commit.run(() => outbox.cancel({ message }));
      return answer.ok ? { ok: true, data: answer.detail as Cancelled } : refused(answer);
    },
    async settle(message, as) {
      const answer = await commit.run(() => outbox.settle(message, as));
      const { state } = outbox.messages.get(message) ?? {};
      return answer.ok && state ? { ok: true, data: { message, state } } : refused(answer.ok ? GONE : answer);
    },
    send({ to, text }) {
      const created = Math.round(clock.now());
      const usual = { category: 'conversational', pacing: 'queue', created, expires_at: created + TEST_MESSAGE_MS };
      return command(
        'message.send',
        { to, text, ...usual },
        (result): Sent => ({
          command: result.command,
          messages: outbox.messages.ofCommand(result.command).map((m) => questions.present(m)),
        }),
      );
    },
    pause: (reason) => command('sender.pause', { reason }, () => sender.health()),
    async resume() {
      const answer = await commit.run(() => outbox.resume('person'));
      return answer.ok ? { ok: true, data: sender.health() } : refused(answer);
    },
    texts: () => ({ texts: sender.refusedTexts() }),
    async textBlock(asked) {
      const answer = await commit.run(() => outbox.blockText(asked, 'person'));
      return answer.ok ? { ok: true, data: answer.detail as Blocked } : refused(answer);
    },
    async textClear(asked) {
      const answer = await commit.run(() => outbox.clearText(asked, 'person'));
      return answer.ok ? { ok: true, data: answer.detail as Cleared } : refused(answer);
    },
    events: ({ afterSeq }, onEvent) => follow(parts.journal, afterSeq ?? parts.journal.lastSeq, onEvent),
  };
}

const GONE = { code: 'not_found', message: 'There is no such message here.' };

function refused({ code, message }: { code: string; message: string }): {
  ok: false;
  error: { code: string; message: string };
} {
  return { ok: false, error: { code, message } };
}

function statusOf(parts: Parts): Status {
  const conditions = parts.conditions.list();
  return {
    ready: parts.conditions.ready,
    headline: headlineOf(conditions),
    ...parts.about,
    pid: process.pid,
    now: Math.round(parts.clock.now()),
    controller: parts.controller(),
    queue: queueOf(parts),
    last_send_at: roundOrNull(parts.outbox.dispatcher.lastSendAt),
    last_inbound_at: roundOrNull(parts.lastInboundAt()),
    chat_db: parts.chatDb(),
    sender: parts.sender.health(),
    conditions,
  };
}

function queueOf({ outbox, questions }: Parts): Status['queue'] {
  const counts = outbox.messages.counts();
  if (counts.held === 0) return counts;
  const times = questions
    .queue({ limit: LOOKED_AT })
    .data.messages.flatMap(({ state, until }) => (state === 'held' && until ? [until] : []));
  return { ...counts, next_at: times.length === 0 ? null : Math.min(...times) };
}

function roundOrNull(at: number | null): number | null {
  return at === null ? null : Math.round(at);
}

function follow(journal: Parts['journal'], afterSeq: number, onEvent: (event: LocalEvent) => void): () => void {
  let last = afterSeq;
  let { stream } = journal;
  const pump = () => {
    // A new stream tells what is held again under new numbers; whoever looks on has seen that.
    if (journal.stream !== stream) {
      stream = journal.stream;
      last = journal.lastSeq;
    }
    for (;;) {
      const events = journal.read(last, { frames: 200, bytes: 1024 * 1024 });
      if (events.length === 0) return;
      for (const event of events) {
        last = event.seq;
        onEvent(event);
      }
    }
  };
  const stop = journal.onDurable(pump);
  pump();
  return stop;
}
