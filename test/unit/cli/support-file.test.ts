/** Whatever is put wherever: nothing that is somebody's is in the support file. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeBundle } from '../../../daemon/cli/support-file.ts';
import { Terminal } from '../../../daemon/cli/terminal.ts';
import { Asking, World } from '../../../daemon/cli/world.ts';
import { silentLog } from '../../../daemon/host/log.ts';
import { tarGz } from '../../../daemon/host/tar.ts';
import type { DoctorReport } from '../../../daemon/local/schemas.ts';
import { LocalServer } from '../../../daemon/local/server.ts';
import { aStatus, FakeRelay, NOON } from '../../support/fake-local.ts';
import { makeFolder, openStore } from '../../support/store.ts';

let home: string;
let relay: FakeRelay;
let server: LocalServer;

beforeEach(async () => {
  home = makeFolder();
  relay = new FakeRelay();
  server = new LocalServer({ path: join(home, 'relay.sock'), handlers: relay, now: () => NOON, log: silentLog });
  await server.start();
  mkdirSync(join(home, 'logs'));
});
afterEach(async () => {
  await server.stop();
  rmSync(home, { recursive: true, force: true });
});

const terminal = new Terminal({ out: process.stdout, err: process.stderr, env: {}, onGone: () => {} });

function asking(env: Record<string, string> = {}): Asking {
  return new Asking(new World({ terminal, env, interruption: () => new AbortController().signal }), true, home);
}

const report = (checks: DoctorReport['checks']): DoctorReport => ({
  ...{ verdict: 'ok', relay: 'running', now: NOON },
  checks,
});

async function bundled(
  found: DoctorReport,
  env: Record<string, string> = {},
): Promise<{ file: string; plain: string }> {
  const file = join(home, 'support.tar.gz');
  rmSync(file, { force: true });
  await writeBundle(asking(env), found, file, () => {});
  return { file, plain: gunzipSync(readFileSync(file)).toString('utf8') };
}

/** No word of ours, so that a find is a find. */
const WORDS = ['marmalade', 'zeppelin', 'Quokkas', 'ярмарка', '苺大福', 'rhododendron'];
const digits = (from: number, to: number) =>
  fc.array(fc.integer({ min: 1, max: 9 }), { minLength: from, maxLength: to }).map((all) => all.join(''));
const planted = fc.record({
  text: fc.array(fc.constantFrom(...WORDS), { minLength: 2, maxLength: 5 }).map((words) => words.join(' ')),
  phone: digits(10, 12).map((number) => `+${number}`),
  email: fc.constantFrom(...WORDS.slice(0, 3)).map((name) => `${name}@example.net`),
  token: digits(12, 20).map((number) => `Tk-${number}-xYz`),
});
type Planted = typeof planted extends fc.Arbitrary<infer T> ? T : never;

/** What must not be found: the things themselves, and what would give them away. */
function tellTales({ phone, email, token }: Planted): string[] {
  return [...WORDS, phone.slice(1), phone.slice(-7), email.slice(0, email.indexOf('@') + 1), token, token.slice(3, 13)];
}

const FIELDS = [
  'event',
  'code',
  'kind',
  'reason',
  'error',
  'words',
  'text',
  'to',
  'name',
  'version',
  'at',
  'phase',
  'n',
];

function plant(p: Planted): DoctorReport {
  const all = [p.text, p.phone, p.email, p.token, `It failed for ${p.phone} with "${p.text}" (${p.token})`];
  const config = {
    device: p.token,
    controller: { url: `wss://${p.email}/${p.token}?t=${p.token}`, token_file: `/Users/${p.text}/token` },
    messages: { chat_db: `/Users/${p.text}/chat.db`, attachments: { allow_hosts: all } },
    log: { level: p.text },
    policy: { [p.text]: p.phone, caps: { [p.phone]: p.email }, quiet_hours: p.text },
    [p.token]: p.token,
  };
  writeFileSync(join(home, 'config.json'), JSON.stringify(config));
  writeFileSync(join(home, 'token'), p.token, { mode: 0o600 });
  const lines = all.flatMap((value) => [
    JSON.stringify(Object.fromEntries(FIELDS.map((field) => [field, value]))),
    JSON.stringify({
      level: 'warn',
      event: 'sent',
      [value]: value,
      [value.replace(/\W/g, '')]: 1,
      deep: { code: value },
    }),
    JSON.stringify({ level: 'warn', event: 'sent', n: Number(p.phone), count: Number(p.phone.slice(-7)) }),
    value,
  ]);
  writeFileSync(join(home, 'logs', 'relay.log'), `${lines.join('\n')}\n`);
  const condition = { severity: 'error', since: NOON, words: p.text, remedy: p.token } as const;
  relay.present = aStatus({
    headline: p.text,
    device: p.token,
    version: p.phone,
    controller: { state: 'waiting', url: p.token, since: NOON, unacked_events: 0, last_error: all[4] ?? '' },
    chat_db: { path: `/Users/${p.text}`, readable: true, cursor_rowid: 17, last_row_at: NOON },
    sender: { state: 'paused', since: NOON, reason: `${p.text} ${p.phone}` },
    conditions: [
      { ...condition, name: 'chat_db_denied' },
      { ...condition, name: p.text },
    ],
  });
  const values = all.map((value) => ({ name: value, labels: { rule: value, [value]: 'x' }, value: 1 }));
  const help = p.text;
  relay.metricsReport = {
    text: p.text,
    metrics: [
      { name: 'sender_relay_ready', help, type: 'gauge', values },
      { name: p.email, help, type: p.token, values },
    ],
  };
  const facts = { version: p.phone, running: p.token, state: p.text, [p.text]: 1, off_s: Number(p.phone) };
  const wrong = { verdict: 'fail', words: p.text, remedy: p.token, by: 'relayctl', facts } as const;
  return report(
    all.flatMap((value) => [
      { ...wrong, name: value, code: 'failed' },
      { ...wrong, name: 'disk', code: value },
    ]),
  );
}

it('nothing that was put in the configuration, the log, the answers or the checks is in it', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(planted, async (p) => {
      const { plain } = await bundled(plant(p), { SENDER_RELAY_DEVICE: p.token });
      expect(tellTales(p).filter((tale) => plain.includes(tale))).toEqual([]);
    }),
    { numRuns: 15 },
  );
});

it('nor what is in the store; its rows are counted', async () => {
  const store = openStore(home);
  store.db.exec("CREATE TABLE marmalade (text TEXT); INSERT INTO marmalade VALUES ('zeppelin')");
  const table = store.db.sql<{ name: string }>("SELECT name FROM sqlite_schema WHERE name LIKE 'journal%'").get()?.name;
  store.db.close();
  const { plain } = await bundled(report([]));
  expect(plain).not.toMatch(/marmalade|zeppelin/);
  expect(plain).toMatch(new RegExp(`"${table}": \\d`));
});

it('what helps is there: codes, moments, counts, and which fields are set', async () => {
  plant({ text: 'a b', phone: '+15550101234', email: 'a@b', token: 'x' });
  writeFileSync(
    join(home, 'config.json'),
    JSON.stringify({ device: 'mac-1', log: { level: 'debug', files: 7 }, messages: { restart_hung: true } }),
  );
  const line = {
    at: '2026-01-31T12:00:00.000Z',
    level: 'warn',
    room: 'link',
    event: 'lost',
    code: 'ECONNRESET',
    tries: 3,
  };
  writeFileSync(join(home, 'logs', 'relay.log'), `${JSON.stringify({ ...line, words: 'a b' })}\n`);
  const checks = report([
    { name: 'macos', verdict: 'ok', code: 'ok', words: 'macOS 15.1.', facts: { version: '15.1' }, by: 'relayctl' },
  ]);
  const { plain } = await bundled(checks);
  expect(plain).toContain(JSON.stringify(line));
  expect(plain).toContain('"version": "15.1"');
  expect(plain).toMatch(
    /"log.level": "debug",\s+"log.unredacted": "not set",\s+"log.max_bytes": "not set",\s+"log.files": 7/,
  );
  expect(plain).toContain('"device": "set"');
  expect(plain).toContain('"messages.restart_hung": true');
  expect(plain).toContain('"name": "chat_db_denied"');
  expect(plain).toContain('"cursor_rowid": 17');
});

it('a part that cannot be had keeps no other back', async () => {
  await server.stop();
  writeFileSync(join(home, 'config.json'), '{ "marmalade');
  const { plain } = await bundled(report([]));
  expect(plain).toContain('"relay": "not_running"');
  expect(plain).toContain('not_to_be_had');
  expect(plain).not.toContain('marmalade');
  expect(plain).toContain('versions.json');
});

it('only its owner can read it, tar can unpack it, and what is there already stays', async () => {
  const { file } = await bundled(report([]));
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const into = join(home, 'unpacked');
  mkdirSync(into);
  execFileSync('tar', ['-xzf', file, '-C', into]);
  expect(readdirSync(into).sort()).toEqual([
    'README.txt',
    'config.json',
    'doctor.json',
    'log.ndjson',
    'metrics.json',
    'service.json',
    'status.json',
    'store.json',
    'versions.json',
  ]);
  expect(JSON.parse(readFileSync(join(into, 'doctor.json'), 'utf8'))).toMatchObject({ now: NOON, checks: [] });
  const again = writeBundle(asking(), report([]), file, () => {});
  await expect(again).rejects.toMatchObject({ code: 'bundle_exists', hint: 'Name another file.' });
  const nowhere = writeBundle(asking(), report([]), join(home, 'none', 'x'), () => {});
  await expect(nowhere).rejects.toMatchObject({ code: 'bundle_unwritable' });
});

it('a tar of any texts is what tar makes of it', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 1_500 }), { maxLength: 3 }), (texts) => {
      const file = join(home, 'any.tar.gz');
      const into = join(home, 'any');
      rmSync(into, { recursive: true, force: true });
      mkdirSync(into);
      writeFileSync(
        file,
        tarGz(
          texts.map((text, i) => ({ name: `${i}.txt`, text })),
          NOON,
        ),
      );
      execFileSync('tar', ['-xzf', file, '-C', into]);
      expect(readdirSync(into)).toHaveLength(texts.length);
      for (const [i, text] of texts.entries())
        expect(readFileSync(join(into, `${i}.txt`))).toEqual(Buffer.from(text, 'utf8'));
    }),
    { numRuns: 10 },
  );
  expect(() => tarGz([{ name: 'ä', text: '' }], NOON)).toThrow(RangeError);
});
