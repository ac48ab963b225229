/**
 * Files from a real https server to the rows of a simulated Mac's chat.db, by way of the whole relay, judged by what Messages was handed and by what
 * the controller heard.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Stage } from '../../scripts/demo/stage.ts';
import { CA_FILE, FileServer } from '../support/file-server.ts';

const FACTOR = 20;
let server: FileServer;
let stage: Stage;
beforeAll(async () => {
  server = await FileServer.open();
  stage = await Stage.open({
    factor: FACTOR,
    attachments: { allow_hosts: ['127.0.0.1'], ca_file: CA_FILE, max_bytes: 2_000_000, max_total_bytes: 20_000_000 },
  });
  stage.startRelay();
});
afterAll(async () => {
  await stage.close();
  await server.close();
});

let made = 0;
const person = () => `+1415555${7000 + ++made}`;
/** Bytes that are nobody else's. */
const content = (what: string, bytes = 40_000) =>
  Buffer.concat([Buffer.from(`${what} ${++made}\n`), Buffer.alloc(bytes, what)]);
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const folder = () => join(dirname(stage.sim.chatDb), 'Attachments/SenderRelay');
const staged = () => (existsSync(folder()) ? readdirSync(folder()) : []);
/** What the Mac's Messages did with files and texts for this person, in order. */
const rows = (handle: string) => stage.sim.events.filter((e) => e.kind === 'row' && e.handle === handle);
const what = (handle: string) => rows(handle).map(({ text, file }) => file?.split('/').at(-1) ?? text);
const parts = (command: string) => stage.statuses(command)[0]?.parts?.map(({ state }) => state);

it('a text and two files arrive in order, whole, once each', async () => {
  const to = person();
  const [photo, menu] = [content('photo'), content('menu', 900_000)];
  const attachments = [
    {
      url: server.put('/photo', photo, { 'content-type': 'image/jpeg' }),
      sha256: sha256(photo),
      filename: 'Terrace.jpg',
    },
    { url: server.put('/menus/Menu%20May.pdf', menu, { 'content-type': 'application/pdf' }) },
  ];
  const command = await stage.send(to, 'Here is our new terrace, and the menu.', { attachments });
  const status = await stage.state(command, ['delivered']);
  expect(what(to)).toEqual(['Here is our new terrace, and the menu.', 'Terrace.jpg', 'Menu May.pdf']);
  expect(status.parts).toMatchObject([
    { kind: 'text', state: 'delivered' },
    { kind: 'attachment', state: 'delivered', name: 'Terrace.jpg', sha256: sha256(photo), bytes: photo.length },
    { kind: 'attachment', state: 'delivered', name: 'Menu May.pdf', sha256: sha256(menu), bytes: menu.length },
  ]);
  expect(status.parts?.map(({ guid }) => guid)).toEqual(rows(to).map(({ guid }) => guid));
  const [, first = '', second = ''] = rows(to).map(({ file }) => file);
  expect(readFileSync(first).equals(photo)).toBe(true);
  expect(readFileSync(second).equals(menu)).toBe(true);
  expect(statSync(first).mode & 0o777).toBe(0o600);
});

it('a file alone, to a group', async () => {
  const members = [person(), person()];
  const group = await stage.sim.group({ members, name: 'Kitchen' });
  // A group must have been seen in chat.db.
  await stage.sim.inbound({ from: members[0] ?? '', chat: group.chat, text: 'Who is in?' });
  const url = server.put('/plan.png', content('plan'), { 'content-type': 'image/png' });
  const created = Math.round(stage.sim.now());
  const usual = { category: 'conversational', pacing: 'queue', created, expires_at: created + 86_400_000 };
  const command = await stage.command('message.send', {
    to: { chat: group.chat },
    text: '',
    attachments: [{ url }],
    ...usual,
  });
  expect((await stage.state(command, ['sent'])).parts).toMatchObject([
    { kind: 'attachment', state: 'sent', name: 'plan.png' },
  ]);
  expect(stage.sim.events.filter((e) => e.kind === 'row' && e.chat === group.guid)).toHaveLength(1);
});

it('what is not the file that was meant, is too large, or is not there, is refused, and nothing of the message goes', async () => {
  const to = person();
  const large = server.put('/large', content('large', 2_000_001));
  for (const [attachment, words] of [
    [{ url: server.put('/other', content('other')), sha256: 'f'.repeat(64) }, /SHA-256/],
    [{ url: large }, /larger than 2,000,000/],
    [{ url: server.url('/nowhere') }, /404/],
    [{ url: 'https://192.168.0.1/x' }, /not on the public internet/],
    [
      { url: server.put('/inward', (r) => r.writeHead(302, { location: 'https://169.254.169.254/' }).end()) },
      /not on the public/,
    ],
  ] as const) {
    const command = await stage.send(to, `With a file ${words.source}`, { attachments: [attachment] });
    expect(await stage.state(command, ['rejected'])).toMatchObject({
      code: 'attachment_refused',
      words: expect.stringMatching(words),
    });
  }
  expect(rows(to)).toEqual([]);
});

it('a server that fails is asked again, and the message waits for it', async () => {
  const to = person();
  let answers = 0;
  const photo = content('slow');
  const url = server.put('/flaky.jpg', (response) => {
    answers += 1;
    if (answers < 3) response.writeHead(503).end();
    else response.writeHead(200, { 'content-length': photo.length }).end(photo);
  });
  const command = await stage.send(to, 'It takes a while.', { attachments: [{ url }] });
  const held = await stage.event(
    (e) => e.name === 'message.status' && e.data.command === command && /503/.test(JSON.stringify(e.data)),
    {
      what: 'the reason is told',
    },
  );
  expect(held.data).toMatchObject({ state: 'held', rule: 'attachment' });
  await stage.state(command, ['delivered']);
  expect(what(to)).toEqual(['It takes a while.', 'flaky.jpg']);
});

it('the same file to somebody else keeps its distance, whatever is written beside it', async () => {
  const [ann, ben] = [person(), person()];
  const flyer = server.put('/flyer.jpg', content('flyer'));
  const first = await stage.send(ann, 'Come and see us on Monday', { attachments: [{ url: flyer }] });
  await stage.state(first, ['delivered']);
  const second = await stage.send(ben, 'Bring the dog, will you?', { attachments: [{ url: flyer }] });
  await stage.until(() => stage.statuses(second)[0]?.rule === 'interval', { what: 'it waits for the interval' });
  await stage.state(second, ['delivered']);
  const [a, b] = [rows(ann), rows(ben)].map((events) => events.at(-1)?.at ?? 0) as [number, number];
  expect(b - a).toBeGreaterThanOrEqual(60_000);
});

it('a file that Apple does not take stops those behind it', async () => {
  const to = person();
  const files = ['one.jpg', 'two.jpg', 'three.jpg'].map((name) => ({ url: server.put(`/${name}`, content(name)) }));
  const command = await stage.send(to, '', { attachments: files });
  await stage.sim.waitFor(() => rows(to).length === 1, 'the first row');
  await stage.sim.contact(to, { notDelivered: { error: 34, afterMs: 500 } });
  const status = await stage.state(command, ['not_delivered']);
  expect(status).toMatchObject({ apple_error: { number: 34, meaning: 'attachment' } });
  expect(what(to).length).toBeLessThan(3);
  expect(status.parts?.at(-1)).toMatchObject({ state: 'not_sent' });
});

it('STOP between the parts: the rest is not sent', async () => {
  const to = person();
  const url = server.put('/late.jpg', content('late'));
  // It takes a while until the row says sent; until then nothing more goes.
  await stage.sim.apple({ timing: { sentMs: 100_000 } });
  const command = await stage.send(to, 'First the words.', { attachments: [{ url }] });
  await stage.sim.waitFor(() => rows(to).length === 1, 'the words');
  await stage.sim.inbound({ from: to, text: 'STOP' });
  const status = await stage.state(command, ['not_delivered'], { patienceMs: 60_000 });
  await stage.sim.apple({ timing: { sentMs: 250 } });
  expect(status.parts).toMatchObject([{ kind: 'text' }, { state: 'not_sent', code: 'opted_out' }]);
  // Whether it was delivered in the meantime is up to the Mac.
  expect(['sent', 'delivered']).toContain(status.parts?.[0]?.state);
  expect(what(to)).toEqual(['First the words.']);
}, 120_000);

it('killed between the parts, and while a file is fetched: each part goes once', async () => {
  const to = person();
  let ask: (() => void) | undefined;
  const slow = content('slow');
  const [one, two] = [content('one'), content('two')];
  const files = [{ url: server.put('/kill-one.jpg', one) }, { url: server.put('/kill-two.jpg', two) }];
  const asked = new Promise<void>((done) => {
    ask = done;
  });
  let opened = 0;
  const hanging = server.put('/hangs.jpg', (response) => {
    opened += 1;
    if (opened > 1) return void response.writeHead(200, { 'content-length': slow.length }).end(slow);
    response.writeHead(200, { 'content-length': slow.length }).write(slow.subarray(0, 1_000));
    ask?.();
  });
  const other = person();
  const second = await stage.send(other, '', { attachments: [{ url: hanging }] });
  await asked;
  await stage.sim.apple({ timing: { sentMs: 10_000 } });
  const first = await stage.send(to, 'Words, then files.', { attachments: files });
  await stage.sim.waitFor(() => rows(to).length === 1, 'the words');
  await stage.killRelay();
  stage.startRelay();
  await stage.sim.waitFor(() => rows(to).length === 2, 'the first file');
  await stage.killRelay();
  await stage.sim.apple({ timing: { sentMs: 250 } });
  stage.startRelay();
  await stage.state(first, ['delivered'], { patienceMs: 60_000 });
  await stage.state(second, ['delivered'], { patienceMs: 60_000 });
  expect(what(to)).toEqual(['Words, then files.', 'kill-one.jpg', 'kill-two.jpg']);
  expect(what(other)).toEqual(['hangs.jpg']);
  expect(parts(first)).toEqual(['delivered', 'delivered', 'delivered']);
  // What was half fetched when it was killed was swept at the start, and is here whole now.
  expect(opened).toBeGreaterThanOrEqual(2);
  for (const name of staged()) expect(readdirSync(join(folder(), name))).not.toContain('.partial');
}, 120_000);

it('a store that was lost sends no file again that chat.db shows', async () => {
  const to = person();
  await stage.sim.contact(to, { deliveredAfterMs: null });
  const url = server.put('/once.jpg', content('once'));
  const command = await stage.send(to, '', { attachments: [{ url }] });
  await stage.state(command, ['sent'], { patienceMs: 60_000 });
  await stage.killRelay();
  for (const end of ['', '-wal', '-shm']) rmSync(join(stage.home, `relay.db${end}`), { force: true });
  const before = stage.events.length;
  stage.startRelay();
  await stage.until(
    () => stage.events.slice(before).some((e) => e.data.command === command && e.data.state === 'unknown'),
    { what: 'it is told as unknown' },
  );
  expect(what(to)).toEqual(['once.jpg']);
  expect(staged()).toEqual([]);
}, 120_000);
