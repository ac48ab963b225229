/**
 * The one door to the logger. Rooms get a `Log`; they log event names and fields, never message texts, full handles or tokens.
 * What slips in all the same is taken out on the way to the file (log-redaction.ts).
 *
 * One line, one JSON object: { "at": "2026-01-31T12:00:00.000Z", "level": "info", "room": "outbox", "event": "sent", … fields }
 */
import { finished } from 'node:stream/promises';
import winston from 'winston';
import type { Clock } from './clock.ts';
import { messageOf } from './errors.ts';
import { LogFile } from './log-file.ts';
import { type Redaction, redact, redactText } from './log-redaction.ts';

export interface Log {
  debug(event: string, fields?: Record<string, unknown>): void;
  info(event: string, fields?: Record<string, unknown>): void;
  warn(event: string, fields?: Record<string, unknown>): void;
  error(event: string, fields?: Record<string, unknown>): void;
  /** The same log with a room's name on each line. */
  room(name: string): Log;
}

/** Says nothing. For tests and commands that have no log. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  room: () => silentLog,
};

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** The log of a running relay. The caller owes `close` before the process ends, else the last lines may be lost. */
export interface RelayLog extends Log {
  /** Takes effect at once, for all rooms. */
  setLevel(level: LogLevel): void;
  readonly level: LogLevel;
  /** Where the newest lines are; older files are beside it, numbered from 1. */
  readonly file: string;
  /** Lines after this are dropped. */
  close(): Promise<void>;
}

export interface LogOptions {
  /** Made with mode 0700 if it is not there. */
  folder: string;
  level: LogLevel;
  unredacted: boolean;
  /** The key of the handles' hashes: `installationKey`. */
  key: Uint8Array;
  /** A file that has reached this is put aside. */
  maxBytes: number;
  /** How many files are kept, the newest included. */
  files: number;
  clock: Pick<Clock, 'now'>;
  /** Gets every line as well, e.g. `process.stderr`. */
  also?: NodeJS.WritableStream;
}

/** Opens the log of a relay. A log that cannot be written is told once on stderr and never stops the relay. */
export function createLog(o: LogOptions): RelayLog {
  let told = false;
  const onFailed = (error: unknown) => {
    if (!told) process.stderr.write(`The log in ${o.folder} cannot be written: ${messageOf(error)}\n`);
    told = true;
  };
  const file = new LogFile({ ...o, onFailed });
  const redaction: Redaction = { key: o.key, unredacted: o.unredacted };
  const transports = (o.also ? [file, o.also] : [file]).map(
    (stream) => new winston.transports.Stream({ stream, eol: '\n' }),
  );
  const logger = winston.createLogger({
    level: o.level,
    levels: { error: 0, warn: 1, info: 2, debug: 3 },
    format: winston.format.printf((info) => toLine(info.line as Line, o.clock, redaction)),
    transports,
  });
  logger.on('error', onFailed);

  let closed = false;
  const write = (line: Line) => {
    if (!closed) logger.log({ level: line.level, message: line.event, line });
  };
  return {
    ...inRoom(write),
    setLevel: (level) => {
      logger.level = level;
    },
    get level() {
      return logger.level as LogLevel;
    },
    file: file.path,
    async close() {
      if (closed) return;
      closed = true;
      const through = transports.map((transport) => finished(transport, { readable: false }));
      logger.end();
      await Promise.all(through);
      file.end();
      await finished(file);
    },
  };
}

interface Line {
  level: LogLevel;
  event: string;
  fields: Record<string, unknown>;
  room?: string;
}

function inRoom(write: (line: Line) => void, room?: string): Log {
  const at =
    (level: LogLevel) =>
    (event: string, fields: Record<string, unknown> = {}) =>
      write({ level, event, fields, room });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    room: (name) => inRoom(write, name),
  };
}

function toLine({ level, room, event, fields }: Line, clock: Pick<Clock, 'now'>, redaction: Redaction): string {
  const safe = redact(fields, redaction) as Record<string, unknown>;
  // The line's own names win over a field of the same name.
  const head = { at: new Date(clock.now()).toISOString(), level, room, event: redactText(event, redaction) };
  return JSON.stringify({ ...head, ...safe, ...head });
}
