/** What `relayctl config` does (config.ts has the command line). */
import type { ConfigField } from '../host/config-fields.ts';
import { exampleOf } from './config-example.ts';
import { type Checked, checkFile, type Effective, effective, fieldsOf } from './config-state.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { paragraph, table } from './table.ts';
import { oneLine } from './terminal.ts';
import type { Asking } from './world.ts';

const LABEL = 10;

export async function check(asking: Asking, file: string | undefined): Promise<ExitCode> {
  const { terminal } = asking;
  const checked = await checkFile(asking, file);
  if (asking.json) await terminal.json({ now: Date.now(), ...checked });
  else if (checked.ok) await terminal.line(`${checked.path} is right.`);
  else await showMistakes(asking, checked);
  return checked.ok ? EXIT.ok : EXIT.failed;
}

async function showMistakes({ terminal }: Asking, { path, mistakes }: Checked): Promise<void> {
  const count = mistakes.length === 1 ? 'one mistake' : `${mistakes.length} mistakes`;
  for (const line of paragraph(`${path} has ${count}.`, terminal.width)) await terminal.line(line);
  for (const { where, found, allowed } of mistakes) {
    await terminal.line();
    await terminal.line(terminal.paint('red', oneLine(where)));
    for (const [label, words] of [
      ['found', found],
      ['allowed', allowed],
    ] as const)
      if (words !== null)
        for (const line of paragraph(oneLine(words), terminal.width, LABEL, `  ${label}`.padEnd(LABEL)))
          await terminal.line(line);
  }
}

export async function show(asking: Asking, all: boolean): Promise<ExitCode> {
  const { terminal } = asking;
  const state = await effective(asking);
  if (!state.ok) return complain(asking, state.checked);
  if (asking.json) {
    const fields = state.fields.map(({ key, value, from }) => ({ key, value: value ?? null, from }));
    await terminal.json({ now: Date.now(), path: state.path, fields });
    return EXIT.ok;
  }
  await terminal.line(terminal.paint('bold', state.path));
  await terminal.line();
  const shown = state.fields.filter(({ from }) => all || from !== 'default');
  const rows = shown.map(({ key, value, from }) => [key, valueWords(value), from]);
  const columns = [{ title: 'FIELD' }, { title: 'VALUE', flex: true }, { title: 'FROM' }];
  for (const line of table(columns, rows, terminal.width)) await terminal.line(line);
  if (!all) {
    await terminal.line();
    await terminal.line('All else is as by default; --all lists it.');
  }
  return EXIT.ok;
}

export async function explain(asking: Asking, key: string | undefined): Promise<ExitCode> {
  const { terminal } = asking;
  const fields = await fieldsOf();
  const fitting = fields.filter((f) => key === undefined || f.key === key || f.key.startsWith(`${key}.`));
  if (fitting.length === 0) {
    const hint = `Sections are ${[...new Set(fields.map((f) => f.key.split('.')[0]))].join(', ')}; without a name all are listed.`;
    terminal.complain({ code: 'not_found', message: `There is no field ${key}.`, hint }, asking.json);
    return EXIT.failed;
  }
  const state = await effective(asking);
  if (asking.json) {
    const now = new Map(state.ok ? state.fields.map((f) => [f.key, f] as const) : []);
    await terminal.json({
      now: Date.now(),
      fields: fitting.map(({ usual, ...field }) => ({
        ...field,
        default: usual ?? null,
        ...(now.has(field.key) ? { value: now.get(field.key)?.value ?? null, from: now.get(field.key)?.from } : {}),
      })),
    });
    return EXIT.ok;
  }
  const [only] = fitting;
  if (fitting.length === 1 && only) await explainOne(asking, only, state);
  else await listFields(asking, fitting);
  return EXIT.ok;
}

async function explainOne({ terminal }: Asking, field: ConfigField, state: Effective): Promise<void> {
  const now = state.ok ? state.fields.find(({ key }) => key === field.key) : undefined;
  const rows: [string, string][] = [
    ['allowed', field.allowed],
    ['default', field.required ? 'none: it must be given' : valueWords(field.usual)],
    ...(now ? ([['now', `${valueWords(now.value)}, from the ${now.from}`]] as [string, string][]) : []),
    ...(field.variable
      ? ([['variable', `${field.variable} in the environment wins over the file`]] as [string, string][])
      : []),
    [
      'change',
      field.live ? 'takes effect with relayctl config reload' : 'takes effect when the relay is started again',
    ],
  ];
  await terminal.line(terminal.paint('bold', field.key));
  for (const line of paragraph(oneLine(field.meaning), terminal.width)) await terminal.line(line);
  await terminal.line();
  for (const [label, words] of rows)
    for (const line of paragraph(oneLine(words), terminal.width, LABEL, label.padEnd(LABEL))) await terminal.line(line);
}

async function listFields({ terminal }: Asking, fields: ConfigField[]): Promise<void> {
  for (const { key, meaning } of fields) {
    await terminal.line(terminal.paint('bold', key));
    for (const line of paragraph(oneLine(meaning), terminal.width, 4)) await terminal.line(line);
  }
}

export async function reload(asking: Asking): Promise<ExitCode> {
  const { terminal } = asking;
  const result = await (await asking.client()).reload();
  if (result.kind !== 'ok') return asking.without(result);
  const { changed, restart } = result.data;
  if (asking.json) await terminal.json({ now: result.now, changed, restart });
  else {
    const say = async (words: string, fields: string[]) => {
      for (const line of paragraph(`${words}: ${fields.join(', ')}.`, terminal.width, 2, '')) await terminal.line(line);
    };
    if (changed.length + restart.length === 0) await terminal.line('Nothing has changed.');
    if (changed.length > 0) await say('In force now', changed);
    if (restart.length > 0) await say('Only after a new start (relayctl service restart)', restart);
  }
  return EXIT.ok;
}

export async function example(asking: Asking): Promise<ExitCode> {
  const text = exampleOf(await fieldsOf());
  if (asking.json) await asking.terminal.json({ now: Date.now(), example: text });
  else for (const line of text.trimEnd().split('\n')) await asking.terminal.line(line);
  return EXIT.ok;
}

function complain(asking: Asking, checked: Checked): ExitCode {
  const first = checked.mistakes[0];
  const message = `${checked.path}: ${first ? `${first.where}: ${first.found}` : 'it is not right'}.`;
  const hint = 'relayctl config check names every mistake.';
  asking.terminal.complain({ code: 'config_invalid', message, hint }, asking.json);
  return EXIT.failed;
}

function valueWords(value: unknown): string {
  if (value === undefined) return 'none';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
