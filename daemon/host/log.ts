/** The one door to the logger. Rooms get a `Log`; they log event names and fields, never message texts, full handles or tokens. */

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
