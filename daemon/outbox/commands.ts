/**
 * Commands: each is answered once and remembered.
 *
 *   frame ─▶ seen before? ─ same content ──▶ the stored result again, `duplicate: true`
 *               │          └ other content ─▶ idempotency_conflict
 *               ▼ no
 *            handler of that name ─▶ result stored and told (command.result), in the transaction of its effect
 *
 * `receive` runs inside the transaction that also stores "received up to this frame". It throws only if the store is broken.
 */
import { randomBytes } from 'node:crypto';
import type { z } from 'zod';
import type { RefusalCode } from '../../protocol/codes.ts';
import { RETRYABLE } from '../../protocol/codes.ts';
import { COMMAND_DATA, type CommandData } from '../../protocol/commands.ts';
import type { CommandResult } from '../../protocol/events.ts';
import { type CommandFrame, firstMistake } from '../../protocol/frames.ts';
import { commandDigest } from '../../protocol/idempotency.ts';
import { ID_MEMORY_MS, MAX_LIFETIME_MS } from '../../protocol/limits.ts';
import { COMMAND_NAMES, type CommandName } from '../../protocol/names.ts';
import type { Clock } from '../host/clock.ts';
import type { Db } from '../host/db.ts';
import type { Journal } from './ports.ts';

/** What a handler answers. `undo` takes back what it changed in memory, should its transaction be rolled back. */
export type Answer =
  | { ok: true; detail?: Record<string, unknown> }
  | { ok: false; code: RefusalCode; message: string; retryAfterMs?: number; detail?: Record<string, unknown> };

export type Handlers = { [N in CommandName]: (data: CommandData<N>, command: string, from: Origin) => Answer };

/** Who gives a command. An id does not say it: the controller names its commands as it likes. */
export type Origin = 'controller' | 'here';

/** May ids be forgotten and commands expire by the wall clock right now? False after a jump, until the controller agrees. */
export interface WallClock {
  readonly trusted: boolean;
}

/** Data within data, deeper than any command needs; a digest of it would have no end of stack. */
const MAX_DEPTH = 32;
/** What a result quotes of the command must not make it larger than a frame. */
const MAX_MESSAGE_CHARACTERS = 4_000;

interface Remembered {
  digest: string;
  result: string;
}

export class Commands {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #handlers: Handlers;
  readonly #wall: WallClock;

  constructor(o: { db: Db; clock: Clock; journal: Journal; handlers: Handlers; wall: WallClock }) {
    this.#db = o.db;
    this.#clock = o.clock;
    this.#journal = o.journal;
    this.#handlers = o.handlers;
    this.#wall = o.wall;
  }

  /** Takes one command, in the transaction of its frame. */
  receive(frame: CommandFrame, from: Origin): CommandResult {
    if (isDeeper(frame.data, MAX_DEPTH))
      return this.#tell(
        this.#result(frame, {
          ok: false,
          code: 'bad_request',
          message: `${frame.name}: its data is nested too deeply.`,
        }),
      );
    const digest = commandDigest(frame.name, frame.version, frame.data);
    const before = this.#db.sql<Remembered>('SELECT digest, result FROM command WHERE id = ?').get(frame.id);
    if (before && before.digest === digest) {
      const result = { ...(JSON.parse(before.result) as CommandResult), duplicate: true };
      return this.#tell(result);
    }
    if (before)
      return this.#tell(
        this.#result(frame, {
          ok: false,
          code: 'idempotency_conflict',
          message: `The id ${frame.id} was used before for another command. A new command needs a new id.`,
        }),
      );
    const result = this.#result(frame, this.#answer(frame, from));
    this.#remember(frame, digest, result);
    return this.#tell(result, `cr_${frame.id}`);
  }

  /** Forgets ids whose time is over, at most `limit` of them. In a transaction. */
  forget(limit: number): number {
    if (!this.#wall.trusted) return 0;
    return this.#db
      .sql('DELETE FROM command WHERE id IN (SELECT id FROM command WHERE forget_at < ? LIMIT ?)')
      .run(this.#clock.now(), limit).changes;
  }

  #answer(frame: CommandFrame, from: Origin): Answer {
    const name = COMMAND_NAMES.find((known) => known === frame.name);
    if (!name || frame.version !== 1)
      return {
        ok: false,
        code: 'unsupported',
        message: name
          ? `Version ${frame.version} of ${frame.name} is not known here; version 1 is.`
          : `This relay does not know the command ${frame.name}.`,
      };
    const late = this.#tooLate(frame);
    if (late) return late;
    return this.#handle(name, frame, from);
  }

  #handle<N extends CommandName>(name: N, frame: CommandFrame, from: Origin): Answer {
    const schema: z.ZodType<CommandData<N>> = COMMAND_DATA[name] as unknown as z.ZodType<CommandData<N>>;
    const parsed = schema.safeParse(frame.data);
    if (!parsed.success) return { ok: false, code: 'bad_request', message: `${name}: ${firstMistake(parsed.error)}` };
    return this.#handlers[name](parsed.data, frame.id, from);
  }

  /** A command past its time, or older than the memory of ids reaches, is never run: nobody knows whether it ran before. */
  #tooLate(frame: CommandFrame): Answer | null {
    if (!this.#wall.trusted) return null;
    const now = this.#clock.now();
    const { expires_at: expiresAt, created } = instantsOf(frame.data);
    if (expiresAt !== undefined && expiresAt <= now)
      return {
        ok: false,
        code: 'expired',
        message: `It expired at ${new Date(expiresAt).toISOString()}, before it arrived.`,
      };
    if (created !== undefined && created < now - MAX_LIFETIME_MS - ID_MEMORY_MS)
      return { ok: false, code: 'expired', message: 'It was made so long ago that its id may have been forgotten.' };
    return null;
  }

  #result(frame: CommandFrame, answer: Answer): CommandResult {
    const result: CommandResult = { command: frame.id, name: frame.name, ok: answer.ok };
    if (!answer.ok) {
      result.code = answer.code;
      const { message } = answer;
      result.message =
        message.length > MAX_MESSAGE_CHARACTERS ? `${message.slice(0, MAX_MESSAGE_CHARACTERS)} …` : message;
      result.retryable = RETRYABLE.has(answer.code);
      if (answer.retryAfterMs !== undefined) result.retry_after_ms = Math.ceil(answer.retryAfterMs);
    }
    if (answer.detail) result.detail = answer.detail;
    return result;
  }

  #remember(frame: CommandFrame, digest: string, result: CommandResult): void {
    const now = this.#clock.now();
    const expiresAt = typeof frame.data.expires_at === 'number' ? frame.data.expires_at : now + MAX_LIFETIME_MS;
    const forgetAt = Math.max(now, Math.min(expiresAt, now + MAX_LIFETIME_MS)) + ID_MEMORY_MS;
    this.#db
      .sql('INSERT INTO command (id, digest, name, result, received_at, forget_at) VALUES (?, ?, ?, ?, ?, ?)')
      .run(frame.id, digest, frame.name, JSON.stringify(result), now, forgetAt);
  }

  #tell(result: CommandResult, id = `cr_${result.command}.${randomBytes(6).toString('base64url')}`): CommandResult {
    this.#journal.append('command.result', result, { id });
    return result;
  }
}

/** What is no instant is the handler's to refuse. */
function instantsOf(data: CommandFrame['data']): { expires_at?: number; created?: number } {
  const number = (value: unknown) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  return { expires_at: number(data.expires_at), created: number(data.created) };
}

function isDeeper(value: unknown, than: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return than === 0 || Object.values(value).some((within) => isDeeper(within, than - 1));
}
