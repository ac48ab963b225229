/** `node row-writer.ts CHAT_DB ROWS`: writes inbound rows 5 to 30 ms apart, each in a commit of its own; says text and moment of each. */
import { setTimeout as pause } from 'node:timers/promises';
import { MacStore } from '../sim/mac-store.ts';

const [path = '', rows = '0'] = process.argv.slice(2);
const store = new MacStore(path);
let seed = 7;
const random = () => {
  seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
  return seed / 2 ** 31;
};
for (let n = 1; n <= Number(rows); n += 1) {
  const text = `row ${n}`;
  store.insertInbound({ handle: `+1415555${1000 + (n % 50)}`, text, at: Date.now() });
  process.stdout.write(`${text}\t${Number(process.hrtime.bigint()) / 1e6}\n`);
  await pause(5 + random() * 25);
}
store.close();
