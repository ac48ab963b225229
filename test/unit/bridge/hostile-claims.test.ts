/** Hostile situations, first part: which row is which attempt's, when Messages and people make it hard to tell. */
import { describe, test } from 'vitest';
import { ANNA } from '../../support/bridge-world.ts';
import { appleDate } from '../../support/chat-db-file.ts';
import { BEN, DAY, HOUR, LINK_APP, MINUTE, PATIENCE, play, SECOND, type Situation } from '../../support/situations.ts';

const LINK = 'https://example.com/offer?id=1';
const TEXT_AND_LINK = `Your table is booked: ${LINK}`;
const GROUP = 'group:G-1';

const SAME_TEXT: Situation[] = [
  {
    name: 'the same text twice in a row: rows and attempts are paired in order',
    happens: async (w) => {
      await w.sends('hello');
      await w.sends('hello');
      await w.row('hello');
      const second = await w.row('hello');
      await w.delivered(second);
    },
    told: ['m_2 delivered'],
  },
  {
    name: 'an old one never showed a row: the row of the next is the next one’s',
    happens: async (w) => {
      await w.sends('hello');
      await w.passes(PATIENCE);
      await w.sleeps(25 * HOUR);
      await w.sends('hello');
      await w.sentRow('hello');
    },
    told: ['m_1 unknown', 'm_2 sent'],
  },
  {
    name: 'two never showed, then Messages wakes up: oldest first',
    happens: async (w) => {
      await w.sends('hello');
      await w.passes(PATIENCE);
      await w.sends('hello');
      await w.passes(PATIENCE);
      await w.sentRow('hello');
      await w.sentRow('hello');
    },
    told: ['m_1 unknown', 'm_2 unknown', 'm_1 sent', 'm_2 sent'],
  },
  {
    name: 'typed on the phone before the attempt, and synced after it',
    happens: async (w) => {
      await w.sends('hello');
      await w.sentRow('hello', {}, { agoMs: 30 * SECOND });
      await w.row('hello');
    },
    told: [],
    byHand: ['hello'],
  },
  {
    name: 'typed on the phone right after ours',
    happens: async (w) => {
      await w.sends('hello');
      await w.sentRow('hello');
      await w.sentRow('hello');
    },
    told: ['m_1 sent'],
    byHand: ['hello'],
  },
  {
    name: 'planned by hand with Send Later: such a row says sent long before it is',
    happens: async (w) => {
      await w.sends('hello');
      await w.sentRow('hello', { schedule_type: 2 }, { agoMs: -HOUR });
    },
    told: [],
    byHand: ['hello'],
  },
  {
    name: 'typed by hand as a reply to one message: no script can do that',
    happens: async (w) => {
      await w.sends('yes');
      await w.sentRow('yes', { thread_originator_guid: 'THEIRS', thread_originator_part: '0:0:3' });
      await w.row('yes');
    },
    told: [],
    byHand: ['yes'],
  },
  {
    name: 'the owner’s photo with the same words beside it',
    happens: async (w) => {
      await w.sends('hello');
      const rowid = w.chat.own(ANNA, '\uFFFChello', w.clock.now(), { cache_has_attachments: 1 });
      const attachment = w.chat.insert('attachment', { guid: 'AT-1', filename: 'a.jpg', transfer_state: 5 });
      w.chat.insert('message_attachment_join', { message_id: rowid, attachment_id: attachment });
    },
    told: [],
    byHand: ['hello'],
  },
  {
    name: 'a row of iCloud’s from last year with the same text',
    happens: async (w) => {
      await w.sends('hello');
      await w.sentRow('hello', {}, { agoMs: 365 * DAY });
    },
    told: [],
    byHand: ['hello'],
  },
];

const CLOCKS: Situation[] = [
  {
    name: 'the clock was set back an hour between the send and its row',
    happens: async (w) => {
      await w.sends('hello');
      w.clock.jumpWall(-HOUR);
      await w.sentRow('hello');
    },
    told: ['m_1 sent'],
  },
  {
    name: 'the clock was set forward an hour between the send and its row',
    happens: async (w) => {
      await w.sends('hello');
      w.clock.jumpWall(HOUR);
      await w.sentRow('hello');
    },
    told: ['m_1 sent'],
  },
  {
    name: 'the Mac slept for a night between the send and its row',
    happens: async (w) => {
      await w.sends('hello');
      w.clock.sleep(9 * HOUR);
      await w.sentRow('hello');
    },
    told: ['m_1 sent'],
  },
  {
    name: 'the Mac was started anew between the send and its row, and its clock was a minute off',
    happens: async (w) => {
      await w.sends('hello');
      await w.kill();
      w.clock.reboot();
      await w.open();
      await w.sentRow('hello', {}, { agoMs: MINUTE });
    },
    told: ['m_1 sent'],
  },
];

const OTHER_FORMS: Situation[] = [
  {
    name: 'decomposed, with other line ends, trimmed',
    happens: async (w) => {
      await w.sends(' Caf\u00e9\r\nis open \n');
      await w.sentRow('Cafe\u0301\nis open');
    },
    told: ['m_1 sent'],
  },
  {
    name: 'half a character that no disk can hold',
    happens: async (w) => {
      await w.sends('broken \ud83d here');
      await w.sentRow('broken \ufffd here');
    },
    told: ['m_1 sent'],
  },
  {
    name: 'curly quotes are another text: phones make them, scripts do not',
    happens: async (w) => {
      await w.sends("don't");
      await w.sentRow('don\u2019t');
    },
    told: [],
    byHand: ['don\u2019t'],
  },
  {
    name: 'the row names the number without its country code',
    happens: async (w) => {
      await w.sends('hello');
      await w.sentRow('hello', {}, { to: '(415) 555-0101' });
    },
    told: ['m_1 sent'],
  },
  {
    name: 'the row names the e-mail in capitals, with a filter’s mark',
    happens: async (w) => {
      await w.sends('hello', { recipient: { kind: 'handle', handle: 'anna@example.com' } });
      await w.sentRow('hello', {}, { to: 'Anna@Example.com(filtered)' });
    },
    told: ['m_1 sent'],
  },
];

const LINKS: Situation[] = [
  {
    name: 'a text with a link in one row, whose preview comes later in place',
    happens: async (w) => {
      await w.sends(TEXT_AND_LINK);
      const rowid = await w.row(TEXT_AND_LINK);
      await w.change(rowid, { ...LINK_APP, text: `${TEXT_AND_LINK}\uFFFD`, is_sent: 1 });
    },
    told: ['m_1 sent'],
  },
  {
    name: 'a link alone, whose plain row another row with the preview replaces',
    happens: async (w) => {
      await w.sends(LINK);
      const plain = await w.row(LINK);
      const balloon = w.replaced(plain, LINK_APP);
      await w.look();
      await w.delivered(balloon);
    },
    told: ['m_1 delivered'],
  },
  {
    name: 'the same link by hand a moment later is by hand: ours is still there',
    happens: async (w) => {
      await w.sends(LINK);
      await w.sentRow(LINK, LINK_APP);
      await w.sentRow(LINK, LINK_APP);
    },
    told: ['m_1 sent'],
    byHand: [LINK],
  },
  {
    name: 'text and link in two rows: sent when both are',
    happens: async (w) => {
      await w.sends(TEXT_AND_LINK);
      const text = await w.row('Your table is booked:');
      const link = await w.row(LINK, LINK_APP);
      await w.change(text, { is_sent: 1 });
      await w.change(link, { is_sent: 1 });
    },
    told: ['m_1 sent'],
  },
  {
    name: 'link first, then text, in two rows',
    happens: async (w) => {
      await w.sends(`${LINK}\nthat is it!`);
      await w.sentRow(LINK, LINK_APP);
      await w.sentRow('that is it!');
    },
    told: ['m_1 sent'],
  },
  {
    name: 'text, link, text, link in four rows',
    happens: async (w) => {
      await w.sends(`One: ${LINK} two: example.org/x.`);
      for (const piece of ['One:', LINK, 'two:', 'example.org/x.']) await w.sentRow(piece);
    },
    told: ['m_1 sent'],
  },
  {
    name: 'only one row of two is sent: not sent yet',
    happens: async (w) => {
      await w.sends(TEXT_AND_LINK);
      const text = await w.row('Your table is booked:');
      await w.row(LINK, LINK_APP);
      await w.change(text, { is_sent: 1 });
      await w.passes(MINUTE);
    },
    told: [],
  },
  {
    name: 'one row of two goes over to SMS: told, with the whole message',
    happens: async (w) => {
      await w.sends(TEXT_AND_LINK);
      await w.sentRow('Your table is booked:');
      await w.sentRow(LINK, { ...LINK_APP, service: 'SMS', was_downgraded: 1 });
    },
    told: ['m_1 sent downgraded'],
  },
  {
    name: 'only one row of two is delivered: not delivered yet',
    happens: async (w) => {
      await w.sends(TEXT_AND_LINK);
      const text = await w.sentRow('Your table is booked:');
      await w.sentRow(LINK, LINK_APP);
      await w.delivered(text);
    },
    told: ['m_1 sent'],
  },
  {
    name: 'both rows of two are delivered',
    happens: async (w) => {
      await w.sends(TEXT_AND_LINK);
      const text = await w.sentRow('Your table is booked:');
      const link = await w.sentRow(LINK, LINK_APP);
      await w.delivered(link);
      await w.delivered(text);
    },
    told: ['m_1 sent', 'm_1 delivered'],
  },
  {
    name: 'one row of two fails: the message is not delivered',
    happens: async (w) => {
      await w.sends(TEXT_AND_LINK);
      await w.sentRow('Your table is booked:');
      const link = await w.sentRow(LINK, LINK_APP);
      await w.change(link, { is_sent: 0, error: 4 });
      await w.passes(3_200);
    },
    told: ['m_1 sent', 'm_1 not_delivered'],
  },
  {
    name: 'only the first row of two comes: nobody knows',
    happens: async (w) => {
      await w.sends(TEXT_AND_LINK);
      await w.sentRow('Your table is booked:');
      await w.passes(PATIENCE);
    },
    told: ['m_1 unknown'],
    words: /only a part/,
  },
  {
    name: 'the second row of two comes late',
    happens: async (w) => {
      await w.sends(TEXT_AND_LINK);
      await w.sentRow('Your table is booked:');
      await w.passes(30 * SECOND);
      await w.sentRow(LINK, LINK_APP);
    },
    told: ['m_1 unknown', 'm_1 sent'],
  },
  {
    name: 'a restart between the two rows',
    happens: async (w) => {
      await w.sends(TEXT_AND_LINK);
      await w.sentRow('Your table is booked:');
      await w.killedAndOpened();
      await w.sentRow(LINK, LINK_APP);
    },
    told: ['m_1 sent'],
  },
  {
    name: 'the same text and link twice: two rows each, in order',
    happens: async (w) => {
      await w.sends(TEXT_AND_LINK);
      await w.sends(TEXT_AND_LINK);
      for (const piece of ['Your table is booked:', LINK, 'Your table is booked:', LINK]) await w.sentRow(piece);
    },
    told: ['m_1 sent', 'm_2 sent'],
  },
  {
    name: 'the beginning of a text with a link, typed by hand and cut elsewhere than at the link',
    happens: async (w) => {
      await w.sends(TEXT_AND_LINK);
      await w.sentRow('Your table');
      await w.sentRow(TEXT_AND_LINK);
    },
    told: ['m_1 sent'],
    byHand: ['Your table'],
  },
  {
    name: 'the words before the link typed by hand hours later',
    happens: async (w) => {
      await w.sends(TEXT_AND_LINK);
      await w.passes(PATIENCE);
      await w.sleeps(5 * HOUR);
      await w.sentRow('Your table is booked:');
    },
    told: ['m_1 unknown'],
    byHand: ['Your table is booked:'],
  },
  {
    name: 'the preview in a row of its own beside the whole text; a second such row is by hand',
    happens: async (w) => {
      await w.sends(TEXT_AND_LINK);
      await w.sentRow(TEXT_AND_LINK);
      await w.passes(5 * SECOND);
      await w.sentRow(LINK, LINK_APP);
      await w.sentRow(LINK, LINK_APP);
    },
    told: ['m_1 sent'],
    byHand: [LINK],
  },
];

const REPLACED: Situation[] = [
  {
    name: 'Messages takes the row away and puts in another with the same text',
    happens: async (w) => {
      await w.sends('hello');
      const rowid = w.replaced(await w.row('hello'), {});
      await w.look();
      await w.delivered(rowid);
    },
    told: ['m_1 delivered'],
  },
  {
    name: 'somebody deletes ours, and sends the same by hand the next day',
    happens: async (w) => {
      await w.sends('hello');
      w.delete(await w.sentRow('hello'));
      await w.sleeps(DAY);
      await w.sentRow('hello');
    },
    told: ['m_1 sent'],
    byHand: ['hello'],
  },
];

const PLACES: Situation[] = [
  {
    name: 'the text landed in another conversation: not called sent, and where it is is told',
    happens: async (w) => {
      w.chat.direct(BEN);
      await w.sends('hello');
      await w.sentRow('hello', {}, { to: BEN });
      await w.passes(PATIENCE);
    },
    told: ['m_1 unknown'],
    byHand: ['hello'],
    words: /another conversation/,
  },
  {
    name: 'the text for a group landed with one of its members',
    happens: async (w) => {
      w.chat.group('chat123', [ANNA, BEN], { group_id: 'G-1' });
      await w.sends('hello', w.toGroup(GROUP));
      await w.sentRow('hello', {}, { to: BEN });
      await w.passes(PATIENCE);
    },
    told: ['m_1 unknown'],
    byHand: ['hello'],
    words: /another conversation/,
  },
  {
    name: 'the chat join of a group’s row comes after five seconds',
    happens: async (w) => {
      const chat = w.chat.group('chat123', [ANNA, BEN], { group_id: 'G-1' });
      await w.sends('hello', w.toGroup(GROUP));
      const rowid = await w.groupRow(null, 'hello');
      await w.passes(5 * SECOND);
      w.chat.join(rowid, chat);
      await w.passes(PATIENCE);
    },
    told: ['m_1 sent'],
    byHand: ['hello'],
  },
  {
    name: 'the row says for five seconds that it is not from us',
    happens: async (w) => {
      await w.sends('hello');
      const rowid = await w.row('hello', { is_from_me: 0, is_delivered: 1 });
      await w.passes(5 * SECOND);
      await w.change(rowid, { is_from_me: 1, is_sent: 1, is_delivered: 0 });
      await w.passes(PATIENCE);
    },
    told: ['m_1 sent'],
  },
  {
    name: 'the row is there before its body',
    happens: async (w) => {
      await w.sends('hello');
      const rowid = await w.row('');
      await w.passes(SECOND);
      await w.change(rowid, { text: 'hello', is_sent: 1 });
      await w.passes(PATIENCE);
    },
    told: ['m_1 sent'],
    byHand: [''],
  },
];

const GHOSTS: Situation[] = [
  {
    name: 'a ghost is the failure of the send just made, not of an old one that nobody saw',
    happens: async (w) => {
      w.chat.group('chat123', [ANNA, BEN], { group_id: 'G-1' });
      await w.sends('hello', w.toGroup(GROUP));
      await w.passes(PATIENCE);
      await w.sleeps(2 * HOUR);
      await w.sends('good day', w.toGroup(GROUP));
      await w.ghost('chat123');
      await w.passes(3_200);
    },
    told: ['m_1 unknown', 'm_2 not_delivered'],
    words: /was not sent/,
  },
  {
    name: 'two sends, two ghosts',
    happens: async (w) => {
      w.chat.group('chat123', [ANNA, BEN], { group_id: 'G-1' });
      await w.sends('hello', w.toGroup(GROUP));
      await w.ghost('chat123');
      await w.sends('good day', w.toGroup(GROUP));
      await w.ghost('chat123');
      await w.passes(3_200);
    },
    told: ['m_1 not_delivered', 'm_2 not_delivered'],
  },
  {
    name: 'a ghost that comes long after the last send is nobody’s',
    happens: async (w) => {
      w.chat.group('chat123', [ANNA, BEN], { group_id: 'G-1' });
      await w.sends('hello', w.toGroup(GROUP));
      await w.passes(PATIENCE);
      await w.sleeps(2 * HOUR);
      await w.ghost('chat123');
      await w.passes(PATIENCE);
    },
    told: ['m_1 unknown'],
    byHand: [''],
  },
  {
    name: 'an empty SMS row of somebody else is no ghost of ours',
    happens: async (w) => {
      await w.sends('hello');
      await w.ghost(BEN);
      await w.passes(PATIENCE);
    },
    told: ['m_1 unknown'],
    byHand: [''],
  },
  {
    name: 'a ghost that gets its words and its chat after all was none',
    happens: async (w) => {
      w.chat.direct(ANNA);
      await w.sends('hello');
      const rowid = await w.ghost(ANNA);
      w.chat.join(rowid, w.chat.direct(ANNA));
      await w.change(rowid, {
        text: 'hello',
        is_empty: 0,
        is_sent: 1,
        service: 'iMessage',
        date: appleDate(w.clock.now()),
      });
      await w.passes(5 * SECOND);
    },
    told: ['m_1 sent'],
  },
];

describe.each([
  ['the same text', SAME_TEXT],
  ['clocks', CLOCKS],
  ['other forms of a text', OTHER_FORMS],
  ['links', LINKS],
  ['replaced rows', REPLACED],
  ['places', PLACES],
  ['ghosts', GHOSTS],
])('%s:', (_group, situations) => {
  test.each(situations)('$name', play);
});
