/**
 * `npm run build [-- --out DIR] [relayctl|relayd …]`: one file each for the daemon and relayctl, with all JavaScript dependencies inside,
 * and beside them the SQL and AppleScript files that they read (daemon/host/assets.ts knows both layouts).
 */
import { cpSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const ENTRIES = { relayd: 'daemon/main.ts', relayctl: 'daemon/cli/main.ts' } as const;
const ASSETS = [
  { from: 'daemon/host/migrations', to: 'migrations', ending: '.sql' },
  { from: 'daemon/bridge/scripts', to: 'scripts', ending: '.applescript' },
];

/** ws asks for these two and works without them. */
const ABSENT = ['bufferutil', 'utf-8-validate'];

async function bundle(name: keyof typeof ENTRIES, out: string): Promise<string> {
  const build = await rolldown({
    input: join(root, ENTRIES[name]),
    cwd: root,
    platform: 'node',
    external: ABSENT,
    tsconfig: join(root, 'tsconfig.json'),
    logLevel: 'warn',
    onLog(level, log, tell) {
      tell(level === 'warn' ? 'error' : level, log);
    },
  });
  const file = join(out, `${name}.js`);
  await build.write({
    file,
    format: 'esm',
    codeSplitting: false,
    comments: { legal: true, annotation: false, jsdoc: false },
  });
  await build.close();
  return file;
}

function copyAssets(out: string): string[] {
  return ASSETS.map(({ from, to, ending }) => {
    const files = readdirSync(join(root, from)).filter((name) => name.endsWith(ending));
    for (const name of files) cpSync(join(root, from, name), join(out, to, name));
    return `${join(out, to)}/ (${files.length} files)`;
  });
}

function readArguments() {
  try {
    const read = parseArgs({ options: { out: { type: 'string' } }, allowPositionals: true });
    const unknown = read.positionals.find((name) => !Object.hasOwn(ENTRIES, name));
    if (unknown === undefined) return read;
    process.stderr.write(`build: there is no ${unknown} to build\n`);
  } catch (error) {
    process.stderr.write(`build: ${error instanceof Error ? error.message : String(error)}\n`);
  }
  process.stderr.write(`Usage: npm run build [-- --out FOLDER] [-- ${Object.keys(ENTRIES).join(' | ')}]\n`);
  process.exit(2);
}

const { values, positionals } = readArguments();
const out = values.out ?? join(root, 'dist');
const names = (Object.keys(ENTRIES) as (keyof typeof ENTRIES)[]).filter(
  (name) => positionals.length === 0 || positionals.includes(name),
);
for (const old of [...names.map((name) => `${name}.js`), ...ASSETS.map(({ to }) => to)])
  rmSync(join(out, old), { recursive: true, force: true });
for (const name of names) {
  const file = await bundle(name, out);
  console.log(`${file}  ${(statSync(file).size / 1024).toFixed(0)} KiB`);
}
for (const words of copyAssets(out)) console.log(words);
