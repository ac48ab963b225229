/** Where files lie that are to be sent: names, modes, what is swept, what never stays half done. Over a real https server. */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { possibleNames, safeFileName, stemOf } from '../../../daemon/bridge/file-names.ts';
import { HttpsFetch } from '../../../daemon/bridge/https-fetch.ts';
import { Staging } from '../../../daemon/bridge/staging.ts';
import { systemClock } from '../../../daemon/host/clock.ts';
import { silentLog } from '../../../daemon/host/log.ts';
import { CA_FILE, FileServer } from '../../support/file-server.ts';

const MAX_BYTES = 100_000;
const PHOTO = Buffer.alloc(70_000, 'photo');
const SHA256 = createHash('sha256').update(PHOTO).digest('hex');

describe('a name', () => {
  const named = (filename: string | undefined, mime?: string, url = 'https://x.example/') =>
    safeFileName({ filename, mime, url });

  it.each([
    ['photo.jpg', 'image/jpeg', 'photo.jpg'],
    ['photo.JPEG', 'image/jpeg', 'photo.JPEG'],
    ['photo.exe', 'image/jpeg', 'photo.exe.jpg'],
    ['photo', 'image/png; charset=x', 'photo.png'],
    ['notes.xyz', 'application/octet-stream', 'notes.xyz'],
    ['../../etc/passwd', undefined, 'passwd'],
    ['..\\..\\boot.ini', undefined, 'boot.ini'],
    ['.hidden', undefined, 'hidden'],
    ['..', 'application/pdf', 'attachment.pdf'],
    ['a\u0000b\nc\td.txt', undefined, 'abcd.txt'],
    ['cod\u202Egpj.exe', 'application/pdf', 'codgpj.exe.pdf'],
    ['zero\u200Bwidth\uFEFF.png', undefined, 'zerowidth.png'],
    ['a:b*c?.png', undefined, 'a_b_c_.png'],
    ['cafe\u0301.png', undefined, 'caf\u00e9.png'],
    ['lone\uD800.png', undefined, 'lone.png'],
    ['  two   words .pdf', undefined, 'two words .pdf'],
    [undefined, undefined, 'attachment'],
  ])('%j of type %s is %j', (filename, mime, wanted) => {
    expect(named(filename, mime)).toBe(wanted);
  });

  it('comes from the address where none is wished for, and the ending from what the server says', () => {
    const url = 'https://cdn.example/a/b%20c%2F..%2Fmenu?sig=1';
    expect(safeFileName({ url, type: 'application/pdf' })).toBe('menu.pdf');
    expect(safeFileName({ url, mime: 'image/png', type: 'application/pdf' })).toBe('menu.png');
    expect(safeFileName({ url: 'https://cdn.example/%E0%A4%A' })).toBe('attachment');
  });

  it('is short, and cut between whole signs, before its ending', () => {
    expect(named(`${'👨‍👩‍👧'.repeat(40)}.png`)).toBe(`${'👨‍👩‍👧'.repeat(6)}.png`);
    expect(named(`${'x'.repeat(300)}.png`)).toBe(`${'x'.repeat(116)}.png`);
  });

  it('is safe whatever was wished for', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), fc.webUrl(), (filename, url) => {
        const name = safeFileName({ filename, url });
        expect(name).not.toMatch(/[/\\:\p{Cc}\p{Cs}\u202A-\u202E\u2066-\u2069\u200B\uFEFF]|^[. ]/u);
        expect(name).not.toBe('');
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(130);
      }),
      { numRuns: 500 },
    );
  });

  it('has a stem that no ending changes', () => {
    expect(['Photo.HEIC', 'photo.jpeg', 'PHOTO'].map(stemOf)).toEqual(['photo', 'photo', 'photo']);
    expect(stemOf('photo.exe.jpg')).toBe('photo.exe');
  });

  it('that is not known yet is looked for in each form that it may get, whatever the server says', () => {
    const url = 'https://x.example/menu.v2';
    const stems = (wishes: Parameters<typeof possibleNames>[0]) => possibleNames(wishes).map(stemOf);
    expect(stems({ url })).toEqual(['menu', 'menu.v2']);
    expect(stems({ url, mime: 'application/pdf' })).toEqual(['menu.v2']);
    expect(stems({ url, mime: 'image/unheard-of' })).toEqual(['menu', 'menu.v2']);
    expect(stems({ url, filename: 'Photo.jpg', mime: 'image/jpeg' })).toEqual(['photo']);
    expect(possibleNames({ name: 'menu.v2' })).toEqual(['menu.v2']);
    const types = ['image/jpeg', 'video/quicktime', 'application/pdf', 'application/vnd.apple.pkpass', undefined];
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.constantFrom(...types), (filename, type) => {
        expect(stems({ filename, url })).toContain(stemOf(safeFileName({ filename, url, type })));
      }),
    );
  });
});

describe('a file that is to be sent', () => {
  let server: FileServer;
  let root: string;
  let folder: string;
  beforeEach(async () => {
    server = await FileServer.open();
    root = mkdtempSync(join(tmpdir(), 'staging-'));
    folder = join(root, 'Attachments', 'SenderRelay');
  });
  afterEach(async () => {
    await server.close();
    rmSync(root, { recursive: true });
  });

  const staging = (maxTotalBytes = 10 * MAX_BYTES) =>
    new Staging({
      folder,
      fetch: new HttpsFetch({
        clock: systemClock,
        limits: { maxBytes: MAX_BYTES, totalMs: 60_000 },
        privateHosts: ['127.0.0.1'],
        ca: readFileSync(CA_FILE, 'utf8'),
      }),
      log: silentLog,
      maxBytes: MAX_BYTES,
      maxTotalBytes,
    });
  const wanted = (url: string, sha256: string | null = null, filename: string | null = null) => ({
    url,
    sha256,
    filename,
    mime: null,
  });
  const left = () => (existsSync(folder) ? readdirSync(folder) : []);

  it('lies in a folder of its own, for this user only, under its name', async () => {
    const url = server.put('/p', PHOTO, { 'content-type': 'image/jpeg' });
    const place = staging();
    const staged = await place.stage(wanted(url, SHA256, 'Menu.jpg'));
    if (!staged.ok) throw new Error(staged.words);
    expect(staged).toMatchObject({ name: 'Menu.jpg', bytes: 70_000, sha256: SHA256, vcard: false });
    const path = place.pathOf(staged);
    expect(path).toBe(join(folder, staged.folder, 'Menu.jpg'));
    expect(readFileSync(path).equals(PHOTO)).toBe(true);
    const mode = (p: string) => statSync(p).mode & 0o777;
    expect([mode(folder), mode(join(folder, staged.folder)), mode(path)]).toEqual([0o700, 0o700, 0o600]);
    expect(place.has(staged)).toBe(true);
    writeFileSync(path, 'shorter');
    expect(place.has(staged)).toBe(false);
  });

  it('leaves nothing behind if it is not the one that was meant, or does not come', async () => {
    const place = staging();
    const other = await place.stage(wanted(server.put('/p', PHOTO), 'f'.repeat(64)));
    expect(other).toMatchObject({ ok: false, again: false, words: expect.stringMatching(/SHA-256/) });
    const cut = server.put('/c', (response) => {
      response.writeHead(200, { 'content-length': '70000' });
      response.write(PHOTO.subarray(0, 9), () => response.destroy());
    });
    expect(await place.stage(wanted(cut))).toMatchObject({ ok: false, again: true });
    expect(left()).toEqual([]);
  });

  it('waits while there are too many', async () => {
    const place = staging(2 * MAX_BYTES);
    const url = server.put('/p', PHOTO);
    const first = await place.stage(wanted(url));
    expect(first.ok).toBe(true);
    // Room for one more at the most that it may become, counted while it comes.
    const [second, third] = await Promise.all([place.stage(wanted(url)), place.stage(wanted(url))]);
    expect([second.ok, third.ok].filter(Boolean)).toHaveLength(1);
    expect([second, third].find(({ ok }) => !ok)).toMatchObject({ again: true, words: /As many files/ });
    if (first.ok) await place.release(first.folder);
    expect(left()).toHaveLength(1);
    expect((await place.stage(wanted(url))).ok).toBe(true);
  });

  it('goes when it is released; at a start, what nobody needs goes, half fetched or whole, and nothing else', async () => {
    const url = server.put('/p', PHOTO);
    const before = staging();
    const [kept, orphan] = [await before.stage(wanted(url)), await before.stage(wanted(url))];
    if (!kept.ok || !orphan.ok) throw new Error('not fetched');
    const half = join(folder, '00000000-0000-4000-8000-000000000000');
    mkdirSync(half);
    writeFileSync(join(half, '.partial'), 'half');
    mkdirSync(join(folder, 'family photos'));
    const after = staging();
    after.sweep([kept]);
    expect(left().sort()).toEqual([kept.folder, 'family photos'].sort());
    await after.release(kept.folder);
    await after.release('../..');
    expect(left()).toEqual(['family photos']);
    expect(existsSync(root)).toBe(true);
  });
});
