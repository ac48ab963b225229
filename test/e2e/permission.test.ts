/**
 * Full Disk Access that is missing: the relay under launchd starts without it, says which switch is to be flipped, keeps what is to be sent, and
 * comes back without a person once it is granted (exit 75, and launchd starts it again).
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DoctorReport, Status } from '../../daemon/local/schemas.ts';
import { readRows } from '../sim/own-rows.ts';
import { type Sim, startSim } from '../sim/sim.ts';
import { AgentWorld } from '../support/agent-world.ts';
import { makeFolder } from '../support/store.ts';
import { WIDE_RULES } from '../support/wide-rules.ts';

const LABEL = 'com.sender.relay';
const FACTOR = 20;
const PRIVACY = fileURLToPath(new URL('../sim/privacy.ts', import.meta.url));
const PATIENCE = { timeout: 60_000, interval: 50 };
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const PERSON = '+14155550101';

let folder: string;
let sim: Sim;
let world: AgentWorld;
let list: string;
beforeAll(async () => {
  folder = makeFolder();
  sim = await startSim({ folder: join(folder, 'mac'), factor: FACTOR });
  list = join(folder, 'privacy');
  const nodeArgs = [...sim.nodeArgs, '--import', PRIVACY];
  world = AgentWorld.open(FACTOR, { nodeArgs, env: { ...sim.clockEnv, SIM_PRIVACY: list } });
  const { chatDb, osascript, ps } = sim;
  world.configure({ messages: { chat_db: chatDb, osascript, ps }, policy: WIDE_RULES });
}, 60_000);
afterAll(async () => {
  await world.relayctl(['service', 'uninstall']);
  await world.close();
  await sim.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

const denied = () => writeFileSync(list, `${sim.chatDb}\n`);
const granted = () => writeFileSync(list, '');
const json = async <T>(...args: string[]) => {
  const { code, out } = await world.relayctl([...args, '--json']);
  return { code, content: JSON.parse(out) as T };
};
const status = () => json<Status>('status');
const job = () => json<{ runs: number; last_exit: string; pid: number }>('service', 'status');
const texts = () => readRows(sim.chatDb).flatMap((row) => (row.is_from_me === 1 ? [row.text] : []));
/** The relay's clocks go on by so much. */
const passed = async (ms: number) => {
  const until = sim.now() + ms;
  await expect.poll(() => sim.now(), PATIENCE).toBeGreaterThan(until);
};
/** Ready, and by another process than `pid`. */
const another = async (pid: number | undefined) => {
  await expect.poll(() => world.launchd.pidOf(LABEL) ?? pid, PATIENCE).not.toBe(pid);
  expect((await world.relayctl(['status', '--wait', '60s'])).code).toBe(0);
};

it('is told with the switch to flip, from the first start on', async () => {
  denied();
  const installed = await world.relayctl(['service', 'install']);
  expect(installed.code).toBe(0);
  expect(installed.out).toMatch(/The relay answers: Not ready: macOS does not let this process read/);
  const { code, content } = await status();
  expect(code).toBe(4);
  expect(content).toMatchObject({ ready: false, chat_db: { readable: false } });
  expect(content.conditions[0]).toMatchObject({
    name: 'chat_db_denied',
    severity: 'error',
    remedy: expect.stringContaining('Full Disk Access'),
  });
  const doctor = await json<DoctorReport>('doctor');
  expect(doctor.code).toBe(4);
  expect(doctor.content.checks).toContainEqual(
    expect.objectContaining({
      name: 'full_disk_access',
      by: 'relay',
      verdict: 'fail',
      remedy: expect.stringMatching(/System Settings › Privacy & Security › Full Disk Access/),
    }),
  );
}, 60_000);

it('keeps what is to be sent, and neither ends nor sends as long as it is missing', async () => {
  const pid = world.launchd.pidOf(LABEL);
  // In the first minutes a store could be one that was set back, and without chat.db nobody could tell.
  await sim.pass(10 * MINUTE_MS);
  const sent = await world.relayctl(['send', PERSON, 'The lighthouse is open on Sundays.']);
  expect({ code: sent.code, out: sent.out }).toEqual({ code: 0, out: expect.stringContaining('accepted') });
  // Longer than until a fresh child is asked.
  await passed(1.5 * MINUTE_MS);
  expect(world.launchd.pidOf(LABEL)).toBe(pid);
  expect((await job()).content.runs).toBe(1);
  expect((await status()).content.queue).toMatchObject({ waiting: 1 });
  expect(texts()).toEqual([]);
}, 60_000);

it('that is granted later is found without a person: exit 75, another process, and what waited goes', async () => {
  const pid = world.launchd.pidOf(LABEL);
  granted();
  await another(pid);
  expect((await job()).content).toMatchObject({ runs: 2, last_exit: '75' });
  await expect.poll(texts, PATIENCE).toEqual(['The lighthouse is open on Sundays.']);
}, 90_000);

it('that was taken away and is given back: what came in meanwhile is told', async () => {
  // It starts itself again once an hour at the most.
  await sim.pass(HOUR_MS);
  denied();
  expect((await world.relayctl(['service', 'restart'])).code).toBe(0);
  expect((await status()).content.conditions).toContainEqual(expect.objectContaining({ name: 'chat_db_denied' }));
  const pid = world.launchd.pidOf(LABEL);
  await sim.inbound({ from: PERSON, text: 'And on Mondays?' });
  granted();
  await another(pid);
  expect((await job()).content.last_exit).toBe('75');
  await expect.poll(async () => (await status()).content.last_inbound_at, PATIENCE).toEqual(expect.any(Number));
}, 90_000);
