/**
 * An hour of one sender's traffic through the built daemon, and how much memory it takes all the while. The whole stage lives in the simulated
 * Mac's time, `HOUR_FACTOR` (20) times as fast as ours: 60 minutes of the daemon's clocks pass in three. What happens in a minute: personal
 * messages, answers to who wrote, a campaign that the interval holds back, messages from others (texts, tapbacks, photos, edits), deliveries and
 * read receipts, a file to send; now and then a STOP, a cut line, a look with relayctl. `HOUR_MINUTES` (60) makes it longer.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { LocalClient } from '../../daemon/local/client.ts';
import { Stage } from '../../scripts/demo/stage.ts';
import { CA_FILE, FileServer } from '../support/file-server.ts';
import { WIDE_RULES } from '../support/wide-rules.ts';
import { cpuMs, FLAGS, RELAYD, residentMb } from './built-relay.ts';
import type { Bench, Figure } from './figure.ts';
import { diverse } from './gate-speed.ts';

const FACTOR = Number(process.env.HOUR_FACTOR ?? 20);
const MINUTES = Number(process.env.HOUR_MINUTES ?? 60);
const MINUTE_MS = 60_000;
const SHOWN_EVERY = 5;
/** Over these last minutes it must be flat. */
const FLAT = 30;
const FRIENDS = 40;
const PERSONAL = 4;
const INBOUND = 8;
const CAMPAIGN = 10;
/** The built one: Node's reader of TypeScript would count as the daemon's. */
const CLOCK = pathToFileURL(join(RELAYD, '../demo/virtual-clock.js')).href;

const friend = (n: number) => `+1415555${1_000 + (n % FRIENDS)}`;
const stranger = (n: number) => `+1628555${1_000 + n}`;

class Hour {
  readonly #stage: Stage;
  readonly #server: FileServer;
  readonly #text = diverse();
  readonly #client: LocalClient;
  #count = 0;
  /** Of messages from others. */
  readonly #guids: string[] = [];

  constructor(stage: Stage, server: FileServer) {
    this.#stage = stage;
    this.#server = server;
    this.#client = new LocalClient(join(stage.home, 'relay.sock'));
  }

  async minute(minute: number): Promise<void> {
    const { sim, line } = this.#stage;
    const endsAt = performance.now() + MINUTE_MS / FACTOR;
    for (let n = 0; n < INBOUND; n += 1) {
      await this.#inbound(n);
      if (n < PERSONAL) await this.#send(friend(minute * 7 + n * 3), this.#next());
      await pause(Math.max(0, (endsAt - performance.now()) / (INBOUND - n + 1)));
    }
    if (minute % 2 === 0) await this.#file(minute);
    if (minute % 10 === 0) await this.#campaign(minute);
    if (minute % 15 === 7) line.cut();
    if (minute % 15 === 8) line.mend();
    if (minute % 20 === 13) await sim.inbound({ from: stranger(minute), text: 'STOP' });
    await this.#client.status();
    if (minute % 10 === 3) await this.#client.metrics();
    await pause(Math.max(0, endsAt - performance.now()));
  }

  async #inbound(n: number): Promise<void> {
    const { sim } = this.#stage;
    const from = friend(this.#count);
    const of = this.#guids.at(-3) ?? '';
    if (n === 2 && of !== '') await sim.inbound({ from, tapback: { kind: 'like', of } });
    else if (n === 4) await sim.inbound({ from, text: 'Look.', files: [{ name: 'IMG_1.HEIC', bytes: 20_000 }] });
    else if (n === 6 && of !== '') await sim.change(of, { edit: this.#next() });
    else {
      const { guid } = await sim.inbound({ from, text: this.#next() });
      this.#guids.push(guid);
      if (n % 4 === 3) await this.#send(from, this.#next());
    }
  }

  async #campaign(minute: number): Promise<void> {
    for (let n = 0; n < CAMPAIGN; n += 1)
      await this.#send(
        stranger(minute * 100 + n),
        `Hi, this is the Lakeside clinic. We have a free place at 10:${10 + n} for the check-up that you asked about. Shall we keep it?`,
        { category: 'transactional' },
      );
  }

  async #file(minute: number): Promise<void> {
    const bytes = Buffer.alloc(200_000, `file ${minute}`);
    const url = this.#server.put(`/photo-${minute}`, bytes, { 'content-type': 'image/jpeg' });
    await this.#send(friend(minute), this.#next(), { attachments: [{ url }] });
  }

  async #send(to: string, text: string, more: Record<string, unknown> = {}): Promise<void> {
    await this.#stage.send(to, text, more);
  }

  #next(): string {
    this.#count += 1;
    return this.#text(this.#count);
  }
}

async function run(): Promise<Figure[]> {
  const server = await FileServer.open();
  const stage = await Stage.open({
    factor: FACTOR,
    relayd: RELAYD,
    relayArgs: [...FLAGS, '--import', CLOCK, ...(process.env.HOUR_FLAGS?.split(' ') ?? [])],
    config: { policy: WIDE_RULES },
    attachments: { allow_hosts: ['127.0.0.1'], ca_file: CA_FILE },
  });
  await stage.sim.contact('*', { deliveredAfterMs: 800, readAfterMs: 20_000 });
  stage.startRelay();
  await stage.settle();
  const pid = stage.relayPid ?? 0;
  const hour = new Hour(stage, server);
  const resident: number[] = [residentMb(pid)];
  const before = cpuMs(pid);
  for (let minute = 0; minute < MINUTES; minute += 1) {
    await hour.minute(minute);
    resident.push(residentMb(pid));
  }
  const cpu = cpuMs(pid) - before;
  const told = (name: string) => stage.events.filter((event) => event.name === name).length;
  const sent = new Set(
    stage.events.flatMap(({ name, data }) =>
      name === 'message.status' && ['delivered', 'read'].includes(String(data.state)) ? [String(data.message)] : [],
    ),
  ).size;
  const inbound = told('message.inbound');
  const events = stage.events.length;
  await stage.close();
  await server.close();
  return [
    ...resident.flatMap((value, minute) =>
      minute % SHOWN_EVERY === 0 ? [{ name: `resident after ${minute} min`, value, unit: 'MiB' }] : [],
    ),
    { name: 'resident, the most', value: Math.max(...resident), unit: 'MiB', limit: { most: 150 } },
    {
      name: `grown over the last ${FLAT} min (line of best fit)`,
      value: slope(resident.slice(-FLAT - 1)) * FLAT,
      unit: 'MiB',
      limit: { most: 5 },
    },
    { name: 'messages delivered', value: sent, unit: 'messages', limit: { least: MINUTES * PERSONAL } },
    { name: 'messages from others', value: inbound, unit: 'messages', limit: { least: MINUTES * (INBOUND - 2) } },
    { name: 'events', value: events, unit: 'events' },
    { name: 'CPU of the daemon for a minute of its time', value: cpu / MINUTES, unit: 'ms' },
  ];
}

/** Of the line of best fit, for each step. */
function slope(values: number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const up = values.reduce((sum, value, n) => sum + (n - middle) * (value - mean), 0);
  return up / values.reduce((sum, _, n) => sum + (n - middle) ** 2, 0);
}

export const hour: Bench = { name: `${MINUTES} minutes of traffic, built, ${FACTOR} times as fast`, run };
