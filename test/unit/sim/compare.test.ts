/** The comparison of the Mac's record with the controller's store, against records with a fault each: whatever is wrong must be said. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { StoredEvent } from '../../../protocol/controller-store.ts';
import { MacStore, type StoredMessage } from '../../sim/mac-store.ts';
import { disagreements } from '../../sim/scenarios/compare.ts';
import { type Ground, Scene } from '../../sim/scenarios/scene.ts';
import type { MacEvent } from '../../sim/sim.ts';
import { makeFolder } from '../../support/store.ts';

const AT = 1_795_000_000_000;
let folder: string;
let store: MacStore;
let mac: MacEvent[];
let told: StoredEvent[];
let scene: Scene;
let ann: string;

beforeEach(() => {
  folder = makeFolder();
  store = new MacStore(join(folder, 'chat.db'));
  mac = [];
  told = [];
  const ground = {
    sim: { events: mac, chatDb: store.path },
    events: told,
    send: async () => `c${scene.sent.length}`,
  };
  scene = new Scene(ground as unknown as Ground, 0);
  ann = scene.person();
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

function tells(name: string, data: Record<string, unknown>, at = AT): void {
  const n = told.length + 1;
  told.push({ n, seq: n, id: `e${n}`, device: 'mac', name, version: 1, at, data });
}

function happens(kind: MacEvent['kind'], more: Partial<MacEvent>): void {
  mac.push({ kind, at: AT, handle: ann, ...more });
}

/** Sent by the relay, delivered, and told so. */
async function goodMessage(text: string, state = 'delivered'): Promise<{ command: string; row: StoredMessage }> {
  const command = await scene.send(ann, text);
  const row = store.insertOwn({ handle: ann, text, at: AT, columns: { is_delivered: 1 } });
  happens('row', { text, guid: row.guid });
  tells('message.status', { command, n: told.length + 1, state, guid: row.guid });
  return { command, row };
}

const goodInbound = (text: string) => {
  const row = store.insertInbound({ handle: ann, text, at: AT });
  tells('message.inbound', { guid: row.guid, from: ann, text });
  return row;
};

it('says nothing when all is well', async () => {
  await goodMessage('Hello');
  goodInbound('Good day');
  const typed = store.insertOwn({ handle: ann, text: 'By hand', at: AT });
  happens('own', { text: 'By hand', guid: typed.guid });
  tells('message.observed', { guid: typed.guid, text: 'By hand' });
  const unknown = await scene.send(ann, 'Nobody knows');
  tells('message.status', { command: unknown, n: 1, state: 'unknown' });
  const refused = await scene.send(ann, 'Refused');
  tells('command.result', { command: refused, ok: false });
  expect(disagreements(scene)).toEqual([]);
});

it.each<[string, () => Promise<unknown> | unknown, RegExp]>([
  [
    'it left twice',
    async () => {
      const { row } = await goodMessage('Once');
      happens('row', { text: 'Once', guid: row.guid });
    },
    /“Once” to .* left 2 times/,
  ],
  ['delivered is told, the row says sent', () => untrue({ is_delivered: 0 }), /told as delivered, its row shows sent/],
  ['delivered is told, the row failed', () => untrue({ error: 22 }), /told as delivered, its row shows not_delivered/],
  ['delivered is told of an SMS', () => untrue({ service: 'SMS' }), /told as delivered, its row shows sent/],
  ['sent is told, the row says delivered', () => goodMessage('x', 'sent'), /told as sent, its row shows delivered/],
  ['failed is told, and it left', () => goodMessage('x', 'failed'), /told as failed, but it left/],
  [
    'a row is named that is not there',
    async () => {
      const { row } = await goodMessage('x');
      store.remove(row.guid);
    },
    /which is not there/,
  ],
  [
    'nothing is told of a message',
    async () => {
      await scene.send(ann, 'Silence');
    },
    /“Silence” .* has no status/,
  ],
  [
    'two messages name one row',
    async () => {
      const { row } = await goodMessage('One');
      const command = await scene.send(ann, 'Two');
      tells('message.status', { command, n: 1, state: 'delivered', guid: row.guid });
    },
    /“One” and “Two” name the same row/,
  ],
  [
    'what came in is not told',
    () => store.insertInbound({ handle: ann, text: 'Unheard', at: AT }),
    /“Unheard” \(1\) that came in is told 0 times/,
  ],
  [
    'what came in is told twice',
    () => {
      const { guid } = goodInbound('Echo');
      tells('message.inbound', { guid, from: ann, text: 'Echo' });
    },
    /“Echo” .* is told 2 times/,
  ],
  [
    'what came in is told as the owner’s',
    () => {
      const { guid } = goodInbound('Not mine');
      tells('message.observed', { guid, text: 'Not mine' });
    },
    /“Not mine” .* is told as the owner’s own/,
  ],
  [
    'the owner’s row is not told',
    () => {
      const { guid } = store.insertOwn({ handle: ann, text: 'Mine', at: AT });
      happens('own', { text: 'Mine', guid });
    },
    /“Mine” .* the owner’s own 0 times/,
  ],
  [
    'the owner’s row is told as if it had come in',
    () => {
      const { guid } = store.insertOwn({ handle: ann, text: 'Mine', at: AT });
      tells('message.inbound', { guid, from: ann, text: 'Mine' });
    },
    /told as if it had come in/,
  ],
  [
    'the relay’s row is told as the owner’s',
    async () => {
      const { row } = await goodMessage('Ours');
      tells('message.observed', { guid: row.guid, text: 'Ours' });
    },
    /is the relay’s, and told as the owner’s own/,
  ],
  [
    'something is told that is not there',
    () => tells('message.inbound', { guid: 'none', from: ann, text: 'A voice' }),
    /“A voice”, which is not there/,
  ],
  [
    'something is sent after an opt-out',
    () => {
      tells('contact.opted_out', { handle: ann });
      happens('osascript', { script: 'send-to-chat', handle: `any;-;${ann}`, text: 'Still there?', at: AT + 60_000 });
    },
    /“Still there\?” was sent after the opt-out/,
  ],
  ['the Mac complains', () => happens('complaint', { words: 'mode 644' }), /the Mac complains: mode 644/],
])('says it when %s', async (_what, fault, wanted) => {
  await fault();
  expect(disagreements(scene).join('\n')).toMatch(wanted);
});

async function untrue(columns: Record<string, string | number>): Promise<void> {
  const { row } = await goodMessage('x');
  store.update(row.guid, columns);
}
