/** The first line of `relayctl status`: is this relay ready, and if not, why. */
import type { Condition } from '../../protocol/events.ts';

/** `conditions` worst first, as `Health.list` gives them. */
export function headlineOf(conditions: Condition[]): string {
  const errors = conditions.filter((c) => c.severity === 'error');
  if (errors.length > 0) return `Not ready: ${firstOf(errors)}.`;
  const warnings = conditions.filter((c) => c.severity === 'warning');
  return warnings.length > 0 ? `Ready, with a warning: ${firstOf(warnings)}.` : 'Ready.';
}

function firstOf([first, ...others]: Condition[]): string {
  const more = others.length === 0 ? '' : `; and ${others.length} more`;
  return `${lowerFirst(first?.words ?? '').replace(/\.$/, '')}${more}`;
}

/** "The line …" reads on after a colon as "the line …"; names such as "Messages" or "SQLite" stay as they are. */
function lowerFirst(words: string): string {
  return /^(The|A|An|This|No|Nobody|Nothing|It|There)\b/.test(words) ? words[0]?.toLowerCase() + words.slice(1) : words;
}
