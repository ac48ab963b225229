/**
 * `npm test`: types, style, then all tests. Ends with one line, "N passed, N failed, N skipped", and with 1 if anything failed.
 * Types and style count as one check each; a run of the tests that breaks off counts as a failure even if no test says so.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name: string) => join(root, 'node_modules', '.bin', name);

/** Colours pass through the pipe if this run has a terminal. */
function environment(): NodeJS.ProcessEnv {
  const colour = process.stdout.isTTY && !process.env.NO_COLOR;
  return { ...process.env, ...(colour ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }) };
}

function ends(child: ChildProcess): Promise<number> {
  return once(child, 'close').then(([code]) => (typeof code === 'number' ? code : 1));
}

/** Types and style run side by side; each is shown whole, when it is done. */
async function checked(title: string, command: string, args: string[]): Promise<Counts> {
  const began = performance.now();
  const child = spawn(command, args, { cwd: root, env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
  const [code, out, err] = await Promise.all([ends(child), text(child.stdout), text(child.stderr)]);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`\n── ${title}: ${code === 0 ? 'good' : 'FAILED'} (${seconds} s)`);
  if (code !== 0) console.log(`${out}${err}`.trimEnd());
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
}

async function tested(args: string[]): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), 'sender-relay-check-'));
  const file = join(folder, 'report.json');
  try {
    console.log('\n── tests');
    // Many tests start processes of the sources: what one has compiled serves the next.
    const env = { ...environment(), NODE_COMPILE_CACHE: join(folder, 'compiled') };
    const child = spawn(
      bin('vitest'),
      ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`, ...args],
      { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] },
    );
    const code = await ends(child);
    return countsOf(readReport(file), code);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readReport(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** What a report of vitest and its exit code amount to. Nothing run, or a bad end without a failed test, is a failure. */
export function countsOf(report: unknown, exitCode: number): Counts {
  const number = (name: string) => {
    const value = typeof report === 'object' && report !== null ? Reflect.get(report, name) : 0;
    return typeof value === 'number' ? value : 0;
  };
  const passed = number('numPassedTests');
  const failed = number('numFailedTests');
  const skipped = number('numPendingTests') + number('numTodoTests');
  const broken = failed === 0 && (exitCode !== 0 || passed === 0);
  return { passed, failed: broken ? 1 : failed, skipped };
}

async function main(): Promise<void> {
  const quick = await Promise.all([
    checked('types (tsc)', bin('tsc'), ['--noEmit', '-p', root]),
    checked('style (biome)', bin('biome'), ['check', '--error-on-warnings', root]),
  ]);
  const all = [...quick, await tested(process.argv.slice(2))];
  const sum = (what: keyof Counts) => all.reduce((total, counts) => total + counts[what], 0);
  console.log(`\n${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
  process.exitCode = sum('failed') === 0 ? 0 : 1;
}

if (import.meta.main) await main();
