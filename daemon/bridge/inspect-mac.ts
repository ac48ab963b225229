/**
 * What this process may do with Messages just now, for doctor: a real SELECT on chat.db, and the read-only question of the lane. Each
 * opens, asks, and lets go; nothing is kept.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChatDbLook, ProbeLook } from '../host/checks/messages.ts';
import type { Clock } from '../host/clock.ts';
import { type Db, openReader } from '../host/db.ts';
import { ChatDb, chatDbError } from './chat-db.ts';
import { columnsOf, KNOWN_COLUMNS } from './chat-schema.ts';
import { Osascript } from './osascript.ts';
import { ODD_ANSWER, troubleOf } from './outcome.ts';

/** Without these nothing true could be told of a message; every version from macOS 11 to 27 has them. */
const NEEDED: Record<string, readonly string[]> = {
  message: ['guid', 'text', 'attributedBody', 'handle_id', 'service', 'date', 'error', 'is_from_me', 'is_sent'],
  chat: ['guid', 'style', 'chat_identifier'],
  handle: ['id'],
  chat_message_join: ['chat_id', 'message_id'],
  chat_handle_join: ['chat_id', 'handle_id'],
};
/** As the lane allows. */
const PROBE_LIMIT_MS = 15_000;

/** Reads at least one row, because SQLite opens a file only when it must. */
export function lookAtChatDb(path: string): ChatDbLook {
  let db: Db | undefined;
  try {
    ChatDb.open(path).close();
    db = openReader(path);
    const reader = db;
    const rows = reader.sql('SELECT guid FROM message LIMIT 1').get() !== undefined;
    const missing = Object.entries(NEEDED).flatMap(([table, names]) => {
      const present = columnsOf(reader, table);
      return names.filter((name) => !present.has(name)).map((name) => `${table}.${name}`);
    });
    const message = columnsOf(reader, 'message');
    return { ok: true, rows, missing, absent: KNOWN_COLUMNS.filter((name) => !message.has(name)).length };
  } catch (error) {
    const { code, message, hint } = chatDbError(path, error);
    return { ok: false, code, words: message, remedy: hint ?? 'Open Messages once, then try again.' };
  } finally {
    db?.close();
  }
}

/** Asks Messages as the identity of this process. Never rejects. */
export async function probeMessages(o: {
  osascript: string;
  ps: string;
  scripts: URL;
  clock: Clock;
}): Promise<ProbeLook> {
  const workFolder = mkdtempSync(join(tmpdir(), 'relay-doctor-'));
  try {
    const osascript = new Osascript({ path: o.osascript, ps: o.ps, scripts: o.scripts, workFolder, clock: o.clock });
    const ended = await osascript.ask('probe', PROBE_LIMIT_MS);
    if (ended.code === 0 && ended.stdout.trim() === 'ok') return { ok: true };
    const { condition, words, remedy } = troubleOf(ended) ?? ODD_ANSWER;
    return { ok: false, condition, words, remedy };
  } finally {
    rmSync(workFolder, { recursive: true, force: true });
  }
}
