/** `npm start` itself: the whole story, quickly, and every promise in its table. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const DEMO = fileURLToPath(new URL('../../scripts/demo.ts', import.meta.url));

async function demo(...args: string[]) {
  const child = spawn(process.execPath, [DEMO, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { out, err, code };
}

it('plays to its end, and every promise holds', async () => {
  const { out, err, code } = await demo('--json', '--speed', '30');
  const lines = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; promise?: string; seen?: string; holds?: boolean });
  const broken = lines.filter((line) => line.type === 'promise' && line.holds !== true);
  expect({ broken, err, code }).toEqual({ broken: [], err: '', code: 0 });
  expect(lines.filter((line) => line.type === 'promise').length).toBeGreaterThanOrEqual(10);
  expect(lines.at(-1)).toMatchObject({ type: 'verdict', holds: true });
  expect(lines.filter((line) => line.type === 'chapter')).toHaveLength(8);
}, 120_000);

it('says what it can do, and refuses what it cannot', async () => {
  expect(await demo('--help')).toMatchObject({ code: 0, err: '', out: expect.stringContaining('--stay') });
  const { code, err } = await demo('--speed', '0');
  expect(code).toBe(2);
  expect(err).toContain('--speed must be a number from 1 to 40, not 0');
});
