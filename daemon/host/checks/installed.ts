/** Checks of what is installed: the service, the program it runs and by whom that is signed, the runtime, the scripts, the versions. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assetFolder } from '../assets.ts';
import { messageOf, RelayError } from '../errors.ts';
import { signedIdentifier } from '../launchd.ts';
import type { ServiceState } from '../service.ts';
import { LABEL } from '../version.ts';
import { type Check, type CheckWorld, failed, needsPerson, passed, skipped, warned, withoutTool } from './check.ts';

/** `asked`: what launchd knows of the service, or why it does not say. */
export function serviceState(asked: ServiceState | RelayError): Check {
  const name = 'service';
  if (asked instanceof RelayError) {
    if (asked.code === 'no_launchd') return skipped(name, 'no_mac', 'This machine is no Mac.');
    const remedy = asked.hint ?? 'relayctl service status tells more.';
    return warned({ name, code: asked.code, words: `${asked.message}.`, remedy });
  }
  const { installed, job, session } = asked;
  if (!installed)
    return warned({
      name,
      code: 'not_installed',
      words: 'The relay is not installed as a service; it ends with the terminal that started it.',
      remedy: 'relayctl service install',
    });
  if (!session) return skipped(name, 'no_session', 'Without a login at the screen no service runs.');
  if (job === null)
    return warned({
      name,
      code: 'not_loaded',
      words: 'The service is installed, and stopped until the next login.',
      remedy: 'relayctl service start',
    });
  const facts = { runs: job.runs ?? 0, last_exit: job.lastExit ?? '' };
  if (job.pid !== null) return passed(name, `The service runs as process ${job.pid}.`, facts);
  const end = job.lastExit ? ` (the last one ended with ${job.lastExit})` : '';
  return failed({
    name,
    code: 'no_process',
    words: `launchd has the service, but it has no process${end}.`,
    remedy: 'relayctl logs tells why it ends; then: relayctl service restart',
    facts,
  });
}

/** `program`: what the service starts. */
export async function signature(world: CheckWorld, program: string | null): Promise<Check> {
  const name = 'signature';
  if (program === null) return skipped(name, 'not_installed', 'No service is installed whose program could be signed.');
  const { identifier, words } = await signedIdentifier(world.tools.codesign, program);
  if (identifier === LABEL) return passed(name, `The program is signed as ${LABEL}.`);
  const without = words.startsWith('there is no') && words.endsWith(world.tools.codesign);
  if (without && world.platform !== 'darwin') return skipped(name, 'no_mac', 'This machine is no Mac.');
  const remedy = 'Make the app with scripts/package-mac.sh, put it into Applications, then: relayctl service install';
  if (identifier === null)
    return needsPerson({
      name,
      code: 'not_valid',
      words: `${program} has no valid signature (${words}); macOS forgets what was granted to it.`,
      remedy,
    });
  return needsPerson({
    name,
    code: 'other_identifier',
    words: `${program} is signed as ${identifier}; macOS grants permissions to ${LABEL} only.`,
    remedy,
  });
}

/** `running` and `pinned` as "26.10.0". */
export function runtime(running: string, pinned: string): Check {
  const name = 'runtime';
  const facts = { running, pinned };
  if (running === pinned) return passed(name, `Node ${running}, the pinned one.`, facts);
  return failed({
    name,
    code: 'not_pinned',
    words: `This runs with Node ${running}; the relay is made for, and tested with, ${pinned}.`,
    remedy: 'Start it with scripts/relayctl or from Sender Relay.app; in a checkout, run npm install.',
    facts,
  });
}

/** `relay`: the version of the relay that runs, or null. */
export function versions(own: string, relay: string | null): Check {
  const name = 'versions';
  if (relay === null) return passed(name, `relayctl is of version ${own}.`, { relayctl: own });
  const facts = { relayctl: own, relay };
  if (relay === own) return passed(name, `Relay and relayctl are of version ${own}.`, facts);
  return warned({
    name,
    code: 'differ',
    words: `The relay that runs is of version ${relay}, relayctl of ${own}.`,
    remedy: 'After an update: relayctl service restart. Else use the relayctl of the same folder.',
    facts,
  });
}

/** Does macOS take the scripts? `folder` is where they are. */
export async function scriptsCompile(world: CheckWorld, folder?: string): Promise<Check> {
  const name = 'scripts';
  const remedy = 'Install the relay again.';
  let from: string;
  let files: string[];
  try {
    from = folder ?? fileURLToPath(assetFolder('scripts'));
    files = readdirSync(from).filter((file) => file.endsWith('.applescript'));
    if (files.length === 0) throw new Error('the folder of the scripts is empty');
  } catch (error) {
    return failed({ name, code: 'missing', words: `The scripts are not there: ${messageOf(error)}.`, remedy });
  }
  const into = mkdtempSync(join(tmpdir(), 'relay-doctor-'));
  try {
    for (const file of files) {
      const ran = await world.run(world.tools.osacompile, ['-o', join(into, `${file}.scpt`), join(from, file)], 20_000);
      const without = withoutTool(name, world, ran, 'osacompile');
      if (without) return without;
      if (ran.code !== 0)
        return failed({
          name,
          code: 'not_compiled',
          words: `macOS does not take ${file}: ${ran.err.trim().split('\n')[0] ?? ''}`,
          remedy: `${remedy} If it stays so, open Messages once, so that macOS knows its words.`,
          facts: { script: file },
        });
    }
    return passed(name, `All ${files.length} scripts can be compiled.`, { scripts: files.length });
  } finally {
    rmSync(into, { recursive: true, force: true });
  }
}
