/** Files of messages over a real line, piece by piece: whole and checked, or refused with what is wrong. The folder and chat.db are real. */
import { createHash } from 'node:crypto';
import { appendFileSync, chmodSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AttachmentFolder } from '../../daemon/bridge/attachment-folder.ts';
import { AttachmentPieces } from '../../daemon/bridge/attachment-pieces.ts';
import { ChatDb } from '../../daemon/bridge/chat-db.ts';
import { Questions } from '../../daemon/outbox/questions.ts';
import { Controller, MemoryStore } from '../../protocol/controller.ts';
import { type ControllerServer, serveController, tokenHash } from '../../protocol/controller-server.ts';
import { ATTACHMENT_CHUNK_BYTES } from '../../protocol/limits.ts';
import { ChatDbFile, type Columns } from '../support/chat-db-file.ts';
import { until } from '../support/fake-clock.ts';
import { OutboxWorld } from '../support/outbox-world.ts';
import { DEVICE, type RelayEnd, relayEnd, TOKEN } from '../support/relay-end.ts';

const WRITTEN = '~/Library/Messages/Attachments/';
let world: OutboxWorld;
let chat: ChatDbFile;
let chatDb: ChatDb;
let controller: Controller;
let server: ControllerServer;
let relay: RelayEnd;
let folder: string;
let asked: { name: string; data: Record<string, unknown> }[];
/** Before a question is answered. */
let meanwhile: () => void;

beforeEach(async () => {
  world = new OutboxWorld();
  chat = new ChatDbFile(join(world.store.folder, 'chat.db'));
  chatDb = ChatDb.open(chat.path);
  folder = join(dirname(chat.path), 'Attachments');
  mkdirSync(join(folder, 'ab'), { recursive: true });
  asked = [];
  meanwhile = () => {};
  const pieces = new AttachmentPieces({ chatDb: () => chatDb, folder: new AttachmentFolder(chat.path) });
  const questions = new Questions({
    messages: world.outbox.messages,
    gate: world.gate,
    sender: () => {
      throw new Error('not asked');
    },
    files: { piece: (attachment, offset) => pieces.get(attachment, offset) },
    checks: async () => [],
    now: () => world.clock.now(),
  });
  controller = new Controller({ store: new MemoryStore(), controller: 'test', allow_volatile: true });
  const devices = [{ device: DEVICE, tokenHash: tokenHash(TOKEN) }];
  server = await serveController({ controller, devices: () => devices, port: 0 });
  relay = relayEnd({
    url: server.url,
    answer: (name, data) => {
      asked.push({ name, data });
      meanwhile();
      return questions.answer(name, data);
    },
  });
  relay.link.start();
  await until(() => controller.online.length === 1, 'the line is open');
});
afterEach(async () => {
  await controller.close();
  await server.close();
  await relay.stop();
  rmSync(relay.store.folder, { recursive: true, force: true });
  chatDb.close();
  chat.close();
  await world.close();
});

function attachment(guid: string, columns: Columns = {}): void {
  const filename = `${WRITTEN}ab/${guid}`;
  const named = { transfer_name: `${guid}.bin`, mime_type: 'image/heic', transfer_state: 5 };
  chat.insert('attachment', { guid, filename, ...named, ...columns });
}
const bytes = (length: number) => Buffer.from(Uint8Array.from({ length }, (_, n) => (n * 31 + (n >> 8)) % 256));
const refusal = async (guid: string) => {
  const download = await controller.fetchAttachment(DEVICE, guid);
  return download.kind === 'refused' ? download.error : download;
};

describe('a file', () => {
  test.each([0, 1, ATTACHMENT_CHUNK_BYTES, ATTACHMENT_CHUNK_BYTES + 1, 1_000_003])(
    'of %i bytes comes whole',
    async (size) => {
      attachment('F');
      writeFileSync(join(folder, 'ab', 'F'), bytes(size));
      const sha256 = createHash('sha256').update(bytes(size)).digest('hex');
      const download = await controller.fetchAttachment(DEVICE, 'F');
      expect(download).toEqual({ kind: 'file', data: bytes(size), sha256, name: 'F.bin', mime_type: 'image/heic' });
      expect(asked).toHaveLength(Math.max(1, Math.ceil(size / ATTACHMENT_CHUNK_BYTES)));
    },
  );

  test('that changes in between is fetched anew; one that never rests is given up', async () => {
    attachment('F');
    const path = join(folder, 'ab', 'F');
    writeFileSync(path, bytes(300_000));
    meanwhile = () => {
      if (asked.length === 2) appendFileSync(path, 'more');
    };
    const sha256 = createHash('sha256').update(bytes(300_000)).update('more').digest('hex');
    expect(await controller.fetchAttachment(DEVICE, 'F')).toMatchObject({ kind: 'file', sha256 });
    meanwhile = () => appendFileSync(path, 'more');
    expect(await controller.fetchAttachment(DEVICE, 'F')).toMatchObject({ kind: 'broken' });
  });

  test('larger than the caller has room for is not fetched', async () => {
    attachment('F');
    writeFileSync(join(folder, 'ab', 'F'), '');
    truncateSync(join(folder, 'ab', 'F'), 5_000_000);
    const download = await controller.fetchAttachment(DEVICE, 'F', { mostBytes: 1_000_000 });
    expect(download).toEqual({ kind: 'too_large', bytes: 5_000_000 });
    expect(asked).toHaveLength(1);
  });

  test('many at once are fetched one after the other; another who asks meanwhile is told to come back', async () => {
    const guids = ['A', 'B', 'C'];
    for (const guid of guids) {
      attachment(guid);
      writeFileSync(join(folder, 'ab', guid), bytes(400_000));
    }
    const downloads = await Promise.all(guids.map((guid) => controller.fetchAttachment(DEVICE, guid)));
    expect(downloads.map(({ kind }) => kind)).toEqual(['file', 'file', 'file']);
    const both = await Promise.all(
      guids.slice(0, 2).map((guid) => controller.query(DEVICE, 'attachment.get', { attachment: guid })),
    );
    expect(both.map((o) => (o.kind === 'refused' ? o.error : o.kind))).toEqual([
      'result',
      expect.objectContaining({ code: 'overloaded', retryable: true }),
    ]);
  });

  test('from an offset behind its end is empty', async () => {
    attachment('F');
    writeFileSync(join(folder, 'ab', 'F'), 'abc');
    const outcome = await controller.query(DEVICE, 'attachment.get', { attachment: 'F', offset: 3 });
    expect(outcome).toMatchObject({ kind: 'result', data: { bytes: 3, offset: 3, data: '' } });
    expect(outcome).not.toHaveProperty('next');
  });
});

describe('is refused', () => {
  test('what is not known, not there yet, or gone', async () => {
    expect(await refusal('NONE')).toMatchObject({ code: 'not_found', retryable: false });
    attachment('SOON', { transfer_state: 3 });
    expect(await refusal('SOON')).toMatchObject({ code: 'attachment_not_ready', retryable: true });
    attachment('NAMELESS', { filename: null, transfer_state: 0 });
    expect(await refusal('NAMELESS')).toMatchObject({ code: 'attachment_not_ready' });
    attachment('GONE');
    expect(await refusal('GONE')).toMatchObject({ code: 'attachment_gone', retryable: false });
    expect(await controller.query(DEVICE, 'attachment.get', { attachment: 'GONE', offset: -1 })).toMatchObject({
      kind: 'refused',
      error: { code: 'bad_request' },
    });
  });

  test('whatever lies outside of the folder, however chat.db names it', async () => {
    const outside = join(world.store.folder, 'secret');
    writeFileSync(outside, 'secret');
    symlinkSync(outside, join(folder, 'ab', 'LINK'));
    symlinkSync(world.store.folder, join(folder, 'up'));
    mkdirSync(`${folder}2`);
    writeFileSync(join(`${folder}2`, 'near'), 'secret');
    const names: Record<string, string> = {
      ABSOLUTE: outside,
      PASSWD: '/etc/passwd',
      DOTS: `${WRITTEN}../secret`,
      LINK: `${WRITTEN}ab/LINK`,
      FOLDER_LINK: `${WRITTEN}up/secret`,
      NEIGHBOUR: `${folder}2/near`,
      HOME: '~/.ssh/id_ed25519',
      RELATIVE: 'secret',
      NUL: `${WRITTEN}ab/x\0y`,
    };
    for (const [guid, filename] of Object.entries(names)) {
      attachment(guid, { filename });
      expect([guid, await refusal(guid)]).toEqual([guid, expect.objectContaining({ code: 'attachment_refused' })]);
    }
  });

  test('what is no file, or must not be read', async () => {
    mkdirSync(join(folder, 'ab', 'DIR'));
    attachment('DIR');
    expect(await refusal('DIR')).toMatchObject({ code: 'attachment_refused' });
    if (process.getuid?.() === 0) return;
    attachment('SHUT');
    writeFileSync(join(folder, 'ab', 'SHUT'), 'x');
    chmodSync(join(folder, 'ab', 'SHUT'), 0);
    expect(await refusal('SHUT')).toMatchObject({ code: 'permission_missing', retryable: true });
  });

  test('everything, while the line is down', async () => {
    await relay.link.stop();
    expect(await controller.fetchAttachment(DEVICE, 'F')).toMatchObject({ kind: 'lost' });
  });
});
