/** `relayctl policy`: the rules that hold now, beside this Mac's own file and the defaults. */
import { Command } from 'commander';
import type { PolicyState } from '../local/schemas.ts';
import { EXIT, type ExitCode, exitCodesHelp } from './exit-codes.ts';
import { table } from './table.ts';
import { oneLine } from './terminal.ts';
import { clockTime, exactSpan } from './times.ts';
import type { Asking, World } from './world.ts';

export function policyCommand(world: World): Command {
  return new Command('policy')
    .description('the rules of the gate: what holds now, what this Mac’s file says, and the default')
    .option('-a, --all', 'also what is as by default')
    .addHelpText('after', '\nThe file is the floor: the controller may be stricter, never looser.')
    .addHelpText('after', exitCodesHelp([0, 1, 2, 3]))
    .addHelpText('after', '\nExample:\n  relayctl policy --all')
    .action((o: { all?: boolean }, command: Command) => world.run(command, (asking) => show(asking, o.all ?? false)));
}

async function show(asking: Asking, all: boolean): Promise<ExitCode> {
  const client = await asking.client();
  const result = await client.policy();
  if (result.kind !== 'ok') return asking.without(result);
  const { terminal } = asking;
  if (asking.json) {
    await terminal.json({ now: result.now, ...result.data });
    return EXIT.ok;
  }
  const { version, put } = result.data;
  const by = put ? `; the controller put ${oneLine(put.version)} at ${clockTime(put.at, result.now)}` : '';
  await terminal.line(terminal.paint('bold', `Policy ${version}${by}.`));
  const found = rowsOf(result.data);
  const rows = all ? found.map(shortened) : found.filter(([, now, file, usual]) => now !== usual || file !== usual);
  await terminal.line();
  if (rows.length === 0) await terminal.line('All is as by default; --all lists it.');
  else {
    const columns = [
      { title: 'FIELD' },
      { title: 'NOW', flex: true },
      { title: 'FILE', flex: true },
      { title: 'DEFAULT', flex: true },
    ];
    for (const line of table(columns, rows, terminal.width)) await terminal.line(line);
    await terminal.line(all ? '\n=  as now' : '\nAll else is as by default; --all lists it.');
  }
  return EXIT.ok;
}

function rowsOf({ policy, floor, defaults }: PolicyState): string[][] {
  const [files, usual] = [new Map(fieldsOf(floor)), new Map(fieldsOf(defaults))];
  return fieldsOf(policy).map(([field, now]) => [field, now, files.get(field) ?? '', usual.get(field) ?? '']);
}

/** So that what holds now has room. */
function shortened([field = '', now = '', ...others]: string[]): string[] {
  return [field, now, ...others.map((other) => (other === now ? '=' : other))];
}

function fieldsOf(policy: Record<string, unknown>): [field: string, value: string][] {
  return Object.entries(policy).flatMap(([name, value]): [string, string][] =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? fieldsOf(value as Record<string, unknown>).map(([field, one]) => [`${name}.${field}`, one])
      : [[name, shown(value, name)]],
  );
}

/** Steps as `up to 10: 60 s, above: 2 min`, words with commas, `…_ms` with its unit, all else as it is. */
function shown(value: unknown, field = ''): string {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map((one) => shown(one)).join(', ');
  if (typeof value === 'object' && value !== null) return shownStep(value as Record<string, unknown>);
  if (typeof value === 'number' && field.endsWith('_ms')) return exactSpan(value);
  return oneLine(typeof value === 'string' ? value : value === null ? '–' : JSON.stringify(value));
}

function shownStep({ up_to: upTo, ms, days, times, ...others }: Record<string, unknown>): string {
  if (typeof ms === 'number') return `${upTo === null ? 'above' : `up to ${shown(upTo)}`}: ${exactSpan(ms)}`;
  if (days !== undefined) return `under ${shown(days)} d: ${shown(times)} times`;
  return Object.values(others)
    .map((one) => shown(one))
    .join(': ');
}
