/**
 * The fields of the configuration as a person asks for them: name, meaning, what is allowed, default, whether a change takes effect at once.
 * Read from the schemas themselves, so that nothing is said twice.
 */
import { z } from 'zod';
import { type Config, ConfigFile, OVERRIDES } from './config.ts';

export interface ConfigField {
  /** `log.level`. */
  key: string;
  /** One sentence or half of one. */
  meaning: string;
  allowed: string;
  /** Undefined: it has none. */
  usual: unknown;
  required: boolean;
  /** The environment variable that wins over the file, or null. */
  variable: string | null;
  /** Takes effect with a reload; else with the next start. */
  live: boolean;
}

/** The fields of the file that a running relay takes over, those of the policy aside. */
export const LIVE: readonly string[] = ['log.level'];

/** What the gate knows of its section: its schema, and which fields (`caps.unanswered`) a running gate takes over. */
export interface PolicyRules {
  schema: z.ZodObject;
  isLive(field: string): boolean;
}

/** All fields, in the order of the file. */
export function configFields(policy: PolicyRules): ConfigField[] {
  const fields = fieldsIn(ConfigFile, [], (key) => LIVE.includes(key)).filter(({ key }) => key !== 'policy');
  const isLive = (key: string) => policy.isLive(key.slice('policy.'.length));
  return [...fields, ...fieldsIn(policy.schema, ['policy'], isLive)];
}

function fieldsIn(section: z.ZodObject, path: string[], isLive: (key: string) => boolean): ConfigField[] {
  return Object.entries(section.shape as Record<string, z.ZodType>).flatMap(([name, schema]) => {
    const inner = unwrapped(schema);
    const here = [...path, name];
    if (inner instanceof z.ZodObject) return fieldsIn(inner, here, isLive);
    const key = here.join('.');
    const usual = schema.safeParse(undefined);
    return [
      {
        key,
        meaning: schema.description ?? inner.description ?? '',
        allowed: allowedIn(schema),
        usual: usual.success ? usual.data : undefined,
        required: !usual.success,
        variable: variableOf(key),
        live: isLive(key),
      },
    ];
  });
}

function unwrapped(schema: z.ZodType): z.ZodType {
  let inner: z.core.$ZodType = schema;
  while (
    inner instanceof z.ZodOptional ||
    inner instanceof z.ZodNullable ||
    inner instanceof z.ZodDefault ||
    inner instanceof z.ZodPrefault
  )
    inner = inner.def.innerType;
  return inner as z.ZodType;
}

/** What the schema says to a value that nothing allows. */
function allowedIn(schema: z.ZodType): string {
  const answer = schema.safeParse(Symbol('nothing'));
  return answer.success ? 'anything' : (answer.error.issues[0]?.message ?? '');
}

function variableOf(key: string): string | null {
  return Object.entries(OVERRIDES).find(([, path]) => path.join('.') === key)?.[0] ?? null;
}

/** The fields that differ, the policy's aside; of a section that is in one of them only, its own name. */
export function changedFields(before: Config, now: Config): string[] {
  const differing = (a: unknown, b: unknown, path: string[]): string[] => {
    if (isSection(a) && isSection(b))
      return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((name) =>
        differing(a[name], b[name], [...path, name]),
      );
    return JSON.stringify(a) === JSON.stringify(b) ? [] : [path.join('.')];
  };
  return differing({ ...before, policy: null }, { ...now, policy: null }, []);
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
