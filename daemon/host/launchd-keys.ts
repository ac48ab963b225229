/**
 * The keys that launchd knows in an agent's property list, with the type of each: launchd.plist(5) of macOS 13 to 15. launchd itself says
 * nothing about a key that it does not know or whose value has another type: it goes without. So ours are checked before.
 */

export type KeyType = 'string' | 'boolean' | 'integer' | 'strings' | 'dictionary' | 'array';

interface Key {
  types: KeyType[];
  /** The only values that the manual names. */
  values?: string[];
}

const one = (...types: KeyType[]): Key => ({ types });

const SESSIONS = ['Aqua', 'Background', 'LoginWindow', 'StandardIO', 'System'];

export const LAUNCHD_KEYS: Readonly<Record<string, Key>> = {
  Label: one('string'),
  Disabled: one('boolean'),
  UserName: one('string'),
  GroupName: one('string'),
  inetdCompatibility: one('dictionary'),
  LimitLoadToHosts: one('strings'),
  LimitLoadFromHosts: one('strings'),
  LimitLoadToSessionType: { types: ['string', 'strings'], values: SESSIONS },
  LimitLoadToHardware: one('dictionary'),
  LimitLoadFromHardware: one('dictionary'),
  Program: one('string'),
  BundleProgram: one('string'),
  ProgramArguments: one('strings'),
  EnableGlobbing: one('boolean'),
  EnableTransactions: one('boolean'),
  EnablePressuredExit: one('boolean'),
  OnDemand: one('boolean'),
  ServiceIPC: one('boolean'),
  KeepAlive: one('boolean', 'dictionary'),
  RunAtLoad: one('boolean'),
  RootDirectory: one('string'),
  WorkingDirectory: one('string'),
  EnvironmentVariables: one('dictionary'),
  Umask: one('integer', 'string'),
  TimeOut: one('integer'),
  ExitTimeOut: one('integer'),
  ThrottleInterval: one('integer'),
  InitGroups: one('boolean'),
  WatchPaths: one('strings'),
  QueueDirectories: one('strings'),
  StartOnMount: one('boolean'),
  StartInterval: one('integer'),
  StartCalendarInterval: one('dictionary', 'array'),
  StandardInPath: one('string'),
  StandardOutPath: one('string'),
  StandardErrorPath: one('string'),
  Debug: one('boolean'),
  WaitForDebugger: one('boolean'),
  SoftResourceLimits: one('dictionary'),
  HardResourceLimits: one('dictionary'),
  Nice: one('integer'),
  ProcessType: { types: ['string'], values: ['Background', 'Standard', 'Adaptive', 'Interactive'] },
  AbandonProcessGroup: one('boolean'),
  LowPriorityIO: one('boolean'),
  LowPriorityBackgroundIO: one('boolean'),
  MaterializeDatalessFiles: one('boolean'),
  LaunchOnlyOnce: one('boolean'),
  MachServices: one('dictionary'),
  Sockets: one('dictionary'),
  LaunchEvents: one('dictionary'),
  SessionCreate: one('boolean'),
  LegacyTimers: one('boolean'),
  AssociatedBundleIdentifiers: one('string', 'strings'),
};

/** Paths that launchd takes as they are: it expands neither ~ nor variables. */
const PATHS = [
  'Program',
  'WorkingDirectory',
  'RootDirectory',
  'StandardInPath',
  'StandardOutPath',
  'StandardErrorPath',
];

/** What launchd would not understand in these keys, one sentence each; none if all is well. */
export function keyMistakes(keys: Readonly<Record<string, unknown>>): string[] {
  const found = Object.entries(keys).flatMap(([name, value]) => mistakeOf(name, value) ?? []);
  if (typeof keys.Label !== 'string' || keys.Label === '') found.push('Label is missing');
  const program = keys.Program ?? (Array.isArray(keys.ProgramArguments) ? keys.ProgramArguments[0] : undefined);
  if (typeof program !== 'string') found.push('neither Program nor ProgramArguments names a program');
  else if (!program.startsWith('/')) found.push(`the program ${program} is not an absolute path`);
  for (const [name, value] of Object.entries(entries(keys.EnvironmentVariables)))
    if (typeof value !== 'string') found.push(`EnvironmentVariables.${name} is not a string`);
  return found;
}

function mistakeOf(name: string, value: unknown): string | undefined {
  const key = Object.hasOwn(LAUNCHD_KEYS, name) ? LAUNCHD_KEYS[name] : undefined;
  if (!key) return `${name} is not a key of launchd`;
  if (!key.types.some((type) => isOf(type, value))) return `${name} is not ${key.types.map(worded).join(' or ')}`;
  const { values } = key;
  const strange = values && [value].flat().find((one) => !values.includes(String(one)));
  if (strange !== undefined) return `${name} is ${String(strange)}, not one of ${key.values?.join(', ')}`;
  if (PATHS.includes(name) && !String(value).startsWith('/'))
    return `${name} is not an absolute path: ${String(value)}`;
  return undefined;
}

function isOf(type: KeyType, value: unknown): boolean {
  switch (type) {
    case 'integer':
      return Number.isSafeInteger(value) && Number(value) >= -20;
    case 'strings':
      return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'string');
    case 'array':
      return Array.isArray(value);
    case 'dictionary':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    default:
      return typeof value === type;
  }
}

function worded(type: KeyType): string {
  return type === 'strings' ? 'an array of strings' : `a${/^[aeiou]/.test(type) ? 'n' : ''} ${type}`;
}

function entries(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}
