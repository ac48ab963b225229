/** What only the relay can tell: real SELECTs on a real chat.db, and real children that ask a Messages which the test plays. */
import { existsSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lookAtChatDb, probeMessages } from '../../../daemon/bridge/inspect-mac.ts';
import { assetFolder } from '../../../daemon/host/assets.ts';
import { systemClock } from '../../../daemon/host/clock.ts';
import { appleSchemas, makeEmpty } from '../../support/apple-schemas.ts';
import { ANNA, BridgeWorld, fails, HANG } from '../../support/bridge-world.ts';
import { until } from '../../support/fake-clock.ts';
import { makeFolder } from '../../support/store.ts';

describe('the relay', () => {
  let world: BridgeWorld;
  beforeEach(() => {
    world = new BridgeWorld();
    world.chat.inbound(ANNA, 'hello', world.clock.now());
  });
  afterEach(() => world.close());

  const verdicts = async () =>
    Object.fromEntries(
      (await world.bridge.checks.all()).map(({ name, verdict, code }) => [name, `${verdict} ${code}`]),
    );

  it('finds all in order', async () => {
    await world.open();
    await world.bridge.ready();
    await world.clock.advanceAsync(200);
    expect(await verdicts()).toEqual({
      full_disk_access: 'ok ok',
      chat_db: 'ok ok',
      watcher: 'ok ok',
      automation: 'ok ok',
      messages_answer: 'ok ok',
      signed_in: 'ok ok',
    });
  });

  it('asks Messages again when the last answer is 10 s old; what it then finds closes the lane', async () => {
    await world.open();
    await world.bridge.ready();
    world.script('probe', fails(-1743));
    expect(await verdicts()).toMatchObject({ automation: 'ok ok' });
    await world.clock.advanceAsync(10_001);
    expect(await verdicts()).toMatchObject({
      automation: 'fail automation_denied',
      messages_answer: 'skipped automation_denied',
    });
    expect(world.health.has('automation_denied')).toBe(true);
    // Not told twice.
    expect(await verdicts()).not.toHaveProperty('condition:automation_denied');
    world.script('probe', 'echo ok');
    await world.clock.advanceAsync(30_000);
    await until(() => !world.health.has('automation_denied'), 'it is allowed again');
    expect(await verdicts()).toMatchObject({ automation: 'ok ok', messages_answer: 'ok ok' });
  });

  it('does not wait for a Messages that hangs', async () => {
    await world.open();
    await world.bridge.ready();
    await world.clock.advanceAsync(10_001);
    world.script('probe', HANG);
    const asked = verdicts();
    await until(() => existsSync(join(world.dir, 'waits.never')), 'the probe hangs');
    await world.clock.advanceAsync(20_000);
    expect(await asked).toMatchObject({ messages_answer: 'fail messages_hung', automation: 'skipped messages_hung' });
  });

  it('tells what it has in its register, and that chat.db is gone', async () => {
    await world.open();
    await world.bridge.ready();
    world.health.raise('controller_refuses', 'error', 'The controller refuses.', 'Pair it again.');
    unlinkSync(world.chat.path);
    expect(await verdicts()).toMatchObject({
      full_disk_access: 'skipped chat_db_missing',
      chat_db: 'fail chat_db_missing',
      'condition:controller_refuses': 'fail controller_refuses',
    });
  });
});

describe('this process', () => {
  let folder: string;
  beforeEach(() => {
    folder = makeFolder();
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const osascript = (script: string) => {
    const path = join(folder, 'osascript');
    writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return path;
  };
  const probe = (path: string) =>
    probeMessages({ osascript: path, ps: '/bin/ps', scripts: assetFolder('scripts'), clock: systemClock });

  it('asks Messages', async () => {
    expect(await probe(osascript('echo ok'))).toEqual({ ok: true });
    expect(await probe(osascript(fails(-1743)))).toMatchObject({ ok: false, condition: 'automation_denied' });
    expect(await probe(osascript(fails(-1719)))).toMatchObject({ ok: false, condition: 'not_signed_in' });
    expect(await probe(osascript('echo what'))).toMatchObject({ ok: false, condition: 'osascript_unusable' });
    expect(await probe(join(folder, 'none'))).toMatchObject({ ok: false, condition: 'osascript_unusable' });
  });

  it('sees a chat.db that lacks what is needed, one that is none, and none at all', async () => {
    const path = join(folder, 'chat.db');
    expect(lookAtChatDb(path)).toMatchObject({ ok: false, code: 'chat_db_missing' });
    const db = new DatabaseSync(path);
    db.exec('CREATE TABLE message (ROWID INTEGER PRIMARY KEY, guid TEXT, text TEXT)');
    expect(lookAtChatDb(path)).toMatchObject({
      ok: true,
      rows: false,
      missing: expect.arrayContaining(['message.date', 'handle.id', 'chat.guid']),
    });
    db.close();
    writeFileSync(path, 'no database'.repeat(200));
    expect(lookAtChatDb(path)).toMatchObject({ ok: false, code: 'chat_db_unusable' });
  });

  const schemas = appleSchemas().filter(({ name }) => /-full/.test(name));
  it.skipIf(schemas.length === 0)('knows every whole schema that was published, where they are there', async () => {
    for (const { name, sql } of schemas) {
      const path = join(folder, `${name}.db`);
      makeEmpty(path, sql).close();
      expect({ name, look: lookAtChatDb(path) }).toMatchObject({ name, look: { ok: true, missing: [] } });
    }
  });
});

it('is looked at all the time', async () => {
  const world = new BridgeWorld();
  try {
    await world.open();
    await until(() => world.bridge.stats().readable, 'chat.db is read');
    await world.clock.advanceAsync(500);
    const found = await world.bridge.checks.all();
    expect(found.find(({ name }) => name === 'watcher')).toMatchObject({ verdict: 'ok', facts: { looked_s: 0 } });
  } finally {
    await world.close();
  }
});
