/** A gate that lets everything go in order, unless a test says otherwise. Small enough to read at a glance. */
import type {
  Admission,
  Gate,
  GateMessage,
  GateOutcome,
  GateRequest,
  Hold,
  Pick,
  Recipient,
  Refusal,
} from '../../daemon/outbox/ports.ts';

export class FakeGate implements Gate {
  waiting: GateMessage[] = [];
  inFlight: string[] = [];
  outcomes: { message: string; state: GateOutcome['state'] }[] = [];
  optedOut = new Set<string>();
  holds = new Map<string, Hold>();
  refuseAll: Refusal | null = null;
  holdAll: Hold | null = null;
  moved: { message: string; hold: Hold }[] = [];
  paused = false;

  load(): void {
    this.waiting = [];
    this.inFlight = [];
  }

  admit(request: GateRequest): Admission {
    if (this.refuseAll) return { ok: false, refusal: this.refuseAll };
    return {
      ok: true,
      verdicts: request.recipients.map((recipient) => {
        if (recipient.kind === 'handle' && this.optedOut.has(recipient.handle))
          return { kind: 'refuse', refusal: OPTED_OUT };
        if (this.holdAll) return { kind: 'hold', reply: false, hold: this.holdAll };
        return { kind: 'go', reply: false };
      }),
    };
  }

  add(messages: GateMessage[]): void {
    this.waiting.push(...messages);
    this.waiting.sort((a, b) => a.order - b.order);
  }

  remove(message: string): void {
    this.waiting = this.waiting.filter((w) => w.message !== message);
  }

  pick(): Pick {
    const next = this.waiting.find((w) => !this.holds.has(w.message));
    if (this.paused || !next) return { kind: 'idle', wakeInMs: null };
    if (next.recipient.kind === 'handle' && this.optedOut.has(next.recipient.handle))
      return { kind: 'refuse', message: next.message, refusal: OPTED_OUT };
    return { kind: 'go', message: next.message };
  }

  dispatched(message: string): void {
    this.remove(message);
    this.inFlight.push(message);
  }

  outcome(message: string, outcome: GateOutcome): void {
    this.outcomes.push({ message, state: outcome.state });
    this.inFlight = this.inFlight.filter((m) => m !== message);
  }

  sweep(): { message: string; refusal: Refusal }[] {
    return this.waiting
      .filter((w) => w.recipient.kind === 'handle' && this.optedOut.has(w.recipient.handle))
      .map((w) => ({ message: w.message, refusal: OPTED_OUT }));
  }

  holdOf(message: string): Hold | null {
    return this.holds.get(message) ?? null;
  }

  before(message: string): { count: number; first: string[] } {
    const older = this.waiting.slice(
      0,
      Math.max(
        0,
        this.waiting.findIndex((w) => w.message === message),
      ),
    );
    return { count: older.length, first: older.map((w) => w.message) };
  }

  movedHolds(): { message: string; hold: Hold }[] {
    return this.moved.splice(0);
  }

  tended = 0;
  tend(): void {
    this.tended += 1;
  }

  texts: string[] = [];
  blockText(text: string) {
    this.texts.push(text);
    return { ok: true as const, detail: { until: 1 } };
  }

  clearText(text: string) {
    this.texts = this.texts.filter((other) => other !== text);
    return { ok: true as const, detail: { cleared: 1 } };
  }

  clearNumbered(number: number) {
    this.texts.splice(number - 1, 1);
    return { ok: true as const, detail: { cleared: 1 } };
  }

  optOut(handle: string) {
    const changed = !this.optedOut.has(handle);
    this.optedOut.add(handle);
    return { ok: true as const, changed, event: { handle, source: 'command' as const } };
  }

  optIn(handle: string) {
    const changed = this.optedOut.delete(handle);
    return { ok: true as const, changed, event: { handle, source: 'command' as const } };
  }

  readonly people = {
    confirmations: { expect() {} },
    consentPut: () => ({ ok: true as const, changed: true }),
    contact(): never {
      throw new Error('the fake gate knows nobody');
    },
  };

  readonly permission = {
    mayGoOn: (recipient: Recipient): 'go' | 'wait' | Refusal => {
      if (recipient.kind === 'handle' && this.optedOut.has(recipient.handle)) return OPTED_OUT;
      return this.paused ? 'wait' : 'go';
    },
  };

  readonly policies = {
    put: () => ({ ok: true as const, version: '1-00000000' }),
    state: () => ({ version: '1-00000000', put: null, policy: {}, floor: {}, defaults: {} }),
  };

  pause(reason: string) {
    this.paused = true;
    return { state: 'paused' as const, since: 0, reason };
  }

  resume() {
    this.paused = false;
    return { ok: true as const, health: { state: 'healthy' as const, since: 0, reason: 'resumed' } };
  }

  check() {
    return { request: { verdict: 'go' as const, words: 'It may go now.' }, recipients: [] };
  }
}

export const OPTED_OUT: Refusal = {
  code: 'opted_out',
  rule: 'opt_out',
  words: 'This person asked not to be written to.',
  retryable: false,
};
