/**
 * The relay's store lost, or set back to an older copy, while Messages and the controller live on. Judged by the simulated Mac's own chat.db
 * and by what the controller was told.
 */
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Stage } from '../../scripts/demo/stage.ts';
import { readRows } from '../sim/own-rows.ts';
import { WIDE_RULES } from '../support/wide-rules.ts';

let stage: Stage;
let people = 0;
const person = () => `+1415555${String(3000 + people++)}`;

beforeAll(async () => {
  stage = await Stage.open({ factor: 20, config: { policy: WIDE_RULES } });
  stage.startRelay();
});
afterAll(() => stage.close());

const rowsTo = (handle: string) =>
  readRows(stage.sim.chatDb).filter((row) => row.is_from_me === 1 && row.handle === handle);
const files = () => ['relay.db', 'relay.db-wal', 'relay.db-shm'].map((name) => join(stage.home, name));

function lose(): void {
  for (const file of files()) rmSync(file, { force: true });
}

/** A copy of the stopped relay's store; the answer puts it back. */
function copied(): () => void {
  for (const file of files()) if (existsSync(file)) copyFileSync(file, `${file}.old`);
  return () => {
    lose();
    for (const file of files()) if (existsSync(`${file}.old`)) copyFileSync(`${file}.old`, file);
  };
}

/** Somebody whose phone is off: the controller keeps what is sent to them, and offers it again when asked for more. */
async function silent(): Promise<string> {
  const to = person();
  await stage.sim.contact(to, { deliveredAfterMs: null });
  return to;
}

/** Told from now on, whatever was told before. */
function toldAgain(command: string, state: string) {
  const before = stage.events.length;
  const isIt = (e: (typeof stage.events)[number]) =>
    e.name === 'message.status' && e.data.command === command && e.data.state === state;
  return () => stage.until(() => stage.events.slice(before).some(isIt), { what: `${command} is told as ${state}` });
}

describe('a store that is gone', () => {
  it('sends nothing again that chat.db shows, and says unknown', async () => {
    const to = await silent();
    const command = await stage.send(to, 'The boiler man comes on Thursday.');
    await stage.state(command, ['sent']);
    await stage.killRelay();
    lose();
    const unknown = toldAgain(command, 'unknown');
    stage.startRelay();
    await unknown();
    expect(rowsTo(to)).toHaveLength(1);
  });

  it('sends nothing again that osascript was about to send when it was lost', async () => {
    const to = await silent();
    await stage.sim.messages('slow', { delayMs: 40_000, count: 1 });
    const command = await stage.send(to, 'The sheep have to be counted before it rains.');
    await stage.sim.waitFor((event) => event?.kind === 'osascript' && event.handle === to, 'osascript runs');
    await stage.killRelay();
    lose();
    const unknown = toldAgain(command, 'unknown');
    stage.startRelay();
    await unknown();
    await stage.sim.waitFor(() => rowsTo(to).length > 0, 'the row comes');
    const next = person();
    await stage.state(await stage.send(next, 'Grandmother keeps the key under the pot.'), ['delivered']);
    expect(rowsTo(to)).toHaveLength(1);
  });

  it('is named, with what to do, also after a new start', async () => {
    const from = stage.events.length;
    await stage.killRelay();
    stage.startRelay();
    const named = () =>
      stage.events
        .slice(from)
        .filter((event) => event.name === 'relay.health')
        .flatMap((event) => event.data.conditions as { name: string; severity: string; remedy: string }[])
        .find(({ name }) => name === 'store_began_anew');
    await stage.until(() => named() !== undefined, { what: 'the condition is told again after a new start' });
    expect(named()).toMatchObject({ severity: 'warning', remedy: expect.stringContaining('relay.db') });
  });

  it('still honours a STOP of last week, and the START after another', async () => {
    const [stopped, back] = [person(), person()];
    const day = 86_400_000;
    await stage.sim.inbound({ from: stopped, text: 'Stop', ageMs: 7 * day });
    await stage.sim.inbound({ from: back, text: 'STOP', ageMs: 6 * day });
    await stage.sim.inbound({ from: back, text: 'start', ageMs: 5 * day });
    await stage.settle();
    await stage.killRelay();
    lose();
    stage.startRelay();
    const refused = await stage.send(stopped, 'The harvest supper is on Saturday.');
    expect(await stage.state(refused, ['rejected'])).toMatchObject({ code: 'opted_out' });
    await stage.state(await stage.send(back, 'Your cousin brings the cider.'), ['delivered']);
    expect(rowsTo(stopped)).toEqual([]);
  });

  it('keeps the distance from what it has forgotten', async () => {
    const [one, two] = [person(), person()];
    const text = 'Your parcel from the harbour store can be fetched until six.';
    await stage.state(await stage.send(one, text), ['delivered']);
    await stage.killRelay();
    lose();
    stage.startRelay();
    await stage.state(await stage.send(two, text), ['delivered']);
    const [first, next] = [rowsTo(one)[0]?.date ?? 0, rowsTo(two)[0]?.date ?? 0];
    expect(next - first).toBeGreaterThanOrEqual(60_000);
  });
});

describe('a store that was set back', () => {
  it('sends nothing again that it has forgotten, not even when the distance is kept', async () => {
    const to = await silent();
    expect(await stage.stopRelay()).toBe(0);
    const putBack = copied();
    stage.startRelay();
    const command = await stage.send(to, 'The piano has to be tuned before Sunday.');
    await stage.state(command, ['sent']);
    await stage.killRelay();
    putBack();
    const unknown = toldAgain(command, 'unknown');
    stage.startRelay();
    await unknown();
    const later = { not_before: Math.round(stage.sim.now()) + 130_000 };
    await stage.state(await stage.send(person(), 'Two intervals have passed by now.', later), ['delivered']);
    expect(rowsTo(to)).toHaveLength(1);
  });

  it('sends nothing again that waited when the copy was made and has gone since', async () => {
    const [one, to] = [person(), await silent()];
    const text = 'The ferry to the island leaves at seven from the old pier.';
    await stage.state(await stage.send(one, text), ['delivered']);
    const command = await stage.send(to, text);
    await stage.state(command, ['held']);
    expect(await stage.stopRelay()).toBe(0);
    const putBack = copied();
    stage.startRelay();
    await stage.state(command, ['sent']);
    await stage.killRelay();
    putBack();
    const unknown = toldAgain(command, 'unknown');
    stage.startRelay();
    await unknown();
    expect(rowsTo(to)).toHaveLength(1);
  });

  it('sends nothing again that waited when the copy was made and was with osascript when the relay died', async () => {
    const [one, to] = [person(), await silent()];
    const text = 'The lighthouse keeper has asked for more oil and a new brush.';
    await stage.state(await stage.send(one, text), ['delivered']);
    const command = await stage.send(to, text);
    await stage.state(command, ['held']);
    expect(await stage.stopRelay()).toBe(0);
    const putBack = copied();
    await stage.sim.messages('slow', { delayMs: 40_000, count: 1 });
    stage.startRelay();
    await stage.sim.waitFor((event) => event?.kind === 'osascript' && event.handle === to, 'osascript runs');
    await stage.killRelay();
    putBack();
    const unknown = toldAgain(command, 'unknown');
    stage.startRelay();
    await unknown();
    const later = { not_before: Math.round(stage.sim.now()) + 130_000 };
    await stage.state(await stage.send(person(), 'By now all of that has had its time.', later), ['delivered']);
    expect(rowsTo(to).length).toBeLessThanOrEqual(1);
  });
});
