/** Fetching from a real https server on this machine: what is taken, what is refused for good, and what may fare better later. */
import { createHash } from 'node:crypto';
import type { lookup } from 'node:dns';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isPublicAddress } from '../../../daemon/bridge/addresses.ts';
import { type Fetched, HttpsFetch } from '../../../daemon/bridge/https-fetch.ts';
import { systemClock } from '../../../daemon/host/clock.ts';
import { FakeClock, until } from '../../support/fake-clock.ts';
import { CA_FILE, FileServer } from '../../support/file-server.ts';

const CA = readFileSync(CA_FILE, 'utf8');
const PHOTO = Buffer.alloc(70_000, 'photo');
const LIMITS = { maxBytes: 100_000, totalMs: 60_000 };
const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

let server: FileServer;
let folder: string;
let count = 0;
beforeEach(async () => {
  server = await FileServer.open();
  folder = mkdtempSync(join(tmpdir(), 'fetch-'));
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const target = () => join(folder, `${++count}`);
const LOCAL = { clock: systemClock, limits: LIMITS, privateHosts: ['127.0.0.1', 'localhost'], ca: CA };
const get = (url: string, o: Partial<typeof LOCAL> = {}): Promise<Fetched> =>
  new HttpsFetch({ ...LOCAL, ...o }).fetch(url, target());

describe('a file', () => {
  it('is written as it is, for this user only, and hashed', async () => {
    const path = target();
    const url = server.put('/p.jpg', PHOTO, { 'content-type': 'image/jpeg' });
    const fetched = await new HttpsFetch(LOCAL).fetch(url, path);
    expect(fetched).toEqual({ ok: true, sha256: sha256(PHOTO), bytes: 70_000, type: 'image/jpeg', vcard: false });
    expect(readFileSync(path).equals(PHOTO)).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('is known for a vCard by what is in it', async () => {
    const card = server.put('/a', '\uFEFFBEGIN:VCARD\r\nVERSION:3.0\r\n', { 'content-type': 'image/jpeg' });
    const flyer = server.put('/b.vcf', 'A flyer', { 'content-type': 'text/vcard' });
    expect(await get(card)).toMatchObject({ ok: true, vcard: true });
    expect(await get(flyer)).toMatchObject({ ok: true, vcard: false });
  });

  it('comes by a name that leads to this machine, if that name is allowed', async () => {
    server.put('/p.jpg', PHOTO);
    expect(await get(server.url('/p.jpg', 'localhost'))).toMatchObject({ ok: true });
  });

  it('comes by whatever name, if it is allowed, from the address that was judged', async () => {
    server.put('/p.jpg', PHOTO);
    const url = server.url('/p.jpg', 'files.test');
    const asked: string[] = [];
    // Says something else each time, as a name does that is to get past a judgement of the first answer.
    const resolve = ((name: string, _options: object, callback: (...answer: unknown[]) => void) => {
      asked.push(name);
      callback(null, [{ address: asked.length === 1 ? '127.0.0.1' : '10.0.0.1', family: 4 }]);
    }) as unknown as typeof lookup;
    const allowed = new HttpsFetch({ ...LOCAL, privateHosts: ['files.test'], resolve });
    expect(await allowed.fetch(url, target())).toMatchObject({ ok: true });
    expect(asked).toEqual(['files.test']);
    const strict = new HttpsFetch({ ...LOCAL, privateHosts: ['localhost'], resolve });
    expect(await strict.fetch(url, target())).toMatchObject({ ok: false, again: false });
    expect(server.asked).toHaveLength(1);
  });

  it('comes through five redirects', async () => {
    server.put('/5', PHOTO);
    for (let n = 4; n >= 0; n -= 1)
      server.put(`/${n}`, (response) => response.writeHead(302, { location: `/${n + 1}` }).end());
    expect(await get(server.url('/0'))).toMatchObject({ ok: true, bytes: 70_000 });
  });
});

describe('is refused for good', () => {
  const refused = (words: RegExp) => ({ ok: false, again: false, words: expect.stringMatching(words) });

  it.each([
    ['an address of this machine', 'https://127.0.0.1:9/x'],
    ['written as one number', 'https://2130706433/x'],
    ['written in octal', 'https://0177.1/x'],
    ['of IPv6', 'https://[::1]/x'],
    ['IPv4 in IPv6', 'https://[::ffff:127.0.0.1]/x'],
    ['the metadata of a cloud', 'https://169.254.169.254/latest/meta-data'],
    ['a name that leads to this machine', 'https://localhost:9/x'],
  ])('%s', async (_what, url) => {
    expect(await get(url, { privateHosts: [] })).toEqual(refused(/not on the public internet/));
    expect(server.asked).toEqual([]);
  });

  it.each([
    ['http', 'http://example.com/x', /by https only/],
    ['a file of this Mac', 'file:///etc/passwd', /by https only/],
    ['a password in it', 'https://a:b@example.com/x', /user or a password/],
    ['nothing', 'https://', /cannot be read/],
  ])('an address with %s', async (_what, url, words) => {
    expect(await get(url)).toEqual(refused(words));
  });

  it.each([
    ['to http', 'http://127.0.0.1/x', /by https only/],
    ['to a private address', 'https://10.0.0.7/x', /not on the public internet/],
    ['to a name that leads to one', 'https://localhost/x', /not on the public internet/],
    ['to a file', 'file:///etc/passwd', /by https only/],
    ['to nowhere', 'https://', /redirects to nowhere/],
  ])('a redirect %s', async (_what, location, words) => {
    const url = server.put('/r', (response) => response.writeHead(302, { location }).end());
    expect(await get(url, { privateHosts: ['127.0.0.1'] })).toEqual(refused(words));
    expect(server.asked).toEqual(['/r']);
  });

  it('the sixth redirect', async () => {
    const url = server.put('/r', (response) => response.writeHead(307, { location: '/r' }).end());
    expect(await get(url)).toEqual(refused(/more than 5 times/));
    expect(server.asked).toHaveLength(6);
  });

  it.each([404, 403, 410, 204, 206])('status %d', async (status) => {
    const url = server.put('/s', (response) => response.writeHead(status).end());
    expect(await get(url)).toEqual(refused(new RegExp(`answers ${status}`)));
  });

  it('what says that it is too large, before a byte of it is taken', async () => {
    const url = server.put('/l', (response) => response.writeHead(200, { 'content-length': '100001' }).write('x'));
    expect(await get(url)).toEqual(refused(/larger than 100,000 bytes/));
  });

  it('what is too large and does not say so', async () => {
    let closed = false;
    const url = server.put('/l', (response) => {
      response.on('close', () => {
        closed = true;
      });
      response.writeHead(200);
      const more = () => {
        while (!closed && response.write(Buffer.alloc(16_384)));
      };
      response.on('drain', more);
      more();
    });
    const path = target();
    expect(await new HttpsFetch(LOCAL).fetch(url, path)).toEqual(refused(/larger than/));
    expect(statSync(path).size).toBeLessThanOrEqual(100_000);
    await until(() => closed, 'the connection ends');
  });

  it('an empty one, and one that is encoded', async () => {
    expect(await get(server.put('/e', ''))).toEqual(refused(/is empty/));
    expect(await get(server.put('/z', PHOTO, { 'content-encoding': 'gzip' }))).toEqual(refused(/encoded as gzip/));
  });
});

describe('may come later', () => {
  const later = (more: object = {}) => ({ ok: false, again: true, ...more });

  it('from a server that nobody trusts', async () => {
    expect(await get(server.put('/p', PHOTO), { ca: undefined })).toMatchObject(later());
    expect(server.asked).toEqual([]);
  });

  it.each([500, 503, 429])('after status %d, and not before the server says', async (status) => {
    const url = server.put('/s', (response) => response.writeHead(status, { 'retry-after': '7' }).end());
    expect(await get(url)).toMatchObject(later({ retryAfterMs: 7_000 }));
  });

  it('what breaks off, however it was announced', async () => {
    const sized = server.put('/c', (response) => {
      response.writeHead(200, { 'content-length': '70000' });
      response.write(PHOTO.subarray(0, 1_000), () => response.destroy());
    });
    const chunked = server.put('/d', (response) => {
      response.writeHead(200);
      response.write(PHOTO.subarray(0, 1_000), () => response.destroy());
    });
    expect(await get(sized)).toMatchObject(later());
    expect(await get(chunked)).toMatchObject(later());
  });

  it('what takes too long, and what is not waited for any more', async () => {
    const url = server.put('/s', (response) => void response.writeHead(200).write('a'));
    const clock = new FakeClock();
    const slow = new HttpsFetch({ ...LOCAL, clock }).fetch(url, target());
    await until(() => server.asked.length === 1, 'it is asked for');
    clock.advance(LIMITS.totalMs);
    expect(await slow).toMatchObject(later({ words: expect.stringMatching(/too long/) }));
    const stop = new AbortController();
    const stopped = new HttpsFetch(LOCAL).fetch(url, target(), stop.signal);
    await until(() => server.asked.length === 2, 'it is asked for again');
    stop.abort();
    expect(await stopped).toMatchObject(later());
  });

  it('where nobody listens, or where no name is', async () => {
    const { port } = server;
    await server.close();
    expect(await get(`https://127.0.0.1:${port}/x`)).toMatchObject(later());
    expect(await get('https://no-such-name.invalid/x')).toMatchObject(later());
    server = await FileServer.open();
  });
});

it('no words of a refusal hold what stands behind the host: it may be a secret', async () => {
  const url = `${server.put('/secret', (response) => response.writeHead(404).end())}?signature=hidden`;
  expect(JSON.stringify(await get(url))).not.toMatch(/secret|hidden/);
});

it.each([
  ['8.8.8.8', true],
  ['172.32.0.1', true],
  ['100.63.255.255', true],
  ['2606:4700::1111', true],
  ['::ffff:8.8.8.8', true],
  ['64:ff9b::808:808', true],
  ['0.0.0.0', false],
  ['10.0.0.1', false],
  ['100.64.0.1', false],
  ['127.255.0.1', false],
  ['169.254.1.1', false],
  ['172.31.255.255', false],
  ['192.168.0.1', false],
  ['198.19.0.1', false],
  ['224.0.0.251', false],
  ['255.255.255.255', false],
  ['::', false],
  ['::1', false],
  ['::ffff:10.0.0.1', false],
  ['::ffff:7f00:1', false],
  ['::127.0.0.1', false],
  ['64:ff9b::a00:1', false],
  ['64:ff9b:1::1', false],
  ['2001:db8::1', false],
  ['2001::1', false],
  ['2002:a00:1::1', false],
  ['fc00::1', false],
  ['fe80::1', false],
  ['fe80::1%en0', false],
  ['2606:4700::1111%en0', false],
  ['ff02::fb', false],
  ['example.com', false],
  ['', false],
])('%s is public: %s', (address, wanted) => {
  expect(isPublicAddress(address)).toBe(wanted);
});
