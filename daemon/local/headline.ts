/** The first line of `relayctl status`: is this relay ready, and if not, why. */
import type { Condition } from '../../protocol/events.ts';

/** `conditions` worst first, as `Health.list` gives them. */
export function headlineOf(conditions: Condition[]): string {
  const [worst, ...others] = conditions.filter((c) => c.severity === 'error');
  const warnings = conditions.filter((c) => c.severity === 'warning').length;
  if (worst) {
    const more = others.length === 0 ? '' : `; and ${others.length} more`;
    return `Not ready: ${lowerFirst(worst.words).replace(/\.$/, '')}${more}.`;
  }
  if (warnings > 0) return `Ready, with ${warnings === 1 ? 'a warning' : `${warnings} warnings`}.`;
  return 'Ready.';
}

/** "The line …" reads on after a colon as "the line …"; names such as "Messages" or "SQLite" stay as they are. */
function lowerFirst(words: string): string {
  return /^(The|A|An|This|No|Nobody|Nothing|It|There)\b/.test(words) ? words[0]?.toLowerCase() + words.slice(1) : words;
}
