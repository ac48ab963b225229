/**
 * What caps and hours let go together. Messages of one kind wait for the same slots and the same hours, whatever their texts are and whoever
 * gets them; only the rate to one person is each one's own. So what would be asked of each of many thousands is asked once for each kind.
 *
 * The caller owes: `leave` for every `join`, and both when a message turns into one of another kind.
 */

/** A message, as far as its kind goes. */
export interface Kindly {
  category: string;
  /** To a new contact; of a text that many get. */
  fresh: boolean;
  bulk: boolean;
  timeZone: string | null;
}

export interface Kind {
  readonly fresh: boolean;
  /** It keeps quiet hours: those of `timeZone`, or the policy's own. */
  readonly hours: boolean;
  readonly timeZone: string | null;
  /** How many are of it. */
  count: number;
  /** For whoever goes through them: how many of them were met, and when they may go (monotonic), in the round of that number. */
  met: number;
  openAt: number;
  round: number;
}

/** What many get is marketing, whatever it is called. */
export function keepsHours({ category, bulk }: Pick<Kindly, 'category' | 'bulk'>): boolean {
  return category === 'marketing' || bulk;
}

export class Kinds {
  readonly #kinds = new Map<string, Kind>();

  get size(): number {
    return this.#kinds.size;
  }

  join(message: Kindly): Kind {
    const hours = keepsHours(message);
    const timeZone = hours ? message.timeZone : null;
    const name = nameOf(message.fresh, hours, timeZone);
    let kind = this.#kinds.get(name);
    if (!kind) {
      kind = { fresh: message.fresh, hours, timeZone, count: 0, met: 0, openAt: 0, round: 0 };
      this.#kinds.set(name, kind);
    }
    kind.count += 1;
    return kind;
  }

  leave(kind: Kind): void {
    kind.count -= 1;
    if (kind.count === 0) this.#kinds.delete(nameOf(kind.fresh, kind.hours, kind.timeZone));
  }

  clear(): void {
    this.#kinds.clear();
  }
}

function nameOf(fresh: boolean, hours: boolean, timeZone: string | null): string {
  return `${fresh ? 'new' : 'known'}${hours ? ` ${timeZone ?? ''}` : ''}`;
}
