/**
 * What the controller may change of the policy: each field names its stricter direction, and this Mac's own file is the floor. What is not
 * named here only this Mac's file sets.
 */
import { COUNT_LIMIT, intervalFor } from './interval.ts';
import type { Policy } from './policy.ts';

type Compare = 'lower' | 'higher' | ((value: unknown, floor: unknown) => boolean);

const STRICTER: Record<string, Compare> = {
  'interval.steps': (value, floor) => atEachCount(value as Steps, floor as Steps),
  'interval.young': (value, floor) => atEachAge(value as Young, floor as Young),
  'interval.active_conversations': 'higher',
  'interval.at_risk_times': 'higher',
  'interval.max_wait_ms': 'lower',
  'blast.recipients': 'lower',
  'duplicate.window_ms': 'higher',
  'reply.window_ms': 'lower',
  'reply.per_inbound': 'lower',
  'opt_out.words': (value, floor) => (floor as string[]).every((word) => (value as string[]).includes(word)),
  'caps.new_contacts_day': 'lower',
  'caps.new_contacts_hour': 'lower',
  'caps.unanswered': 'lower',
  'caps.pair_rate': 'lower',
  'caps.daily_volume': 'lower',
  'quiet_hours.from': 'lower',
  'quiet_hours.to': 'higher',
  consent: (value, floor) => value === floor || value === 'wrote_first',
  bulk_transactional: (value, floor) => value === floor || value === 'as_marketing',
  'health.recover_deliveries': 'higher',
  'health.recover_ms': 'higher',
  'health.look_back': 'higher',
  'health.bad_in_look_back': 'lower',
  'health.bad_in_row': 'lower',
  'health.strangers_in_row': 'lower',
  'health.late_after_ms': 'lower',
  'health.late_in_look_back': 'lower',
  'health.probe_after_ms': 'higher',
  'health.probe_known_ms': 'lower',
  'health.resume_every_ms': 'higher',
  'suspicion.recipients': 'lower',
  'suspicion.people': 'lower',
  'suspicion.window_ms': 'higher',
  'suspicion.refuse_ms': 'higher',
  'suspicion.strangers': 'lower',
  'suspicion.strangers_wait_ms': 'higher',
  'suspicion.clear_every_ms': 'higher',
};

/** May a running gate change it? Else it holds from the next start on: what is remembered was made by the old one. */
export function isLive(field: string): boolean {
  return field in STRICTER;
}

type Steps = Policy['interval']['steps'];
type Young = Policy['interval']['young'];

export interface Looser {
  field: string;
  found: unknown;
  floor: unknown;
  why: 'looser' | 'file_only';
}

/** All fields of `policy`, as `section.field`, with their values. */
export function fieldsOf(policy: object): [field: string, value: unknown][] {
  return Object.entries(policy).flatMap(([name, value]): [string, unknown][] =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.entries(value).map(([field, one]): [string, unknown] => [`${name}.${field}`, one])
      : [[name, value]],
  );
}

/** Where `policy` goes below the floor. Empty if it may hold. */
export function looserFields(policy: Policy, floor: Policy): Looser[] {
  const floors = new Map(fieldsOf(floor));
  return fieldsOf(policy).flatMap(([field, found]): Looser[] => {
    const least = floors.get(field);
    if (field === 'version' || JSON.stringify(found) === JSON.stringify(least)) return [];
    const stricter = STRICTER[field];
    if (!stricter) return [{ field, found, floor: least, why: 'file_only' }];
    return isAsStrict(stricter, found, least) ? [] : [{ field, found, floor: least, why: 'looser' }];
  });
}

function isAsStrict(stricter: Compare, value: unknown, floor: unknown): boolean {
  if (typeof stricter === 'function') return stricter(value, floor);
  return stricter === 'lower' ? Number(value) <= Number(floor) : Number(value) >= Number(floor);
}

function atEachCount(value: Steps, floor: Steps): boolean {
  const counts = Array.from({ length: COUNT_LIMIT + 1 }, (_, count) => count);
  return counts.every((count) => intervalFor(count, 1, value) >= intervalFor(count, 1, floor));
}

function atEachAge(value: Young, floor: Young): boolean {
  const times = (steps: Young, age: number) =>
    Math.max(1, ...steps.filter(({ days }) => age < days).map((step) => step.times));
  // It only changes where a step ends.
  return [...value, ...floor].every(({ days }) => times(value, days - 1) >= times(floor, days - 1));
}
