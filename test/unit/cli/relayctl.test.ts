import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../../daemon/host/log.ts';
import { LocalServer } from '../../../daemon/local/server.ts';
import { aDetail, aMessage, anEvent, aStatus, FakeRelay, NOON } from '../../support/fake-local.ts';
import { relayctl, startRelayctl } from '../../support/relayctl.ts';
import { makeFolder } from '../../support/store.ts';

let home: string;
let relay: FakeRelay;
let server: LocalServer;

beforeEach(async () => {
  home = makeFolder();
  relay = new FakeRelay();
  server = new LocalServer({ path: join(home, 'relay.sock'), handlers: relay, now: () => NOON, log: silentLog });
  await server.start();
});
afterEach(async () => {
  await server.stop();
  rmSync(home, { recursive: true, force: true });
});

const run = (...args: string[]) => relayctl(args, { home });
const fits = (lines: string[]) => expect(lines.filter((line) => line.length > 80)).toEqual([]);
const condition = (name: string, severity: 'error' | 'warning' = 'error') => ({
  name,
  severity,
  since: NOON - 60_000,
  words: 'The database of Messages cannot be read, because macOS has not granted it to this relay.',
  remedy: 'System Settings › Privacy & Security › Full Disk Access: switch on Sender Relay. It notices by itself.',
});

describe('status', () => {
  it('answers in the first line, and tells the rest in 80 columns', async () => {
    const { code, out, lines, err } = await run('status');
    expect({ code, err, first: lines[0] }).toEqual({ code: 0, err: '', first: 'Ready.' });
    expect(out).toContain('connected since 11:59:00');
    expect(out).toContain('\nnext held     goes by about 12:01:30 (in 90 s)\n');
    expect(out).toContain('last send     11:59:55 (5 s ago)');
    expect(out).toContain('last inbound  none since it started');
    expect(out).not.toContain('\x1b');
    fits(lines);
  });

  it('ends with 4 when a person is needed, with 5 when it is not ready, with 0 on warnings', async () => {
    const codes: (number | null)[] = [];
    for (const name of ['chat_db_denied', 'messages_hung']) {
      relay.present = aStatus({ ready: false, headline: 'Not ready: x.', conditions: [condition(name)] });
      const { code, lines, out } = await run('status');
      codes.push(code);
      expect(lines[0]).toBe('Not ready: x.');
      expect(out).toContain(`error: ${name}, since 11:59:00`);
      expect(out).toContain('  → System Settings › Privacy');
      fits(lines);
    }
    relay.present = aStatus({ conditions: [condition('clock_jump', 'warning')] });
    codes.push((await run('status')).code);
    expect(codes).toEqual([4, 5, 0]);
  });

  it('is JSON on one line if asked, with the same exit codes', async () => {
    relay.present = aStatus({ ready: false, conditions: [condition('automation_denied')] });
    const { code, json, err } = await run('--json', 'status');
    expect({ code, err }).toEqual({ code: 4, err: '' });
    expect(json()).toEqual([{ schema: 1, ...relay.present }]);
  });

  it('watches until it is interrupted', async () => {
    const { process: child, ended } = startRelayctl(['status', '--watch', '--json'], { home });
    await once(child.stdout, 'data');
    relay.present = aStatus({ device: 'mac-2' });
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    const { code, json } = await ended;
    expect(code).toBe(0);
    expect(json().at(-1)).toMatchObject({ schema: 1, device: 'mac-2' });
  });

  it('does not let a text from outside steer the terminal', async () => {
    const nasty = 'x\x1b[2J\u009b31m\u202ey';
    relay.present = aStatus({ sender: { state: 'paused', since: NOON, reason: nasty } });
    const [plain, json] = await Promise.all([run('status'), run('status', '--json')]);
    for (const { out } of [plain, json]) expect(out).not.toMatch(/[\x1b\u009b\u202e]/);
    expect(json.json()).toMatchObject([{ sender: { reason: nasty } }]);
  });
});

describe('queue list', () => {
  const held = aMessage({
    message: `m_${'A'.repeat(22)}`,
    to: 'someone.with.a.long.name@mail.example.com',
    state: 'held',
    until: NOON + 90_000,
    rule: 'interval',
    evidence: {
      words: 'Waits until about 12:01:30: 14 people got a near-same text (83 % alike); such texts keep 90 s apart.',
    },
  });

  it('says what waits, until when, and why, in 80 columns', async () => {
    relay.messages = [held, aMessage({ until: NOON + 86_400_000, state: 'held', rule: 'quiet_hours' })];
    const { code, lines, out, err } = await run('queue', 'list');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(lines[0]).toMatch(/^MESSAGE +TO +STATE +UNTIL ABOUT$/);
    expect(lines[1]).toMatch(/^m_A{22} {2}someone.+… {2}held {3}12:01:30$/);
    expect(out).toContain('\n    quiet_hours');
    expect(out).toContain('2026-02-01 12:00:00');
    expect(out).toContain('    interval: 14 people got');
    fits(lines);
  });

  it('says so when nothing waits, and needs no "list"', async () => {
    expect(await run('queue')).toMatchObject({ code: 0, out: 'Nothing waits.\n' });
  });

  it('goes through the pages', async () => {
    relay.messages = ['m_1', 'm_2', 'm_3'].map((message) => aMessage({ message }));
    const first = await run('queue', 'list', '--limit', '2');
    expect(first.err).toBe('2 of 3; go on with --cursor 2\n');
    const second = await run('queue', 'list', '--limit', '2', '--cursor', '2', '--json');
    expect(second.json()).toEqual([{ schema: 1, now: NOON, total: 3, messages: [aMessage({ message: 'm_3' })] }]);
  });
});

describe('queue show', () => {
  const sentence =
    'Waits until about 12:01:30: 14 people got a near-same text (83 % alike, last to …4412 at 12:00:00); texts like this keep 90 s apart.';

  it('says in the first sentence why it waits, then what is known of it, in 80 columns', async () => {
    const until = NOON + 90_000;
    relay.messages = [aMessage({ state: 'held', until, rule: 'interval', evidence: { words: sentence } })];
    relay.details.set('m_1', {
      text_start: 'Your table is ready, please co',
      accepted_at: NOON - 240_000,
      before: { count: 3, first: ['m_7', 'm_8'].map((message) => ({ message, to: `+1555010000${message.at(-1)}` })) },
      steps: [
        { state: 'accepted', at: NOON - 240_000 },
        { state: 'held', at: NOON - 240_000 },
      ],
    });
    const { code, lines, err } = await run('queue', 'show', 'm_1');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(lines).toEqual([
      'Waits until about 12:01:30: 14 people got a near-same text (83 % alike, last to',
      '…4412 at 12:00:00); texts like this keep 90 s apart.',
      '',
      'message    m_1',
      'to         …1234',
      'text       “Your table is ready, please co…”',
      'category   conversational',
      'state      held since 11:56:00, rule interval, until about 12:01:30 (in 90 s)',
      'accepted   11:56:00 (4 min ago)',
      'before it  3 near-same',
      '           m_7 to …0007',
      '           m_8 to …0008',
      '           and 1 more',
      'expires    2026-02-01 12:00:00 (in 24 h)',
      'history    11:56:00 accepted',
      '           11:56:00 held',
    ]);
  });

  it('says what became of one that waits no longer', async () => {
    relay.messages = [
      aMessage({ state: 'not_delivered', apple_error: { number: 22, name: 'noSuchUser', meaning: 'recipient' } }),
      aMessage({ message: 'm_2', state: 'rejected', code: 'opted_out', words: '…1234 asked not to be written to.' }),
    ];
    relay.details.set('m_1', { tries: 2, reply: true });
    const [first, second] = [await run('queue', 'show', 'm_1'), await run('queue', 'show', 'm_2')];
    expect(first.out).toMatch(
      /^It was not delivered\.\n[\s\S]*\ncategory {3}conversational, a reply\n[\s\S]*\ntries {6}2\nApple says 22 noSuchUser\n/,
    );
    expect(first.out).not.toContain('before it');
    expect(second.lines[0]).toBe('…1234 asked not to be written to.');
    expect(second.out).toContain('state      rejected since 12:00:00, code opted_out');
  });

  it('is JSON with the whole handle if asked', async () => {
    relay.messages = [aMessage()];
    expect((await run('queue', 'show', 'm_1', '--json')).json()).toEqual([
      { schema: 1, now: NOON, ...aDetail(aMessage()) },
    ]);
  });

  it('ends with 1 and a remedy when there is no such message', async () => {
    const { code, out, err } = await run('queue', 'show', 'm_0');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toBe(
      'relayctl: There is no such message here.\n          relayctl queue list and tail name the ids; each begins with m_.\n',
    );
    expect(JSON.parse((await run('queue', 'show', 'm_0', '--json')).err)).toMatchObject({
      schema: 1,
      error: { code: 'not_found', hint: expect.any(String) },
    });
  });
});

describe('queue settle', () => {
  it('says what a person saw, and what the message is now', async () => {
    relay.messages = [aMessage({ state: 'unknown' })];
    expect(await run('queue', 'settle', 'm_1', '--as', 'not-sent')).toMatchObject({
      code: 0,
      out: 'm_1 is not delivered now.\n',
      err: '',
    });
    expect(relay.asked.at(-1)).toEqual(['settle', ['m_1', 'not-sent']]);
    expect((await run('queue', 'settle', 'm_1', '--as', 'sent', '--json')).json()).toEqual([
      { schema: 1, now: NOON, message: 'm_1', state: 'sent' },
    ]);
  });

  it('ends with 1 if it is not unknown', async () => {
    relay.messages = [aMessage({ state: 'sent' })];
    expect(await run('queue', 'settle', 'm_1', '--as', 'sent')).toMatchObject({
      code: 1,
      out: '',
      err: 'relayctl: Only an unknown one can be settled.\n',
    });
  });
});

describe('gate check', () => {
  const answer = {
    request: { verdict: 'hold' as const, code: 'interval_not_kept' as const, words: 'Waits until about 12:01:30.' },
    recipients: [
      { to: '+15550101234', verdict: 'go' as const, reply: true },
      {
        to: 'a@b.co',
        verdict: 'hold' as const,
        reply: false,
        rule: 'interval',
        until: NOON + 90_000,
        evidence: { words: 'Near a text of 11:59:00.' },
      },
    ],
  };

  it('explains the verdict', async () => {
    relay.check = answer;
    const { code, out, lines } = await run('gate', 'check', '+15550101234, a@b.co', 'Your table is ready.');
    expect(code).toBe(0);
    expect(lines[0]).toBe('Waits until about 12:01:30.');
    expect(out).toContain('  +15550101234  may go now, a reply');
    expect(out).toContain('  a@b.co  waits until about 12:01:30 (interval)\n    Near a text of 11:59:00.');
    expect(relay.asked).toEqual([
      ['gateCheck', { to: ['+15550101234', 'a@b.co'], text: 'Your table is ready.', category: 'conversational' }],
    ]);
  });

  it('takes a category, and answers in JSON', async () => {
    relay.check = answer;
    const { json } = await run('gate', 'check', '-c', 'marketing', 'a@b.co', 'Sale!', '--json');
    expect(json()).toEqual([{ schema: 1, now: NOON, ...answer }]);
    expect(relay.asked).toMatchObject([['gateCheck', { category: 'marketing' }]]);
  });
});

describe('policy', () => {
  const state = {
    version: '1-0badcafe',
    put: { version: 'cloud-7', at: NOON - 60_000 },
    policy: {
      blast: { recipients: 5 },
      caps: { unanswered: 8 },
      opt_out: { words: ['stop', 'td'] },
      consent: 'recorded',
    },
    floor: {
      blast: { recipients: 10 },
      caps: { unanswered: 8 },
      opt_out: { words: ['stop', 'td'] },
      consent: 'recorded',
    },
    defaults: {
      blast: { recipients: 10 },
      caps: { unanswered: 5 },
      opt_out: { words: ['stop', 'td'] },
      consent: 'wrote_first',
    },
  };

  it('shows what differs: now, in this Mac’s file, by default', async () => {
    relay.policyState = state;
    const { code, err, lines } = await run('policy');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(lines).toEqual([
      'Policy 1-0badcafe; the controller put cloud-7 at 11:59:00.',
      '',
      'FIELD             NOW       FILE      DEFAULT',
      'blast.recipients  5         10        10',
      'caps.unanswered   8         8         5',
      'consent           recorded  recorded  wrote_first',
      '',
      'All else is as by default; --all lists it.',
    ]);
  });

  it('with --all shows all that there is, in 80 columns; as JSON whole', async () => {
    relay.policyState = state;
    const { lines, out } = await run('policy', '--all');
    expect(out).toContain('opt_out.words     stop, td  =     =');
    expect(out).toContain('blast.recipients  5         10    10');
    fits(lines);
    const { out: json } = await run('policy', '--json');
    expect(JSON.parse(json)).toMatchObject({ schema: 1, ...state });
  });
});

describe('text', () => {
  const reason = 'messages with it to …1001 and …1002 were not delivered, while another text got through';
  const texts = [
    { number: 3, source: 'relay' as const, reason, since: NOON - 86_400_000, until: NOON + 29 * 86_400_000 },
    { number: 12, source: 'person' as const, reason: 'x\x1b[2J\ny', since: NOON, until: NOON + 30 * 86_400_000 },
  ];

  it('list: what is refused, since when, and why, in 80 columns; as JSON whole', async () => {
    expect(await run('text', 'list')).toMatchObject({ code: 0, err: '', out: 'No text is refused.\n' });
    relay.refusedTexts = texts;
    const { code, err, lines, out } = await run('text', 'list');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(lines).toEqual([
      'Text 3, found here: since 2026-01-30 12:00, until about 2026-03-01 12:00',
      '  messages with it to …1001 and …1002 were not delivered, while another text got',
      '  through',
      'Text 12, by a person: since 2026-01-31 12:00, until about 2026-03-02 12:00',
      expect.stringMatching(/^ {2}x.*y$/),
    ]);
    expect(out).not.toContain('\x1b');
    fits(lines);
    expect((await run('text', 'list', '--json')).json()).toEqual([{ schema: 1, now: NOON, texts }]);
  });

  it('block: says until when', async () => {
    const { code, out } = await run('text', 'block', 'Big sale!', '--reason', 'it was complained about');
    expect(code).toBe(0);
    expect(out).toBe('It and all that is near it is refused until about 2026-03-02 12:00:00.\n');
    expect(relay.asked).toEqual([['textBlock', { text: 'Big sale!', reason: 'it was complained about' }]]);
    expect((await run('text', 'block', 'x', '--json')).json()).toEqual([
      { schema: 1, now: NOON, until: NOON + 30 * 86_400_000 },
    ]);
  });

  it('clear: by the text or by its number; 1 if there is no such number', async () => {
    relay.refusedTexts = texts;
    expect(await run('text', 'clear', '-n', '3')).toMatchObject({ code: 0, out: 'One text is refused no more.\n' });
    expect(await run('text', 'clear', 'Hi')).toMatchObject({ code: 0, out: 'No text like this was refused.\n' });
    expect(relay.asked).toEqual([
      ['textClear', { number: 3 }],
      ['textClear', { text: 'Hi' }],
    ]);
    expect(await run('text', 'clear', '-n', '4')).toMatchObject({
      code: 1,
      out: '',
      err: 'relayctl: No refused text has the number 4.\n',
    });
    expect((await run('text', 'clear', '-n', '3', '--json')).json()).toEqual([{ schema: 1, now: NOON, cleared: 1 }]);
  });

  it('ends with 3 without a relay', async () => {
    await server.stop();
    for (const args of [['list'], ['block', 'x'], ['clear', 'x']])
      expect(await run('text', ...args)).toMatchObject({ code: 3, out: '' });
  });
});

describe('tail', () => {
  it('tells the past it is asked for, then what comes, until it is interrupted', async () => {
    for (const seq of [1, 2, 3]) relay.journal.push(anEvent(seq));
    const { process: child, ended } = startRelayctl(['tail', '--since', '1', '--json'], { home });
    await once(child.stdout, 'data');
    relay.tell(anEvent(4, { name: 'message.inbound', data: { from: 'a@b.co', text: 'ja\nü' } }));
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    const { code, json } = await ended;
    expect(code).toBe(0);
    expect(json()).toEqual([2, 3].map((seq) => ({ schema: 1, ...anEvent(seq) })).concat(json().slice(2) as never[]));
    expect(json()[2]).toMatchObject({ schema: 1, seq: 4, data: { text: 'ja\nü' } });
  });

  it('is one line for each event, and ends with 3 when the relay goes', async () => {
    relay.journal = [
      anEvent(1, { data: { to: 'a@b.co', state: 'held', rule: 'interval', evidence: { words: 'Waits.' } } }),
      anEvent(2, { name: 'message.inbound', data: { from: 'a@b.co', text: `two\nlines ${'long '.repeat(40)}` } }),
      anEvent(3, {
        name: 'command.result',
        data: { name: 'message.send', command: 'c', ok: false, code: 'expired' },
      }),
      anEvent(4, { name: 'gap', data: { from: 1, to: 2, dropped: 2, reason: 'the journal was full' } }),
      anEvent(5, { name: 'snapshot', data: { part: 1, parts: 2, messages: [{}, {}], opted_out: ['a@b.co'] } }),
      anEvent(6, { name: 'relay.health', data: { ready: false, conditions: [{ name: 'chat_db_denied' }] } }),
      anEvent(7, { name: 'a.newer.kind', data: { x: 1 } }),
    ];
    const from = { from_me: false, from: 'a@b.co' };
    relay.journal.push(
      anEvent(8, { name: 'message.reaction', data: { ...from, reaction: 'like', removed: true, target: 'G' } }),
      anEvent(9, { name: 'message.edited', data: { from_me: true, part: 0, version: 2, text: 'At nine.' } }),
      anEvent(10, { name: 'message.unsent', data: { ...from, guid: 'G', part: null } }),
      anEvent(11, { name: 'chat.changed', data: { ...from, chat: { id: 'group:1', name: 'Fun' }, change: 'renamed' } }),
      anEvent(12, { name: 'attachment.ready', data: { ...from, attachment: 'F', name: 'cat.jpg', bytes: 5_000 } }),
    );
    const { process: child, ended } = startRelayctl(['tail', '--since', '0'], { home });
    await once(child.stdout, 'data');
    await server.stop();
    const { code, lines, err } = await ended;
    expect({ code, said: err.includes('not running') }).toEqual({ code: 3, said: true });
    expect(lines.map((l) => l.replace(/^.*\d {2}(?=\w+)/, ''))).toEqual([
      'message.status     a@b.co held interval Waits.',
      expect.stringMatching(/^message\.inbound {4}a@b\.co: two lines long .*…$/),
      'command.result     message.send refused: expired (c)',
      'gap                2 dropped: the journal was full',
      'snapshot           1 of 2: 2 messages, 1 opted out',
      'relay.health       not ready: chat_db_denied',
      'a.newer.kind       {"x":1}',
      'message.reaction   a@b.co took back like on G',
      'message.edited     the owner now: At nine.',
      'message.unsent     a@b.co took back all of G',
      'chat.changed       Fun: renamed by a@b.co',
      'attachment.ready   cat.jpg from a@b.co, 5000 bytes',
    ]);
    fits(lines);
    await server.start();
  });
});

describe('without a relay', () => {
  const lonely = { home: '/tmp/sender-relay none' };

  it.each([[['status']], [['queue', 'list']], [['tail']], [['gate', 'check', 'a@b.co', 'x']]])(
    '%j ends with 3 and says how to start it',
    async (args) => {
      const { code, out, err } = await relayctl(args, lonely);
      expect({ code, out }).toEqual({ code: 3, out: '' });
      expect(err).toContain('relayctl: The relay is not running: nobody answers on /tmp/sender-relay none/relay.sock.');
      expect(err).toContain("Start it with: SENDER_RELAY_HOME='/tmp/sender-relay none' scripts/relayd");
    },
  );

  it('says so in JSON, on stderr', async () => {
    const { out, err } = await relayctl(['status', '--json', '--home', '/tmp/nowhere'], lonely);
    expect(out).toBe('');
    expect(JSON.parse(err)).toMatchObject({
      schema: 1,
      error: { code: 'not_running', hint: 'Start it with: SENDER_RELAY_HOME=/tmp/nowhere scripts/relayd' },
    });
  });
});

describe('the command line', () => {
  const all = [
    [],
    ['status'],
    ['queue'],
    ['queue', 'list'],
    ['queue', 'show'],
    ['queue', 'settle'],
    ['tail'],
    ['gate'],
    ['gate', 'check'],
    ['gate', 'near'],
    ['gate', 'timeline'],
    ['policy'],
    ['text'],
    ['text', 'list'],
    ['text', 'block'],
    ['text', 'clear'],
    ['chatdb'],
    ['chatdb', 'read'],
    ['service'],
    ['service', 'install'],
    ['service', 'status'],
    ['pair'],
    ['setup'],
  ];

  it.each(all.map((args) => [args]))('%j --help is help on stdout, 0', async (args) => {
    const { code, lines, err } = await relayctl([...args, '--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(lines[0]).toMatch(/^Usage: relayctl/);
    expect(lines.join('\n')).toContain('--json');
    fits(lines);
  });

  it.each(
    [
      ['status'],
      ['queue', 'list'],
      ['queue', 'show'],
      ['queue', 'settle'],
      ['tail'],
      ['gate', 'check'],
      ['gate', 'near'],
      ['gate', 'timeline'],
      ['policy'],
      ['text', 'list'],
      ['text', 'block'],
      ['text', 'clear'],
      ['chatdb', 'read'],
      ['service', 'install'],
      ['service', 'uninstall'],
      ['service', 'restart'],
      ['pair'],
      ['setup'],
      ['logs'],
      ['metrics'],
      ['contact', 'opt-in'],
      ['config', 'reload'],
      ['send'],
      ['sender', 'resume'],
      ['doctor'],
    ].map((a) => [a]),
  )('%j --help has an example and the exit codes', async (args) => {
    const { out, lines } = await relayctl([...args, '--help']);
    fits(lines);
    expect(out).toMatch(/\nExample:\n {2}\S+/);
    expect(out).toMatch(/\nExit codes:\n {2}0 {2}all is well\n {2}1 {2}failed/);
  });

  it.each([
    [[]],
    [['bogus']],
    [['status', '--bogus']],
    [['status', 'more']],
    [['queue', 'bogus']],
    [['queue', 'list', '--limit', '0']],
    [['queue', 'list', '--limit', '1e2']],
    [['queue', 'show']],
    [['queue', 'settle', 'm_1']],
    [['queue', 'settle', 'm_1', '--as', 'gone']],
    [['tail', '--since', 'yesterday']],
    [['gate', 'check', 'a@b.co']],
    [['gate', 'check', 'a@b.co', 'x', '-c', 'spam']],
    [['gate', 'check', ' , ', 'x']],
    [['gate', 'check', 'a@b.co,'.repeat(101), 'x']],
    [['gate', 'near']],
    [['gate', 'timeline', '--hours', '169']],
    [['text', 'block']],
    [['text', 'clear']],
    [['text', 'clear', 'x', '--number', '1']],
    [['text', 'clear', '--number', '0']],
    [['pair']],
    [['setup']],
    [['pair', '--remove', '--rotate']],
    [['chatdb', 'read']],
    [['chatdb', 'read', 'x', '--since', '-1']],
  ])('%j is a usage mistake: 2, on stderr', async (args) => {
    const { code, out, err } = await relayctl(args, { home });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).not.toBe('');
  });

  it.each([
    [[]],
    [['bogus']],
    [['status', 'more']],
    [['queue', 'list', '--limit', '0']],
    [['gate', 'check', 'a@b.co']],
  ])('%j is told in JSON if asked', async (args) => {
    const { code, out, err } = await relayctl([...args, '--json'], { home });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(JSON.parse(err)).toMatchObject({
      schema: 1,
      error: { code: 'usage', message: expect.stringMatching(/^(?!error).+/), hint: expect.any(String) },
    });
  });

  it('ends with 1 when the relay refuses', async () => {
    relay.gateCheck = async () => ({
      ok: false as never,
      data: undefined as never,
      error: { code: 'recipient_invalid', message: '"x" is no number.' },
    });
    expect(await run('gate', 'check', 'x', 'y')).toMatchObject({
      code: 1,
      out: '',
      err: 'relayctl: "x" is no number.\n',
    });
  });

  it('is quiet when its reader goes away', async () => {
    relay.journal = Array.from({ length: 5_000 }, (_, i) => anEvent(i + 1));
    const { process: child, ended } = startRelayctl(['tail', '--since', '0', '--json'], { home });
    ended.catch(() => 'its output was cut off');
    const said = text(child.stderr);
    await once(child.stdout, 'data');
    child.stdout.destroy();
    const [code] = await once(child, 'exit');
    expect({ code, said: await said }).toEqual({ code: 0, said: '' });
  });
});
