/** The relay's register of what is wrong, as checks. What a check of its own tells is left out. */
import type { Check } from '../../../protocol/queries.ts';
import type { Condition } from '../health.ts';
import { isForPerson } from '../health.ts';

const TOLD_BY_CHECKS =
  /^(chat_db_(denied|missing|unusable|unwatched)|automation_denied|messages_(hung|not_running)|not_signed_in|osascript_unusable)$/;

const VERDICTS = { error: 'fail', warning: 'warn', info: 'ok' } as const;

export function conditionChecks(conditions: Condition[]): Check[] {
  return conditions
    .filter(({ name }) => !TOLD_BY_CHECKS.test(name))
    .map(({ name, severity, words, remedy, since }) => ({
      name: `condition:${name}`,
      verdict: VERDICTS[severity],
      code: name,
      words,
      remedy,
      ...(severity === 'error' && isForPerson(name) ? { needs_person: true } : {}),
      facts: { since },
    }));
}
