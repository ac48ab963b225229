/**
 * Makes `daemon/cli/README.md`, the contract of `relayctl --json`, from the schemas themselves: `node scripts/generate-cli-contract.ts`.
 * With `--check` it writes nothing and ends with 1 if the file is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import {
  Blocked,
  Cancelled,
  Cleared,
  ContactState,
  DoctorReport,
  GateCheck,
  LocalError,
  LocalEvent,
  MessageDetail,
  MetricsReport,
  Opted,
  PolicyState,
  QueuePage,
  RefusedTexts,
  Reloaded,
  SenderState,
  Settled,
  Status,
} from '../daemon/local/schemas.ts';
import { Condition, Evidence, MessageStatus, SenderHealth } from '../protocol/events.ts';

const RESULT = new URL('../daemon/cli/README.md', import.meta.url);

/** Shapes that come up in several answers, by the name that they are told by. */
const SHARED: [name: string, schema: z.ZodType, about: string][] = [
  [
    'message',
    MessageStatus,
    'A message as it stands: the newest `message.status`, with the present estimate while it waits.',
  ],
  ['evidence', Evidence, 'Why a message waits or was refused.'],
  ['health', SenderHealth, 'The sender.'],
  ['condition', Condition, 'Something that is wrong, since when, and what to do.'],
];

const ANSWERS: [commands: string, schema: z.ZodType, about: string][] = [
  ['status', Status, 'Is it ready, and what is it doing. With `--watch` one object a second.'],
  ['doctor', DoctorReport, 'Named checks; those of a running relay count more than those of this terminal.'],
  ['queue list', QueuePage, '`next` is the cursor of the next page, absent on the last one.'],
  ['queue show', MessageDetail, 'One message, with all that is known of it.'],
  ['queue cancel', Cancelled, 'What was cancelled.'],
  ['queue settle', Settled, 'The state that a person’s word gave it.'],
  ['send', MessageStatus, 'The message right after acceptance, and with `--wait` one object for each change.'],
  ['tail', LocalEvent, 'One object for each event; `data` is that of the protocol (`protocol/events.ts`).'],
  ['sender', SenderState, 'Health and caps. `sender pause` and `sender resume` answer with a *health*.'],
  ['contact show', ContactState, 'What is known of a person.'],
  ['contact opt-out, contact opt-in', Opted, '`changed` false: it was so already.'],
  ['gate check', GateCheck, 'A dry run; nothing is reserved.'],
  ['policy', PolicyState, 'The rules that hold, this Mac’s file, and the defaults.'],
  ['text list', RefusedTexts, 'Texts that are refused; no text itself is kept.'],
  ['text block', Blocked, 'Until when.'],
  ['text clear', Cleared, 'How many were lifted.'],
  ['metrics', MetricsReport.pick({ metrics: true }), 'The same as the text, as data.'],
  ['config reload', Reloaded, 'Names of fields: what holds now, and what from the next start on.'],
];

interface JsonSchema {
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  additionalProperties?: JsonSchema | boolean;
  description?: string;
}

/** The whole file. */
export function contract(): string {
  return `${[
    '# The answers of relayctl, for programs',
    '<!-- Made by `npm run generate:cli` from the schemas. Do not edit. -->',
    'With `--json` every answer is one JSON object on one line of stdout, a stream one object a line. Each has `"schema": 1` and, where a relay',
    'was asked, `now` (its clock, Unix ms). Fields are added, never renamed or given another meaning without a new `schema`. Names ending in `_at`,',
    '`since`, `until` and `at` are Unix ms; `null` means never, or not known; a field with `?` may be absent. All else goes to stderr, an error as',
    '`{"schema": 1, "error": {code, message, hint?}}`. Commands that need no relay (`gate near`, `gate timeline`, `chatdb read`, `config`, `pair`,',
    '`setup`, `service`, `logs`) say in their `--help` what they print.',
    '',
    'Exit codes: 0 all is well · 1 failed · 2 the command line is not right · 3 the relay is not running · 4 the relay waits for a person · 5 it runs, but',
    'is not ready.',
    ...ANSWERS.flatMap(([commands, schema, about]) => ['', `## ${commands}`, '', about, '', ...tableOf(schema, null)]),
    '',
    '## Shapes that come up in several answers',
    ...SHARED.flatMap(([name, schema, about]) => ['', `### ${name}`, '', about, '', ...tableOf(schema, name)]),
    '',
    '### error',
    '',
    'On stderr.',
    '',
    ...tableOf(LocalError, null),
  ].join('\n')}\n`;
}

function tableOf(schema: z.ZodType, self: string | null): string[] {
  const shared = new Map(SHARED.filter(([name]) => name !== self).map(([name, one]) => [shapeOf(jsonOf(one)), name]));
  const rows = rowsOf(jsonOf(schema), '', shared);
  return ['| field | value | meaning |', '| --- | --- | --- |', ...rows.map((row) => `| ${row.join(' | ')} |`)];
}

function jsonOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }) as JsonSchema;
}

/** Two schemas with the same are the same shape. */
function shapeOf({ properties }: JsonSchema): string {
  return JSON.stringify(properties ?? null);
}

function rowsOf(schema: JsonSchema, path: string, shared: Map<string, string>): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const isRequired = schema.required?.includes(name) === true;
    const here = `${path}${name}${isRequired ? '' : '?'}`;
    const inner = innerOf(field);
    const known = shared.get(shapeOf(inner));
    const row = [`\`${here}\``, wordsOf(field, shared), (field.description ?? '').replaceAll('|', '\\|')];
    if (!inner.properties || known !== undefined) return [row];
    return [row, ...rowsOf(inner, `${here.replace(/\?$/, '')}${field.items ? '[]' : ''}.`, shared)];
  });
}

/** The object in a list or beside null. */
function innerOf(schema: JsonSchema): JsonSchema {
  if (schema.items) return innerOf(schema.items);
  const parts = schema.anyOf?.filter(({ type }) => type !== 'null') ?? [];
  return parts.length === 1 && parts[0] ? innerOf(parts[0]) : schema;
}

function wordsOf(schema: JsonSchema, shared: Map<string, string>): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (schema.anyOf) return [...new Set(schema.anyOf.map((part) => wordsOf(part, shared)))].join(' or ');
  if (schema.items) return `list of ${wordsOf(schema.items, shared)}`;
  const known = shared.get(shapeOf(schema));
  if (known !== undefined) return `*${known}*`;
  if (Array.isArray(schema.type)) return schema.type.join(' or ');
  return schema.type ?? 'anything';
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = contract();
  if (!process.argv.includes('--check')) writeFileSync(RESULT, text);
  else if (readFileSync(RESULT, 'utf8') !== text) {
    process.stderr.write('daemon/cli/README.md is stale: npm run generate:cli\n');
    process.exitCode = 1;
  }
}
