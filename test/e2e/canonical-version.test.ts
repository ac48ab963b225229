/** An update that compares texts anew: the relay reads again what counts, its own messages and what the owner wrote by hand. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CANONICAL_VERSION } from '../../daemon/gate/canonical.ts';
import { Stage } from '../../scripts/demo/stage.ts';
import { readRows } from '../sim/own-rows.ts';

const [ANNA, BEN, CARLA, DORA] = ['+14155553801', '+14155553802', '+14155553803', '+14155553804'] as const;
const PARCEL = 'Your parcel from the harbour store can be fetched until six.';
const PIANO = 'The piano has to be tuned before the concert on Sunday.';

const PATIENCE = { timeout: 20_000, interval: 50 };

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open({ factor: 20 });
  stage.startRelay();
});
afterAll(() => stage.close());

function inStore<T>(work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(join(stage.home, 'relay.db'));
  try {
    return work(db);
  } finally {
    db.close();
  }
}

const versions = () =>
  inStore((db) => db.prepare('SELECT hex(substr(fingerprint, 1, 1)) AS version FROM gate_send').all()).map(
    ({ version }) => Number.parseInt(String(version), 16),
  );

/** As the version before has left it. */
function setBack(): void {
  inStore((db) => {
    const update = db.prepare('UPDATE gate_send SET fingerprint = ? WHERE id = ?');
    for (const { id, fingerprint } of db.prepare('SELECT id, fingerprint FROM gate_send').all() as {
      id: number;
      fingerprint: Uint8Array;
    }[])
      update.run(Uint8Array.from([CANONICAL_VERSION - 1, ...fingerprint.subarray(1)]), id);
  });
}

const sentAt = (handle: string) =>
  readRows(stage.sim.chatDb).find((row) => row.is_from_me === 1 && row.handle === handle)?.date ?? 0;

describe('after an update of the canonical text', () => {
  it('what was sent, and what was written by hand, is read again, and near-same texts keep their distance', async () => {
    await stage.state(await stage.send(ANNA, PARCEL), ['delivered']);
    await stage.sim.type({ to: BEN, text: PIANO });
    await vi.waitFor(() => expect(versions()).toHaveLength(2), PATIENCE);
    expect(await stage.stopRelay()).toBe(0);
    setBack();
    expect(new Set(versions())).toEqual(new Set([CANONICAL_VERSION - 1]));
    stage.startRelay();
    await vi.waitFor(() => expect(new Set(versions())).toEqual(new Set([CANONICAL_VERSION])), PATIENCE);
    const [one, two] = [await stage.send(CARLA, PARCEL), await stage.send(DORA, PIANO)];
    await stage.state(one, ['delivered']);
    await stage.state(two, ['delivered']);
    expect(sentAt(CARLA) - sentAt(ANNA)).toBeGreaterThanOrEqual(60_000);
    expect(sentAt(DORA) - sentAt(BEN)).toBeGreaterThanOrEqual(60_000);
  });
});
