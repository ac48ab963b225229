/**
 * The checks that relayctl makes by itself, and those of the relay that runs. Where both know a check, the relay's counts: macOS grants by
 * who asks, and messages are sent and read by the relay, not by this terminal.
 */
import { existsSync, statfsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { assetFolder } from '../host/assets.ts';
import { type Check, type CheckWorld, guarded, skipped, warned } from '../host/checks/check.ts';
import { configuration, logFolder, socket, store, token } from '../host/checks/folder.ts';
import { runtime, scriptsCompile, serviceState, signature, versions } from '../host/checks/installed.ts';
import { controllerReachable, reach } from '../host/checks/line.ts';
import {
  autoLogin,
  clockRight,
  diskSpace,
  fileVault,
  guiSession,
  macosVersion,
  messagesRunning,
} from '../host/checks/mac.ts';
import { automation, chatDbSchema, fullDiskAccess, messagesAnswers, signedIn } from '../host/checks/messages.ts';
import { systemClock } from '../host/clock.ts';
import { run } from '../host/commands.ts';
import type { Config } from '../host/config.ts';
import { RelayError } from '../host/errors.ts';
import { PINNED_NODE, VERSION } from '../host/version.ts';
import { macInspector } from '../inspect.ts';
import type { LocalResult } from '../local/client.ts';
import type { DoctorReport, DoctorState } from '../local/schemas.ts';
import { mustBeRight } from './config-state.ts';
import { serviceOf } from './service-verbs.ts';
import { configFor } from './tools.ts';
import type { Asking } from './world.ts';

const RANK = { ok: 0, skipped: 1, warn: 2, fail: 3 } as const;

type Told = DoctorReport['checks'][number];

/** `progress` is told what is being looked at. */
export async function checkup(asking: Asking, progress: (words: string) => void): Promise<DoctorReport> {
  progress('asking the relay');
  const client = await asking.client();
  const [status, asked] = await Promise.all([client.status(), client.doctor()]);
  const theirs = asked.kind === 'ok' ? asked.data.checks : [];
  const known = new Set(theirs.map(({ name }) => name));
  const version = status.kind === 'ok' ? status.data.version : null;
  const answered = status.kind !== 'not_running';
  const own = await ownChecks(asking, { answered, version, known, progress });
  const checks: Told[] = [relay(asked, asking.paths.socket), ...own.filter(({ name }) => !known.has(name))].map(
    (check) => ({ ...check, by: 'relayctl' }),
  );
  checks.push(...theirs.map((check): Told => ({ ...check, by: 'relay' })));
  checks.sort((a, b) => RANK[a.verdict] - RANK[b.verdict]);
  const worst = checks.at(-1)?.verdict ?? 'ok';
  return {
    verdict: worst === 'skipped' ? 'ok' : worst,
    relay: asked.kind === 'ok' ? 'running' : asked.kind === 'not_running' ? 'not_running' : 'no_answer',
    now: Date.now(),
    checks,
  };
}

function relay(asked: LocalResult<DoctorState>, path: string): Check {
  const name = 'relay';
  if (asked.kind === 'ok') return { name, verdict: 'ok', code: 'ok', words: 'The relay runs and answers.' };
  if (asked.kind === 'not_running')
    return warned({
      name,
      code: 'not_running',
      words: `The relay does not run: nobody answers on ${path}. What follows is what relayctl finds by itself.`,
      remedy: 'relayctl service start, or relayctl setup if it was never set up.',
    });
  return {
    name,
    verdict: 'fail',
    code: asked.error.code,
    words: asked.error.message,
    remedy: asked.error.hint ?? 'relayctl service restart',
  };
}

interface Circumstances {
  answered: boolean;
  version: string | null;
  known: ReadonlySet<string>;
  progress: (words: string) => void;
}

async function ownChecks(asking: Asking, o: Circumstances): Promise<Check[]> {
  const { progress } = o;
  const read = await configOf(asking);
  const config = read.ok ? read.config : configFor(asking);
  const world = worldOf(asking, read, config.tools);
  progress('asking the controller');
  const reached = config.controller ? await world.reach(config.controller.url) : null;
  progress('asking launchd');
  const service = await serviceOf(asking, config.tools)
    .state()
    .catch((error: unknown) => {
      if (error instanceof RelayError) return error;
      throw error;
    });
  const program = service instanceof RelayError ? null : service.program;
  progress('looking at this Mac');
  const work: [string, () => Check | Promise<Check>][] = [
    ['macos', () => macosVersion(world)],
    ['gui_session', () => guiSession(world)],
    ['auto_login', () => autoLogin(world)],
    ['filevault', () => fileVault(world)],
    ['messages_running', () => messagesRunning(world)],
    ['disk', () => diskSpace(world)],
    ['clock', () => clockRight(world, reached?.ok ? reached.dateAt : null)],
    ['config', () => configuration(world)],
    ['token', () => token(world)],
    ['controller', () => controllerReachable(world, reached)],
    ['service', () => serviceState(service)],
    ['signature', () => signature(world, program)],
    ['runtime', () => runtime(process.versions.node, PINNED_NODE)],
    ['versions', () => versions(VERSION, o.version)],
    ['socket', () => socket(world, o.answered)],
    ['logs', () => logFolder(world)],
    ['store', () => store(world)],
    ['scripts', () => scriptsCompile(world)],
  ];
  const found: Check[] = [];
  for (const [name, one] of work) found.push(await guarded(name, one));
  if (!o.known.has('full_disk_access')) {
    progress('asking Messages');
    found.push(...(await terminalChecks(config, world.platform)));
  }
  return found;
}

/** With the permissions of this terminal. */
async function terminalChecks({ messages }: Config, platform: NodeJS.Platform): Promise<Check[]> {
  const { lookAtChatDb, probeMessages } = await macInspector();
  const look = lookAtChatDb(messages.chat_db);
  const probe = await probeMessages({
    osascript: messages.osascript,
    ps: messages.ps,
    scripts: assetFolder('scripts'),
    clock: systemClock,
  });
  const ofChatDb = [fullDiskAccess(look, 'terminal'), chatDbSchema(look)];
  if (platform !== 'darwin' && !probe.ok && probe.condition === 'osascript_unusable')
    return [...ofChatDb, skipped('messages_answer', 'no_mac', 'This machine is no Mac.')];
  return [...ofChatDb, automation(probe, 'terminal'), messagesAnswers(probe), signedIn(probe)];
}

function worldOf(asking: Asking, config: CheckWorld['config'], tools: Config['tools']): CheckWorld {
  const { paths } = asking;
  const { env } = asking.world;
  return {
    platform: process.platform,
    uid: process.getuid?.() ?? 0,
    user: userInfo().username,
    env,
    paths,
    tools,
    config,
    run,
    now: () => Date.now(),
    freeBytes: (path) => {
      const { bavail, bsize } = statfsSync(existing(path));
      return bavail * bsize;
    },
    reach,
  };
}

/** The folder itself, or where it would be made. */
function existing(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : existing(dirname(path));
}

async function configOf(asking: Asking): Promise<CheckWorld['config']> {
  try {
    return { ok: true, config: await mustBeRight(asking, asking.world.env) };
  } catch (error) {
    if (error instanceof RelayError) return { ok: false, error };
    throw error;
  }
}
