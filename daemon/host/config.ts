/**
 * The configuration: one JSON file, checked as a whole at the start and whenever it is read anew (config-reload.ts). Environment variables
 * win over the file; paths in it are relative to its folder, `~/` is the user's home; comments and a last comma are passed over. Every
 * mistake is told: where, what was found, what is allowed. The policy within is judged by the gate.
 *
 * Smallest file: { "device": "mac-1", "controller": { "url": "wss://relay.example.com/v1" } }
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { controllerUrlMistake, withoutSecrets } from './controller-url.ts';
import { codeOf, messageOf, RelayError } from './errors.ts';
import { isRegion } from './handles.ts';
import type { Environment, RelayPaths } from './paths.ts';
import { isObject, readJson, valueAt } from './plain-json.ts';

/** The message of each schema below is what is *allowed*; `mistakesOf` puts the path and what was found before it. */
const allowed = (words: string) => ({ error: words });
const text = (words: string, pattern: RegExp) => z.string(allowed(words)).regex(pattern, allowed(words));
const file = z.string(allowed('a path')).min(1, allowed('a path'));
const whole = (min: number, max: number, unit: string) => {
  const words = allowed(`a whole number from ${min} to ${max} (${unit})`);
  return z.int(words).min(min, words).max(max, words);
};
const oneOf = <const T extends readonly string[]>(...values: T) =>
  z.enum(values, allowed(values.map((v) => JSON.stringify(v)).join(' or ')));
const yesOrNo = z.boolean(allowed('true or false'));
const section = <T extends z.ZodRawShape>(shape: T) => z.strictObject(shape, allowed('an object { … }'));

const URL_WORDS = 'a wss:// address without user and password; ws:// only to 127.0.0.1 or [::1]';

function isDay(written: string): boolean {
  const at = Date.parse(`${written}T00:00:00Z`);
  return /^\d{4}-\d\d-\d\d$/.test(written) && Number.isFinite(at) && new Date(at).toISOString().startsWith(written);
}

const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
const DEVICE_WORDS = '1 to 128 letters, digits, dots, dashes and underscores';

export const ConfigFile = section({
  device: text(DEVICE_WORDS, /^[A-Za-z0-9._-]{1,128}$/).describe(
    'The name of this relay at its controller; the token belongs to it.',
  ),
  controller: section({
    url: z
      .string(allowed(URL_WORDS))
      .refine((url) => controllerUrlMistake(url) === null, allowed(URL_WORDS))
      .describe('Where the relay dials to.'),
    token_file: file.optional().describe('The file with the device token; `token` in the relay’s folder if not given.'),
  })
    .optional()
    .describe('Without it the relay runs, tells nobody and takes no commands.'),
  messages: section({
    chat_db: file.default('~/Library/Messages/chat.db').describe('The database of Messages, which is only read.'),
    osascript: file.default('/usr/bin/osascript').describe('What asks Messages to send.'),
    ps: file.default('/bin/ps').describe('What tells whether a send of an earlier life still runs.'),
    send_limit_ms: whole(5_000, 600_000, 'milliseconds')
      .default(45_000)
      .describe('How long one send may take before it is ended; what became of it is then unknown.'),
    restart_hung: yesOrNo
      .default(false)
      .describe('True lets the relay restart a Messages that does not answer: right for a Mac that nobody else uses.'),
    attachments: section({
      folder: file
        .nullable()
        .default(null)
        .describe(
          'Where files wait to be sent, which Messages must be able to read; null: Attachments/SenderRelay beside chat_db.',
        ),
      max_bytes: whole(1, 1_073_741_824, 'bytes')
        .default(104_857_600)
        .describe('The largest file; Apple takes none above 100 MB.'),
      max_total_bytes: whole(1, 1_099_511_627_776, 'bytes')
        .default(2_147_483_648)
        .describe('All files together that wait to be sent.'),
      fetch_limit_ms: whole(1_000, 3_600_000, 'milliseconds')
        .default(300_000)
        .describe('How long fetching one file may take.'),
      allow_hosts: z
        .array(text('a host name or address', /^[^\s/@]{1,255}$/), allowed('a list of host names'))
        .default([])
        .describe(
          'Hosts, by name or literal address, that may be fetched from although they are not on the public internet.',
        ),
      ca_file: file
        .nullable()
        .default(null)
        .describe('Certificates (PEM) that are trusted besides those of the system when files are fetched.'),
    }).prefault({}),
  }).prefault({}),
  tools: section({
    launchctl: file.default('/bin/launchctl').describe('What starts and stops the relay as a service.'),
    codesign: file.default('/usr/bin/codesign').describe('What tells by whom a program is signed.'),
    sw_vers: file.default('/usr/bin/sw_vers').describe('What tells the version of macOS.'),
    fdesetup: file.default('/usr/bin/fdesetup').describe('What tells whether FileVault is on.'),
    defaults: file.default('/usr/bin/defaults').describe('What tells who is logged in automatically.'),
    pgrep: file.default('/usr/bin/pgrep').describe('What tells whether Messages runs.'),
    osacompile: file.default('/usr/bin/osacompile').describe('What tells whether the scripts can be compiled.'),
    caffeinate: file.default('/usr/bin/caffeinate').describe('What keeps the Mac awake.'),
    open: file.default('/usr/bin/open').describe('What opens the panes of System Settings, for relayctl setup.'),
  }).prefault({}),
  sender: section({
    kind: oneOf('shared', 'dedicated')
      .default('shared')
      .describe('A dedicated sender may carry marketing to those who wrote first; a shared one never.'),
    since: z
      .string(allowed('a day such as "2026-03-31", or null'))
      .refine(isDay, allowed('a day such as "2026-03-31", or null'))
      .nullable()
      .default(null)
      .describe('The day since which this Apple ID sends; null counts as young, which keeps longer distances.'),
    region: z
      .string(allowed('a region such as "US", or null'))
      .refine(isRegion, allowed('a region such as "US", or null'))
      .nullable()
      .default(null)
      .describe('The country of phone numbers that come without + and country code.'),
  }).prefault({}),
  policy: z
    .record(z.string(), z.unknown(), allowed('an object { … }'))
    .default({})
    .describe('The rules of the gate, where they differ from the default. This is the floor for the controller.'),
  log: section({
    level: oneOf(...LOG_LEVELS)
      .default('info')
      .describe('How much is logged.'),
    unredacted: yesOrNo
      .default(false)
      .describe('True writes handles and texts as they are: for the search for a fault, then off again.'),
    max_bytes: whole(1_024, 1_073_741_824, 'bytes')
      .default(10_485_760)
      .describe('A log file of this size is put aside.'),
    files: whole(1, 100, 'files').default(5).describe('How many log files are kept, the newest included.'),
  }).prefault({}),
  power: section({
    caffeinate: yesOrNo
      .default(process.platform === 'darwin')
      .describe('Keeps the Mac awake as long as the relay runs; true on a Mac if nothing is said.'),
  }).prefault({}),
  metrics: section({
    port: whole(1, 65_535, 'a port, or null')
      .nullable()
      .default(null)
      .describe('A port on 127.0.0.1 where a Prometheus on this Mac finds /metrics; null: none.'),
  }).prefault({}),
});
export type ConfigFile = z.infer<typeof ConfigFile>;

/** As in the file, with all defaults, all paths absolute, and null for a controller that is not configured. */
export type Config = Omit<ConfigFile, 'controller' | 'messages'> & {
  controller: { url: string; token_file: string } | null;
  messages: Omit<ConfigFile['messages'], 'attachments'> & {
    attachments: Omit<ConfigFile['messages']['attachments'], 'folder'> & { folder: string };
  };
};

/** Environment variables that win over the file, and what they set. */
export const OVERRIDES = {
  SENDER_RELAY_DEVICE: ['device'],
  SENDER_RELAY_CONTROLLER_URL: ['controller', 'url'],
  SENDER_RELAY_TOKEN_FILE: ['controller', 'token_file'],
  SENDER_RELAY_CHAT_DB: ['messages', 'chat_db'],
  SENDER_RELAY_OSASCRIPT: ['messages', 'osascript'],
  SENDER_RELAY_PS: ['messages', 'ps'],
  SENDER_RELAY_LAUNCHCTL: ['tools', 'launchctl'],
  SENDER_RELAY_CODESIGN: ['tools', 'codesign'],
  SENDER_RELAY_LOG_LEVEL: ['log', 'level'],
} as const satisfies Record<string, readonly string[]>;

export interface ConfigMistake {
  /** `log.level`, `log` for a section, or the name of an environment variable. */
  where: string;
  found: string;
  allowed: string;
}

export type ConfigResult = { ok: true; config: Config } | { ok: false; mistakes: ConfigMistake[] };

/** Reads and checks the file. Throws `config_missing`, `config_unreadable` or `config_invalid` (all mistakes in its message). */
export function loadConfig(o: { paths: RelayPaths; env: Environment; userHome?: string }): Config {
  const path = o.paths.config;
  const read = readJson(readConfigText(path));
  if (!read.ok) {
    const { line, column, words } = read.mistake;
    throw new RelayError('config_invalid', `${path}:${line}:${column} is not JSON: ${words}`, {
      hint: 'Mend the file, then start the relay again.',
    });
  }
  const result = checkConfig(read.content, { ...o, folder: dirname(path) });
  if (result.ok) return result.config;
  const { mistakes } = result;
  const lines = mistakes.map((m) => `\n  ${m.where}: found ${m.found}; allowed: ${m.allowed}`).join('');
  throw new RelayError(
    'config_invalid',
    `${path} has ${mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`}:${lines}`,
    {
      hint: 'Mend the file (or the environment variable), then start the relay again.',
    },
  );
}

function readConfigText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT')
      throw new RelayError('config_missing', `there is no configuration at ${path}`, {
        hint: 'relayctl setup writes one; the smallest is {"device": "mac-1", "controller": {"url": "wss://…"}}.',
      });
    throw new RelayError('config_unreadable', `the configuration cannot be read: ${messageOf(error)}`, {
      hint: `Make ${path} a file that you can read.`,
      cause: error,
    });
  }
}

/** Checks what the file holds. `folder` is what relative paths are relative to. */
export function checkConfig(
  content: unknown,
  o: { paths: RelayPaths; env: Environment; folder: string; userHome?: string },
): ConfigResult {
  const { merged, from } = withOverrides(content, o.env);
  const parsed = ConfigFile.safeParse(merged);
  if (!parsed.success) return { ok: false, mistakes: parsed.error.issues.flatMap((i) => mistakesOf(i, merged, from)) };
  const { controller, messages, tools, ...rest } = parsed.data;
  const { folder } = messages.attachments;
  const userHome = o.userHome ?? homedir();
  const absolute = (path: string) =>
    path === '~' || path.startsWith('~/') ? join(userHome, path.slice(1)) : resolve(o.folder, path);
  return {
    ok: true,
    config: {
      ...rest,
      messages: {
        ...messages,
        chat_db: absolute(messages.chat_db),
        osascript: absolute(messages.osascript),
        ps: absolute(messages.ps),
        attachments: {
          ...messages.attachments,
          folder: absolute(folder ?? join(dirname(messages.chat_db), 'Attachments/SenderRelay')),
          ca_file: messages.attachments.ca_file === null ? null : absolute(messages.attachments.ca_file),
        },
      },
      tools: {
        launchctl: absolute(tools.launchctl),
        codesign: absolute(tools.codesign),
        sw_vers: absolute(tools.sw_vers),
        fdesetup: absolute(tools.fdesetup),
        defaults: absolute(tools.defaults),
        pgrep: absolute(tools.pgrep),
        osacompile: absolute(tools.osacompile),
        caffeinate: absolute(tools.caffeinate),
        open: absolute(tools.open),
      },
      controller: controller
        ? { url: controller.url, token_file: controller.token_file ? absolute(controller.token_file) : o.paths.token }
        : null,
    },
  };
}

/** Midnight UTC of `sender.since` as Unix ms, or null. */
export function senderSinceAt(config: Config): number | null {
  return config.sender.since === null ? null : Date.parse(`${config.sender.since}T00:00:00Z`);
}

function withOverrides(content: unknown, env: Environment): { merged: unknown; from: Map<string, string> } {
  const from = new Map<string, string>();
  if (!isObject(content)) return { merged: content, from };
  const merged: Record<string, unknown> = { ...content };
  const overrides: Record<string, readonly [string, string?]> = OVERRIDES;
  for (const [variable, [first, second]] of Object.entries(overrides)) {
    const value = env[variable];
    if (!value) continue;
    const within = merged[first];
    if (second === undefined) merged[first] = value;
    else if (within === undefined || isObject(within)) merged[first] = { ...within, [second]: value };
    else continue;
    from.set(second === undefined ? first : `${first}.${second}`, variable);
  }
  return { merged, from };
}

function mistakesOf(issue: z.core.$ZodIssue, content: unknown, from: Map<string, string>): ConfigMistake[] {
  const path = issue.path.map(String);
  const where = path.join('.');
  const found = valueAt(content, path);
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(path);
    return issue.keys.map((key) => ({
      where: [...path, key].join('.'),
      found: 'a name that is not known here',
      allowed: known.join(', '),
    }));
  }
  return [{ where: from.get(where) ?? (where || 'the file'), found: shown(found), allowed: issue.message }];
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  // Mistakes go to stderr and into the log.
  const json = withoutSecrets(JSON.stringify(value));
  return json.length > 80 ? `${json.slice(0, 79)}…` : json;
}

/** The names that a section of the file may have, from the schema itself. */
function knownKeys(path: string[]): string[] {
  let schema: z.core.$ZodType = ConfigFile;
  for (const key of ['', ...path]) {
    if (key !== '' && schema instanceof z.ZodObject) schema = schema.shape[key] ?? schema;
    while (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
      schema = schema.def.innerType;
  }
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}
