/** A gate whose sender fares as the test says: each message has a fate, and a text of its own unless one is given. */
import type { GateOutcome } from '../../../daemon/gate/requests.ts';
import { GateWorld, person } from './gate-world.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export const DELIVERED: GateOutcome = { state: 'delivered', service: 'iMessage' };
export const SENT: GateOutcome = { state: 'sent', service: 'iMessage' };
/** Error 22: not registered with iMessage. */
export const NOBODY: GateOutcome = {
  state: 'not_delivered',
  meaning: 'recipient',
  appleError: 22,
  service: 'iMessage',
};
/** Error 4 says nothing known, 43 that Apple swallowed it. */
export const REFUSED: GateOutcome = { state: 'not_delivered', meaning: 'unknown', appleError: 4, service: 'iMessage' };
export const SWALLOWED: GateOutcome = {
  state: 'not_delivered',
  meaning: 'text_suspected_junk',
  appleError: 43,
  service: 'iMessage',
};

/** The n-th of a row of texts of which no two are near. */
export function ownText(n: number): string {
  let seed = 7 + 1_000_003 * n;
  const letter = () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return String.fromCharCode(97 + ((seed >> 16) % 26));
  };
  return Array.from({ length: 6 }, () => Array.from({ length: 7 }, letter).join('')).join(' ');
}

export class SenderWorld extends GateWorld {
  #texts = 0;

  /** Sends one to this person, a text of its own if none is given, and lets it end so. Returns the message. */
  fate(n: number, outcome: GateOutcome, text?: string): string {
    const message = this.one(person(n), text ?? this.freshText());
    this.clock.advance(3 * MINUTE);
    this.hand(message);
    this.ends(message, SENT);
    this.ends(message, outcome);
    return message;
  }

  freshText(): string {
    this.#texts += 1;
    return ownText(this.#texts);
  }

  /** It is handed to Messages, whatever the gate would pick. */
  hand(message: string): void {
    this.dispatch(message);
  }

  ends(message: string, outcome: GateOutcome): void {
    this.store.db.transaction(() => this.gate.outcome(message, outcome));
  }

  get state(): string {
    return this.gate.health().state;
  }

  get reason(): string {
    return this.gate.health().reason;
  }

  next(): string | null {
    const pick = this.gate.pick();
    return pick.kind === 'go' ? pick.message : null;
  }

  resume(source: 'command' | 'person') {
    return this.store.db.transaction(() => this.gate.resume(source));
  }

  block(text: string, reason?: string, source: 'command' | 'person' = 'command') {
    return this.store.db.transaction(() => this.gate.blockText(text, [], reason, source));
  }

  clear(text: string, source: 'command' | 'person' = 'command') {
    return this.store.db.transaction(() => this.gate.clearText(text, [], source));
  }
}
