/** A long row of what waits with one text, by kind and time: so that nobody has to go through it to count those who are older and due. */
import type { Kind } from './kinds.ts';
import { insert, position, type Timed, TimedRow, take } from './rows.ts';

interface Counted extends Timed {
  kind: Kind | null;
}

export class RowCounts {
  readonly #kinds = new Map<Kind, { anytime: Counted[]; timed: TimedRow<Counted> }>();

  constructor(members: Counted[]) {
    for (const one of members) this.add(one);
  }

  add(one: Counted): void {
    if (!one.kind) return;
    let same = this.#kinds.get(one.kind);
    if (!same) {
      same = { anytime: [], timed: new TimedRow() };
      this.#kinds.set(one.kind, same);
    }
    if (one.notBefore === null) insert(same.anytime, one);
    else same.timed.add(one);
  }

  /** As it was added: of the same kind. */
  remove(one: Counted): void {
    const same = one.kind && this.#kinds.get(one.kind);
    if (!same) return;
    if (one.notBefore === null) take(same.anytime, one);
    else same.timed.remove(one);
    if (same.anytime.length + same.timed.size === 0) this.#kinds.delete(one.kind as Kind);
  }

  *older(order: number): Iterable<{ kind: Kind; anytime: number; timedBy: (until: number) => number }> {
    for (const [kind, { anytime, timed }] of this.#kinds)
      yield { kind, anytime: position(anytime, order), timedBy: (until) => timed.olderBy(order, until) };
  }
}
