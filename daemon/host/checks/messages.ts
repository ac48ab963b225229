/**
 * Checks of what the relay may do with Messages: read chat.db, and control the program. What was found is handed in, because only the
 * bridge can ask; macOS answers by who asks, so the relay's own findings count, and those of a terminal are only a hint.
 */
import { AUTOMATION, type Check, FULL_DISK_ACCESS, failed, needsPerson, passed, skipped, warned } from './check.ts';

/** What a real SELECT on chat.db gave. `code`: chat_db_missing, chat_db_denied or chat_db_unusable. */
export type ChatDbLook =
  | {
      ok: true;
      rows: boolean;
      /** Columns that the relay cannot do without and that are not there: "message.text". */
      missing: string[];
      /** Columns that the relay knows of later or earlier versions of macOS. */
      absent: number;
    }
  | { ok: false; code: string; words: string; remedy: string };

/** What Messages said to a read-only question. */
export type ProbeLook = { ok: true } | { ok: false; condition: string; words: string; remedy: string };

/** Whose permissions were tried out. */
export type Asker = 'relay' | 'terminal';

const ONLY_TERMINAL =
  ' This is the permission of this terminal; only a running relay can tell of its own: start it, then ask again.';

export function fullDiskAccess(look: ChatDbLook, asker: Asker): Check {
  const name = 'full_disk_access';
  if (look.ok || look.code === 'chat_db_unusable')
    return asker === 'relay'
      ? passed(name, 'The relay may read chat.db.')
      : warned({
          name,
          code: 'terminal_only',
          words: 'This terminal may read chat.db; whether the relay may, only the relay itself can tell.',
          remedy: 'Start the relay, then ask again: relayctl service start.',
        });
  if (look.code === 'chat_db_missing') return skipped(name, look.code, 'There is no chat.db to try it with.');
  const remedy = `${FULL_DISK_ACCESS}: switch on Sender Relay; if it is on already, switch it off and on again.`;
  const wrong = { name, code: look.code, words: look.words, remedy };
  return asker === 'relay' ? needsPerson(wrong) : warned({ ...wrong, words: look.words + ONLY_TERMINAL });
}

export function chatDbSchema(look: ChatDbLook): Check {
  const name = 'chat_db';
  if (!look.ok) {
    if (look.code === 'chat_db_denied')
      return skipped(name, look.code, 'It cannot be looked into without Full Disk Access.');
    const wrong = { name, code: look.code, words: look.words, remedy: look.remedy };
    return look.code === 'chat_db_missing' ? needsPerson(wrong) : failed(wrong);
  }
  if (look.missing.length > 0)
    return failed({
      name,
      code: 'schema_unknown',
      words: `This chat.db has another form than any that is known: it lacks ${look.missing.join(', ')}.`,
      remedy: 'Install the newest version of the relay; if this is it, report it with relayctl doctor --bundle.',
      facts: { missing: look.missing.length },
    });
  if (!look.rows)
    return warned({
      name,
      code: 'empty',
      words: 'chat.db has no messages at all; that is so before the first one, or when nobody is signed in.',
      remedy: 'Open Messages, and send one to yourself.',
    });
  return passed(name, 'chat.db has a form that is known.', { absent: look.absent });
}

export function messagesAnswers(probe: ProbeLook): Check {
  const name = 'messages_answer';
  if (probe.ok) return passed(name, 'Messages answers.');
  const { condition: code, words, remedy } = probe;
  switch (code) {
    case 'automation_denied':
      return skipped(name, code, 'It cannot be asked without the permission for Automation.');
    case 'not_signed_in':
      return passed(name, 'Messages answers.');
    case 'messages_not_running':
      return needsPerson({ name, code, words, remedy });
    default:
      return failed({ name, code, words, remedy });
  }
}

export function signedIn(probe: ProbeLook): Check {
  const name = 'signed_in';
  if (probe.ok) return passed(name, 'Messages is signed in to iMessage.');
  const { condition: code, words } = probe;
  if (code !== 'not_signed_in') return skipped(name, code, 'Only a Messages that answers can tell.');
  return needsPerson({ name, code, words, remedy: 'Open Messages › Settings › iMessage and sign in.' });
}

export function automation(probe: ProbeLook, asker: Asker): Check {
  const name = 'automation';
  const isAllowed = probe.ok || probe.condition === 'not_signed_in';
  if (isAllowed)
    return asker === 'relay'
      ? passed(name, 'The relay may control Messages.')
      : warned({
          name,
          code: 'terminal_only',
          words: 'This terminal may control Messages; whether the relay may, only the relay itself can tell.',
          remedy: 'Start the relay, then ask again: relayctl service start.',
        });
  const { condition: code, words } = probe;
  if (code !== 'automation_denied') return skipped(name, code, 'Only a Messages that answers can tell.');
  const remedy = `${AUTOMATION} › Sender Relay: switch on Messages; if there is no such entry, restart the relay and allow it when macOS asks.`;
  const wrong = { name, code, words, remedy };
  return asker === 'relay' ? needsPerson(wrong) : warned({ ...wrong, words: words + ONLY_TERMINAL });
}

const HEARTBEAT_WARN_MS = 5_000;
/** As the register has it (reading-trouble.ts). */
const HEARTBEAT_FAIL_MS = 20_000;

/** `lookedMs`: how long ago the relay last looked at chat.db; null: it does not look, because it cannot read it. */
export function watcherHeartbeat(lookedMs: number | null): Check {
  const name = 'watcher';
  if (lookedMs === null) return skipped(name, 'not_reading', 'chat.db is not being read.');
  const seconds = Math.round(lookedMs / 1000);
  const facts = { looked_s: seconds };
  if (lookedMs <= HEARTBEAT_WARN_MS) return passed(name, 'chat.db is looked at all the time.', facts);
  const wrong = {
    name,
    code: 'late',
    words: `chat.db was last looked at ${seconds} s ago.`,
    remedy: 'Restart the relay: relayctl service restart. If it happens again, look into relayctl logs.',
    facts,
  };
  return lookedMs <= HEARTBEAT_FAIL_MS ? warned(wrong) : failed(wrong);
}
