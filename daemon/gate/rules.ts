/**
 * The rules that look at people, categories and hours instead of distances: may it go to them at all, and from when on?
 *
 * Nothing here is reserved or remembered. Asked at acceptance, and again right before dispatch, when more may be known.
 */
import type { RefusalCode } from '../../protocol/codes.ts';
import type { Evidence } from '../../protocol/events.ts';
import type { Category } from '../../protocol/names.ts';
import type { Clock } from '../host/clock.ts';
import { type Before, type Caps, NEW_AFTER_MS } from './caps.ts';
import type { Consents } from './consent.ts';
import type { Talk } from './contacts.ts';
import { COUNT_LIMIT } from './interval.ts';
import { type Kind, keepsHours } from './kinds.ts';
import type { Policy } from './policy.ts';
import type { QuietHours } from './quiet-hours.ts';
import type { Recipient, Refusal } from './requests.ts';
import type { RuleWords } from './rule-words.ts';

/** A message, as far as these rules see it. */
export interface Ruled {
  recipient: Recipient;
  address: string;
  category: Category;
  reply: boolean;
  timeZone: string | null;
  /** No talk either way in 30 days. */
  fresh: boolean;
  /** More people than a blast has got this text: it is marketing whatever it says. */
  bulk: boolean;
}

/** From when on, monotonic, it may go, and what it waits for until then. */
export interface Opening {
  at: number;
  rule: string;
  evidence: (until: number) => Evidence;
}

export class Rules {
  readonly #clock: Clock;
  readonly #caps: Caps;
  readonly #hours: QuietHours;
  readonly #consents: Consents;
  readonly #policy: Policy;
  readonly #kind: 'shared' | 'dedicated';
  readonly #words: RuleWords;

  constructor(o: {
    clock: Clock;
    caps: Caps;
    hours: QuietHours;
    consents: Consents;
    policy: Policy;
    kind: 'shared' | 'dedicated';
    words: RuleWords;
  }) {
    this.#clock = o.clock;
    this.#caps = o.caps;
    this.#hours = o.hours;
    this.#consents = o.consents;
    this.#policy = o.policy;
    this.#kind = o.kind;
    this.#words = o.words;
  }

  isFresh({ lastInAt, lastOutAt }: Talk): boolean {
    const last = Math.max(lastInAt ?? 0, lastOutAt ?? 0);
    return last === 0 || this.#clock.now() - last > NEW_AFTER_MS;
  }

  /** Is a text that so many others got bulk? */
  isBulk(others: number): boolean {
    if (this.#policy.bulk_transactional === 'allow') return false;
    return others > Math.min(this.#policy.blast.recipients, COUNT_LIMIT - 1);
  }

  /** Why this sender may not send such a thing to anybody, or null. */
  unfit(category: Category): Refusal | null {
    if (category !== 'marketing' || this.#kind === 'dedicated') return null;
    return refused('sender_not_dedicated', 'consent', this.#words.notDedicated(null));
  }

  /** Why it may not go to them at all, as things stand, or null. */
  refusal(ruled: Ruled, talk: Talk): Refusal | null {
    if (ruled.reply) return null;
    const marketing = keepsHours(ruled) ? this.marketingRefusal(ruled, talk) : null;
    if (marketing) return marketing;
    const limit = this.#policy.caps.unanswered;
    if (talk.unanswered < limit) return null;
    const words = this.#words.unanswered(ruled.address, talk.unanswered);
    return { ...refused('unanswered_limit', 'unanswered', words), evidence: { used: talk.unanswered, limit, words } };
  }

  /** From when on caps and hours let it go, monotonic; 0 if they do now. Asked of everything that waits: nothing is made here. */
  openAt(ruled: Ruled, now = this.#clock.mono()): number {
    const caps = this.#caps.openAt(ruled.address, ruled.fresh, ruled.reply, now);
    const quietEnd = this.#quietEnd(ruled);
    if (quietEnd === null) return caps;
    return Math.max(caps, now + quietEnd - this.#clock.now());
  }

  /** The same for all of a kind, the rate to each one of them aside. */
  kindOpenAt({ fresh, hours, timeZone }: Kind, now: number): number {
    const caps = this.#caps.slotAt(fresh, now);
    const wall = this.#clock.now();
    const quietEnd = hours ? this.#hours.endOf(wall, timeZone) : null;
    return quietEnd === null ? caps : Math.max(caps, now + quietEnd - wall);
  }

  /** Is a cap without a slot for it now? */
  isCapped({ address, fresh, reply }: Ruled): boolean {
    return this.#caps.openAt(address, fresh, reply) > this.#clock.mono();
  }

  /** Are there fewer slots than so many that wait for them? Then the category decides who gets them. */
  isScarce(waiting: Before): { all: boolean; fresh: boolean } {
    return this.#caps.isScarce(waiting);
  }

  /** What holds it beyond `from` (monotonic), with so many before it that draw from the same caps; null if nothing does. */
  opening(ruled: Ruled, before: Before, from: number): Opening | null {
    const { address, fresh, reply, timeZone } = ruled;
    const now = this.#clock.now();
    const mono = this.#clock.mono();
    const slot = this.#caps.full({ key: address, fresh, reply }, before);
    const full = slot && slot.at > from ? slot : null;
    // The slot may come at night.
    const quietEnd = this.#quietEnd(ruled, now + Math.max(from, full?.at ?? from) - mono);
    if (quietEnd !== null) {
      const hours = this.#policy.quiet_hours;
      const bulk = ruled.category === 'marketing' ? null : this.#policy.blast.recipients;
      return {
        at: mono + quietEnd - now,
        rule: 'quiet_hours',
        evidence: (until) => ({
          words: this.#words.quiet({ until, now, from: hours.from, to: hours.to, timeZone, bulk }),
        }),
      };
    }
    if (!full) return null;
    return {
      at: full.at,
      rule: full.cap.startsWith('new_contacts') ? 'new_contact_limit' : full.cap,
      evidence: (until) => ({
        used: full.used,
        limit: full.limit,
        words: this.#words.cap(full, address, until, now),
      }),
    };
  }

  /** Why they may get no marketing from this sender, or null; what was opted out of aside. */
  marketingRefusal({ recipient, address, category }: Ruled, talk: Talk): Refusal | null {
    const bulk = category === 'marketing' ? null : this.#policy.blast.recipients;
    if (this.#kind !== 'dedicated') return refused('sender_not_dedicated', 'consent', this.#words.notDedicated(bulk));
    if (recipient.kind === 'group')
      return refused('no_consent', 'consent', this.#words.noConsent(address, 'group', bulk));
    if (this.#consents.holds(address, talk, this.#policy.consent)) return null;
    const why = this.#consents.record(address)?.withdrawnAt == null ? 'not_first' : 'withdrawn';
    return refused('no_consent', 'consent', this.#words.noConsent(address, why, bulk));
  }

  #quietEnd(ruled: Ruled, at = this.#clock.now()): number | null {
    return !ruled.reply && keepsHours(ruled) ? this.#hours.endOf(at, ruled.timeZone) : null;
  }
}

function refused(code: RefusalCode, rule: string, words: string): Refusal {
  return { code, rule, words, retryable: false };
}
