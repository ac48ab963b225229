/**
 * The register of named conditions: what is wrong with this relay right now, how bad it is, since when, and which switch to flip.
 * The same list is shown by `relayctl status`, `relayctl doctor` and `relay.health` upstream. Empty of errors means ready.
 */
import type { Condition } from '../../protocol/events.ts';
import type { Clock } from './clock.ts';

export type { Condition };

/** Conditions that no waiting and no restart will end: somebody has to grant, sign in, pair or configure something. */
const NEEDS_PERSON =
  /^(chat_db_(denied|missing)|automation_denied|not_signed_in|token_|controller_refuses|device_cloned|config_|store_damaged)/;

export function isForPerson(condition: string): boolean {
  return NEEDS_PERSON.test(condition);
}

/** The relay has just been started, and has not looked yet. */
export function isStarting(conditions: readonly Condition[]): boolean {
  return conditions.some(({ name }) => name === 'starting');
}

export class Health {
  readonly #clock: Clock;
  readonly #conditions = new Map<string, Condition>();
  readonly #listeners = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Raises a condition, or renews its words. `since` stays that of the first raise. Severity `error` means: not ready. */
  raise(name: string, severity: Condition['severity'], words: string, remedy: string): void {
    const before = this.#conditions.get(name);
    if (before && before.severity === severity && before.words === words && before.remedy === remedy) return;
    this.#conditions.set(name, { name, severity, since: before?.since ?? this.#clock.now(), words, remedy });
    this.#tell();
  }

  clear(name: string): void {
    if (this.#conditions.delete(name)) this.#tell();
  }

  has(name: string): boolean {
    return this.#conditions.has(name);
  }

  get ready(): boolean {
    return !this.list().some((c) => c.severity === 'error');
  }

  /** Worst first, then oldest first. */
  list(): Condition[] {
    const rank = { error: 0, warning: 1, info: 2 };
    return [...this.#conditions.values()].sort((a, b) => rank[a.severity] - rank[b.severity] || a.since - b.since);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
