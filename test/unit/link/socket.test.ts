import { describe, expect, test } from 'vitest';
import { Dial } from '../../../daemon/link/socket.ts';
import { deviceOfToken, tokenHash } from '../../../protocol/controller-server.ts';

const dial = (url: string) => new Dial({ url, token: () => 't' });

describe('the controller’s address', () => {
  test.each(['wss://cloud.example/relay', 'ws://127.0.0.1:8080/', 'ws://127.9.9.9/', 'ws://[::1]:1/'])(
    '%s is dialled',
    (url) => {
      expect(dial(url).peer).toMatch(/^wss?:\/\//);
    },
  );

  test.each([
    ['ws://cloud.example/', /unencrypted/],
    ['ws://localhost/', /unencrypted/],
    ['ws://127.0.0.1.example/', /unencrypted/],
    ['ws://10.0.0.1/', /unencrypted/],
    ['https://cloud.example/', /does not begin/],
    ['cloud.example', /is not a URL/],
    ['wss://user:secret@cloud.example/', /carries a name or a password/],
  ])('%s is refused', (url, words) => {
    expect(() => dial(url)).toThrow(words);
  });

  test('what may be secret in it is shown nowhere', () => {
    expect(() => dial('wss://user:secret@cloud.example/?key=hidden')).not.toThrow(/secret|hidden/);
    expect(dial('wss://cloud.example/path?key=hidden').peer).toBe('wss://cloud.example');
  });

  test('a token that cannot be read is a failed try, not an exception', async () => {
    const transport = new Dial({
      url: 'ws://127.0.0.1:9/',
      token: () => {
        throw new Error('ENOENT');
      },
    });
    const words = await new Promise<string>((resolve) => {
      transport.connect({
        opened: () => {},
        message: () => {},
        pong: () => {},
        closed: () => {},
        failed: (why) => resolve(why.words),
      });
    });
    expect(words).toBe('ENOENT');
  });
});

describe('whose token is it', () => {
  const devices = [
    { device: 'a', tokenHash: tokenHash('token-a') },
    { device: 'b', tokenHash: tokenHash('token-b') },
    { device: 'empty', tokenHash: tokenHash('') },
    { device: 'odd', tokenHash: 'ff' },
  ];
  test.each([
    ['Bearer token-a', 'a'],
    ['bearer token-b', 'b'],
    ['Bearer token-c', null],
    ['Bearer ', null],
    ['Basic token-a', null],
    ['token-a', null],
    ['Bearer token-a token-b', null],
    [undefined, null],
  ])('%s is of %s', (header, device) => {
    expect(deviceOfToken(header, devices)).toBe(device);
  });
});
