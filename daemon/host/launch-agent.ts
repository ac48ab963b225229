/**
 * The property list of the LaunchAgent: the template com.sender.relay.plist, filled for this user and checked. Nothing secret is in it.
 *
 *   agentKeys(template, filling) ─▶ agentText(keys)      programOf(text) reads one that is installed
 *
 * Loads an XML parser, so relayctl imports it only for the service.
 */
import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { build, type PlistValue, parse } from 'plist';
import { templateFile } from './assets.ts';
import { RelayError } from './errors.ts';
import { keyMistakes } from './launchd-keys.ts';

/** What the template leaves open. All paths are absolute: launchd expands neither ~ nor variables. */
export interface Filling {
  /** The program: the binary of the app, or a Node. */
  app: string;
  /** The daemon's JavaScript. */
  main: string;
  home: string;
  logs: string;
  /** Whether `home` was chosen (SENDER_RELAY_HOME), so that the daemon must be told. */
  chosenHome: boolean;
}

export type AgentKeys = Record<string, PlistValue>;

/** C0 controls but tab, line feed and return: XML 1.0 cannot carry them, not even escaped. */
const NOT_IN_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

export function readTemplate(): string {
  return readFileSync(templateFile(), 'utf8');
}

/** The filled keys, each one that launchd knows. Throws `plist_path` or `plist_template`. */
export function agentKeys(template: string, filling: Filling): AgentKeys {
  const { app, main, home, logs } = filling;
  const words: Record<string, string> = { '@APP@': app, '@MAIN@': main, '@HOME@': home, '@LOGS@': logs };
  for (const path of Object.values(words)) checkPath(path);
  const keys = readKeys(template);
  if (!keys) throw broken('it is no property list');
  const filled = fill(keys, words) as AgentKeys;
  if (filling.chosenHome)
    filled.EnvironmentVariables = { ...(filled.EnvironmentVariables as AgentKeys), SENDER_RELAY_HOME: home };
  const mistakes = keyMistakes(filled);
  if (mistakes.length > 0) throw broken(mistakes.join('; '));
  return filled;
}

/** As it is written to disk; the same keys give the same bytes. */
export function agentText(keys: AgentKeys): string {
  return `${build(keys)}\n`;
}

/** What an installed property list starts, or null if it cannot be read as one. */
export function programOf(text: string): { program: string; home: string | null } | null {
  const keys = readKeys(text);
  const args = keys?.ProgramArguments;
  const program = Array.isArray(args) ? args[0] : undefined;
  if (typeof program !== 'string') return null;
  const environment = keys?.EnvironmentVariables;
  const home = isDictionary(environment) ? environment.SENDER_RELAY_HOME : undefined;
  return { program, home: typeof home === 'string' ? home : null };
}

function readKeys(text: string): AgentKeys | null {
  // The parser writes what it dislikes to the console by itself; what has no frame is not shown to it.
  if (!/<plist[\s>][\s\S]*<\/plist>\s*$/.test(text)) return null;
  try {
    const read = parse(text);
    return isDictionary(read) ? read : null;
  } catch {
    return null;
  }
}

function isDictionary(value: PlistValue | undefined): value is AgentKeys {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date) &&
    !(value instanceof Uint8Array)
  );
}

function fill(value: PlistValue, words: Record<string, string>): PlistValue {
  if (typeof value === 'string') return value.replace(/@[A-Z]+@/g, (word) => words[word] ?? word);
  if (Array.isArray(value)) return value.map((one) => fill(one, words));
  if (!isDictionary(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fill(one, words)]));
}

function checkPath(path: string): void {
  const why = !isAbsolute(path) ? 'is not absolute' : NOT_IN_XML.test(path) ? 'has control characters' : undefined;
  if (why)
    throw new RelayError('plist_path', `the path ${JSON.stringify(path)} ${why}; launchd cannot be given it`, {
      hint: 'Choose another folder for the relay, with SENDER_RELAY_HOME.',
    });
}

function broken(words: string): RelayError {
  return new RelayError('plist_template', `the template of the LaunchAgent cannot be used: ${words}`, {
    hint: 'Install the relay again; com.sender.relay.plist came changed.',
  });
}
