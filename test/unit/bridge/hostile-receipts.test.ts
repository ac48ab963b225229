/** Hostile situations, second part: what claimed rows say over time, and what must not be believed of it. */
import { rmSync } from 'node:fs';
import { describe, test } from 'vitest';
import { ANNA } from '../../support/bridge-world.ts';
import { appleDate } from '../../support/chat-db-file.ts';
import { DAY, HOUR, MINUTE, PATIENCE, play, type Scene, SECOND, type Situation } from '../../support/situations.ts';

const GRACE = 3_200;

/** A message whose row is in flight. */
async function onItsWay(w: Scene, service: 'imessage' | 'any' = 'imessage'): Promise<number> {
  await w.sends('hello', { service });
  return w.row('hello');
}

const ERRORS: Situation[] = [
  {
    name: 'an error that heals within its grace was none',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { error: 4 });
      await w.passes(2 * SECOND);
      await w.change(rowid, { error: 0, is_sent: 1 });
      await w.passes(MINUTE);
    },
    told: ['m_1 sent'],
  },
  {
    name: 'an error that comes and goes: each time has its own grace',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      for (let i = 0; i < 3; i += 1) {
        await w.change(rowid, { error: 4 });
        await w.passes(2 * SECOND);
        await w.change(rowid, { error: 0 });
        await w.passes(2 * SECOND);
      }
      await w.change(rowid, { is_sent: 1 });
    },
    told: ['m_1 sent'],
  },
  {
    name: 'a clean row after a failed one, within the grace',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { error: 22 });
      await w.passes(SECOND);
      await w.delivered(await w.row('hello'));
      await w.passes(MINUTE);
    },
    told: ['m_1 delivered'],
  },
  {
    name: 'a failed row that a person sends again by hand: it went after all',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { error: 4 });
      await w.passes(10 * MINUTE);
      await w.change(rowid, { error: 0, is_sent: 1 });
    },
    told: ['m_1 not_delivered', 'm_1 sent'],
    words: /after all/,
  },
  {
    name: 'a failed row that goes after all, and is delivered',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { error: 4 });
      await w.passes(GRACE);
      await w.delivered(rowid);
    },
    told: ['m_1 not_delivered', 'm_1 delivered'],
  },
  {
    name: 'a clean row of Messages’ own that comes after the failure was told',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { error: 4 });
      await w.passes(8 * SECOND);
      await w.sentRow('hello');
      await w.passes(MINUTE);
    },
    told: ['m_1 not_delivered', 'm_1 sent'],
  },
  {
    name: 'a failed row, and hours later the same text by hand',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { error: 4 });
      await w.passes(GRACE);
      await w.sleeps(3 * HOUR);
      await w.sentRow('hello');
    },
    told: ['m_1 not_delivered'],
    byHand: ['hello'],
  },
  {
    name: 'a failed row of one, a clean row of the next with the same text',
    happens: async (w) => {
      const first = await onItsWay(w);
      await w.change(first, { error: 22 });
      await w.sends('hello');
      await w.sentRow('hello');
      await w.passes(MINUTE);
    },
    told: ['m_2 sent', 'm_1 not_delivered'],
  },
  {
    name: 'an error in the row from its first moment',
    happens: async (w) => {
      await w.sends('hello');
      await w.row('hello', { error: 22 });
      await w.passes(GRACE);
    },
    told: ['m_1 not_delivered'],
    words: /not registered with iMessage/,
  },
  {
    name: 'an error minutes after sent',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { is_sent: 1 });
      await w.passes(5 * MINUTE);
      await w.change(rowid, { is_sent: 0, error: 22 });
      await w.passes(GRACE);
    },
    told: ['m_1 sent', 'm_1 not_delivered'],
  },
  {
    name: 'an error four days after sent',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { is_sent: 1 });
      await w.sleeps(4 * DAY);
      await w.change(rowid, { is_sent: 0, error: 4 });
      await w.passes(MINUTE);
    },
    told: ['m_1 sent', 'm_1 not_delivered'],
  },
  {
    name: 'an error after delivered: a receipt does not come from nothing',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.delivered(rowid);
      await w.change(rowid, { error: 4, is_sent: 0 });
      await w.passes(MINUTE);
    },
    told: ['m_1 delivered'],
  },
  {
    name: 'an error and a receipt in the same row, seen at once',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { error: 4, is_delivered: 1, date_delivered: appleDate(w.clock.now()) });
      await w.passes(MINUTE);
    },
    told: ['m_1 delivered'],
  },
  {
    name: 'an error number that nobody has explained',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { error: 77 });
      await w.passes(GRACE);
    },
    told: ['m_1 not_delivered'],
    words: /does not say why/,
  },
];

const CLOCKS: Situation[] = [
  {
    name: 'the Mac sleeps in the grace: whatever slept with it gets its own time after',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { error: 4 });
      await w.sleeps(8 * HOUR);
      await w.passes(2 * SECOND);
      await w.change(rowid, { error: 0, is_sent: 1 });
      await w.passes(MINUTE);
    },
    told: ['m_1 sent'],
  },
  {
    name: 'the Mac sleeps in the grace, and the error stays',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { error: 4 });
      await w.sleeps(8 * HOUR);
      await w.passes(GRACE + SECOND);
    },
    told: ['m_1 not_delivered'],
  },
  {
    name: 'the wall clock is set forward in the grace',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { error: 4 });
      w.clock.jumpWall(HOUR);
      await w.passes(2 * SECOND);
      await w.change(rowid, { error: 0, is_sent: 1 });
      await w.passes(MINUTE);
    },
    told: ['m_1 sent'],
  },
  {
    name: 'the wall clock is set back in the grace',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { error: 4 });
      w.clock.jumpWall(-5 * HOUR);
      await w.passes(GRACE);
    },
    told: ['m_1 not_delivered'],
  },
  {
    name: 'a restart in the grace: the new process watches for as long again',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { error: 4 });
      await w.killedAndOpened();
      w.clock.jumpWall(HOUR);
      await w.passes(2 * SECOND);
      await w.change(rowid, { error: 0, is_sent: 1 });
      await w.passes(MINUTE);
    },
    told: ['m_1 sent'],
  },
  {
    name: 'delivered after a night’s sleep',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { is_sent: 1 });
      await w.sleeps(9 * HOUR);
      await w.delivered(rowid);
      await w.passes(MINUTE);
    },
    told: ['m_1 sent', 'm_1 delivered'],
  },
  {
    name: 'delivered on the sixth day',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { is_sent: 1 });
      await w.sleeps(6 * DAY);
      await w.delivered(rowid);
      await w.passes(MINUTE);
    },
    told: ['m_1 sent', 'm_1 delivered'],
  },
  {
    name: 'delivered on the eighth day: nobody looks any more',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { is_sent: 1 });
      await w.sleeps(8 * DAY);
      await w.passes(MINUTE);
      await w.delivered(rowid);
      await w.passes(MINUTE);
    },
    told: ['m_1 sent'],
  },
  {
    name: 'in flight for seven days: at their end nobody knows, and it is not on its way for ever',
    happens: async (w) => {
      await onItsWay(w);
      await w.sleeps(8 * DAY);
      await w.passes(MINUTE);
    },
    told: ['m_1 unknown'],
    words: /7 days/,
  },
];

const ROWS: Situation[] = [
  {
    name: 'iCloud puts the row in once more, under another number',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      const again = w.reinserted(rowid, { is_sent: 1 });
      await w.look();
      await w.delivered(again);
      await w.passes(MINUTE);
    },
    told: ['m_1 sent', 'm_1 delivered'],
  },
  {
    name: 'a stranger’s row gets the number of the row that went, with an error',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { is_sent: 1 });
      w.delete(rowid);
      w.chat.own('+14155550177', 'by hand', w.clock.now(), { ROWID: rowid, guid: 'STRANGE', error: 4, is_sent: 0 });
      await w.passes(MINUTE);
    },
    told: ['m_1 sent'],
    byHand: ['by hand'],
  },
  {
    name: 'the row is deleted by hand while in flight: that proves nothing',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      w.delete(rowid);
      await w.passes(MINUTE);
    },
    told: [],
  },
  {
    name: 'the row is deleted by hand after it was sent',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { is_sent: 1 });
      w.delete(rowid);
      await w.passes(MINUTE);
    },
    told: ['m_1 sent'],
  },
  {
    name: 'a read flag without a date is no reading',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { is_sent: 1, is_delivered: 1, is_read: 1 });
    },
    told: ['m_1 delivered'],
  },
  {
    name: 'columns that go back tell nothing new',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.delivered(rowid);
      await w.change(rowid, { is_delivered: 0, date_delivered: 0 });
      await w.change(rowid, { is_sent: 0 });
      await w.delivered(rowid);
    },
    told: ['m_1 delivered'],
  },
  {
    name: 'a group whose columns say delivered and read ends at sent',
    happens: async (w) => {
      const chat = w.chat.group('chat123', [ANNA], { group_id: 'G-1' });
      await w.sends('hello', w.toGroup('group:G-1'));
      const rowid = await w.groupRow(chat, 'hello');
      await w.delivered(rowid);
      await w.change(rowid, { is_read: 1, date_read: appleDate(w.clock.now()) });
    },
    told: ['m_1 sent'],
  },
];

const SERVICES: Situation[] = [
  {
    name: 'goes over to SMS while in flight',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { service: 'SMS', was_downgraded: 1 });
      await w.change(rowid, { is_sent: 1 });
    },
    told: ['m_1 sent downgraded'],
  },
  {
    name: 'fails as iMessage and goes over to RCS in its grace',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { error: 22 });
      await w.passes(SECOND);
      await w.change(rowid, { error: 0, service: 'RCS', was_downgraded: 1, is_sent: 1 });
      await w.passes(MINUTE);
    },
    told: ['m_1 sent downgraded'],
  },
  {
    name: 'goes over to SMS two days after sent',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { is_sent: 1 });
      await w.sleeps(2 * DAY);
      await w.change(rowid, { service: 'SMS', was_downgraded: 1 });
      await w.passes(MINUTE);
    },
    told: ['m_1 sent', 'm_1 sent downgraded'],
  },
  {
    name: 'an SMS row whose columns say delivered ends at sent',
    happens: async (w) => {
      const rowid = await onItsWay(w, 'any');
      await w.change(rowid, { service: 'SMS', is_sent: 1, is_delivered: 1, date_delivered: appleDate(w.clock.now()) });
    },
    told: ['m_1 sent'],
  },
  {
    name: 'RCS that was allowed is delivered when its row says so',
    happens: async (w) => {
      const rowid = await onItsWay(w, 'any');
      await w.change(rowid, { service: 'RCS', is_sent: 1 });
      await w.delivered(rowid);
    },
    told: ['m_1 sent', 'm_1 delivered'],
  },
  {
    name: 'delivered, then called SMS, then failed: the first receipt stays, the change of service is told',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.delivered(rowid);
      await w.change(rowid, { service: 'SMS', was_downgraded: 1, is_delivered: 0, date_delivered: 0 });
      await w.change(rowid, { error: 4 });
      await w.passes(MINUTE);
    },
    told: ['m_1 delivered', 'm_1 delivered downgraded'],
  },
  {
    name: 'goes over to SMS and fails there: nothing went out, and the words do not say that it did',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { service: 'SMS', was_downgraded: 1, error: 4 });
      await w.passes(GRACE);
    },
    told: ['m_1 not_delivered downgraded'],
    words: /was not delivered/,
  },
  {
    name: 'the clean row after a failed one is an SMS',
    happens: async (w) => {
      const rowid = await onItsWay(w);
      await w.change(rowid, { error: 22 });
      await w.sentRow('hello', { service: 'SMS' });
      await w.passes(MINUTE);
    },
    told: ['m_1 sent downgraded'],
  },
];

const NO_ROW: Situation[] = [
  {
    name: 'taken, and no row for ten seconds',
    happens: async (w) => {
      await w.sends('hello');
      await w.passes(PATIENCE);
    },
    told: ['m_1 unknown'],
  },
  {
    name: 'the Mac sleeps before the row could come: it has ten seconds of being awake',
    happens: async (w) => {
      await w.sends('hello');
      await w.sleeps(9 * HOUR);
      await w.passes(5 * SECOND);
      await w.sentRow('hello');
    },
    told: ['m_1 sent'],
  },
  {
    name: 'chat.db cannot be read when the row should come',
    happens: async (w) => {
      await w.sends('hello');
      rmSync(w.chat.path);
      await w.passes(PATIENCE);
      await w.passes(PATIENCE);
    },
    told: ['m_1 unknown'],
    words: /cannot be read/,
  },
  {
    name: 'a row comes on the third day',
    happens: async (w) => {
      await w.sends('hello');
      await w.passes(PATIENCE);
      await w.sleeps(3 * DAY);
      await w.sentRow('hello');
    },
    told: ['m_1 unknown', 'm_1 sent'],
  },
  {
    name: 'a row comes on the third day, and it failed',
    happens: async (w) => {
      await w.sends('hello');
      await w.passes(PATIENCE);
      await w.sleeps(3 * DAY);
      await w.row('hello', { error: 22 });
      await w.passes(GRACE);
    },
    told: ['m_1 unknown', 'm_1 not_delivered'],
  },
];

describe.each([
  ['errors', ERRORS],
  ['clocks', CLOCKS],
  ['rows', ROWS],
  ['services', SERVICES],
  ['no row', NO_ROW],
])('%s:', (_group, situations) => {
  test.each(situations)('$name', play);
});
