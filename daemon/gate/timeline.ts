/**
 * What went when: the dispatches of the last hours by families of near-same texts, read from the relay's store as it lies on the disk.
 *
 * Only reads, in short pieces, beside a running relay (WAL) or without one; the relay's process has no part in it. Families are those that
 * the gate saw when the texts went (families.ts), joined with equal fingerprints; distances and intervals are those that it decided by.
 */
import { type Db, openReader } from '../host/db.ts';
import { codeOf, messageOf, RelayError } from '../host/errors.ts';

export interface Dispatch {
  /** The message, or `row:<guid>` for what the owner's own hand sent. */
  message: string;
  to: string;
  people: string[];
  kind: 'sent' | 'reply' | 'own_hand';
  state: 'settled' | 'in_flight' | 'unknown';
  /** When its row showed that it was sent or in error; while in flight, when it was handed to Messages. Unix ms. */
  at: number;
  /** Since the near text before it, on the clock that the gate waits by; null: there was none, or it was not asked. */
  gapMs: number | null;
  /** The distance that it had to keep. */
  intervalMs: number | null;
  tooClose: boolean;
}

export interface FamilyOfTexts {
  /** Eight hex digits of the first one's keyed fingerprint. */
  name: string;
  /** The first 30 characters of the first one, if the store still has them. */
  textStart: string | null;
  people: number;
  leastGapMs: number | null;
  /** The smallest and the largest that was asked for. */
  intervalMs: { least: number; most: number } | null;
  tooClose: number;
  /** In the order of time. */
  dispatches: Dispatch[];
}

export interface Timeline {
  from: number;
  to: number;
  /** Those with several dispatches and most people first; at most `limit`. */
  families: FamilyOfTexts[];
  /** How many families there are, those not listed too. */
  familiesTotal: number;
  /** Texts that nothing else was near to. */
  singles: Dispatch[];
  replies: Dispatch[];
  dispatches: number;
  tooClose: number;
}

const ROWS_AT_ONCE = 5_000;
const TEXT_START = 30;
const STATES = ['settled', 'in_flight', 'unknown'] as const;

interface Row {
  id: number;
  name: string;
  address: string;
  /** Null as a rule: the list of one, which need not be parsed 100,000 times. */
  people: string | null;
  reply: number;
  exact: string | null;
  at: number;
  in_flight: number;
  interval_ms: number | null;
  gap_ms: number | null;
  kin: string | null;
}

/** A row as read; what the picture does not need of it stays here. */
export interface Sent extends Dispatch {
  /** Equal for texts that are the same, 16 hex digits; null where there are links, which say the same. */
  exact: string | null;
  /** Names of near ones before it, line breaks between. */
  kin: string | null;
}

/** Throws `store_missing`, `store_other_version` or `store_unreadable`. */
export function readTimeline(path: string, o: { from: number; to: number; limit: number }): Timeline {
  let db: Db | undefined;
  try {
    db = openReader(path, { timeoutMs: 2_000 });
    // 100,000 fingerprints lie on as many pages as there are; nobody makes this file shorter while it is open.
    db.exec(`PRAGMA mmap_size = ${2 ** 30}`);
    const rows = readSent(db, o);
    return timelineOf(rows, o, looksInto(db));
  } catch (error) {
    throw storeError(path, error);
  } finally {
    db?.close();
  }
}

/** What is looked up of the families that are listed, by message. */
interface Looks {
  nameOf(message: string): string;
  textOf(message: string): string | null;
}

/** `rows` in any order. */
export function timelineOf(rows: Sent[], o: { from: number; to: number; limit: number }, looks: Looks): Timeline {
  const sent = rows.filter(({ kind }) => kind !== 'reply');
  const groups = connected(sent);
  const families = groups.filter((group) => group.length > 1).map(familyOf);
  families.sort((a, b) => b.people - a.people || b.dispatches.length - a.dispatches.length);
  const listed = families.slice(0, o.limit);
  for (const family of listed) {
    family.name = looks.nameOf(family.dispatches[0]?.message ?? '');
    family.textStart = firstText(family, looks.textOf);
  }
  return {
    from: o.from,
    to: o.to,
    families: listed,
    familiesTotal: families.length,
    singles: groups.flatMap((group) => (group.length === 1 ? group : [])).sort(byTime),
    replies: rows.filter(({ kind }) => kind === 'reply').sort(byTime),
    dispatches: rows.length,
    tooClose: sent.filter(({ tooClose }) => tooClose).length,
  };
}

function byTime(a: Dispatch, b: Dispatch): number {
  return a.at - b.at;
}

function readSent(db: Db, { from, to }: { from: number; to: number }): Sent[] {
  const some = db.sql<Row>(
    `SELECT id, name, address, reply, at, in_flight, interval_ms, gap_ms, kin,
         iif(length(people) = length(address) + 4, NULL, people) AS people,
         iif(kin IS NULL, hex(substr(fingerprint, 5, 8)), NULL) AS exact
       FROM gate_send WHERE id > ? AND at >= ? AND at <= ? ORDER BY id LIMIT ${ROWS_AT_ONCE}`,
  );
  const sent: Sent[] = [];
  for (let rows = some.all(0, from, to); rows.length > 0; rows = some.all(rows.at(-1)?.id ?? 0, from, to))
    for (const row of rows) sent.push(sentOf(row));
  return sent;
}

function sentOf(row: Row): Sent {
  const { name, address, people, reply, at, gap_ms: gapMs, interval_ms: intervalMs, exact, kin } = row;
  const kind = reply !== 0 ? 'reply' : name.startsWith('row:') ? 'own_hand' : 'sent';
  return {
    message: name,
    to: address,
    people: people === null ? [address] : (JSON.parse(people) as string[]),
    kind,
    state: STATES[row.in_flight] ?? 'settled',
    at,
    gapMs,
    intervalMs,
    tooClose: gapMs !== null && intervalMs !== null && gapMs < intervalMs,
    exact,
    kin,
  };
}

/** Groups by links and by equal texts. */
function connected(sent: Sent[]): Sent[][] {
  const root = Int32Array.from({ length: sent.length }, (_, i) => i);
  const rootOf = (i: number): number => {
    let at = i;
    for (let up = root[at] ?? at; up !== at; up = root[at] ?? at) {
      root[at] = root[up] ?? up;
      at = up;
    }
    return at;
  };
  const byName = new Map<string, number>();
  const byText = new Map<string, number>();
  const join = (i: number, name: string) => {
    const other = byName.get(name);
    if (other !== undefined) root[rootOf(i)] = rootOf(other);
  };
  let i = 0;
  for (const { message, exact, kin } of sent) {
    const same = exact === null ? undefined : byText.get(exact);
    if (same !== undefined) root[rootOf(i)] = rootOf(same);
    else if (exact !== null) byText.set(exact, i);
    // Links lead to earlier rows, and nearly always there is one.
    if (kin?.includes('\n')) for (const name of kin.split('\n')) join(i, name);
    else if (kin !== null) join(i, kin);
    byName.set(message, i);
    i += 1;
  }
  const groups = new Map<number, Sent[]>();
  for (const [i, one] of sent.entries()) {
    const key = rootOf(i);
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  return [...groups.values()];
}

function familyOf(group: Sent[]): FamilyOfTexts {
  const dispatches = group.sort(byTime);
  const people = new Set<string>();
  let leastGapMs: number | null = null;
  let least: number | null = null;
  let most = 0;
  for (const { people: some, gapMs, intervalMs } of dispatches) {
    for (const person of some) people.add(person);
    if (gapMs === null || intervalMs === null) continue;
    leastGapMs = Math.min(leastGapMs ?? gapMs, gapMs);
    least = Math.min(least ?? intervalMs, intervalMs);
    most = Math.max(most, intervalMs);
  }
  return {
    name: '',
    textStart: null,
    people: people.size,
    leastGapMs,
    intervalMs: least === null ? null : { least, most },
    tooClose: dispatches.filter((one) => one.tooClose).length,
    dispatches,
  };
}

function firstText({ dispatches }: FamilyOfTexts, textOf: (message: string) => string | null): string | null {
  for (const { message, kind } of dispatches.slice(0, 10)) {
    const text = kind === 'sent' ? textOf(message) : null;
    if (text !== null) return text;
  }
  return null;
}

function looksInto(db: Db): Looks {
  const text = db.sql<{ text: string }>('SELECT text FROM message WHERE id = ?');
  const name = db.sql<{ name: string }>(
    'SELECT lower(hex(substr(fingerprint, 5, 4))) AS name FROM gate_send WHERE name = ?',
  );
  return {
    textOf(message) {
      const row = text.get(message);
      return row ? [...row.text].slice(0, TEXT_START).join('') : null;
    },
    nameOf: (message) => name.get(message)?.name ?? '',
  };
}

function storeError(path: string, error: unknown): RelayError {
  if (codeOf(error) === 'ENOENT')
    return new RelayError('store_missing', `There is no store at ${path}.`, {
      hint: 'Name the folder of the relay with --home or SENDER_RELAY_HOME; the store is made at its first start.',
      cause: error,
    });
  if (/no such (column|table)/.test(messageOf(error)))
    return new RelayError('store_other_version', `${path} was written by another version of the relay.`, {
      hint: 'Start the relay of this version once; it brings the store up to date.',
      cause: error,
    });
  return new RelayError('store_unreadable', `${path} cannot be read: ${messageOf(error)}.`, {
    hint: 'Read it as the user whose relay it is; if it is damaged, relayd says at its start what to do.',
    cause: error,
  });
}
