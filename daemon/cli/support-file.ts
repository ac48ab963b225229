/**
 * The support file of `relayctl doctor --bundle`: one .tar.gz that may be sent to a stranger. In it is only what is known to be harmless
 * (host/codes-only.ts): what each check found, as codes; status and log without words; which fields of the configuration are set; how many
 * rows the store has; the numbers of the metrics. No text, no handle, no path, no address, no secret.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { resolve } from 'node:path';
import { assetFolder } from '../host/assets.ts';
import { codesOnly } from '../host/codes-only.ts';
import { openReader, readMigrations } from '../host/db.ts';
import { codeOf, messageOf, RelayError } from '../host/errors.ts';
import { isObject, readJson, valueAt } from '../host/plain-json.ts';
import { type TarEntry, tarGz } from '../host/tar.ts';
import { VERSION } from '../host/version.ts';
import type { DoctorReport, MetricsReport } from '../local/schemas.ts';
import { fieldsOf } from './config-state.ts';
import { lastLines } from './log-lines.ts';
import { serviceOf } from './service-verbs.ts';
import type { Asking } from './world.ts';

const LOG_LINES = 5_000;
const CODE = /^[a-z_][a-z0-9_:]{0,60}$/;

const README = `This is a support file of Sender Relay. It holds codes, numbers and moments,
and no texts, handles, paths, addresses or secrets.

doctor.json   what each check found      status.json   the state of the relay
log.ndjson    the newest log, no words   config.json   which fields are set
store.json    how many rows there are    metrics.json  the numbers of the metrics
service.json  what launchd says          versions.json what runs on what
`;

/** Throws `bundle_exists` or `bundle_unwritable`. `progress` is told what is being put together. */
export async function writeBundle(
  asking: Asking,
  report: DoctorReport,
  file: string,
  progress: (words: string) => void,
): Promise<void> {
  const entries: TarEntry[] = [{ name: 'README.txt', text: README }];
  const parts: [name: string, work: () => unknown][] = [
    ['doctor.json', () => doctorPart(report)],
    ['versions.json', versionsPart],
    ['status.json', () => statusPart(asking)],
    ['config.json', () => configPart(asking)],
    ['service.json', () => servicePart(asking)],
    ['store.json', () => storePart(asking.paths.db)],
    ['metrics.json', () => metricsPart(asking)],
    ['log.ndjson', () => logPart(asking.paths.logs)],
  ];
  for (const [name, work] of parts) {
    progress(`${name} for the support file`);
    entries.push({ name, text: await partText(work) });
  }
  const path = resolve(file);
  try {
    writeFileSync(path, tarGz(entries, report.now), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const isThere = codeOf(error) === 'EEXIST';
    throw new RelayError(
      isThere ? 'bundle_exists' : 'bundle_unwritable',
      isThere ? `${path} is there already` : `${path} cannot be written: ${messageOf(error)}`,
      { hint: 'Name another file.', cause: error },
    );
  }
}

/** A part that cannot be had must not keep the others back; its error may hold anything, so only its code is told. */
async function partText(work: () => unknown): Promise<string> {
  try {
    const part = await work();
    return typeof part === 'string' ? part : `${JSON.stringify(part, null, 2)}\n`;
  } catch (error) {
    return `${JSON.stringify({ not_to_be_had: codesOnly({ code: codeOf(error) ?? 'failed' }) })}\n`;
  }
}

function doctorPart({ verdict, relay, now, checks }: DoctorReport): unknown {
  return {
    ...{ verdict, relay, now },
    checks: checks.map(({ name, code, facts, ...check }) => ({
      name: CODE.test(name) ? name : 'other',
      ...{ verdict: check.verdict, by: check.by, needs_person: check.needs_person ?? false },
      ...(codesOnly({ code, facts }) as object),
    })),
  };
}

function versionsPart(): unknown {
  const { platform, arch, versions } = process;
  return { relayctl: VERSION, node: versions.node, sqlite: versions.sqlite ?? null, platform, arch, kernel: release() };
}

async function statusPart(asking: Asking): Promise<unknown> {
  const asked = await (await asking.client()).status();
  if (asked.kind !== 'ok') return { relay: asked.kind };
  const { conditions, ...status } = asked.data;
  return {
    ...(codesOnly(status) as object),
    conditions: conditions.map(({ name, severity, since }) => ({
      name: CODE.test(name) ? name : 'other',
      severity,
      since,
    })),
  };
}

/** For each field that is known: not set, or its value where that is one of a few words, a number, or yes or no. */
async function configPart({ paths }: Asking): Promise<unknown> {
  const read = readJson(readFileSync(paths.config, 'utf8'));
  if (!read.ok) return { readable: false };
  const shown = (await fieldsOf()).map(({ key, allowed }) => {
    const value = valueAt(read.content, key.split('.'));
    if (value === undefined) return [key, 'not set'];
    if (typeof value === 'boolean' || value === null) return [key, value];
    if (typeof value === 'number') return [key, codesOnly(value) ?? 'set'];
    const isChoice = typeof value === 'string' && allowed.split(' or ').includes(JSON.stringify(value));
    return [key, isChoice ? value : 'set'];
  });
  return Object.fromEntries(shown);
}

async function servicePart(asking: Asking): Promise<unknown> {
  const { installed, job, session } = await serviceOf(asking).state();
  const state = job === null ? null : /^[a-z ]{1,30}$/.test(job.state) ? job.state : 'other';
  const lastExit = job?.lastExit ?? null;
  const end =
    lastExit === null ? null : (/^(\d{1,3}(: [A-Z_]{1,20})?|\(never exited\))$/.exec(lastExit)?.[0] ?? 'other');
  return { installed, session, job: job && { state, has_process: job.pid !== null, last_exit: end, runs: job.runs } };
}

/** Rows by table, of the tables that the migrations make. */
function storePart(path: string): unknown {
  const known = readMigrations(assetFolder('migrations')).flatMap(({ sql }) =>
    [...sql.matchAll(/CREATE TABLE (?:IF NOT EXISTS )?(\w+)/gi)].map((match) => match[1] ?? ''),
  );
  const db = openReader(path, { timeoutMs: 2_000 });
  try {
    const present = db.sql<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    const names = present.map(({ name }) => name).filter((name) => known.includes(name));
    const rows = names.map((name) => [name, Number(db.sql(`SELECT count(*) AS n FROM "${name}"`).get()?.n ?? 0)]);
    const version = Number(db.sql('PRAGMA user_version').get()?.user_version ?? 0);
    return { version, rows: Object.fromEntries(rows) };
  } finally {
    db.close();
  }
}

async function metricsPart(asking: Asking): Promise<unknown> {
  const asked = await (await asking.client()).metrics();
  if (asked.kind !== 'ok') return { relay: asked.kind };
  return asked.data.metrics.filter(({ name }) => CODE.test(name)).map(metricOf);
}

function metricOf({ name, values }: MetricsReport['metrics'][number]): unknown {
  return {
    name,
    values: values.map(({ name: part, labels, value }) => ({
      ...(part !== undefined && CODE.test(part) ? { part } : {}),
      labels: Object.fromEntries(Object.entries(labels).filter(([key, label]) => CODE.test(key) && isLabel(label))),
      value,
    })),
  };
}

/** A rule, a state, a bound of a histogram; nothing with seven digits. */
function isLabel(label: string | number): boolean {
  return /^([a-z][a-z0-9_.]{0,40}|\d{1,6}(\.\d{1,4})?|\+Inf)$/.test(String(label));
}

function logPart(folder: string): string {
  const found = lastLines(folder, LOG_LINES, () => true);
  return (found?.lines ?? []).map((line) => `${JSON.stringify(lineOf(line))}\n`).join('');
}

/** Its own names and plain values: what lies deeper may have other names than those of our code. */
function lineOf(line: string): unknown {
  try {
    const parsed: unknown = JSON.parse(line);
    if (!isObject(parsed)) return { not_a_line: true };
    return codesOnly(Object.fromEntries(Object.entries(parsed).filter(([, value]) => typeof value !== 'object')));
  } catch {
    return { not_a_line: true };
  }
}
