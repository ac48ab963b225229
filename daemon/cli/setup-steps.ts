/**
 * The steps of `relayctl setup`. Each looks first whether its work is done, does it, and says which of the two it was; so the whole can be
 * run again after a mistake, an update, or out of curiosity.
 *
 *   pairing ─▶ sender ─▶ service ─▶ permissions ─▶ test
 *
 * The service comes before the permissions: macOS lists a program under Privacy & Security only once it has asked.
 * Each step throws what its parts throw; the steps before it stay done.
 */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { RelayError } from '../host/errors.ts';
import { normaliseHandle } from '../host/handles.ts';
import { configured, editConfig, fieldMistake } from './config-edit.ts';
import { EXIT, type ExitCode, exitCodeOf } from './exit-codes.ts';
import { hasToken, pair, pairedWords, pairingGap, unpair } from './pairing.ts';
import { grantPermissions } from './permissions.ts';
import type { Person } from './person.ts';
import { sendAndLook } from './send.ts';
import { NEEDS_PERSON, placeService, removeService } from './service-verbs.ts';
import { paragraph } from './table.ts';
import { oneLine } from './terminal.ts';
import { usageCode } from './usage.ts';
import type { Asking } from './world.ts';

const TEST_LOOK_MS = 60_000;

export interface SetupOptions {
  device?: string;
  url?: string;
  tokenFile?: string;
  kind?: string;
  since?: string;
  region?: string;
  service: boolean;
  bundle?: string;
  testTo?: string;
  yes?: boolean;
  undo?: boolean;
}

interface Step {
  name: 'pairing' | 'sender' | 'service' | 'permissions' | 'test';
  /** `already`: nothing was to be done; `open`: a person has something left to do. */
  state: 'done' | 'already' | 'skipped' | 'open' | 'failed';
  words: string;
}

/** Collects what was done; without --json each step is shown as it ends. */
class Report {
  readonly #asking: Asking;
  readonly steps: Step[] = [];

  constructor(asking: Asking) {
    this.#asking = asking;
  }

  async step(name: Step['name'], state: Step['state'], ...words: string[]): Promise<void> {
    const { terminal, json } = this.#asking;
    this.steps.push({ name, state, words: words.map(oneLine).join(' ') });
    if (json) return;
    const sign = { done: '✓', already: '✓', skipped: '–', open: '!', failed: '✗' }[state];
    const style = { done: 'green', already: 'green', skipped: 'dim', open: 'yellow', failed: 'red' } as const;
    const head = `${sign} ${name}`.padEnd(15);
    const lines = words.flatMap((one, index) =>
      paragraph(oneLine(one), terminal.width, 15, index === 0 ? head : undefined),
    );
    for (const [index, line] of lines.entries())
      await terminal.line(index === 0 ? terminal.paint(style[state], line.slice(0, 15)) + line.slice(15) : line);
  }
}

export async function setup(asking: Asking, given: SetupOptions, person: Person | null): Promise<ExitCode> {
  const flags = { device: 'device', url: 'controller.url', since: 'sender.since', region: 'sender.region' } as const;
  for (const [flag, field] of Object.entries(flags)) {
    const value = given[flag as keyof typeof flags];
    const mistake = value === undefined ? null : fieldMistake(field, value);
    if (mistake !== null)
      return usageCode(asking, `--${flag} ${oneLine(value ?? '')} is not right.`, `Allowed: ${mistake}.`);
  }
  const o = person ? await asked(asking, given, person) : given;
  const gap = pairingGap(asking, o);
  if (gap) return usageCode(asking, ...gap);
  const report = new Report(asking);
  const paired = await pair(asking, o);
  const isOld = paired.token === 'kept' && paired.changed.length === 0;
  await report.step('pairing', isOld ? 'already' : 'done', ...pairedWords(paired));
  if (paired.secret !== null && !asking.json) await asking.terminal.line(`\n  ${paired.secret}\n`);
  if (paired.secret !== null && person) await person.waits('Press Enter when the controller knows it. ');

  person?.stays();
  const changed = await senderStep(asking, o, report);
  person?.stays();
  await serviceStep(asking, o, report, [...paired.changed, ...changed].length > 0);
  person?.stays();
  const status = await grantPermissions(asking, person, (state, ...words) =>
    report.step('permissions', state, ...words),
  );
  person?.stays();
  const sent = await testStep(asking, o.testTo, report, status !== null);

  const { steps } = report;
  const ready = status?.ready ?? null;
  const headline = status?.headline ?? null;
  if (asking.json)
    await asking.terminal.json({
      steps,
      ...(paired.secret === null ? {} : { secret: paired.secret }),
      ready,
      headline,
    });
  else
    await asking.terminal.line(
      headline === null ? '\nSet up. Start the relay, then: relayctl status' : `\nSet up. ${oneLine(headline)}`,
    );
  if (!sent) return EXIT.failed;
  return status ? exitCodeOf(status) : EXIT.ok;
}

/** What only a login at the screen, or a switch there, can change. */
export function needsPerson(error: unknown): error is RelayError {
  return error instanceof RelayError && NEEDS_PERSON.includes(error.code);
}

/** The service goes, the pairing goes, the settings of the sender and all data stay. */
export async function undo(asking: Asking): Promise<ExitCode> {
  const report = new Report(asking);
  try {
    const { removed, stopped } = await removeService(asking);
    const was = removed || stopped;
    await report.step('service', was ? 'done' : 'already', was ? 'It is gone.' : 'It was not installed.');
  } catch (error) {
    if (!(error instanceof RelayError) || error.code !== 'no_launchd') throw error;
    await report.step('service', 'skipped', `${error.message}.`);
  }
  const done = await unpair(asking);
  const was = done.removed_token || done.changed.length > 0;
  await report.step(
    'pairing',
    was ? 'done' : 'already',
    was ? 'Token and controller are gone; have the token revoked at the controller.' : 'It was not paired.',
  );
  if (asking.json)
    await asking.terminal.json({ steps: report.steps, home: asking.paths.home, logs: asking.paths.logs });
  else
    for (const line of paragraph(
      `Data and logs stay: ${[...new Set([asking.paths.home, asking.paths.logs])].join(', ')}`,
      asking.terminal.width,
    ))
      await asking.terminal.line(line);
  return EXIT.ok;
}

/** What no flag says, from the person; what is set already is offered. */
async function asked(asking: Asking, o: SetupOptions, person: Person): Promise<SetupOptions> {
  const known = (path: string[]) => {
    const value = configured(asking, path);
    return typeof value === 'string' ? value : null;
  };
  const right = (field: string) => (answer: string) => {
    const allowed = answer === '' ? null : fieldMistake(field, answer);
    return allowed === null ? null : `Allowed: ${allowed}.`;
  };
  const one = async (given: string | undefined, question: string, field: string, usual: string | null) =>
    given ?? (await person.ask(question, usual, right(field)));
  const name =
    hostname()
      .replace(/\..*$/, '')
      .replace(/[^A-Za-z0-9._-]/g, '-') || 'mac-1';
  const device = await one(o.device, 'Name of this relay', 'device', known(['device']) ?? name);
  const url = await one(o.url, 'Address of the controller (wss://…)', 'controller.url', known(['controller', 'url']));
  const tokenFile =
    o.tokenFile ??
    (hasToken(asking)
      ? ''
      : await person.ask('File with the token that the controller gave out (Enter: make one here)', '', noFile));
  const kind = await one(
    o.kind,
    'Is this Apple ID shared or dedicated',
    'sender.kind',
    known(['sender', 'kind']) ?? 'shared',
  );
  const since = await one(
    o.since,
    'It sends since (day, Enter: new)',
    'sender.since',
    known(['sender', 'since']) ?? '',
  );
  const region = await one(
    o.region,
    'Country of numbers without + (US, DE, …)',
    'sender.region',
    known(['sender', 'region']) ?? '',
  );
  const testTo =
    o.testTo ??
    (await person.ask('Your own number or address for a first message (Enter: none)', '', (answer) =>
      noHandle(answer, region || undefined),
    ));
  const service = o.service && (await person.agrees('Install it as a service that runs whenever you are logged in?'));
  return {
    ...o,
    device,
    url,
    kind,
    service,
    ...(tokenFile ? { tokenFile } : {}),
    ...(since ? { since } : {}),
    ...(region ? { region } : {}),
    ...(testTo ? { testTo } : {}),
  };
}

function noFile(path: string): string | null {
  return path === '' || existsSync(path) ? null : 'There is no such file.';
}

function noHandle(answer: string, region: string | undefined): string | null {
  const known = answer === '' ? null : normaliseHandle(answer, region);
  return known === null || known.ok ? null : `It is ${known.why}.`;
}

async function senderStep(asking: Asking, o: SetupOptions, report: Report): Promise<string[]> {
  const fields = ['kind', 'since', 'region'] as const;
  const wanted = fields.flatMap((name) =>
    o[name] === undefined ? [] : [{ path: ['sender', name] as const, to: o[name] }],
  );
  const changed = await editConfig(asking, wanted);
  const shown = fields.map((name) => configured(asking, ['sender', name]));
  const [kind, since, region] = shown.map((value) => (typeof value === 'string' ? value : null));
  const words = `${kind ?? 'shared'}, ${since ? `sends since ${since}` : 'new (long distances)'}, ${region ? `numbers of ${region}` : 'numbers need + and country code'}.`;
  await report.step('sender', changed.length > 0 ? 'done' : 'already', words);
  return changed;
}

async function serviceStep(asking: Asking, o: SetupOptions, report: Report, configChanged: boolean): Promise<void> {
  if (!o.service) return report.step('service', 'skipped', 'Left alone, as asked.');
  const done = await placeService(asking, { configChanged, ...(o.bundle === undefined ? {} : { bundle: o.bundle }) });
  const words = done.restarted ? 'It runs, and was started again with the new settings.' : `It runs: ${done.path}`;
  const isNew = done.changed || done.started || done.restarted;
  if (done.headline === null)
    return report.step('service', 'failed', 'It was started, but does not answer: relayctl service status tells more.');
  await report.step('service', isNew ? 'done' : 'already', words);
}

/** False if the message failed. */
async function testStep(asking: Asking, to: string | undefined, report: Report, runs: boolean): Promise<boolean> {
  if (to === undefined) {
    await report.step('test', 'skipped', 'No message was asked for (--test-to).');
    return true;
  }
  if (!runs) {
    await report.step('test', 'failed', 'The relay does not run; afterwards: relayctl send TO TEXT');
    return false;
  }
  const device = configured(asking, ['device']);
  const text = `Sender Relay ${String(device)} is set up. ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const end = await sendAndLook(asking, { to, text, waitMs: TEST_LOOK_MS }, async () => {});
  if (end.kind === 'none') {
    await report.step('test', 'failed', end.words);
    return false;
  }
  const { state, words } = end.status;
  const why = words ?? end.status.evidence?.words;
  const told = `${state.replaceAll('_', ' ')}: ${end.status.message} to ${end.status.to}`;
  await report.step('test', end.good ? 'done' : 'failed', told, ...(why ? [why] : []));
  return end.good;
}
