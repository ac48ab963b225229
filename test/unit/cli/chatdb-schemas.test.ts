/** `relayctl chatdb read` over a chat.db of each macOS, empty and filled by the simulated Mac with one of everything. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedMac } from '../../sim/mac.ts';
import { readRows } from '../../sim/own-rows.ts';
import { MACOS_VERSIONS, type MacosVersion } from '../../sim/schema-macos.ts';
import { simClockEnv } from '../../sim/sim-clock.ts';
import { relayctl } from '../../support/relayctl.ts';
import { makeFolder } from '../../support/store.ts';

let folder: string;
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Read {
  rowid: number;
  guid: string;
  text: string;
  kind: string;
  handle: string;
  from_me: boolean;
  chat: { guid: string } | null;
}

async function read(path: string): Promise<Read[]> {
  const { code, err, json } = await relayctl(['chatdb', 'read', path, '--json']);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return json() as Read[];
}

/** One of each kind that this macOS has; what each is called when it is read, by guid. */
function fill(mac: SimulatedMac, macos: MacosVersion): Map<string, string> {
  const kinds = new Map<string, string>();
  const obey = (command: Parameters<SimulatedMac['obey']>[0]) => mac.obey(command);
  const plain = { text: '', service: 'iMessage', audio: false, junk: false, ageMs: 0 } as const;
  const inbound = (kind: string, o: Partial<Extract<Parameters<SimulatedMac['obey']>[0], { do: 'inbound' }>>) => {
    const { guid } = obey({ do: 'inbound', from: '+14155550101', files: [], ...plain, ...o });
    kinds.set(String(guid), kind);
    return String(guid);
  };
  const file = { name: 'a.jpg', mime: 'image/jpeg', bytes: 10, state: 5, sticker: false };
  const first = inbound('text', { text: 'Grüße 👋' });
  inbound('text', { text: 'by SMS', service: 'SMS' });
  inbound('text', { text: 'a reply', replyTo: first, effect: 'com.apple.MobileSMS.expressivesend.impact' });
  inbound('attachment', { text: 'a file', files: [file] });
  inbound('attachment', { audio: true, files: [{ ...file, name: 'a.caf', mime: 'audio/x-caf' }] });
  inbound('sticker', { files: [{ ...file, sticker: true }] });
  inbound('tapback', { tapback: { kind: 'love', of: first, removed: false } });
  inbound('tapback_removed', { tapback: { kind: 'love', of: first, removed: true } });
  inbound('app', { app: 'com.example.poll' });
  inbound('text', { text: 'https://example.com', app: 'link' });
  inbound('text', { text: 'junk', junk: true });
  inbound('unsupported', { columns: { item_type: 99 } });
  const typed = obey({ do: 'type', to: '+14155550102', text: 'by hand', here: true });
  kinds.set(String(typed.guid), 'text');
  const group = obey({ do: 'group', name: 'Choir', members: ['+14155550101', '+14155550102'] });
  inbound('text', { text: 'to the group', chat: String(group.chat) });
  const renamed = obey({
    do: 'group_change',
    chat: String(group.chat),
    by: '+14155550101',
    change: { kind: 'rename', name: 'Band' },
  });
  kinds.set(String(renamed.guid), 'group_event');
  if (Number(macos) >= 13) {
    obey({ do: 'change', guid: inbound('text', { text: 'befor' }), edit: 'after' });
    obey({ do: 'change', guid: inbound('unsent', { text: 'gone' }), unsend: true });
  }
  return kinds;
}

describe.each(MACOS_VERSIONS)('macOS %s', (macos) => {
  let mac: SimulatedMac;
  beforeEach(() => {
    mac = new SimulatedMac({ folder: join(folder, 'mac'), clockEnv: simClockEnv(), macos, onEvent: () => {} });
  });
  afterEach(() => mac.close());

  it('is read, empty and with one of everything', async () => {
    expect(await read(mac.chatDb)).toEqual([]);
    const kinds = fill(mac, macos);
    const rows = await read(mac.chatDb);
    const stored = readRows(mac.chatDb);
    expect(rows.map(({ guid, kind }) => [guid, kind])).toEqual([...kinds]);
    const same = (row: Read | (typeof stored)[number]) => [
      row.rowid,
      row.guid,
      row.handle,
      'from_me' in row ? row.from_me : row.is_from_me === 1,
      typeof row.chat === 'string' || row.chat === null ? row.chat : row.chat.guid,
    ];
    expect(rows.map(same)).toEqual(stored.map(same));
    expect(rows[0]).toMatchObject({
      text: 'Grüße 👋',
      chat: { guid: `${Number(macos) < 26 ? 'iMessage' : 'any'};-;+14155550101` },
    });
    const texts = rows.map(({ text }) => text);
    expect(texts).toContain('to the group');
    if (Number(macos) >= 13) expect(texts).toContain('after');
  });
});
