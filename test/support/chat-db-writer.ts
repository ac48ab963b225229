/**
 * A process that writes to a chat.db as Messages does: `chat-db-writer.ts <path> <rows> <pause ms>`. One message for each transaction;
 * after each commit it says to its parent which ROWID it was and when (`process.hrtime`, the same clock in all processes), in ms.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { ChatDbFile } from './chat-db-file.ts';

const [path = '', rows = '1', pauseMs = '10'] = process.argv.slice(2);
const chat = new ChatDbFile(path);
for (let i = 0; i < Number(rows); i += 1) {
  const rowid = chat.inbound('+14155550101', `row ${i}`, Date.now(), { guid: `W-${process.pid}-${i}` });
  process.send?.({ rowid, committedAt: Number(process.hrtime.bigint()) / 1e6 });
  await pause(Number(pauseMs));
}
chat.close();
process.disconnect?.();
