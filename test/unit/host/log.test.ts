import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLog, type LogOptions } from '../../../daemon/host/log.ts';
import { handleHash, redact, redactText } from '../../../daemon/host/log-redaction.ts';
import { makeFolder } from '../../support/store.ts';

const key = Buffer.alloc(32, 7);
const hidden = { key, unredacted: false };
const open = { key, unredacted: true };
let folder: string;

beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function make(o: Partial<LogOptions> = {}) {
  const clock = { now: () => Date.UTC(2026, 0, 31, 12) };
  return createLog({ folder, level: 'info', unredacted: false, key, maxBytes: 1e6, files: 3, clock, ...o });
}
const lines = (file: string) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

describe('a line', () => {
  it('is one JSON object with time, level, room, event and fields', async () => {
    const log = make();
    log.room('gate').warn('held', { message: 'm1', n: 3, level: 'mine', until: new Date(0) });
    await log.close();
    expect(lines(log.file)).toEqual([
      {
        at: '2026-01-31T12:00:00.000Z',
        level: 'warn',
        room: 'gate',
        event: 'held',
        message: 'm1',
        n: 3,
        until: '1970-01-01T00:00:00.000Z',
      },
    ]);
    expect(statSync(log.file).mode & 0o777).toBe(0o600);
  });

  it('goes by the level, which may change while rooms hold their logs', async () => {
    const log = make();
    const room = log.room('link');
    room.debug('one');
    log.setLevel('debug');
    room.debug('two');
    log.setLevel('error');
    room.warn('three');
    expect(log.level).toBe('error');
    await log.close();
    room.error('four');
    expect(lines(log.file).map((l) => l.event)).toEqual(['two']);
  });

  it('goes elsewhere as well if asked', async () => {
    const also = new PassThrough();
    const log = make({ also });
    log.info('started', { text: 'secret' });
    await log.close();
    expect(JSON.parse(String(also.read()))).toMatchObject({ event: 'started' });
  });

  it('survives what JSON does not know', async () => {
    const log = make();
    const round: Record<string, unknown> = { big: 2n ** 60n, set: new Set([1]), map: new Map([['a', 1]]), bytes: key };
    round.self = round;
    log.error('broken', { round, error: new TypeError('no +1 555 010 1234', { cause: new Error('x@example.com') }) });
    await log.close();
    const [line] = lines(log.file);
    expect(line.round).toMatchObject({ set: [1], map: { a: 1 }, bytes: '32 bytes' });
    expect(line.error.name).toBe('TypeError');
    expect(JSON.stringify(line)).not.toMatch(/555|example\.com/);
  });
});

describe('rotation', () => {
  it('keeps the newest lines without a hole, in so many files of so many bytes', async () => {
    const log = make({ maxBytes: 4_096, files: 4 });
    for (let n = 0; n < 1_000; n += 1) log.info('tick', { n });
    await log.close();
    const files = ['relay.3.log', 'relay.2.log', 'relay.1.log', 'relay.log'];
    expect(readdirSync(folder).sort()).toEqual([...files].sort());
    const numbers = files.flatMap((name) => lines(join(folder, name)).map((l) => l.n));
    expect(numbers).toEqual(numbers.map((_, i) => 1_000 - numbers.length + i));
    for (const name of files) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(4_096);
    expect(numbers.length).toBeGreaterThan(100);
  });

  it('goes on in the file of the last start, and with one file only', async () => {
    for (let start = 0; start < 3; start += 1) {
      const log = make({ maxBytes: 1_024, files: 1 });
      for (let n = 0; n < 5; n += 1) log.info('tick', { start, n });
      await log.close();
    }
    expect(readdirSync(folder)).toEqual(['relay.log']);
    expect(lines(join(folder, 'relay.log')).at(-1)).toMatchObject({ start: 2, n: 4 });
    expect(statSync(join(folder, 'relay.log')).size).toBeLessThanOrEqual(1_024);
  });

  it('writes each line before the next one is said', () => {
    const log = make();
    log.info('first');
    log.info('last words');
    expect(lines(log.file).map((l) => l.event)).toContain('first');
  });
});

describe('redaction', () => {
  const digits = (n: number) => fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: n, maxLength: 14 });
  const phone = fc.tuple(fc.constantFrom('+', ''), digits(7)).map(([plus, rest]) => plus + rest);
  const spaced = fc
    .tuple(digits(8), fc.constantFrom(' ', '-', '.', ') ', ' ('))
    .map(([d, sign]) => `+${d.slice(0, 2)}${sign}${d.slice(2, 5)}${sign}${d.slice(5)}`);

  it('leaves no phone number in any text', () => {
    fc.assert(
      fc.property(fc.string(), fc.oneof(phone, spaced), fc.string(), (before, number, after) => {
        expect(redactText(before + number + after, hidden)).not.toContain(number);
      }),
      { numRuns: 2_000 },
    );
  });

  it('leaves no e-mail address in any text', () => {
    fc.assert(
      fc.property(fc.string(), fc.emailAddress(), fc.string(), (before, mail, after) => {
        expect(redactText(before + mail + after, hidden)).not.toContain(mail);
      }),
      { numRuns: 2_000 },
    );
  });

  it('reaches every depth, names of fields too', () => {
    const anything = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        phone,
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(fc.oneof(phone, fc.constantFrom('to', 'why', 'handle')), tie('tree'), { maxKeys: 3 }),
      ),
    })).tree;
    fc.assert(
      fc.property(anything, (value) => {
        expect(JSON.stringify(redact(value, hidden)) ?? '').not.toMatch(/\d{7,}/);
      }),
    );
  });

  it('gives one contact one hash, however it is written, and other installations other ones', () => {
    const one = handleHash('+15550101234', key);
    expect(redactText('to +1 (555) 010-1234, any;-;+15550101234', hidden)).toBe(`to ${one}, any;-;${one}`);
    expect(redactText('from Ann.Lee@Example.com!', hidden)).toBe(`from ${handleHash('ann.lee@example.com!', key)}`);
    expect(one).toMatch(/^h:[0-9a-f]{6}$/);
    expect(handleHash('+15550101234', Buffer.alloc(32, 8))).not.toBe(one);
  });

  it('hides short codes under the names of addresses only', () => {
    expect(redact({ handle: '12345', handles: ['12345', 'a@b.co'], n: 12345, seq: '12345' }, hidden)).toEqual({
      handle: handleHash('12345', key),
      handles: [handleHash('12345', key), handleHash('a@b.co', key)],
      n: 12345,
      seq: '12345',
    });
  });

  it('leaves numbers, ids and short digits as they are', () => {
    const fields = { at: 1_769_860_800_000, guid: '0F1E2D3C-1111-2222-3333-444455556666', port: '8080', error: -1728 };
    expect(redact(fields, hidden)).toEqual(fields);
  });

  it('drops texts unless it is switched off, and tokens always', () => {
    const fields = { text: 'hi', Body: 'x', token: 't', deep: { authorization: 'Bearer abc', note: 'Bearer abc.def' } };
    expect(redact(fields, hidden)).toEqual({ deep: { note: 'Bearer …' } });
    expect(redact({ ...fields, to: '+15550101234' }, open)).toEqual({
      text: 'hi',
      Body: 'x',
      to: '+15550101234',
      deep: { note: 'Bearer …' },
    });
  });

  it('takes a long text without spaces in its stride', () => {
    const began = performance.now();
    redactText(`${'a'.repeat(200_000)}@`, hidden);
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});
