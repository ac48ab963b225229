/** What the configuration file says, field by field, and what is wrong with it, as the daemon would find it. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Config, checkConfig, loadConfig } from '../host/config.ts';
import { type ConfigField, configFields } from '../host/config-fields.ts';
import { codeOf, messageOf, RelayError } from '../host/errors.ts';
import type { Environment } from '../host/paths.ts';
import { isObject, readJson, valueAt } from '../host/plain-json.ts';
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

/** Checks the relay's own file, or another one, with the variables of this shell, which win over it. */
export async function checkFile(asking: Asking, file?: string): Promise<Checked> {
  return (await readIt(asking, file)).checked;
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
    const written = valueAt(content, key.split('.'));
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

async function readIt(asking: Asking, file?: string): Promise<Judged> {
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
  return judge(asking, text, path, asking.world.env);
}

async function judge(asking: Asking, text: string, path: string, env: Environment): Promise<Judged> {
  const read = readJson(text);
  if (!read.ok) {
    const { line, column, words } = read.mistake;
    return wrong(path, { where: `line ${line}, column ${column}`, found: words, allowed: 'JSON' });
  }
  const { content } = read;
  const result = checkConfig(content, { paths: asking.paths, env, folder: dirname(path) });
  const policy = valueAt(content, ['policy']);
  const rules = await policyRules();
  const mistakes = [...(result.ok ? [] : result.mistakes), ...(isObject(policy) ? rules.mistakes(policy) : [])];
  return { checked: { ok: mistakes.length === 0, path, mistakes }, content };
}

/** Throws `config_invalid` with every mistake, unless it is right. `words` follow the path. */
export function refuseWrong({ ok, path, mistakes }: Checked, words: string): void {
  if (ok) return;
  const lines = mistakes.map(
    ({ where, found, allowed }) => `\n  ${where}: found ${found}${allowed === null ? '' : `; allowed: ${allowed}`}`,
  );
  throw new RelayError('config_invalid', `${path} ${words}:${lines.join('')}`, {
    hint: 'relayctl config check tells about the file as it is, relayctl config explain FIELD what is allowed.',
  });
}

/** As a daemon without the variables of this shell will take the file, its policy included. Throws as loadConfig does. */
export async function mustBeRight(asking: Asking, env: Environment = {}): Promise<Config> {
  const config = loadConfig({ paths: asking.paths, env });
  const mistakes = (await policyRules()).mistakes(config.policy);
  refuseWrong({ ok: mistakes.length === 0, path: asking.paths.config, mistakes }, 'is not right');
  return config;
}

function wrong(path: string, mistake: Checked['mistakes'][number]): Judged {
  return { checked: { ok: false, path, mistakes: [mistake] }, content: {} };
}
