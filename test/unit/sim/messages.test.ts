/** What Messages and the contacts of the simulated Mac do to the rows, step by step, on a clock that stands still. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BehaviourInput, Cast } from '../../sim/contacts.ts';
import type { Told } from '../../sim/mac-events.ts';
import { MacStore } from '../../sim/mac-store.ts';
import { Messages } from '../../sim/messages.ts';
import { type MacRow, readRows } from '../../sim/own-rows.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const ANN = '+14155550101';
const BOB = 'bob@example.com';
const HOUR = 3_600_000;
const TIMING = { acceptMs: 100, rowMs: 130, joinMs: 5, sentMs: 250 };

let folder: string;
let store: MacStore;
let clock: FakeClock;
let cast: Cast;
let events: Told[];
let messages: Messages;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sim-test-'));
  store = new MacStore(join(folder, 'chat.db'));
  clock = new FakeClock();
  cast = new Cast();
  events = [];
  const tell = (event: Told) => void events.push(event);
  messages = new Messages({ store, cast, clock, tell, timing: TIMING, reportsUntilVerdict: 2 });
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

const rows = () => readRows(store.path);
const only = (): MacRow => {
  const [row, ...more] = rows();
  if (!row || more.length > 0) throw new Error(`${more.length + (row ? 1 : 0)} rows`);
  return row;
};
const kinds = () => events.map((event) => event.kind);

/** Sends, and goes on to the moment at which the row is there and joined. */
function send(to: string, text = 'Hello', behaviour?: BehaviourInput): void {
  if (behaviour) cast.set(to, behaviour);
  messages.send({ handle: to }, text);
  clock.advance(TIMING.rowMs + TIMING.joinMs);
}

describe('a message to one person', () => {
  it('is a row, then in its chat, then sent, delivered and read, each in its time', () => {
    cast.set(ANN, { deliveredAfterMs: 400, readAfterMs: 10_000 });
    const begin = clock.now();
    messages.send({ handle: ANN }, 'Hello');
    clock.advance(TIMING.rowMs - 1);
    expect(rows()).toEqual([]);
    clock.advance(1);
    const born = { handle: ANN, text: 'Hello', is_from_me: 1, error: 0, service: 'iMessage', date: begin + 130 };
    expect(only()).toMatchObject({ ...born, chat: null, is_sent: 0 });
    clock.advance(5);
    expect(only()).toMatchObject({ ...born, chat: `any;-;${ANN}`, is_sent: 0, is_delivered: 0 });
    clock.advance(245);
    expect(only()).toMatchObject({ ...born, is_sent: 1, is_delivered: 0, date_delivered: null });
    clock.advance(400);
    expect(only()).toMatchObject({ is_delivered: 1, is_read: 0, date_delivered: begin + 780, date_read: null });
    clock.advance(10_000);
    expect(only()).toMatchObject({
      is_delivered: 1,
      is_read: 1,
      date_delivered: begin + 780,
      date_read: begin + 10_780,
    });
    expect(kinds()).toEqual(['row', 'sent', 'delivered', 'read']);
  });

  it('has its words in the body, never in `text`, and says from which address it went', () => {
    send(ANN, 'Grüße 👋🏽');
    const row = store.get(
      'SELECT text, destination_caller_id, account, part_count, length(attributedBody) AS n FROM message',
    );
    expect(row).toMatchObject({ text: null, destination_caller_id: store.ownAddress, part_count: 1 });
    expect(Number(row?.n)).toBeGreaterThan(100);
    expect(only().text).toBe('Grüße 👋🏽');
  });

  it('goes to the chat that is there, whatever wrote it', () => {
    store.insertInbound({ handle: ANN, text: 'Hi', at: clock.now() });
    send(ANN);
    messages.type({ handle: ANN }, 'By hand');
    expect(new Set(rows().map((row) => row.chat))).toEqual(new Set([`any;-;${ANN}`]));
    expect(store.all('SELECT * FROM chat').length).toBe(1);
  });

  it('to a number without plus reaches nobody', () => {
    send('14155550101');
    clock.advance(HOUR);
    expect(only()).toMatchObject({ error: 22, is_sent: 0, is_delivered: 0 });
  });
});

describe('contacts', () => {
  it('that nobody described take it after 400 ms and do not read it; `*` describes them', () => {
    send(ANN);
    clock.advance(HOUR);
    expect(only()).toMatchObject({ is_delivered: 1, is_read: 0 });
    cast.set('*', { deliveredAfterMs: null });
    send(BOB);
    clock.advance(HOUR);
    expect(rows()[1]).toMatchObject({ is_sent: 1, is_delivered: 0 });
  });

  it('whose phone is off never get it', () => {
    send(ANN, 'Hello', { deliveredAfterMs: null, readAfterMs: 1, answers: [{ text: 'never' }] });
    clock.advance(1_000 * HOUR);
    expect(only()).toMatchObject({ is_sent: 1, is_delivered: 0, is_read: 0, error: 0 });
  });

  it('that are not on iMessage show it in the first version of the row', () => {
    cast.set(ANN, { notOnIMessage: true });
    messages.send({ handle: ANN }, 'Hello');
    clock.advance(TIMING.rowMs);
    expect(only()).toMatchObject({ error: 22, is_sent: 0 });
    clock.advance(HOUR);
    expect(only()).toMatchObject({ error: 22, is_sent: 0, is_delivered: 0, chat: `any;-;${ANN}` });
    expect(kinds()).toEqual(['row', 'not_delivered']);
  });

  it('may fail later, before it was sent or after', () => {
    send(ANN, 'never sent', { notDelivered: { error: 4, afterMs: 2_000 } });
    clock.advance(1_900);
    expect(only()).toMatchObject({ error: 0, is_sent: 0 });
    clock.advance(100);
    expect(only()).toMatchObject({ error: 4, is_sent: 0 });
    const first = store.get("SELECT value FROM kvtable WHERE key = 'lastFailedMessageRowID'");
    expect(first?.value).toBe(only().rowid);
    send(BOB, 'sent at first', { lateError: { error: 22, afterMs: 45_000 } });
    clock.advance(44_000);
    expect(rows()[1]).toMatchObject({ error: 0, is_sent: 1 });
    clock.advance(1_300);
    expect(rows()[1]).toMatchObject({ error: 22, is_sent: 0, is_delivered: 0 });
    expect(kinds()).toEqual(['row', 'not_delivered', 'row', 'sent', 'not_delivered']);
  });

  it('may get a clean second row after the failed one', () => {
    send(ANN, 'twice', { notDelivered: { error: 22, afterMs: 1_000 }, cleanRowAfterMs: 1_500 });
    clock.advance(HOUR);
    expect(rows()).toMatchObject([
      { text: 'twice', error: 22, is_sent: 0 },
      { text: 'twice', error: 0, is_sent: 1, is_delivered: 1 },
    ]);
  });

  it('may be reached by SMS only: the same row, with another service', () => {
    send(ANN, 'green', { downgraded: { afterMs: 3_000, service: 'SMS' } });
    const { guid, rowid } = only();
    clock.advance(HOUR);
    expect(only()).toMatchObject({
      guid,
      rowid,
      service: 'SMS',
      was_downgraded: 1,
      is_sent: 1,
      is_delivered: 0,
      error: 0,
      handle: ANN,
    });
  });

  it('answer: each time, once, or only to some words', () => {
    cast.set(ANN, {
      answers: [
        { text: 'again', afterMs: 1_000 },
        { text: 'once', afterMs: 2_000, when: 'first' },
        { text: 'seven', afterMs: 3_000, ifText: 'when' },
      ],
    });
    for (const text of ['Hello', 'when?', 'and when']) {
      messages.send({ handle: ANN }, text);
      clock.advance(HOUR);
    }
    const answers = rows().filter((row) => row.is_from_me === 0);
    expect(answers.map((row) => row.text)).toEqual(['again', 'once', 'again', 'seven', 'again', 'seven']);
    expect(new Set(answers.map((row) => row.chat))).toEqual(new Set([`any;-;${ANN}`]));
    const [sent, first] = rows();
    expect(Number(first?.date) - Number(sent?.date_delivered)).toBe(1_000);
  });

  it('that report junk bring a verdict on the sender, after which nothing goes to anybody', () => {
    cast.set(ANN, { reportsJunkFrom: 2 });
    for (const text of ['one', 'two', 'three']) {
      messages.send({ handle: ANN }, text);
      clock.advance(HOUR);
    }
    expect(kinds().filter((kind) => kind === 'reported')).toHaveLength(2);
    expect(kinds().at(-1)).toBe('junk_verdict');
    expect(messages.verdict).toBe(true);
    send(BOB);
    messages.send({ chat: store.group({ members: [ANN, BOB] }) }, 'all');
    clock.advance(HOUR);
    expect(rows().map((row) => [row.text, row.error, row.is_sent])).toEqual([
      ['one', 0, 1],
      ['two', 0, 1],
      ['three', 0, 1],
      ['Hello', 22, 0],
      ['all', 22, 0],
    ]);
    messages.setVerdict(false);
    send(BOB, 'better');
    clock.advance(HOUR);
    expect(rows().at(-1)).toMatchObject({ text: 'better', error: 0, is_delivered: 1 });
  });

  it('are not what a mistyped behaviour says', () => {
    expect(() => cast.set(ANN, { deliveredAfter: 5 } as BehaviourInput)).toThrow(/deliveredAfter/);
    expect(() => cast.set(ANN, { deliveredAfterMs: -1 })).toThrow();
  });
});

describe('groups', () => {
  it('never say delivered; the members read and answer in the group', () => {
    const chat = store.group({ members: [ANN, BOB], name: 'Two' });
    cast.set(BOB, { readAfterMs: 10, answers: [{ text: 'fine', afterMs: 100 }] });
    messages.send({ chat }, 'Hello both');
    clock.advance(HOUR);
    const [own, answer] = rows();
    expect(own).toMatchObject({ handle: '', chat: chat.guid, is_sent: 1, is_delivered: 0, is_read: 0, error: 0 });
    expect(answer).toMatchObject({ handle: BOB, chat: chat.guid, text: 'fine', is_from_me: 0 });
    const cached = store.all('SELECT cache_roomnames FROM message').map((row) => row.cache_roomnames);
    expect(cached).toEqual([chat.identifier, chat.identifier]);
    expect(kinds()).toEqual(['row', 'sent', 'inbound']);
  });

  it('may leave a ghost: an empty SMS row from me, in no chat', () => {
    const chat = store.group({ members: [ANN, BOB] });
    messages.leaveGhosts(1);
    messages.send({ chat }, 'lost');
    clock.advance(HOUR);
    expect(only()).toMatchObject({
      handle: chat.identifier,
      chat: null,
      text: '',
      service: 'SMS',
      is_from_me: 1,
      is_sent: 0,
    });
    messages.send({ chat }, 'not lost');
    clock.advance(HOUR);
    expect(rows()[1]).toMatchObject({ text: 'not lost', is_sent: 1 });
  });
});

describe('the owner', () => {
  it('writes from another device: delivered without a date; on this Mac with one', () => {
    messages.type({ handle: ANN }, 'from the phone');
    messages.type({ handle: ANN }, 'from here', { here: true });
    clock.advance(HOUR);
    const [phone, here] = rows();
    expect(phone).toMatchObject({ is_from_me: 1, is_sent: 1, is_delivered: 1, date_delivered: null });
    expect(here).toMatchObject({ is_delivered: 1, date_delivered: clock.now() - HOUR + 400 });
  });

  it('may look like somebody else for a moment', () => {
    messages.type({ handle: ANN }, 'mine', { correctedAfterMs: 30 });
    expect(only().is_from_me).toBe(0);
    clock.advance(30);
    expect(only()).toMatchObject({ is_from_me: 1, handle: ANN });
  });
});

describe('timing', () => {
  it('a join may come very late, or never', () => {
    messages.timing.joinMs = 5_000;
    messages.send({ handle: ANN }, 'late');
    clock.advance(5_000);
    expect(only()).toMatchObject({ chat: null, is_sent: 1, is_delivered: 1 });
    clock.advance(130);
    expect(only().chat).toBe(`any;-;${ANN}`);
    messages.timing.joinMs = null;
    messages.send({ handle: ANN }, 'never');
    clock.advance(HOUR);
    expect(rows()[1]).toMatchObject({ chat: null, is_delivered: 1 });
  });

  it('what is under way when the file is replaced changes nothing in the new one', () => {
    messages.send({ handle: ANN }, 'old');
    clock.advance(TIMING.rowMs);
    store.close();
    rmSync(store.path);
    store = new MacStore(join(folder, 'other.db'));
    messages.store = store;
    clock.advance(HOUR);
    expect(rows()).toEqual([]);
    expect(kinds()).toEqual(['row']);
  });
});
