/** What the configuration file says, field by field, and what is wrong with it, as the daemon would find it. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { checkConfig } from '../host/config.ts';
import { type ConfigField, configFields } from '../host/config-fields.ts';
import { codeOf, messageOf } from '../host/errors.ts';
import { plainJson } from '../host/json-comments.ts';
import { findJsonMistake } from '../host/json-mistake.ts';
import type { Environment } from '../host/paths.ts';
import { policyRules } from '../inspect.ts';
import type { Asking } from './world.ts';

export interface Checked {
  ok: boolean;
  path: string;
  /** `allowed` null: nothing that would help can be said. */
  mistakes: { where: string; found: string; allowed: string | null }[];
}

export type Effective =
  | { ok: true; path: string; fields: { key: string; value: unknown; from: 'file' | 'environment' | 'default' }[] }
  | { ok: false; checked: Checked };

/** All fields of the file, those of the policy with them. */
export async function fieldsOf(): Promise<ConfigField[]> {
  return configFields(await policyRules());
}

/** Checks the relay's own file, or another one. `env`: the variables that win over it, those of this shell if not given. */
export async function checkFile(asking: Asking, file?: string, env?: Environment): Promise<Checked> {
  return (await readIt(asking, file, env)).checked;
}

/** Checks what the relay's own file would be. */
export async function checkText(asking: Asking, text: string, env: Environment): Promise<Checked> {
  return (await judge(asking, text, asking.paths.config, env)).checked;
}

/** What holds, and where each value comes from. */
export async function effective(asking: Asking): Promise<Effective> {
  const { checked, content } = await readIt(asking);
  if (!checked.ok) return { ok: false, checked };
  const { env } = asking.world;
  const fields = (await fieldsOf()).map(({ key, usual, variable }) => {
    const written = at(content, key.split('.'));
    const fromEnvironment = variable === null ? undefined : env[variable] || undefined;
    if (fromEnvironment !== undefined) return { key, value: fromEnvironment, from: 'environment' as const };
    if (written !== undefined) return { key, value: written, from: 'file' as const };
    return { key, value: usual, from: 'default' as const };
  });
  return { ok: true, path: checked.path, fields };
}

interface Judged {
  checked: Checked;
  content: unknown;
}

async function readIt(asking: Asking, file?: string, env = asking.world.env): Promise<Judged> {
  const path = file === undefined ? asking.paths.config : resolve(file);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const found = codeOf(error) === 'ENOENT' ? 'nothing: there is no such file' : messageOf(error);
    return wrong(path, {
      where: 'the file',
      found,
      allowed: 'a file that you can read; relayctl config example shows one',
    });
  }
  return judge(asking, text, path, env);
}

async function judge(asking: Asking, written: string, path: string, env: Environment): Promise<Judged> {
  const text = plainJson(written.replace(/^\uFEFF/, ''));
  const broken = findJsonMistake(text);
  if (broken)
    return wrong(path, { where: `line ${broken.line}, column ${broken.column}`, found: broken.words, allowed: 'JSON' });
  const content: unknown = JSON.parse(text);
  const result = checkConfig(content, { paths: asking.paths, env, folder: dirname(path) });
  const policy = at(content, ['policy']);
  const rules = await policyRules();
  const mistakes = [...(result.ok ? [] : result.mistakes), ...(isObject(policy) ? rules.mistakes(policy) : [])];
  return { checked: { ok: mistakes.length === 0, path, mistakes }, content };
}

function wrong(path: string, mistake: Checked['mistakes'][number]): Judged {
  return { checked: { ok: false, path, mistakes: [mistake] }, content: {} };
}

function at(content: unknown, path: string[]): unknown {
  let value = content;
  for (const key of path) value = isObject(value) ? value[key] : undefined;
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
