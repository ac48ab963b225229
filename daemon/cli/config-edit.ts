/**
 * Changes config.json as a careful person would: what is already so stays untouched, comments stay, and what comes out is checked as the
 * daemon would check it before anything is written.
 *
 * Throws RelayError: `config_invalid` (it was wrong before, or would be: every mistake in its message), `file_unwritable`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { checkConfig } from '../host/config.ts';
import { removeFromJson, setInJson } from '../host/json-edit.ts';
import { prepareHome, relayPaths } from '../host/paths.ts';
import { readJson, valueAt } from '../host/plain-json.ts';
import { writeWhole } from '../host/whole-file.ts';
import { checkText, refuseWrong } from './config-state.ts';
import type { Asking } from './world.ts';

export interface Setting {
  path: readonly [string, ...string[]];
  /** Undefined takes it away. */
  to: unknown;
}

const NOTHING_CHANGED = 'is not right, or would not be; nothing was changed';
const FIRST = '// The configuration of Sender Relay. relayctl config example shows all that can stand here.\n{\n}\n';

/** The names of what changed; nothing is written if that is none. */
export async function editConfig(asking: Asking, settings: readonly Setting[]): Promise<string[]> {
  const { config } = asking.paths;
  let text = existsSync(config) ? readFileSync(config, 'utf8') : FIRST;
  // What is missing may be what is set here; what is no JSON cannot be changed.
  if (!readJson(text).ok) refuseWrong(await checkText(asking, text, {}), NOTHING_CHANGED);
  const changed: string[] = [];
  for (const { path, to } of settings) {
    if (JSON.stringify(written(text, path)) === JSON.stringify(to)) continue;
    text = to === undefined ? removeFromJson(text, path) : setInJson(text, path, to);
    changed.push(path.join('.'));
  }
  if (changed.length === 0) return changed;
  refuseWrong(await checkText(asking, text, {}), NOTHING_CHANGED);
  prepareHome(asking.paths);
  writeWhole(config, text, 0o600);
  return changed;
}

/** What the file says there; undefined if nothing, or if it cannot be read. */
export function configured(asking: Asking, path: readonly string[]): unknown {
  try {
    return written(readFileSync(asking.paths.config, 'utf8'), path);
  } catch {
    return undefined;
  }
}

/** What is allowed where this value is not, or null if it is. `field`: `sender.since`. */
export function fieldMistake(field: string, value: unknown): string | null {
  const [section = '', name] = field.split('.');
  const content = {
    device: 'x',
    controller: { url: 'wss://x' },
    [section]: name === undefined ? value : { [name]: value },
  };
  const result = checkConfig(content, { paths: relayPaths({ env: {} }), env: {}, folder: '/' });
  return result.ok ? null : (result.mistakes.find(({ where }) => where === field)?.allowed ?? null);
}

function written(text: string, path: readonly string[]): unknown {
  const read = readJson(text);
  return read.ok ? valueAt(read.content, path) : undefined;
}
