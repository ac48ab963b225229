/**
 * What was promised, and what was seen. Judged from two places only: the chat.db of the simulated Mac, and the controller's own store.
 * Nothing is asked of the daemon.
 */
import type { StoredEvent } from '../../protocol/controller.ts';
import type { MessageStatus } from '../../protocol/events.ts';
import type { MessageState } from '../../protocol/names.ts';
import type { MacRow } from '../../test/sim/own-rows.ts';
import { ANN, ASKING, BOB, CUSTOMERS, LATE, NORA, nameOf, STOPS } from './cast.ts';
import { answerTo, COMMANDS, TEXTS } from './story.ts';
import type { Promised } from './timeline.ts';

/** Near-same texts to different people keep at least this apart (GATE: up to 10 recipients in 24 h). */
const INTERVAL_MS = 60_000;
/** Five near-same texts that wait for one another would take four intervals. */
const REPLY_MS = INTERVAL_MS;

export interface Seen {
  /** All rows of chat.db, in the order of their ROWID. */
  rows: MacRow[];
  /** All events of the controller's store, in the order in which it stored them. */
  events: StoredEvent[];
}

/** `short`: of the story as far as it was played then. */
export function judge(seen: Seen, o: { short: boolean } = { short: false }): Promised[] {
  if (o.short) return [personal(seen), replies(seen), order(seen), notTwice(seen), truth(seen)];
  return [
    personal(seen),
    blast(seen),
    interval(seen),
    replies(seen),
    stop(seen),
    notDelivered(seen),
    late(seen),
    nothingLost(seen),
    order(seen),
    killed(seen),
    notTwice(seen),
    truth(seen),
  ];
}

const own = ({ rows }: Seen, text: string, handle?: string) =>
  rows.filter((row) => row.is_from_me === 1 && row.text === text && (handle === undefined || row.handle === handle));

function statuses({ events }: Seen, command: string): MessageStatus[] {
  return events
    .filter((e) => e.name === 'message.status' && e.data.command === command)
    .map((e) => e.data as MessageStatus);
}

function states(seen: Seen, command: string): MessageState[] {
  return statuses(seen, command)
    .sort((a, b) => a.n - b.n)
    .map((s) => s.state);
}

function personal(seen: Seen): Promised {
  const [row, ...more] = own(seen, TEXTS.personal, ANN);
  const told = states(seen, COMMANDS.personal);
  return {
    promise: 'delivered and read are told as seen',
    seen: `chat.db: ${row ? `is_sent ${row.is_sent}, is_delivered ${row.is_delivered}, is_read ${row.is_read}` : 'no row'}; told: ${told.join(' → ')}`,
    holds:
      row?.is_delivered === 1 &&
      row.is_read === 1 &&
      more.length === 0 &&
      told.join() === 'accepted,dispatching,sent,delivered,read',
  };
}

function blast(seen: Seen): Promised {
  const result = seen.events.find((e) => e.name === 'command.result' && e.data.command === COMMANDS.blast);
  const messages = statuses(seen, COMMANDS.blast).length;
  return {
    promise: 'no blast to more than ten',
    seen: `12 at once: ${String(result?.data.code ?? 'no answer')}, ${messages} messages made of it`,
    holds: result?.data.ok === false && result.data.code === 'marketing_blast' && messages === 0,
  };
}

function interval(seen: Seen): Promised {
  const times = own(seen, TEXTS.ready).map((row) => row.date ?? 0);
  const gaps = times.slice(1).map((at, i) => at - (times[i] ?? at));
  const seconds = (ms: number) => (ms / 1000).toFixed(1);
  return {
    promise: 'near-same texts 60 s apart, also over cut and kill',
    seen: `${times.length} texts, ${seconds(Math.min(...gaps))} to ${seconds(Math.max(...gaps))} s apart`,
    holds: times.length === CUSTOMERS.length - 1 && gaps.every((gap) => gap >= INTERVAL_MS),
  };
}

function replies(seen: Seen): Promised {
  const waits = ASKING.map((handle) => {
    const asked = seen.rows.find((row) => row.is_from_me === 0 && row.handle === handle && row.text === TEXTS.question);
    const [answered] = own(seen, TEXTS.answer, handle);
    const told = states(seen, answerTo(handle)).includes('held');
    return asked && answered && !told ? (answered.date ?? 0) - (asked.date ?? 0) : Number.POSITIVE_INFINITY;
  });
  const longest = Math.max(...waits);
  return {
    promise: 'replies do not wait',
    seen: `5 people answered with one text within ${(longest / 1000).toFixed(1)} s of asking, none held`,
    holds: longest <= REPLY_MS,
  };
}

function stop(seen: Seen): Promised {
  const said = seen.rows.find((row) => row.is_from_me === 0 && row.handle === STOPS && row.text === TEXTS.stop);
  const after = seen.rows.filter(
    (row) => row.is_from_me === 1 && row.handle === STOPS && row.rowid > (said?.rowid ?? 0),
  ).length;
  const held = statuses(seen, COMMANDS.ready)
    .filter((s) => s.to === STOPS)
    .at(-1);
  const told = seen.events.some((e) => e.name === 'contact.opted_out' && e.data.handle === STOPS);
  const refused =
    statuses(seen, COMMANDS.afterStop).some((s) => s.code === 'opted_out') ||
    seen.events.some((e) => e.data.command === COMMANDS.afterStop && e.data.code === 'opted_out');
  return {
    promise: 'nothing after STOP',
    seen: `${after} rows to ${nameOf(STOPS)} after it; what was held: ${held?.state} (${held?.code}); a new one: ${refused ? 'refused' : 'NOT refused'}`,
    holds: said !== undefined && after === 0 && held?.code === 'opted_out' && told && refused,
  };
}

function notDelivered(seen: Seen): Promised {
  const [row] = own(seen, TEXTS.nora, NORA);
  const last = statuses(seen, COMMANDS.nora).at(-1);
  return {
    promise: '“Not delivered” is told with Apple’s number',
    seen: `chat.db: error ${row?.error}; told: ${last?.state} (${last?.apple_error?.number} ${last?.apple_error?.name})`,
    holds: row?.error === 22 && last?.state === 'not_delivered' && last.apple_error?.number === 22,
  };
}

function late(seen: Seen): Promised {
  const [row] = own(seen, TEXTS.late, LATE);
  const told = statuses(seen, COMMANDS.late).sort((a, b) => a.n - b.n);
  const sent = told.find((s) => s.state === 'sent');
  const last = told.at(-1);
  const between = sent && last ? Math.round((last.at - sent.at) / 1000) : 0;
  return {
    promise: 'also when it comes late',
    seen: `told: ${told.map((s) => s.state).join(' → ')}, ${between} s after sent; chat.db: error ${row?.error}`,
    holds: row?.error === 22 && sent !== undefined && last?.state === 'not_delivered' && between > 10,
  };
}

/** Every row that somebody wrote while the relay was there, is told once; every message has its end. */
function nothingLost(seen: Seen): Promised {
  const spoken = seen.rows.filter(
    (row) => row.is_from_me === 0 && [TEXTS.question, TEXTS.stop, TEXTS.cut].some((t) => t === row.text),
  );
  const told = seen.events.filter((e) => e.name === 'message.inbound');
  const once = spoken.filter((row) => told.filter((e) => e.data.guid === row.guid).length === 1).length;
  const cut = own(seen, TEXTS.cutAnswer, ANN).length;
  return {
    promise: 'nothing is lost when the line breaks',
    seen: `${once} of ${spoken.length} inbound told once; the answer written meanwhile went out ${cut === 1 ? 'once' : `${cut} times`}`,
    holds: spoken.length === ASKING.length + 2 && once === spoken.length && cut === 1,
  };
}

function order({ events }: Seen): Promised {
  const streams = new Map<string, number[]>();
  for (const event of events) {
    const stream = 'stream' in event ? String(event.stream) : '';
    streams.set(stream, [...(streams.get(stream) ?? []), event.seq]);
  }
  const holes = [...streams.values()].reduce(
    (sum, seqs) => sum + seqs.filter((seq, i) => i > 0 && seq !== (seqs[i - 1] ?? 0) + 1).length,
    0,
  );
  return {
    promise: 'events in order, without a hole',
    seen: `${events.length} events, ${holes} holes`,
    holds: events.length > 0 && holes === 0,
  };
}

function killed(seen: Seen): Promised {
  const rows = own(seen, TEXTS.plumber, BOB);
  const told = states(seen, COMMANDS.plumber);
  return {
    promise: 'killed in the middle of a send: one copy',
    seen: `${rows.length} row in chat.db; told: ${told.join(' → ')}`,
    holds: rows.length === 1 && rows[0]?.is_delivered === 1 && told.at(-1) === 'delivered',
  };
}

function notTwice({ rows }: Seen): Promised {
  const sent = rows.filter((row) => row.is_from_me === 1);
  const different = new Set(sent.map((row) => `${row.handle}\n${row.text}`)).size;
  return {
    promise: 'nothing is sent twice',
    seen: `${sent.length} rows from us, ${different} different`,
    holds: sent.length > 0 && sent.length === different,
  };
}

/** The controller believes of each message what its row says. */
function truth(seen: Seen): Promised {
  const newest = new Map<string, MessageStatus>();
  for (const { name, data } of seen.events) {
    if (name !== 'message.status') continue;
    const status = data as MessageStatus;
    if ((newest.get(status.message)?.n ?? 0) < status.n) newest.set(status.message, status);
  }
  const withRow = [...newest.values()].filter((s) => s.guid !== undefined);
  const wrong = withRow.filter((s) => believed(seen.rows.find((row) => row.guid === s.guid)) !== s.state);
  const ours = seen.rows.filter((row) => row.is_from_me === 1).length;
  return {
    promise: 'the cloud knows what chat.db knows',
    seen: `${withRow.length - wrong.length} of ${ours} rows from us told as they are`,
    holds: wrong.length === 0 && withRow.length === ours,
  };
}

function believed(row: MacRow | undefined): MessageState | null {
  if (!row) return null;
  if (row.error !== 0) return 'not_delivered';
  if (row.is_read) return 'read';
  return row.is_delivered ? 'delivered' : 'sent';
}
