/**
 * What `relayctl service` does, and its words. Each verb ends with the exit code: 0 done (or it was so already), 1 failed, 4 somebody has
 * to log in at the screen, allow it in System Settings, or write the configuration. The set-up wizard calls `install` too.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pause, systemClock } from '../host/clock.ts';
import { RelayError } from '../host/errors.ts';
import { isStarting } from '../host/health.ts';
import type { Loaded } from '../host/launchd.ts';
import { Service, type ServiceState } from '../host/service.ts';
import { mustBeRight } from './config-state.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { oneLine } from './terminal.ts';
import { toolsOf } from './tools.ts';
import type { Asking } from './world.ts';

const ANSWER_PATIENCE_MS = 15_000;
const ASK_EVERY_MS = 150;
/** Starts without an answer after which it is not waited for any longer. */
const STARTS_ENOUGH = 2;

/** What only a person can change. */
export const NEEDS_PERSON = ['no_gui_session', 'service_disabled', 'config_missing', 'token_missing'];

export async function install(asking: Asking, o: { bundle?: string }): Promise<ExitCode> {
  return guarded(asking, async (service) => {
    // One that is wrong would be started again every ten seconds.
    await mustBeRight(asking);
    const done = await service.install(o.bundle);
    const { text: _, ...plan } = done;
    return told(asking, {
      content: {
        changed: plan.changed,
        started: plan.started,
        path: plan.path,
        program: plan.program,
        main: plan.main,
      },
      words: plan.changed ? `Installed: ${plan.path}` : `Nothing had to be changed: ${plan.path}`,
      job: plan.job,
    });
  });
}

/** For the set-up wizard, without a word. Started again if it ran already and its configuration changed. Throws as Service does. */
export async function placeService(
  asking: Asking,
  o: { bundle?: string; configChanged: boolean },
): Promise<{ path: string; changed: boolean; started: boolean; restarted: boolean; headline: string | null }> {
  const service = serviceOf(asking);
  await mustBeRight(asking);
  const { path, changed, started, job } = await service.install(o.bundle);
  const restarted = o.configChanged && !started;
  const now = restarted ? (await service.restart()).job : job;
  return { path, changed, started, restarted, headline: await answer(asking, now) };
}

export async function removeService(asking: Asking): Promise<{ removed: boolean; stopped: boolean }> {
  return serviceOf(asking).uninstall();
}

export async function print(asking: Asking, o: { bundle?: string }): Promise<ExitCode> {
  return guarded(asking, async (service) => {
    const { path, text, program, main } = service.plan(o.bundle);
    if (asking.json) await asking.terminal.json({ path, program, main, plist: text });
    else await asking.terminal.line(text.trimEnd());
    return EXIT.ok;
  });
}

export async function uninstall(asking: Asking): Promise<ExitCode> {
  return guarded(asking, async (service) => {
    const { removed, stopped } = await service.uninstall();
    const { home, logs } = asking.paths;
    if (asking.json) await asking.terminal.json({ removed, stopped, path: service.path, home, logs });
    else {
      await asking.terminal.line(removed || stopped ? 'The service is gone.' : 'The service was not installed.');
      if (existsSync(home)) await asking.terminal.line(`Data and logs stay: ${[...new Set([home, logs])].join(', ')}`);
    }
    return EXIT.ok;
  });
}

export async function start(asking: Asking): Promise<ExitCode> {
  return guarded(asking, async (service) => {
    const { started, job } = await service.start();
    return told(asking, { content: { started }, words: started ? 'Started.' : 'It was running already.', job });
  });
}

export async function stop(asking: Asking): Promise<ExitCode> {
  return guarded(asking, async (service) => {
    const { stopped } = await service.stop();
    if (asking.json) await asking.terminal.json({ stopped });
    else
      await asking.terminal.line(
        stopped ? 'Stopped, until the next login or relayctl service start.' : 'It was not running.',
      );
    return EXIT.ok;
  });
}

export async function restart(asking: Asking): Promise<ExitCode> {
  return guarded(asking, async (service) => {
    const { killed, job } = await service.restart();
    const words = killed ? 'Started again; the old process did not end by itself and was killed.' : 'Started again.';
    return told(asking, { content: { killed }, words, job });
  });
}

export async function status(asking: Asking): Promise<ExitCode> {
  return guarded(asking, async (service) => {
    const state = await service.state();
    const [headline, code, hint] = verdict(state);
    const { job, ...rest } = state;
    if (asking.json)
      await asking.terminal.json({ ...rest, loaded: job !== null, ...jobContent(job), running: code === EXIT.ok });
    else {
      await asking.terminal.line(headline);
      if (state.installed) await asking.terminal.line(`plist    ${state.path}`);
      if (state.program) await asking.terminal.line(`program  ${state.program}`);
      if (state.home) await asking.terminal.line(`folder   ${state.home}`);
      if (job && job.pid === null) await lastWords(asking);
      if (hint) asking.terminal.say(hint);
    }
    return code;
  });
}

function verdict({ installed, job, session }: ServiceState): [headline: string, code: ExitCode, hint?: string] {
  if (job?.pid) return [`Running (process ${job.pid}, start ${job.runs ?? '?'} since it was loaded).`, EXIT.ok];
  if (job) {
    const words = `Not running now: launchd says “${oneLine(job.state)}”, last exit ${oneLine(job.lastExit ?? 'unknown')}, ${job.runs ?? '?'} starts.`;
    return [words, EXIT.notRunning, 'It is started again by itself, at most every 10 s.'];
  }
  if (!installed) return ['Not installed.', EXIT.notRunning, 'Install it with: relayctl service install'];
  if (!session) return ['Installed; it runs once you are logged in at the screen of this Mac.', EXIT.needsPerson];
  return ['Installed, but stopped.', EXIT.notRunning, 'Start it with: relayctl service start'];
}

/** After a start: does the relay answer? launchd only knows that there is a process. */
async function told(
  asking: Asking,
  o: { content: Record<string, unknown>; words: string; job: Loaded },
): Promise<ExitCode> {
  const headline = await answer(asking, o.job);
  const content = { ...o.content, ...jobContent(o.job), answers: headline !== null, headline };
  if (asking.json) await asking.terminal.json(content);
  else {
    await asking.terminal.line(o.words);
    if (headline !== null) await asking.terminal.line(`The relay answers: ${oneLine(headline)}`);
  }
  if (headline !== null) return EXIT.ok;
  if (!asking.json) await lastWords(asking);
  const error = {
    code: 'no_answer',
    message: `It was started, but does not answer on ${asking.paths.socket}.`,
    hint: `${launchdLog(asking)} has what it said; relayctl service status whether it runs.`,
  };
  asking.terminal.complain(error, asking.json);
  return EXIT.failed;
}

/** The first line of its status, or null if it does not come to answer. */
async function answer(asking: Asking, job: Loaded): Promise<string | null> {
  const client = await asking.client();
  const service = serviceOf(asking);
  const end = systemClock.mono() + ANSWER_PATIENCE_MS;
  const enough = (job.runs ?? 0) + STARTS_ENOUGH;
  for (;;) {
    const asked = await client.status();
    if (asked.kind === 'ok' && (!isStarting(asked.data.conditions) || systemClock.mono() >= end))
      return asked.data.headline;
    if (asked.kind === 'refused') return asked.error.message;
    const { job: now } = await service.state();
    const hopeless = now === null || (now.pid === null && now.lastExit !== null && !/never/.test(now.lastExit));
    if (hopeless || (now.runs ?? 0) >= enough || systemClock.mono() >= end) return null;
    await pause(systemClock, ASK_EVERY_MS);
  }
}

function jobContent(job: Loaded | null): Record<string, unknown> {
  return {
    state: job?.state ?? null,
    pid: job?.pid ?? null,
    last_exit: job?.lastExit ?? null,
    runs: job?.runs ?? null,
  };
}

function launchdLog(asking: Asking): string {
  return join(asking.paths.logs, 'launchd.log');
}

/** The end of what the daemon said before its log was open. */
async function lastWords(asking: Asking): Promise<void> {
  let text = '';
  try {
    text = readFileSync(launchdLog(asking), 'utf8');
  } catch {
    return;
  }
  for (const line of text.trimEnd().split('\n').slice(-3)) asking.terminal.say(`  ${oneLine(line)}`);
}

export function serviceOf(asking: Asking, tools = toolsOf(asking)): Service {
  const { env } = asking.world;
  return new Service({ env, paths: asking.paths, chosenHome: asking.chosenHome, tools });
}

async function guarded(asking: Asking, work: (service: Service) => Promise<ExitCode>): Promise<ExitCode> {
  try {
    return await work(serviceOf(asking));
  } catch (error) {
    if (!(error instanceof RelayError) || !NEEDS_PERSON.includes(error.code)) throw error;
    asking.terminal.complain(error, asking.json);
    return EXIT.needsPerson;
  }
}
