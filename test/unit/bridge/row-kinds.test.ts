/** What one row says: its kind by Apple's numbers, and the detail to it. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { appWords } from '../../../daemon/bridge/app-payload.ts';
import { appName, effectOf } from '../../../daemon/bridge/apple-names.ts';
import { ChatDb } from '../../../daemon/bridge/chat-db.ts';
import type { ChatRow } from '../../../daemon/bridge/chat-row.ts';
import { isWritten } from '../../../daemon/bridge/row-kinds.ts';
import { bplist } from '../../sim/bplist.ts';
import { attributedText, encodeAttributedText, PART } from '../../sim/typedstream.ts';
import { appleDate, ChatDbFile, type Columns } from '../../support/chat-db-file.ts';

const PAYLOADS = fileURLToPath(new URL('../../../../shared/fixtures/bplist/payload_data/', import.meta.url));
const ANNA = '+14155550101';
const BEN = '+14155550102';
const AT = Date.UTC(2026, 10, 24, 9, 0, 0);
const LINK = 'com.apple.messages.URLBalloonProvider';
const PLUGIN = 'com.apple.messages.MSMessageExtensionBalloonPlugin';

let folder: string;
let chat: ChatDbFile;
let chatDb: ChatDb;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sender-relay-'));
  chat = new ChatDbFile(join(folder, 'chat.db'));
  chatDb = ChatDb.open(chat.path);
});
afterEach(() => {
  chatDb.close();
  chat.close();
  rmSync(folder, { recursive: true, force: true });
});

function last(rowid = chatDb.maxRowid()): ChatRow {
  const row = chatDb.rowsByRowid([rowid])[0];
  if (!row) throw new Error('there is no row');
  return row;
}

/** The kind and the whole detail of Anna's row with these columns. */
function told(columns: Columns): Pick<ChatRow, 'kind' | 'detail'> {
  chat.inbound(ANNA, 'words', AT, columns);
  const { kind, detail } = last();
  return detail ? { kind, detail } : { kind };
}

const version = (text: string) => ({ dict: { t: encodeAttributedText(text), d: { real: 8e8 } } });
const cases: [string, Columns, Pick<ChatRow, 'kind' | 'detail'>][] = [
  ['a text', {}, { kind: 'text' }],
  [
    'a reply',
    { thread_originator_guid: 'T', thread_originator_part: '1:20:5' },
    { kind: 'text', detail: { reply_to: { guid: 'T', part: 1, start: 20, length: 5 } } },
  ],
  [
    'a reply to we do not know which part',
    { thread_originator_guid: 'T', thread_originator_part: 'x' },
    { kind: 'text', detail: { reply_to: { guid: 'T' } } },
  ],
  [
    'an edited text stays a text',
    {
      date_edited: appleDate(AT + 9),
      message_summary_info: bplist({ dict: { ec: { dict: { '0': [version('word'), version('words')] } }, rp: [2] } }),
    },
    { kind: 'text', detail: { edited_at: AT + 9, edited_parts: [0], unsent_parts: [2] } },
  ],
  [
    'edited, and nothing more is known',
    { date_edited: appleDate(AT + 9), message_summary_info: Buffer.from('torn') },
    { kind: 'text', detail: { edited_at: AT + 9 } },
  ],
  [
    'an unsent one',
    { text: null, date_edited: appleDate(AT + 9), part_count: 0, message_summary_info: bplist({ dict: { rp: [0] } }) },
    { kind: 'unsent', detail: { edited_at: AT + 9, unsent_parts: [0] } },
  ],
  [
    'an effect of the bubble',
    { expressive_send_style_id: 'com.apple.MobileSMS.expressivesend.impact' },
    {
      kind: 'text',
      detail: { effect: { name: 'slam', kind: 'bubble', id: 'com.apple.MobileSMS.expressivesend.impact' } },
    },
  ],
  [
    'an effect that nobody knows yet',
    { expressive_send_style_id: 'com.apple.messages.effect.CKRainEffect' },
    { kind: 'text', detail: { effect: { id: 'com.apple.messages.effect.CKRainEffect' } } },
  ],
  ['a subject', { subject: 'Re: you' }, { kind: 'text', detail: { subject: 'Re: you' } }],
  [
    'Send Later',
    { schedule_type: 2, schedule_state: 1 },
    { kind: 'text', detail: { scheduled: { type: 2, state: 1 } } },
  ],
  ['junk by the row', { is_spam: 1 }, { kind: 'text', detail: { filter: { junk: true, is_spam: 1 } } }],
  [
    'junk by macOS 27',
    { filter_action: 2, filter_sub_action: 3 },
    { kind: 'text', detail: { filter: { junk: true, filter_action: 2, filter_sub_action: 3 } } },
  ],
  ['a promotion by macOS 27', { filter_action: 3 }, { kind: 'text', detail: { filter: { filter_action: 3 } } }],
  ['a link', { balloon_bundle_id: LINK }, { kind: 'text', detail: { app: LINK } }],
  [
    'an app',
    { balloon_bundle_id: 'com.example.game', text: '\uFFFD' },
    { kind: 'app', detail: { app: 'com.example.game' } },
  ],
  [
    'an app that we know, in its own words',
    {
      balloon_bundle_id: `${PLUGIN}:EWFNLB79LQ:com.gamerdelights.gamepigeon.ext`,
      payload_data: bplist({
        dict: {
          $top: { dict: { root: 1 } },
          $objects: [
            '$null',
            { dict: { 'NS.keys': [2, 4], 'NS.objects': [3, 5] } },
            'an',
            'GamePigeon',
            'ldtext',
            'Your turn',
          ],
        },
      }),
    },
    {
      kind: 'app',
      detail: {
        app: `${PLUGIN}:EWFNLB79LQ:com.gamerdelights.gamepigeon.ext`,
        app_name: 'game_pigeon',
        title: 'GamePigeon',
        summary: 'Your turn',
      },
    },
  ],
  [
    'a tapback',
    { associated_message_type: 2001, associated_message_guid: 'p:2/T' },
    { kind: 'tapback', detail: { tapback: 'like', target: 'T', part: 2 } },
  ],
  [
    'a tapback on a balloon',
    { associated_message_type: 2000, associated_message_guid: 'bp:T' },
    { kind: 'tapback', detail: { tapback: 'love', target: 'T' } },
  ],
  [
    'an emoji',
    { associated_message_type: 2006, associated_message_emoji: '🎉', associated_message_guid: 'T' },
    { kind: 'tapback', detail: { tapback: 'emoji', emoji: '🎉', target: 'T' } },
  ],
  [
    'a tapback taken back',
    { associated_message_type: 3001, associated_message_guid: 'p:0/T' },
    { kind: 'tapback_removed', detail: { tapback: 'like', target: 'T', part: 0 } },
  ],
  [
    'an emoji taken back',
    { associated_message_type: 3006, associated_message_emoji: '🎉', associated_message_guid: 'p:0/T' },
    { kind: 'tapback_removed', detail: { tapback: 'emoji', emoji: '🎉', target: 'T', part: 0 } },
  ],
  [
    'a sticker on a message',
    { associated_message_type: 1000, associated_message_guid: 'p:0/T' },
    { kind: 'sticker', detail: { target: 'T', part: 0, attachments: [] } },
  ],
  [
    'a vote in a poll',
    {
      associated_message_type: 4000,
      associated_message_guid: 'T',
      balloon_bundle_id: `${PLUGIN}:0000000000:com.apple.messages.Polls`,
    },
    { kind: 'poll_vote', detail: { target: 'T', app: `${PLUGIN}:0000000000:com.apple.messages.Polls` } },
  ],
  ['a new name', { item_type: 2, group_title: 'Friends' }, groupEvent('renamed', { title: 'Friends' })],
  ['no name any more', { item_type: 2, group_title: null }, groupEvent('renamed', { title: '' })],
  ['somebody left', { item_type: 3 }, groupEvent('member_left')],
  ['a photo', { item_type: 3, group_action_type: 1 }, groupEvent('photo_changed')],
  ['no photo', { item_type: 3, group_action_type: 2 }, groupEvent('photo_removed')],
  ['a background', { item_type: 3, group_action_type: 4 }, groupEvent('background_changed')],
  ['no background', { item_type: 3, group_action_type: 6 }, groupEvent('background_removed')],
  [
    'a shared location',
    { item_type: 4, share_status: 0, share_direction: 1 },
    { kind: 'location_sharing', detail: { event: 'started', direction: 1 } },
  ],
  [
    'a location no more shared',
    { item_type: 4, share_status: 1 },
    { kind: 'location_sharing', detail: { event: 'stopped', direction: 0 } },
  ],
  [
    'an audio message that was kept',
    { item_type: 5, associated_message_guid: 'T' },
    { kind: 'audio_kept', detail: { target: 'T' } },
  ],
  ['a call', { item_type: 6 }, { kind: 'facetime', detail: { group_action_type: 0 } }],
  [
    'what nobody knows yet: an item',
    { item_type: 9, group_action_type: 8, share_status: 7 },
    {
      kind: 'unsupported',
      detail: { item_type: 9, group_action_type: 8, associated_message_type: 0, share_status: 7 },
    },
  ],
  [
    'what nobody knows yet: something on a message',
    { associated_message_type: 5001, associated_message_guid: 'p:0/T', balloon_bundle_id: 'com.example.new' },
    {
      kind: 'unsupported',
      detail: {
        item_type: 0,
        group_action_type: 0,
        associated_message_type: 5001,
        app: 'com.example.new',
        target: 'T',
        part: 0,
      },
    },
  ],
];

function groupEvent(event: string, more: Record<string, unknown> = {}): Pick<ChatRow, 'kind' | 'detail'> {
  return { kind: 'group_event', detail: { event, ...more } };
}

it.each(cases)('%s', (_name, columns, wanted) => {
  expect(told(columns)).toEqual(wanted);
});

it('each tapback has its name, given and taken back', () => {
  const names = ['love', 'like', 'dislike', 'laugh', 'emphasis', 'question', 'emoji', 'sticker'];
  for (const [n, tapback] of names.entries()) {
    expect(told({ associated_message_type: 2000 + n })).toEqual({ kind: 'tapback', detail: { tapback } });
    expect(told({ associated_message_type: 3000 + n })).toEqual({ kind: 'tapback_removed', detail: { tapback } });
  }
});

describe('attributes of the text', () => {
  const of = (...runs: [string, Record<string, string | number>][]): Columns => ({
    text: null,
    attributedBody: attributedText(runs.map(([text, more]) => ({ text, attributes: { [PART]: 0, ...more } }))),
  });

  it('mentions, links and styles have their range', () => {
    const columns = of(
      ['@Anna', { __kIMMentionConfirmedMention: 'Anna@Example.com(filtered)' }],
      [' 😀 ', {}],
      ['he', { __kIMLinkAttributeName: 'https://example.com', __kIMTextBoldAttributeName: 1 }],
      ['re', { __kIMLinkAttributeName: 'https://example.com' }],
      ['!', { __kIMTextEffectAttributeName: 9, __kIMTextItalicAttributeName: 1 }],
      ['?', { __kIMTextEffectAttributeName: 99 }],
    );
    expect(told(columns)).toEqual({
      kind: 'text',
      detail: {
        mentions: [{ start: 0, length: 5, handle: 'anna@example.com' }],
        links: [{ start: 9, length: 4, url: 'https://example.com' }],
        styles: [
          { start: 9, length: 2, style: 'bold' },
          { start: 13, length: 1, style: 'italic' },
          { start: 13, length: 1, style: 'shake' },
          { start: 14, length: 1, style: 'effect_99' },
        ],
      },
    });
    expect(last().text).toBe('@Anna 😀 here!?');
  });

  it('ranges count the text as it is told: without slots, and not beyond where it was cut', () => {
    const bold = { __kIMTextBoldAttributeName: 1 };
    const slot = { __kIMFileTransferGUIDAttributeName: 'A', [PART]: 0 };
    const columns = of(['\uFFFC', slot], ['plain ', { [PART]: 1 }], ['bold', { [PART]: 1, ...bold }]);
    expect(told(columns).detail).toEqual({
      attachments: [{ guid: 'A', bytes: 0, state: 'unknown', part: 0, at: 0 }],
      parts: [
        { part: 0, start: 0, length: 0 },
        { part: 1, start: 0, length: 10 },
      ],
      styles: [{ start: 6, length: 4, style: 'bold' }],
    });
    const long = 'x'.repeat(100_000);
    told(of([long, bold], ['beyond', { __kIMTextItalicAttributeName: 1 }]));
    expect(last()).toMatchObject({ truncated: true, detail: { styles: [{ start: 0, style: 'bold' }] } });
    expect(last().detail?.styles).toEqual([{ start: 0, length: last().text.length, style: 'bold' }]);
  });

  it('parts of a text of which one was unsent', () => {
    const columns = { ...of(['one', { [PART]: 0 }], ['three', { [PART]: 2 }]), part_count: 2 };
    const unsent = { date_edited: appleDate(AT), message_summary_info: bplist({ dict: { rp: [1] } }) };
    expect(told({ ...columns, ...unsent }).detail).toEqual({
      edited_at: AT,
      unsent_parts: [1],
      parts: [
        { part: 0, start: 0, length: 3 },
        { part: 2, start: 3, length: 5 },
      ],
    });
  });

  it('damage in them costs them, not the text', () => {
    const whole = of(['words', { __kIMTextBoldAttributeName: 1 }]).attributedBody as Uint8Array;
    told({ text: null, attributedBody: whole.subarray(0, whole.length - 20) });
    expect(last()).toMatchObject({ kind: 'text', text: 'words' });
    expect(last().detail).toBeUndefined();
  });
});

describe('attachments', () => {
  const add = (rowid: number, columns: Columns) =>
    chat.insert('message_attachment_join', { message_id: rowid, attachment_id: chat.insert('attachment', columns) });

  it('are named with how far they have come', () => {
    const rowid = chat.inbound(ANNA, '\uFFFCa photo', AT, { cache_has_attachments: 1 });
    add(rowid, { guid: 'A1', transfer_name: 'I.HEIC', mime_type: 'image/heic', total_bytes: 1234, transfer_state: 5 });
    add(rowid, { guid: 'A2', uti: 'public.data', transfer_state: 99 });
    add(rowid, { guid: 'A3', transfer_name: 'payload', hide_attachment: 1 });
    expect(last()).toMatchObject({ kind: 'attachment', text: 'a photo' });
    expect(last().detail).toEqual({
      attachments: [
        { guid: 'A1', name: 'I.HEIC', mime_type: 'image/heic', bytes: 1234, state: 'ready' },
        { guid: 'A2', mime_type: 'public.data', bytes: 0, state: '99' },
      ],
    });
  });

  it('stand where the body says, in its order; several rows of one page keep theirs apart', () => {
    const body = encodeAttributedText('look', { attachments: ['B', 'A'] });
    const first = chat.inbound(ANNA, '', AT, { attributedBody: body });
    add(first, { guid: 'A', is_sticker: 1, transfer_state: 5 });
    add(first, { guid: 'B', is_sticker: 1, transfer_state: 3 });
    const second = chat.inbound(ANNA, '\uFFFC', AT, { is_audio_message: 1 });
    add(second, { guid: 'C', mime_type: 'audio/amr' });
    const [one, two] = chatDb.rowsAfter(0, 10);
    expect(one).toMatchObject({ kind: 'sticker', text: 'look' });
    expect(one?.detail?.attachments).toEqual([
      { guid: 'B', bytes: 0, state: 'transferring', sticker: true, part: 0, at: 0 },
      { guid: 'A', bytes: 0, state: 'ready', sticker: true, part: 1, at: 0 },
    ]);
    expect(two).toMatchObject({ kind: 'attachment', detail: { audio: true, attachments: [{ guid: 'C' }] } });
  });

  it('of a sticker that is a tapback', () => {
    const rowid = chat.inbound(ANNA, '\uFFFC', AT, {
      associated_message_type: 2007,
      associated_message_guid: 'p:0/T',
      cache_has_attachments: 1,
    });
    add(rowid, { guid: 'S', is_sticker: 1, transfer_state: 5 });
    expect(last()).toMatchObject({
      kind: 'tapback',
      detail: { tapback: 'sticker', target: 'T', attachments: [{ guid: 'S', sticker: true }] },
    });
  });
});

it('what somebody said in an audio message is told as Messages heard it', () => {
  const body = attributedText([
    {
      text: '\uFFFC',
      attributes: { [PART]: 0, __kIMFileTransferGUIDAttributeName: 'V', IMAudioTranscription: 'hello there' },
    },
  ]);
  expect(told({ text: null, attributedBody: body, is_audio_message: 1 })).toMatchObject({
    kind: 'attachment',
    detail: { audio: true, transcript: 'hello there' },
  });
});

it('members that come and go are named; one who adds themselves has a new address', () => {
  const group = chat.group('chat1', [ANNA]);
  const change = (columns: Columns) => {
    chat.join(chat.row(AT, { item_type: 1, handle_id: chat.handle(ANNA), ...columns }), group);
    return last();
  };
  expect(change({ group_action_type: 1, other_handle: chat.handle(BEN) })).toMatchObject({
    kind: 'group_event',
    handle: ANNA,
    detail: { event: 'member_removed', handle: BEN },
  });
  const suffixed = chat.handle('Ben@Example.com(smsft)');
  expect(change({ other_handle: suffixed }).detail).toEqual({ event: 'member_added', handle: 'ben@example.com' });
  expect(change({ other_handle: chat.handle(ANNA) }).detail).toEqual({ event: 'member_address_changed', handle: ANNA });
});

it('conversations that Apple filters say so in each row', () => {
  const junk = chat.direct(BEN, { is_filtered: 0x22, is_pending_review: 1 });
  chat.join(chat.row(AT, { text: 'win', handle_id: chat.handle(BEN) }), junk);
  expect(last().detail).toEqual({ filter: { junk: true, is_filtered: 0x22, is_pending_review: 1 } });
  const stranger = chat.direct('+14155550103', { is_filtered: 1, is_blackholed: 1 });
  chat.join(chat.row(AT, { text: 'hi', handle_id: 0, is_spam: 1 }), stranger);
  expect(last().detail).toEqual({ filter: { junk: true, is_filtered: 1, is_blackholed: 1, is_spam: 1 } });
});

it('services have one spelling', () => {
  for (const [written, service] of [
    ['iMessage', 'iMessage'],
    ['rcs', 'RCS'],
    ['sms', 'SMS'],
    ['imessagelite', 'iMessageLite'],
    ['Pigeon', 'Pigeon'],
  ]) {
    chat.row(AT, { text: 'x', service: written ?? '' });
    expect(last().service).toBe(service);
  }
});

it('a change of a group is seen in the next row, though chats are remembered', () => {
  const group = chat.group('chat1', [ANNA], { group_id: 'G' });
  const say = () => {
    chat.join(chat.row(AT, { text: 'x', handle_id: chat.handle(ANNA) }), group);
    return last().chat;
  };
  expect(say()).toMatchObject({ participants: [ANNA] });
  chat.insert('chat_handle_join', { chat_id: group, handle_id: chat.handle(BEN) });
  expect(say()).toMatchObject({ participants: [ANNA, BEN] });
});

it('only what a person wrote opens a reply', () => {
  for (const kind of ['text', 'attachment', 'sticker', 'app', 'unsupported']) expect(isWritten(kind)).toBe(true);
  for (const kind of ['group_event', 'location_sharing', 'audio_kept', 'facetime', 'poll_vote'])
    expect(isWritten(kind)).toBe(false);
});

it('apps and effects that we know by name', () => {
  expect(appName('com.apple.Handwriting.HandwritingProvider')).toBe('handwriting');
  expect(appName('com.apple.DigitalTouchBalloonProvider')).toBe('digital_touch');
  expect(appName(`${PLUGIN}:0000000000:com.apple.findmy.FindMyMessagesApp`)).toBe('find_my');
  expect(appName('com.example.unknown')).toBeUndefined();
  expect(effectOf('com.apple.messages.effect.CKHappyBirthdayEffect')).toMatchObject({
    name: 'balloons',
    kind: 'screen',
  });
});

describe.skipIf(!existsSync(PAYLOADS))('real payloads (skips without ../shared)', () => {
  /** As `an` of each file; the words in the name of the file are the test's, not Apple's. */
  const titles: Record<string, string | undefined> = {
    ApplePayRecurring: 'Apple\u00a0Cash',
    Business: 'Business',
    BusinessListPicker: undefined,
    BusinessListPickerResponse: 'Business',
    BusinessQuickReplyResponse: 'Business',
    CheckinEnded: 'Check\u00a0In',
    CheckinLocation: 'Check\u00a0In',
    CheckinTimer: 'Check\u00a0In',
    FindMy: 'Find My',
    Game: 'GamePigeon',
    OpenTableInvited: 'OpenTable',
    PollCreate: 'Polls',
    PollRemovedVote: 'Polls',
    Sent265: 'Apple\u00a0Pay',
    Slideshow: 'Photos',
  };

  it('of apps give the name and the line of the app', () => {
    const files = readdirSync(PAYLOADS).filter((name) => name.includes('app_message'));
    const read = files.map(
      (name) => [/-(\w+)\.plist/.exec(name)?.[1], appWords(readFileSync(PAYLOADS + name))] as const,
    );
    expect(Object.fromEntries(read.map(([name, { title }]) => [name, title]))).toEqual(titles);
    const summaries = Object.fromEntries(read.map(([name, { summary }]) => [name, summary]));
    expect(summaries).toMatchObject({
      Sent265: expect.stringContaining('Sent $265'),
      Game: 'Dots & Boxes',
      PollCreate: 'Sent a poll',
    });
  });

  it('of other kinds give none', () => {
    for (const name of readdirSync(PAYLOADS).filter((file) => !file.includes('app_message')))
      expect({ name, words: appWords(readFileSync(PAYLOADS + name)) }).toEqual({ name, words: {} });
  });
});
