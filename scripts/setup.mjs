// Gets a checkout ready: installs what the lock file names, once per lock file, and proves that the pinned Node runs.
// Plain JavaScript on purpose: it is the only file that the system's Node (20 or later) ever runs.
// Writes only into node_modules. Says nothing when all is in place.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const pinned = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).optionalDependencies;
const lock = readFileSync(join(root, 'package-lock.json'));
const want = createHash('sha256').update(lock).update(`${process.platform}-${process.arch}`).digest('hex');
const stampFile = join(root, 'node_modules', '.sender-relay-setup');
const node = join(root, 'node_modules', '.bin', 'node');

function stop(what, remedy) {
  process.stderr.write(`setup: ${what}\n       ${remedy}\n`);
  process.exit(1);
}

const major = Number(process.versions.node.split('.')[0]);
if (major < 20)
  stop(`Node ${process.versions.node} is too old to install with.`, 'Install Node 20 or later, then run this again.');

const supported = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'];
const here = `${process.platform}-${process.arch}`;
if (!supported.includes(here))
  stop(
    `no pinned Node for ${here}.`,
    `Sender Relay runs on ${supported.join(', ')}; on a Mac it needs macOS 13.5 or later.`,
  );

const stamp = existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : '';
if (stamp !== want || !existsSync(node)) {
  process.stderr.write('setup: installing the locked packages (once, about 20 s) …\n');
  const started = Date.now();
  const npm = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (npm.error)
    stop(`npm could not be started (${npm.error.code}).`, 'Install npm (it comes with Node), then run this again.');
  if (npm.status !== 0)
    stop(
      `npm ci ended with exit code ${npm.status}.`,
      'Its words are above; is the npm registry reachable (npm ping)?',
    );
  process.stderr.write(`setup: done in ${((Date.now() - started) / 1000).toFixed(0)} s\n`);
}

if (!existsSync(node))
  stop(
    'the pinned Node was not installed.',
    'Optional packages may be switched off: check `npm config get omit`, then delete node_modules and try again.',
  );
const version = spawnSync(node, ['-v'], { encoding: 'utf8' });
const wanted = `v${Object.values(pinned)[0]}`;
if (version.status !== 0 || version.stdout.trim() !== wanted) {
  const words = `${version.stderr ?? ''}${version.error?.message ?? ''}`.trim();
  if (words.includes('libatomic'))
    stop(
      'the pinned Node needs libatomic.so.1.',
      'Debian and Ubuntu: apt-get install libatomic1. Fedora: dnf install libatomic.',
    );
  stop(
    `the pinned Node does not run here (wanted ${wanted}, got ${version.stdout?.trim() || words || `exit ${version.status}`}).`,
    process.platform === 'darwin' ? 'It needs macOS 13.5 or later.' : 'Delete node_modules and try again.',
  );
}

if (stamp !== want) {
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, want);
}
