/**
 * `npm run build [-- --out DIR] [relayctl|relayd …]`: one file each for the programs of the package, with all JavaScript dependencies
 * inside, and beside them what they read: SQL and AppleScript files (daemon/host/assets.ts knows both layouts), the licences of what is
 * inside, and which Node the lock file names.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { rolldown } from 'rolldown';
import { runtimesOf } from './mac/runtime.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
/** A program by the name of its file. The demo starts those in demo/ (test/sim/sim.ts, scripts/demo/stage.ts). */
const ENTRIES = {
  relayd: 'daemon/main.ts',
  relayctl: 'daemon/cli/main.ts',
  'package-mac': 'scripts/package-mac.ts',
  'sender-relay-demo': 'scripts/demo.ts',
  'demo/sim': 'test/sim/main.ts',
  'demo/controller': 'scripts/controller.ts',
  'demo/virtual-clock': 'test/sim/virtual-clock.ts',
} as const;
type Entry = keyof typeof ENTRIES;
const ASSETS = [
  { from: 'daemon/host/migrations', to: 'migrations', ending: '.sql' },
  { from: 'daemon/bridge/scripts', to: 'scripts', ending: '.applescript' },
];

/** ws asks for these two and works without them. */
const ABSENT = ['bufferutil', 'utf-8-validate'];

/** Its file, and the folders of the packages that are inside. */
async function bundle(name: Entry, out: string): Promise<{ file: string; packages: string[] }> {
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
  const { output } = await build.write({
    file,
    format: 'esm',
    codeSplitting: false,
    comments: { legal: true, annotation: false, jsdoc: false },
  });
  await build.close();
  const modules = output.flatMap((part) => (part.type === 'chunk' ? part.moduleIds : []));
  const packages = modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []);
  return { file, packages };
}

function copyAssets(out: string): string[] {
  return ASSETS.map(({ from, to, ending }) => {
    const files = readdirSync(join(root, from)).filter((name) => name.endsWith(ending));
    for (const name of files) cpSync(join(root, from, name), join(out, to, name));
    return `${join(out, to)}/ (${files.length} files)`;
  });
}

/** Each package that is inside the built files, with the text of its licence. */
function licencesText(folders: string[]): string {
  const texts = [...new Set(folders)].sort().map((folder) => {
    const about = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, string>;
    const file = readdirSync(folder).find((name) => /^licen[cs]e(\.|$)/i.test(name));
    const text = file ? readFileSync(join(folder, file), 'utf8').trim() : `Licence: ${about.license}`;
    return `${about.name} ${about.version} (${about.license})\n\n${text}\n`;
  });
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
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
const whole = positionals.length === 0;
const names = (Object.keys(ENTRIES) as Entry[]).filter((name) => whole || positionals.includes(name));
for (const old of [...names.map((name) => `${name}.js`), ...ASSETS.map(({ to }) => to)])
  rmSync(join(out, old), { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const packages: string[] = [];
for (const name of names) {
  const made = await bundle(name, out);
  packages.push(...made.packages);
  console.log(`${made.file}  ${(statSync(made.file).size / 1024).toFixed(0)} KiB`);
}
for (const words of copyAssets(out)) console.log(words);
writeFileSync(join(out, 'licences.txt'), licencesText(packages));
if (whole) {
  const lock: unknown = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  writeFileSync(join(out, 'runtimes.json'), `${JSON.stringify(runtimesOf(lock), null, 2)}\n`);
}
