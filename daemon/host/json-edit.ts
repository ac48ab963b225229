/**
 * Sets or takes away one value of a JSON file with comments, in place: every other byte stays as its author wrote it.
 *
 * The caller owes a text that plain-json.ts and JSON.parse accept, with an object at its root, and checks what comes out before it is
 * written. A name that is there twice counts as JSON.parse counts it: the last one.
 */
import { RelayError } from './errors.ts';
import { withoutComments } from './plain-json.ts';

interface Member {
  name: string;
  /** Of its name's first quote. */
  start: number;
  value: Span;
}
interface Span {
  start: number;
  /** After the last character. */
  end: number;
}

const SPACE = /[\s\uFEFF]*/y;
const STRING = /"(?:[^"\\\n]|\\.)*"/y;
const SCALAR = /[^\s,\]}]+/y;
const COMMENT = /[ \t]*(?:\/\/[^\r\n]*|\/\*[\s\S]*?\*\/)/y;

/** `path`: `['controller', 'url']`; sections on the way that are not there are made. Throws `config_invalid` if one is no object. */
export function setInJson(text: string, path: readonly [string, ...string[]], value: unknown): string {
  const plain = withoutComments(text);
  let object = rootOf(plain);
  for (const [depth, name] of path.entries()) {
    const members = membersOf(plain, object);
    const found = members.findLast((member) => member.name === name);
    const rest = path.slice(depth + 1);
    if (!found) {
      const made = rest.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
      return withMember(text, plain, object, members, name, made);
    }
    if (rest.length === 0) return splice(text, found.value, JSON.stringify(value));
    if (plain[found.value.start] !== '{')
      throw new RelayError('config_invalid', `${path.slice(0, depth + 1).join('.')} is not an object`, {
        hint: 'relayctl config check names every mistake.',
      });
    object = found.value;
  }
  return text;
}

/** The member goes with its comma, and with its line if nothing else is on it; comments above it stay. What is not there is gone already. */
export function removeFromJson(text: string, path: readonly [string, ...string[]]): string {
  const plain = withoutComments(text);
  let object = rootOf(plain);
  for (const [depth, name] of path.entries()) {
    const members = membersOf(plain, object);
    const index = members.findLastIndex((member) => member.name === name);
    const found = members[index];
    if (!found) return text;
    if (depth === path.length - 1) {
      const without = withoutMember(text, plain, members, index);
      // The same name once more, earlier in the object: it would count now.
      return members.filter((member) => member.name === name).length > 1 ? removeFromJson(without, path) : without;
    }
    if (plain[found.value.start] !== '{') return text;
    object = found.value;
  }
  return text;
}

function rootOf(plain: string): Span {
  const start = match(SPACE, plain, 0);
  if (plain[start] !== '{')
    throw new RelayError('config_invalid', 'the file does not hold an object', {
      hint: 'It begins with { and ends with }; relayctl config example shows one.',
    });
  return { start, end: valueEnd(plain, start) };
}

function withMember(
  text: string,
  plain: string,
  object: Span,
  members: Member[],
  name: string,
  value: unknown,
): string {
  const member = `${JSON.stringify(name)}: ${JSON.stringify(value)}`;
  const line = text.includes('\r\n') ? '\r\n' : '\n';
  const last = members.at(-1);
  if (!last) {
    const open = object.start + 1;
    const indent = indentAt(text, object.start);
    const end = /^[ \t]*\r?\n/.test(text.slice(open)) ? '' : `${line}${indent}`;
    return splice(text, { start: open, end: open }, `${line}${indent}  ${member}${end}`);
  }
  const comma = match(SPACE, plain, last.value.end);
  const hasComma = plain[comma] === ',';
  const after = hasComma ? comma + 1 : last.value.end;
  const before = text.slice(0, last.start);
  const indent = /(?:^|\n)([ \t]*)$/.exec(before)?.[1];
  const addition = `${indent === undefined ? ' ' : `${line}${indent}`}${member}${hasComma ? ',' : ''}`;
  const at = indent === undefined ? after : afterComments(text, after);
  const begun = text.slice(0, at) + addition + text.slice(at);
  return hasComma ? begun : splice(begun, { start: last.value.end, end: last.value.end }, ',');
}

function withoutMember(text: string, plain: string, members: Member[], index: number): string {
  const { start, value } = members[index] as Member;
  const comma = match(SPACE, plain, value.end);
  const previous = members[index - 1];
  let result = text;
  let end = value.end;
  // Its own comma; the last one has none, and takes that before it.
  if (plain[comma] === ',') {
    if (text.slice(end, comma).trim() === '') end = comma + 1;
    else result = splice(result, { start: comma, end: comma + 1 }, '');
  }
  result = splice(result, wholeLine(result, { start, end }), '');
  if (plain[comma] !== ',' && previous) {
    const before = match(SPACE, plain, previous.value.end);
    result = splice(result, { start: before, end: before + 1 }, '');
  }
  return result;
}

/** With the line's indentation and its end, if nothing else is on it. */
function wholeLine(text: string, { start, end }: Span): Span {
  const from = /(?:^|\n)[ \t]*$/.exec(text.slice(0, start));
  const to = /^[ \t]*\r?\n/.exec(text.slice(end));
  if (!from || !to) return { start, end };
  return { start: start - from[0].replace(/^\n/, '').length, end: end + to[0].length };
}

/** Past the comments that stand behind on the same line, if only they do. */
function afterComments(text: string, at: number): number {
  let end = at;
  for (;;) {
    const next = match(COMMENT, text, end);
    if (next === end || text.slice(end, next).includes('\n')) return end;
    end = next;
  }
}

function membersOf(plain: string, object: Span): Member[] {
  const members: Member[] = [];
  let at = match(SPACE, plain, object.start + 1);
  while (at < object.end - 1) {
    const start = at;
    const nameEnd = match(STRING, plain, start);
    if (nameEnd === start) throw new Error('no name where one must be');
    const value = match(SPACE, plain, match(SPACE, plain, nameEnd) + 1);
    const end = valueEnd(plain, value);
    members.push({ name: JSON.parse(plain.slice(start, nameEnd)) as string, start, value: { start: value, end } });
    at = match(SPACE, plain, end);
    if (plain[at] === ',') at = match(SPACE, plain, at + 1);
  }
  return members;
}

function valueEnd(plain: string, start: number): number {
  if (plain[start] === '"') return match(STRING, plain, start);
  if (plain[start] !== '{' && plain[start] !== '[') return match(SCALAR, plain, start);
  let depth = 0;
  let at = start;
  do {
    const sign = plain[at];
    if (sign === undefined) throw new Error('the text ends within a value');
    if (sign === '{' || sign === '[') depth += 1;
    if (sign === '}' || sign === ']') depth -= 1;
    at = sign === '"' ? match(STRING, plain, at) : at + 1;
  } while (depth > 0);
  return at;
}

function indentAt(text: string, at: number): string {
  return /(?:^|\n)([ \t]*)[^\n]*$/.exec(text.slice(0, at))?.[1] ?? '';
}

/** Where the pattern, which is sticky, ends; `at` if it is not there. */
function match(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

function splice(text: string, { start, end }: Span, by: string): string {
  return text.slice(0, start) + by + text.slice(end);
}
