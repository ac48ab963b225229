/** Decides on a request before anything is stored: go, hold or refuse, for all or one by one, and why. */
import type { RefusalCode } from '../../protocol/codes.ts';
import type { GateAnswer } from '../../protocol/queries.ts';
import type { Clock } from '../host/clock.ts';
import { handleEnd as tail } from '../host/handle-end.ts';
import type { Contacts, Talk } from './contacts.ts';
import type { Estimates } from './estimates.ts';
import type { FingerprintMaker } from './fingerprint.ts';
import type { Policy } from './policy.ts';
import type { RecentTexts } from './recent.ts';
import type { Reputation } from './reputation.ts';
import {
  type Admission,
  addressOf,
  type CheckAnswer,
  type GateRequest,
  type Hold,
  peopleOf,
  type Recipient,
  type RecipientVerdict,
  type Refusal,
} from './requests.ts';
import type { Rules } from './rules.ts';
import type { Words } from './words.ts';

interface Candidate {
  recipient: Recipient;
  reply: boolean;
  talk: Talk;
  refusal: Refusal | null;
}

/** What a rule that holds is called when there may be no waiting. */
const CODES: Record<string, RefusalCode> = {
  sender_paused: 'sender_paused',
  sender_suspicious: 'sender_suspicious',
  quiet_hours: 'quiet_hours',
  new_contact_limit: 'new_contact_limit',
  daily_volume: 'daily_volume',
  pair_rate: 'pair_rate',
};

export class Admissions {
  readonly #clock: Clock;
  readonly #maker: FingerprintMaker;
  readonly #contacts: Contacts;
  readonly #estimates: Estimates;
  readonly #rules: Rules;
  readonly #recent: RecentTexts;
  readonly #reputation: Reputation;
  readonly #words: Words;
  readonly #policy: Policy;
  /** What the newest request was told, for the messages that are made of it. */
  #told: { command: string; until: Map<string, number | null>; replies: Set<string> } | null = null;

  constructor(o: {
    clock: Clock;
    maker: FingerprintMaker;
    contacts: Contacts;
    estimates: Estimates;
    rules: Rules;
    recent: RecentTexts;
    reputation: Reputation;
    words: Words;
    policy: Policy;
  }) {
    this.#clock = o.clock;
    this.#maker = o.maker;
    this.#contacts = o.contacts;
    this.#estimates = o.estimates;
    this.#rules = o.rules;
    this.#recent = o.recent;
    this.#reputation = o.reputation;
    this.#words = o.words;
    this.#policy = o.policy;
  }

  admit(request: GateRequest): Admission {
    const candidates = request.recipients.map((recipient) => this.#candidate(request, recipient));
    const unfit = candidates.some(({ reply }) => reply) ? null : this.#rules.unfit(request.category);
    const whole = this.#suspected(request, candidates) ?? unfit ?? this.#blast(request, candidates);
    if (whole) return { ok: false, refusal: whole };
    const until = new Map<string, number | null>();
    const replies = new Set<string>();
    const verdicts: RecipientVerdict[] = [];
    let before = 0;
    for (const candidate of candidates) {
      const verdict = this.#verdict(request, candidate, before);
      if (verdict.kind !== 'refuse' && !candidate.reply) before += 1;
      if (verdict.kind === 'hold' && request.pacing === 'reject' && verdict.hold.rule !== 'not_before')
        return { ok: false, refusal: this.#notNow(verdict.hold, candidates.length > 1) };
      until.set(addressOf(candidate.recipient), verdict.kind === 'hold' ? verdict.hold.until : null);
      if (candidate.reply) replies.add(addressOf(candidate.recipient));
      verdicts.push(verdict);
    }
    this.#told = { command: request.command, until, replies };
    return { ok: true, verdicts };
  }

  /** What a recipient of this command was told at acceptance, once; null if that was in another life, or is known already. */
  told(command: string, address: string): { until: number; mono: number } | null {
    if (this.#told?.command !== command) return null;
    const until = this.#told.until.get(address);
    return until === undefined ? null : { until: until ?? this.#clock.now(), mono: Math.round(this.#clock.mono()) };
  }

  /** Was it taken for a reply just now? Once for each: what is handed to the gate again has used its reply up already. */
  takeReply(command: string, address: string): boolean {
    return this.#told?.command === command && this.#told.replies.delete(address);
  }

  check(request: GateRequest): CheckAnswer {
    const admission = this.admit(request);
    if (!admission.ok) {
      const { code, words, rule, retryAfterMs, evidence } = admission.refusal;
      const answer = { verdict: 'refuse' as const, reply: false, code, rule, evidence };
      const recipients = request.recipients.map((recipient) => {
        const one: GateAnswer = { to: addressOf(recipient), ...answer };
        if (retryAfterMs !== undefined) one.retry_after_ms = Math.round(retryAfterMs);
        return one;
      });
      return { request: { verdict: 'refuse', code, words }, recipients };
    }
    const recipients = admission.verdicts.map((verdict, index) =>
      answerOf(verdict, request.recipients[index] as Recipient),
    );
    return { request: summary(admission.verdicts), recipients };
  }

  optedOut(key: string, recipient: Recipient): Refusal {
    return refusal('opted_out', 'opt_out', this.#words.optedOut(key, recipient));
  }

  /** The controller may not lift this opt-out. */
  notYours(handle: string, source: string): Refusal {
    const who = source === 'person' ? 'A person at this Mac' : tail(handle);
    const words = `${who} said that ${source === 'person' ? `${tail(handle)} is` : 'they are'} not to be written to; only a START of theirs or a person at this Mac lifts that.`;
    return refusal('opted_out', 'opt_out', words);
  }

  #candidate(request: GateRequest, recipient: Recipient): Candidate {
    const { replies, closedBy: closed, talk } = this.#contacts.standing(recipient, request.notBefore);
    const reply = replies > 0;
    return {
      recipient,
      reply,
      talk,
      refusal: closed ? this.optedOut(closed, recipient) : this.#duplicate(request, recipient, reply),
    };
  }

  /** Refused to all but replies; as a whole if nobody would get it. */
  #suspected({ text, variables, attachments }: GateRequest, candidates: Candidate[]): Refusal | null {
    const refused = this.#reputation.refusal(this.#maker.make(text, variables, attachments));
    if (!refused) return null;
    if (!candidates.some(({ reply }) => reply)) return refused;
    for (const candidate of candidates) if (!candidate.reply) candidate.refusal ??= refused;
    return null;
  }

  #duplicate(
    { text, variables, attachments, command }: GateRequest,
    recipient: Recipient,
    reply: boolean,
  ): Refusal | null {
    const print = this.#maker.make(text, variables, attachments);
    if (reply || print.grams.length < this.#policy.near.min_grams) return null;
    const at = this.#recent.find(print.exact, addressOf(recipient), command);
    return at === null
      ? null
      : refusal('duplicate', 'duplicate', this.#words.duplicate(recipient, at, this.#clock.now()));
  }

  #blast({ pacing }: GateRequest, candidates: Candidate[]): Refusal | null {
    if (pacing === 'queue') return null;
    const strangers = candidates.filter(({ reply, refusal: known }) => !reply && known?.code !== 'text_suspected_junk');
    const people = new Set(strangers.flatMap(({ recipient }) => peopleOf(recipient))).size;
    const limit = this.#policy.blast.recipients;
    if (people <= limit) return null;
    const neededMs = this.#estimates.timeFor(people);
    const intervalMs = this.#estimates.intervalFor(0);
    const words = this.#words.blast({ people, limit, neededMs, intervalMs });
    return {
      ...refusal('marketing_blast', 'blast', words),
      retryable: true,
      retryAfterMs: neededMs,
      evidence: { limit, used: people, interval_ms: intervalMs, words },
    };
  }

  #verdict(request: GateRequest, candidate: Candidate, before: number): RecipientVerdict {
    const { recipient, reply, talk, refusal: known } = candidate;
    if (known) return { kind: 'refuse', refusal: known };
    const { category, timeZone, notBefore, expiresAt } = request;
    const print = this.#maker.make(request.text, request.variables, request.attachments);
    const people = peopleOf(recipient);
    const fresh = this.#rules.isFresh(talk);
    const ruled = { recipient, address: addressOf(recipient), category, reply, timeZone, fresh };
    const around = reply ? null : this.#estimates.around(print, people);
    const bulk = around !== null && category !== 'marketing' && this.#rules.isBulk(around.count + before);
    const ruledOut = this.#rules.refusal({ ...ruled, bulk }, talk);
    if (ruledOut) return { kind: 'refuse', refusal: ruledOut };
    const order = Number.POSITIVE_INFINITY;
    const hold = this.#estimates.hold({ ...ruled, print, people, order, notBefore, expiresAt, before }, around);
    if (!hold) return { kind: 'go', reply };
    const tooLate = request.pacing === 'queue' ? this.#tooLate(request, hold) : null;
    return tooLate ? { kind: 'refuse', refusal: tooLate } : { kind: 'hold', reply, hold };
  }

  #tooLate({ notBefore, expiresAt }: GateRequest, hold: Hold): Refusal | null {
    if (hold.rule === 'not_before' || hold.rule.startsWith('sender_')) return null;
    const now = this.#clock.now();
    const waitMs = hold.until - Math.max(now, notBefore ?? now);
    const over =
      waitMs > this.#policy.interval.max_wait_ms ? 'max_wait' : hold.until >= expiresAt ? 'expires_at' : null;
    if (!over) return null;
    const words = this.#words.tooLate(waitMs, over);
    const evidence = { ...hold.evidence, words: `${words} ${hold.evidence.words}` };
    const retryAfterMs = Math.round(hold.until - now);
    const code = CODES[hold.rule] ?? 'interval_not_kept';
    return { ...refusal(code, over, words), retryable: true, retryAfterMs, evidence };
  }

  #notNow(hold: Hold, several: boolean): Refusal {
    const waitMs = Math.max(1, Math.round(hold.until - this.#clock.now()));
    const code = CODES[hold.rule] ?? 'interval_not_kept';
    const { evidence } = hold;
    if (code.startsWith('sender_')) return { ...refusal(code, hold.rule, evidence.words), retryable: true, evidence };
    const words = `${this.#words.noWaiting(waitMs, several)} ${evidence.words}`;
    return { ...refusal(code, hold.rule, words), retryable: true, retryAfterMs: waitMs, evidence };
  }
}

function refusal(code: RefusalCode, rule: string, words: string): Refusal {
  return { code, rule, words, retryable: false };
}

function answerOf(verdict: RecipientVerdict, recipient: Recipient): GateAnswer {
  const to = addressOf(recipient);
  if (verdict.kind === 'go') return { to, verdict: 'go', reply: verdict.reply };
  if (verdict.kind === 'hold') {
    const { until, rule, evidence } = verdict.hold;
    return { to, verdict: 'hold', reply: verdict.reply, rule, until: Math.round(until), evidence };
  }
  const { code, rule, words, evidence, retryAfterMs } = verdict.refusal;
  const answer: GateAnswer = { to, verdict: 'refuse', reply: false, code, rule, evidence: evidence ?? { words } };
  if (retryAfterMs !== undefined) answer.retry_after_ms = Math.round(retryAfterMs);
  return answer;
}

function summary(verdicts: RecipientVerdict[]): CheckAnswer['request'] {
  const refused = verdicts.filter((verdict) => verdict.kind === 'refuse');
  const held = verdicts.filter((verdict) => verdict.kind === 'hold');
  const [refusedFirst] = refused;
  if (refusedFirst && refused.length === verdicts.length)
    return { verdict: 'refuse', code: refusedFirst.refusal.code, words: refusedFirst.refusal.words };
  const last = held.at(-1);
  if (!last) {
    const all =
      refused.length === 0
        ? 'It may go now.'
        : `${verdicts.length - refused.length} may go now, ${refused.length} not at all.`;
    return { verdict: 'go', words: all };
  }
  const parts = [`${verdicts.length - refused.length - held.length} may go now`, `${held.length} would wait`];
  if (refused.length > 0) parts.push(`${refused.length} may not go at all`);
  const words =
    verdicts.length === 1 ? last.hold.evidence.words : `${parts.join(', ')}. The last: ${last.hold.evidence.words}`;
  return { verdict: 'hold', words };
}
