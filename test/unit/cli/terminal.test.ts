import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { oneLine, Terminal } from '../../../daemon/cli/terminal.ts';

function make(o: { tty?: boolean; columns?: number; env?: Record<string, string>; room?: number } = {}) {
  const stream = () =>
    Object.assign(new PassThrough({ highWaterMark: o.room ?? 16_384 }), {
      isTTY: o.tty ?? false,
      columns: o.columns ?? 100,
    }) as unknown as NodeJS.WriteStream & PassThrough;
  const out = stream();
  const err = stream();
  let gone = false;
  const onGone = () => {
    gone = true;
  };
  return { out, err, isGone: () => gone, terminal: new Terminal({ out, err, env: o.env ?? {}, onGone }) };
}

function said(stream: PassThrough): string {
  let words = '';
  for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) words += chunk;
  return words;
}

describe('colour', () => {
  it.each([
    [true, {}, '\x1b[31mx\x1b[39m'],
    [false, {}, 'x'],
    [true, { NO_COLOR: '1' }, 'x'],
    [true, { NO_COLOR: '' }, '\x1b[31mx\x1b[39m'],
    [true, { TERM: 'dumb' }, 'x'],
  ])('terminal %s, environment %j', (tty, env, painted) => {
    expect(make({ tty, env }).terminal.paint('red', 'x')).toBe(painted);
  });
});

describe('width', () => {
  it('is that of the terminal, and 80 without one', () => {
    expect(make({ tty: true, columns: 132 }).terminal.width).toBe(132);
    expect(make({ tty: true, columns: 10 }).terminal.width).toBe(40);
    expect(make({ columns: 132 }).terminal.width).toBe(80);
  });
});

describe('the reader', () => {
  it('is waited for when it is slow', async () => {
    const { out, terminal } = make({ room: 8 });
    let done = false;
    const written = terminal.line('more than eight').then(() => {
      done = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(done).toBe(false);
    expect(said(out)).toBe('more than eight\n');
    await written;
  });

  it('may go away, but nothing else may break', () => {
    const { out, terminal, isGone } = make();
    expect(() => out.emit('error', Object.assign(new Error('disk'), { code: 'EIO' }))).toThrowError('disk');
    expect(isGone()).toBe(false);
    out.emit('error', Object.assign(new Error('gone'), { code: 'EPIPE' }));
    expect(isGone()).toBe(true);
    expect(terminal.isTTY).toBe(false);
  });
});

describe('words', () => {
  it('go to stdout for answers, to stderr for all else', async () => {
    const { out, err, terminal } = make();
    await terminal.json({ a: 1 });
    terminal.say('note');
    terminal.complain({ code: 'x', message: 'It broke.', hint: 'Mend it.' }, false);
    terminal.complain({ code: 'x', message: 'It broke.' }, true);
    expect(said(out)).toBe('{"schema":1,"a":1}\n');
    expect(said(err)).toBe(
      'note\nrelayctl: It broke.\n          Mend it.\n{"schema":1,"error":{"code":"x","message":"It broke."}}\n',
    );
  });

  it('from outside stay on one line and steer nothing', () => {
    expect(oneLine('a\n\tb\x1b[2Jc\u202ed\u0007é🎈')).toBe('a b·[2Jc·d·é🎈');
  });
});
