/** A whole configuration file with comments, from the fields themselves: what must be given is filled in, the rest is there to be uncommented. */
import type { ConfigField } from '../host/config-fields.ts';

const WIDTH = 80;
/** Where there is no default, something that shows the form. */
const SHOWN: Record<string, unknown> = {
  device: 'mac-1',
  'controller.url': 'wss://relay.example.com/v1',
  'controller.token_file': 'token',
};

/** JSON with comments, as the relay reads it. */
export function exampleOf(fields: ConfigField[]): string {
  const lines = [
    '// The configuration of Sender Relay. What is commented out stands at its default.',
    '// relayctl config check says whether it is right, relayctl config explain FIELD more about a field.',
    '{',
    ...objectLines(
      fields.map((field) => ({ path: field.key.split('.'), field })),
      1,
    ),
    '}',
  ];
  return `${lines.join('\n')}\n`;
}

interface Entry {
  path: string[];
  field: ConfigField;
}

function objectLines(entries: Entry[], depth: number): string[] {
  const names = [...new Set(entries.map(({ path }) => path[0] ?? ''))];
  const blocks = names.map((name) => {
    const within = entries.filter(({ path }) => path[0] === name);
    const [only] = within;
    if (only?.path.length === 1) return fieldLines(name, only.field, depth);
    const inner = within.map(({ path, field }) => ({ path: path.slice(1), field }));
    return [`${pad(depth)}${JSON.stringify(name)}: {`, ...objectLines(inner, depth + 1), `${pad(depth)}},`];
  });
  return blocks.flat();
}

function fieldLines(name: string, field: ConfigField, depth: number): string[] {
  const value = JSON.stringify(SHOWN[field.key] ?? field.usual ?? null);
  const comments = wrapped(`${field.meaning} Allowed: ${field.allowed}.`, WIDTH - 2 * depth - 3);
  const start = `${pad(depth)}${field.required ? '' : '// '}`;
  return [...comments.map((words) => `${pad(depth)}// ${words}`), `${start}${JSON.stringify(name)}: ${value},`];
}

function pad(depth: number): string {
  return '  '.repeat(depth);
}

function wrapped(words: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of words.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
