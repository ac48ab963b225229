/** From a stored attempt to its outcome, over real child processes: what is handed to osascript, and what its end proves. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACCEPT, ANNA, BridgeWorld, fails, HANG, LIMIT_MS } from '../../support/bridge-world.ts';
import { settle, until } from '../../support/fake-clock.ts';

/** A process that runs; the dead that nobody has waited for do not. */
function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !existsSync('/proc/self/stat') || !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

let world: BridgeWorld;
beforeEach(() => {
  world = new BridgeWorld();
});
afterEach(() => world.close());

it('an outcome that could not be stored is stored later, and osascript is not run again for it', async () => {
  const world = new BridgeWorld();
  try {
    await world.open();
    const { commit } = world.store;
    const { id, running } = await world.sending('hello');
    const run = commit.run.bind(commit);
    let failures = 0;
    commit.run = (work) => {
      if (failures === 3) return run(work);
      failures += 1;
      return Promise.reject(new Error('the disk is full'));
    };
    let outcome = '';
    void running.then((o) => {
      outcome = o.kind;
    });
    await until(() => failures > 0, 'it cannot be stored');
    for (let i = 0; i < 200 && outcome === ''; i += 1) await world.clock.advanceAsync(500);
    expect(outcome).toBe('accepted');
    expect(world.bridge.lastOutcome(id.replace('a_', 'm_'))?.kind).toBe('accepted');
    expect(world.calls()).toHaveLength(1);
  } finally {
    await world.close();
  }
});

describe('an attempt', () => {
  it('goes to the participant if there is no chat, with nothing of the person in argv', async () => {
    await world.open();
    const { id, outcome } = await world.send('Your table\nis ready, "Anna" $HOME `id` \\ 👍');
    expect(outcome).toEqual({ kind: 'accepted' });
    expect(world.calls()).toEqual([
      [
        'send-to-participant',
        expect.stringMatching(/\/send-to-participant\.applescript$/),
        id,
        join(world.work, `${id}.payload`),
      ],
    ]);
    expect(world.payload('send-to-participant')).toBe(`${ANNA}\nYour table\nis ready, "Anna" $HOME \`id\` \\ 👍`);
    expect(world.workFiles()).toEqual([]);
  });

  it('goes to the chat that chat.db has, by the guid as it stands there', async () => {
    world.chat.direct(ANNA, { guid: `any;-;${ANNA}` });
    await world.open();
    expect((await world.send('hello')).outcome).toEqual({ kind: 'accepted' });
    expect(world.payload('send-to-chat')).toBe(`any;-;${ANNA}\nhello`);
  });

  it('never takes an SMS chat for a message that must be iMessage', async () => {
    world.chat.direct(ANNA, { guid: `SMS;-;${ANNA}`, service_name: 'SMS' });
    await world.open();
    await world.send('hello');
    expect(world.calls().map((c) => c[0])).toEqual(['send-to-participant']);
    await world.send('hello again', { service: 'any' });
    expect(world.calls().map((c) => c[0])).toEqual(['send-to-participant', 'send-to-chat']);
  });

  it.each([
    ['SMS', false],
    ['RCS', false],
    ['iMessage', true],
  ])('by the service of the chat where its guid says any (macOS 26): %s', async (service_name, taken) => {
    world.chat.direct(ANNA, { guid: `any;-;${ANNA}`, service_name });
    await world.open();
    await world.send('hello');
    await world.send('hello again', { service: 'any' });
    const routes = world.calls().map((c) => c[0]);
    expect(routes).toEqual([taken ? 'send-to-chat' : 'send-to-participant', 'send-to-chat']);
  });

  it('to a group of SMS does not go as iMessage, and is not handed over at all', async () => {
    world.chat.group('chat123', [ANNA], { group_id: 'G-1', service_name: 'SMS' });
    await world.open();
    const recipient = { kind: 'group' as const, chat: 'group:G-1', members: [ANNA] };
    const { outcome } = await world.send('hello all', { recipient });
    expect(outcome).toMatchObject({ kind: 'not_started', code: 'recipient_not_imessage', again: false });
    expect(world.calls()).toEqual([]);
    expect((await world.send('hello all', { recipient, service: 'any' })).outcome).toEqual({ kind: 'accepted' });
  });

  it('has its payload for this user only', async () => {
    world.script('send-to-participant', `wait_for go\n${ACCEPT}`);
    await world.open();
    const { id, running } = await world.sending('secret');
    await world.waits('go');
    for (const name of world.workFiles()) expect(statSync(join(world.work, name)).mode & 0o777).toBe(0o600);
    expect(world.workFiles()).toContain(`${id}.payload`);
    world.go('go');
    await running;
    expect(world.workFiles()).toEqual([]);
  });

  it('is not begun while chat.db has rows that were not read', async () => {
    await world.open();
    expect((await world.bridge.ready()).ok).toBe(true);
    world.chat.inbound(ANNA, 'STOP', world.clock.now());
    expect(await world.begin(world.request('hello'))).toBe(false);
    expect(world.store.db.sql('SELECT count(*) AS n FROM attempt').get()).toEqual({ n: 0 });
    await world.bridge.ready();
    expect(world.inbound.map((r) => r.text)).toEqual(['STOP']);
    expect(await world.begin(world.request('hello'))).toBe(true);
  });

  it('keeps its text only until the outcome is known', async () => {
    await world.open();
    const text = () => world.store.db.sql('SELECT text FROM attempt').get()?.text;
    const request = world.request('a secret');
    await world.bridge.ready();
    await world.begin(request);
    expect(text()).toBe('a secret');
    await world.bridge.run(request.attempt);
    expect(text()).toBeNull();
  });

  it('to a group goes to its chat, and to nobody else if Messages does not have it', async () => {
    world.chat.group('chat123', [ANNA], { group_id: 'G-1' });
    world.script('send-to-chat', fails(-1728));
    await world.open();
    const recipient = { kind: 'group' as const, chat: 'group:G-1', members: [ANNA] };
    expect((await world.send('hello all', { recipient })).outcome).toMatchObject({
      kind: 'not_started',
      code: 'not_found',
      again: false,
    });
    expect(world.payload('send-to-chat')).toBe('any;+;chat123\nhello all');
    expect((await world.send('hello all', { recipient: { ...recipient, chat: 'group:gone' } })).outcome).toMatchObject({
      kind: 'not_started',
      code: 'not_found',
    });
    expect(world.calls()).toHaveLength(1);
  });
});

describe('a file', () => {
  const FILE =
    '/Users/me/Library/Messages/Attachments/SenderRelay/11111111-1111-4111-8111-111111111111/Menu für “Anna”.pdf';

  it('goes by scripts of its own, and only its path is in the payload', async () => {
    await world.open();
    const { id, outcome } = await world.send('', { file: FILE });
    expect(outcome).toEqual({ kind: 'accepted' });
    expect(world.calls()).toEqual([
      [
        'send-file-to-participant',
        expect.stringMatching(/\/send-file-to-participant\.applescript$/),
        id,
        join(world.work, `${id}.file`),
      ],
    ]);
    expect(world.payload('send-file-to-participant')).toBe(`${ANNA}\n${FILE}`);
    expect(world.workFiles()).toEqual([]);
    world.chat.direct(ANNA);
    await world.send('', { file: FILE });
    expect(world.payload('send-file-to-chat')).toBe(`any;-;${ANNA}\n${FILE}`);
  });

  it('that is not there is refused before anything left', async () => {
    world.script('send-file-to-participant', fails(-43));
    await world.open();
    expect((await world.send('', { file: FILE })).outcome).toMatchObject({
      kind: 'not_started',
      code: 'attachment_refused',
      again: false,
    });
  });

  it('of which no row comes, or one in another conversation, is told of as a file', async () => {
    await world.open();
    await world.send('', { file: '/x/Party.HEIC' });
    await world.clock.advanceAsync(10_000);
    await until(() => world.told.length === 1, 'unknown');
    expect(world.told[0]?.words).toMatch(/^Messages took the file, but chat.db does not show it yet/);
    await world.send('', { file: '/x/Menu.pdf' });
    world.chat.file(world.chat.own('+14155550102', '\uFFFC', world.clock.now()), 'Menu.pdf');
    await world.clock.advanceAsync(10_000);
    await until(() => world.told.length === 2, 'unknown');
    expect(world.told[1]?.words).toMatch(/^Messages took the file, but chat.db shows one of its name in another/);
  });

  it('has the row that names it, whatever Messages made of its ending; never a row with words', async () => {
    await world.open();
    const { id } = await world.send('', { file: '/x/Party.HEIC' });
    const slot = { cache_has_attachments: 1 };
    world.chat.own(ANNA, 'Party', world.clock.now());
    world.chat.file(world.chat.own(ANNA, '\uFFFC', world.clock.now(), slot), 'Other.jpeg');
    await world.look();
    expect(world.states()).toEqual([]);
    expect(world.ownHand).toHaveLength(2);
    const rowid = world.chat.own(ANNA, '\uFFFC', world.clock.now(), slot);
    await world.look();
    // The row is there, the file is not joined to it yet: nobody's own hand.
    expect(world.ownHand).toHaveLength(2);
    world.chat.file(rowid, 'Party.jpeg');
    await world.look();
    expect(world.told).toEqual([expect.objectContaining({ attempt: id, state: 'sent' })]);
    expect(world.ownHand).toHaveLength(2);
  });
});

describe('files that the owner sent by hand', () => {
  const sum = (content: string) => createHash('sha256').update(content).digest('hex');
  const folder = () => join(dirname(world.chat.path), 'Attachments');
  const put = (name: string, content: string) => {
    mkdirSync(folder(), { recursive: true });
    writeFileSync(join(folder(), name), content);
  };
  const row = (files: Record<string, string>) => {
    const rowid = world.chat.own(ANNA, '\uFFFC', world.clock.now(), { cache_has_attachments: 1 });
    for (const [name, filename] of Object.entries(files)) world.chat.file(rowid, name, { filename });
  };

  it('are hashed where they are on the disk, inside the folder of Messages; vCards are not', async () => {
    put('flyer.jpg', 'a flyer');
    put('me.jpg', 'BEGIN:VCARD\r\nFN:Me');
    writeFileSync(join(dirname(world.chat.path), 'outside.txt'), 'a secret');
    await world.open();
    row({
      'flyer.jpg': join(folder(), 'flyer.jpg'),
      'me.jpg': '~/Library/Messages/Attachments/me.jpg',
      'gone.jpg': join(folder(), 'gone.jpg'),
      'outside.txt': join(folder(), '../outside.txt'),
    });
    await world.look();
    await until(() => world.ownFiles.length === 1, 'the files are told');
    expect(world.ownFiles[0]?.sha256).toEqual([sum('a flyer')]);
    expect(world.ownHand).toHaveLength(1);
    expect(world.outside).toBe(0);
  });

  it('are passed over with rows that are old: no distance is kept from them', async () => {
    put('flyer.jpg', 'a flyer');
    await world.open();
    const rowid = world.chat.own(ANNA, '\uFFFC', world.clock.now() - 3 * 86_400_000, { cache_has_attachments: 1 });
    world.chat.file(rowid, 'flyer.jpg', { filename: join(folder(), 'flyer.jpg') });
    await world.look();
    row({ 'menu.jpg': join(folder(), 'flyer.jpg') });
    await world.look();
    await until(() => world.ownFiles.length > 0, 'the young one is told');
    expect(world.ownFiles).toHaveLength(1);
  });
});

describe('−1728 before the mark', () => {
  beforeEach(() => {
    world.chat.direct(ANNA);
    world.script('send-to-chat', fails(-1728));
  });

  it('leads to the participant, once, and the chat is not tried again', async () => {
    await world.open();
    expect((await world.send('hello')).outcome).toEqual({ kind: 'accepted' });
    await world.send('good day');
    expect(world.calls().map((c) => c[0])).toEqual(['send-to-chat', 'send-to-participant', 'send-to-participant']);
  });

  it('is the end if the participant is not there either', async () => {
    world.script('send-to-participant', fails(-1728));
    await world.open();
    expect((await world.send('hello')).outcome).toMatchObject({
      kind: 'not_started',
      code: 'recipient_not_imessage',
      appleNumber: -1728,
      again: false,
    });
  });

  it('leaves the participant to a new attempt if chat.db has grown: it may be a STOP', async () => {
    world.script('send-to-chat', `wait_for go\n${fails(-1728)}`);
    await world.open();
    const { running } = await world.sending('hello');
    await world.waits('go');
    world.chat.inbound(ANNA, 'STOP', world.clock.now());
    world.go('go');
    expect(await running).toMatchObject({ kind: 'not_started', again: true });
    expect(world.calls()).toHaveLength(1);
    expect(world.inbound.map((r) => r.text)).toEqual(['STOP']);
  });

  it('behind the mark is a doubt', async () => {
    world.script('send-to-chat', `echo dispatch_started >&2\n${fails(-1728)}`);
    await world.open();
    expect((await world.send('hello')).outcome.kind).toBe('may_have_gone');
    expect(world.calls()).toHaveLength(1);
  });
});

describe('a child that does not end', () => {
  it('is killed with its children at the limit, and the message may have gone', async () => {
    world.script('send-to-participant', `echo dispatch_started >&2\n${HANG}`);
    await world.open();
    const { running } = await world.sending('hello');
    await world.waits('never');
    world.clock.advance(LIMIT_MS - 1);
    await settle();
    expect(world.store.db.sql('SELECT outcome FROM attempt').get()).toEqual({ outcome: null });
    world.clock.advance(1);
    expect(await running).toEqual({ kind: 'may_have_gone', words: expect.stringContaining('may have gone out') });
    expect(world.conditions()).toEqual(['messages_hung']);
  });

  it('is gone with all that it started, also what its children started', async () => {
    const lines = `sh -c 'sleep 600 & echo $! >"$0/grandchild"; wait' "$dir" &\nwait_for never`;
    world.script('send-to-participant', `echo dispatch_started >&2\n${lines}`);
    await world.open();
    const { running } = await world.sending('hello');
    await world.waits('never');
    await until(() => world.exists('grandchild') && world.read('grandchild') !== '', 'a child of a child');
    const pid = Number(world.read('grandchild'));
    expect(isThere(pid)).toBe(true);
    world.clock.advance(LIMIT_MS);
    await running;
    await until(() => !isThere(pid), 'it is gone');
  });

  it('keeps the lane closed until a probe is good', async () => {
    world.script('send-to-participant', HANG);
    await world.open();
    const { running } = await world.sending('hello');
    await world.waits('never');
    world.clock.advance(LIMIT_MS);
    await running;
    world.script('probe', fails(-1712));
    expect(await world.bridge.ready()).toEqual({ ok: false, condition: 'messages_hung' });
    world.clock.advance(2_000);
    expect(await world.bridge.ready()).toEqual({ ok: false, condition: 'messages_hung' });
    world.script('probe', 'echo ok');
    world.clock.advance(30_000);
    expect(await world.bridge.ready()).toEqual({ ok: true });
    expect(world.conditions()).toEqual([]);
  });

  it('that says accepted in its last moment is believed', async () => {
    world.script('send-to-participant', `${ACCEPT}\n${HANG}`);
    await world.open();
    const { running } = await world.sending('hello');
    await world.waits('never');
    world.clock.advance(LIMIT_MS);
    expect(await running).toEqual({ kind: 'accepted' });
  });
});

describe('the probe', () => {
  it('comes before the first send, and a denied one names what to switch on', async () => {
    world.script('probe', fails(-1743));
    await world.open();
    expect(await world.bridge.ready()).toEqual({ ok: false, condition: 'automation_denied' });
    expect(world.health.list()[0]).toMatchObject({ severity: 'error', remedy: expect.stringContaining('Automation') });
    expect(world.calls()).toEqual([]);
    world.script('probe', 'echo ok');
    world.clock.advance(2_000);
    expect(await world.bridge.ready()).toEqual({ ok: true });
    expect(world.health.list()).toEqual([]);
  });

  it('asks by itself until it is good, less and less often', async () => {
    world.script('probe', `echo asked >>"$dir/probes"\n${fails(-600)}`);
    await world.open();
    const asked = () => world.bridge.ready().then(() => world.count('probes'));
    expect(await asked()).toBe(1);
    for (const [wait, total] of [
      [1_999, 1],
      [1, 2],
      [3_999, 2],
      [1, 3],
      [8_000, 4],
      [16_000, 5],
      [30_000, 6],
      [30_000, 7],
    ] as const) {
      world.clock.advance(wait);
      expect(await asked(), `${wait} ms on`).toBe(total);
    }
    expect(world.conditions()).toEqual(['messages_not_running']);
  });

  it('that hangs is ended and tells that Messages hangs', async () => {
    world.script('probe', HANG);
    await world.open();
    await world.waits('never');
    world.clock.advance(LIMIT_MS);
    expect(await world.bridge.ready()).toEqual({ ok: false, condition: 'messages_hung' });
  });

  describe('when nothing is sent', () => {
    const FIVE_MINUTES_MS = 300_000;
    const asked = (answer: string) => world.script('idle-probe', `echo asked >>"$dir/idle"\n${answer}`);
    /** How often it was asked, once a question that runs is answered. */
    const times = () => world.bridge.ready().then(() => (world.exists('idle') ? world.count('idle') : 0));

    it('comes every five minutes; a send that went well is as good', async () => {
      asked('echo ok');
      await world.open();
      expect(await times()).toBe(0);
      world.clock.advance(FIVE_MINUTES_MS - 1);
      expect(await times()).toBe(0);
      world.clock.advance(1);
      expect(await times()).toBe(1);
      world.clock.advance(FIVE_MINUTES_MS / 2);
      expect((await world.send('hello')).outcome.kind).toBe('accepted');
      world.clock.advance(FIVE_MINUTES_MS / 2);
      expect(await times()).toBe(1);
      world.clock.advance(FIVE_MINUTES_MS / 2);
      expect(await times()).toBe(2);
    });

    it('that finds a Messages that hangs tells so before anybody is written to', async () => {
      asked(fails(-1712));
      await world.open();
      expect(await world.bridge.ready()).toEqual({ ok: true });
      world.script('probe', fails(-1712));
      world.clock.advance(FIVE_MINUTES_MS);
      expect(await world.bridge.ready()).toEqual({ ok: false, condition: 'messages_hung' });
      expect(world.conditions()).toEqual(['messages_hung']);
      world.script('probe', 'echo ok');
      world.clock.advance(2_000);
      expect(await world.bridge.ready()).toEqual({ ok: true });
      expect(world.conditions()).toEqual([]);
    });

    it('leaves a Messages alone that was quit', async () => {
      asked('echo not running');
      await world.open();
      expect(await times()).toBe(0);
      for (let n = 1; n <= 3; n += 1) {
        world.clock.advance(FIVE_MINUTES_MS);
        expect(await times()).toBe(n);
      }
      expect(world.conditions()).toEqual([]);
    });

    it('does not come while a send runs', async () => {
      asked('echo ok');
      world.script('send-to-participant', HANG);
      await world.open();
      await world.bridge.ready();
      world.clock.advance(FIVE_MINUTES_MS - 1_000);
      const { running } = await world.sending('hello');
      await world.waits('never');
      world.clock.advance(2_000);
      expect(world.exists('idle')).toBe(false);
      world.clock.advance(LIMIT_MS);
      await running;
    });
  });

  describe('of a Messages that hangs', () => {
    /** So many more probes have come to their end, and what follows from them has happened. */
    const probes = async (count: number) => {
      for (let i = 0; i < count; i += 1) {
        world.clock.advance(30_000);
        await world.bridge.ready();
      }
    };
    const hangs = `echo asked >>"$dir/probes"\n${fails(-1712)}`;

    it('never makes the relay restart it unless that is allowed', async () => {
      world.script('probe', hangs);
      world.script('quit-messages', 'echo quit >>"$dir/quits"\necho ok');
      await world.open();
      await probes(6);
      expect(world.exists('quits')).toBe(false);
      expect(world.conditions()).toEqual(['messages_hung']);
    });

    it('three times in a row: it is restarted, once in half an hour, and that is told', async () => {
      world.restartHung = true;
      await world.kill();
      world.script('probe', hangs);
      world.script('quit-messages', 'echo quit >>"$dir/quits"\necho ok');
      world.script('launch-messages', 'echo launch >>"$dir/quits"\necho ok');
      await world.open();
      await world.bridge.ready();
      await probes(1);
      expect(world.exists('quits')).toBe(false);
      await probes(1);
      expect(world.count('quits')).toBe(2);
      expect(world.conditions()).toContain('messages_restarted');
      await probes(10);
      expect(world.count('quits')).toBe(2);
      world.script('probe', 'echo ok');
      await probes(1);
      expect(await world.bridge.ready()).toEqual({ ok: true });
      expect(world.conditions()).toEqual(['messages_restarted']);
      world.clock.advance(3_600_000);
      expect(world.conditions()).toEqual([]);
    });

    it('and does not quit: it is ended, it alone', async () => {
      const app = spawn('sleep', ['600']);
      const ended = once(app, 'exit');
      world.ps = join(world.dir, 'ps');
      const line = (pid: number | undefined, command: string) => `echo "${pid} Tue Nov 24 18:10:16 2026 ${command}"`;
      const other = `${process.pid}`;
      writeFileSync(
        world.ps,
        [
          '#!/bin/sh',
          line(app.pid, '/System/Applications/Messages.app/Contents/MacOS/Messages'),
          line(Number(other), '/x/Messages.app/Contents/MacOS/MessagesHelper'),
          '',
        ].join('\n'),
      );
      chmodSync(world.ps, 0o755);
      world.restartHung = true;
      await world.kill();
      world.script('probe', hangs);
      world.script('quit-messages', fails(-1712));
      world.script('launch-messages', 'echo launch >>"$dir/quits"\necho ok');
      await world.open();
      await world.bridge.ready();
      await probes(2);
      expect((await ended)[1]).toBe('SIGKILL');
      expect(world.count('quits')).toBe(1);
    });
  });

  it('is needed again after an error that concerns the Mac, not the message', async () => {
    world.script('send-to-participant', fails(-1743));
    world.script('probe', 'echo ok');
    await world.open();
    expect((await world.send('hello')).outcome).toMatchObject({
      kind: 'not_started',
      code: 'permission_missing',
      again: true,
    });
    expect(world.conditions()).toEqual(['automation_denied']);
    expect(await world.bridge.ready()).toEqual({ ok: false, condition: 'automation_denied' });
  });

  it('says when osascript is not there at all', async () => {
    await world.kill();
    world.removeOsascript();
    await world.open();
    expect(await world.bridge.ready()).toEqual({ ok: false, condition: 'osascript_unusable' });
  });
});
