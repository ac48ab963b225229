/**
 * The policy that holds: this Mac's file (the floor), and over it what the controller put last, never looser in any field.
 *
 * `policy` is one object for the life of the process; a change sets its fields, so whoever holds it or a section of it goes by the new ones.
 * The caller owes: `load` after the store was opened or set right; `put` inside a transaction.
 */
import type { Clock } from '../host/clock.ts';
import { RelayError } from '../host/errors.ts';
import type { Log } from '../host/log.ts';
import type { Facts } from './facts.ts';
import { DEFAULT_POLICY, type Policy, readPolicy } from './policy.ts';
import { fieldsOf, isLive, type Looser, looserFields } from './policy-floor.ts';
import type { Refusal } from './requests.ts';

/** What the controller wrote: its own name for it, and the fields that it sets, as in the file. */
export interface PolicyPut {
  version: string;
  /** The `policy_version` that it takes to hold now. */
  expected: string;
  policy: Record<string, unknown>;
}

interface Stored {
  version: string;
  at: number;
  policy: Record<string, unknown>;
}

export interface PolicyState {
  version: string;
  put: { version: string; at: number } | null;
  policy: Record<string, unknown>;
  floor: Record<string, unknown>;
  defaults: Record<string, unknown>;
}

type PutResult = { ok: true; version: string } | { ok: false; refusal: Refusal };

export class PolicyStore {
  readonly policy: Policy;
  readonly floor: Policy;
  #written: Record<string, unknown>;
  readonly #facts: Facts;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onChange: () => void;

  /** `written`: the section of the file. `onChange` is called when the policy has changed. Throws `policy_invalid`. */
  constructor(o: { written: Record<string, unknown>; facts: Facts; clock: Clock; log: Log; onChange: () => void }) {
    this.policy = readPolicy(o.written);
    this.floor = readPolicy(o.written);
    this.#written = o.written;
    this.#facts = o.facts;
    this.#clock = o.clock;
    this.#log = o.log;
    this.#onChange = o.onChange;
  }

  load(): void {
    const stored = this.#stored();
    if (!stored) return this.#apply(this.floor);
    const { policy, left } = this.#over(stored.policy);
    if (left.length > 0) this.#log.warn('policy_below_floor', { version: stored.version, fields: left });
    this.#apply(policy);
  }

  /** Refuses with one sentence for all that is wrong. What was put before is replaced. */
  put({ version, expected, policy: written }: PolicyPut): PutResult {
    if (expected !== this.policy.version)
      return refuse(`expected: found ${JSON.stringify(expected)}; ${this.policy.version} holds here.`);
    let policy: Policy;
    try {
      policy = readPolicy(overlaid(this.#written, written), 'policy.put');
    } catch (error) {
      if (error instanceof RelayError && error.code === 'policy_invalid') return refuse(error.message);
      throw error;
    }
    const looser = looserFields(policy, this.floor);
    if (looser.length > 0) return refuse(looser.map(wordsOf).join(' '));
    const stored: Stored = { version, at: Math.round(this.#clock.now()), policy: written };
    this.#facts.put('policy', stored);
    this.#apply(policy);
    return { ok: true, version: policy.version };
  }

  /**
   * The section of the file was changed. What the controller put holds on, as far as it is not looser. Fields that a running gate cannot
   * change stay as they were. Throws `policy_invalid`, and nothing has changed.
   */
  reread(written: Record<string, unknown>): { changed: string[]; restart: string[] } {
    const here = new Map(fieldsOf(withoutVersion(this.floor)));
    const differing = fieldsOf(withoutVersion(readPolicy(written)))
      .filter(([field, value]) => JSON.stringify(value) !== JSON.stringify(here.get(field)))
      .map(([field]) => field);
    const restart = differing.filter((field) => !isLive(field));
    let kept = written;
    for (const field of restart) {
      const [section = '', name] = field.split('.');
      const value = here.get(field);
      kept = overlaid(without(kept, field), { [section]: name === undefined ? value : { [name]: value } });
    }
    this.#written = kept;
    assign(this.floor, readPolicy(kept));
    this.load();
    return { changed: differing.filter(isLive), restart };
  }

  state(): PolicyState {
    const stored = this.#stored();
    return {
      version: this.policy.version,
      put: stored ? { version: stored.version, at: stored.at } : null,
      policy: withoutVersion(this.policy),
      floor: withoutVersion(this.floor),
      defaults: withoutVersion(DEFAULT_POLICY),
    };
  }

  #stored(): Stored | null {
    return (this.#facts.get('policy') as Stored | undefined) ?? null;
  }

  /** What was put, as far as today's file and schema let it hold: the file may be stricter than it was. */
  #over(written: Record<string, unknown>): { policy: Policy; left: string[] } {
    let kept = written;
    const left: string[] = [];
    for (;;) {
      try {
        const policy = readPolicy(overlaid(this.#written, kept));
        const [looser] = looserFields(policy, this.floor);
        if (!looser) return { policy, left };
        left.push(looser.field);
        kept = without(kept, looser.field);
      } catch {
        return { policy: this.floor, left: fieldsOf(written).map(([field]) => field) };
      }
    }
  }

  #apply(next: Policy): void {
    if (next.version === this.policy.version) return;
    assign(this.policy, next);
    this.#onChange();
  }
}

/** In place: others hold it, or a section of it. */
function assign(policy: Policy, next: Policy): void {
  const target: Record<string, unknown> = policy;
  for (const [name, value] of Object.entries(structuredClone(next))) {
    const here = target[name];
    if (isSection(here) && isSection(value)) Object.assign(here, value);
    else target[name] = value;
  }
}

function refuse(words: string): PutResult {
  return { ok: false, refusal: { code: 'bad_request', rule: 'policy', words, retryable: false } };
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function overlaid(below: Record<string, unknown>, above: Record<string, unknown>): Record<string, unknown> {
  const both: Record<string, unknown> = { ...below };
  for (const [name, value] of Object.entries(above)) {
    const here = both[name];
    both[name] = isSection(here) && isSection(value) ? { ...here, ...value } : value;
  }
  return both;
}

function without(written: Record<string, unknown>, field: string): Record<string, unknown> {
  const [name = '', within] = field.split('.');
  const { [name]: section, ...rest } = written;
  if (within === undefined || !isSection(section)) return rest;
  const { [within]: _, ...others } = section;
  return { ...rest, [name]: others };
}

function withoutVersion({ version: _, ...rest }: Policy): Record<string, unknown> {
  return structuredClone(rest);
}

function wordsOf({ field, found, floor, why }: Looser): string {
  const [here, least] = [JSON.stringify(found), JSON.stringify(floor)];
  if (why === 'file_only') return `policy.${field}: only this Mac’s own file sets it (${least}).`;
  return `policy.${field}: ${here} is looser than this Mac’s own file allows (${least}).`;
}
