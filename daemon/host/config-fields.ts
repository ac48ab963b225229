/**
 * The fields of the configuration as a person asks for them: name, meaning, what is allowed, default, whether a change takes effect at once.
 * Read from the schemas themselves, so that nothing is said twice.
 */
import { z } from 'zod';
import { ConfigFile, OVERRIDES } from './config.ts';

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

/** Beginnings of the names of fields that a running relay takes over (relay.ts). */
const LIVE = ['policy.', 'log.level'];

/** All fields, in the order of the file. `policy`: the schema of that section, which the gate has. */
export function configFields(policy: z.ZodObject): ConfigField[] {
  return [...fieldsIn(ConfigFile, []), ...fieldsIn(policy, ['policy'])].filter(({ key }) => key !== 'policy');
}

function fieldsIn(section: z.ZodObject, path: string[]): ConfigField[] {
  return Object.entries(section.shape as Record<string, z.ZodType>).flatMap(([name, schema]) => {
    const inner = unwrapped(schema);
    const here = [...path, name];
    if (inner instanceof z.ZodObject) return fieldsIn(inner, here);
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
        live: LIVE.some((beginning) => key.startsWith(beginning)),
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
