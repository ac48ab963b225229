/** People explain their settings: comments, and a comma after the last entry, in a file that is JSON otherwise. */
import { findJsonMistake, type JsonMistake } from './json-mistake.ts';

const STRING_OR_COMMENT = /"(?:[^"\\\n]|\\.)*"?|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g;
const STRING_OR_LAST_COMMA = /"(?:[^"\\\n]|\\.)*"?|,(?=\s*[}\]])/g;

const blank = (found: string) => (found.startsWith('"') ? found : found.replace(/[^\n]/g, ' '));

/** The same as JSON, with spaces in place of what JSON does not know, so that lines and columns stay what they were. */
export function plainJson(text: string): string {
  return withoutComments(text).replace(STRING_OR_LAST_COMMA, blank);
}

/** Comments are spaces, a comma after the last entry stays. As long as the text. */
export function withoutComments(text: string): string {
  return text.replace(STRING_OR_COMMENT, blank);
}

/** What the text holds, or where it is no JSON; a mark of the byte order before it is passed over. */
export function readJson(text: string): { ok: true; content: unknown } | { ok: false; mistake: JsonMistake } {
  const plain = plainJson(text.replace(/^\uFEFF/, ''));
  const mistake = findJsonMistake(plain);
  return mistake ? { ok: false, mistake } : { ok: true, content: JSON.parse(plain) };
}

/** The value at this path; undefined if nothing stands there. */
export function valueAt(content: unknown, path: readonly string[]): unknown {
  let value = content;
  for (const name of path) value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return value;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
