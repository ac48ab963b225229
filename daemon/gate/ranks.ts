/** All that wait for slots of the caps, in the order in which scarce slots are drawn: by category, then by acceptance. */
import { type Before, rankOf } from './caps.ts';
import type { Waiting } from './known-texts.ts';
import { insert, position, take } from './rows.ts';

export class Ranks {
  /** By rank of category: all that are no replies, and those of them to new contacts. */
  readonly #ranks: { all: Waiting[]; fresh: Waiting[] }[] = [0, 1, 2].map(() => ({ all: [], fresh: [] }));

  add(waiting: Waiting): void {
    const rank = this.#of(waiting);
    if (rank) insert(rank.all, waiting);
    if (rank && waiting.fresh) insert(rank.fresh, waiting);
  }

  remove(waiting: Waiting): void {
    const rank = this.#of(waiting);
    if (rank) take(rank.all, waiting);
    if (rank) take(rank.fresh, waiting);
  }

  /** It is to a new contact, or not any more. */
  freshened(waiting: Waiting): void {
    const rank = this.#of(waiting);
    if (rank && waiting.fresh) insert(rank.fresh, waiting);
    else if (rank) take(rank.fresh, waiting);
  }

  clear(): void {
    for (const rank of this.#ranks) {
      rank.all = [];
      rank.fresh = [];
    }
  }

  count(): Before {
    const count: Before = { all: 0, fresh: 0 };
    for (const { all, fresh } of this.#ranks) {
      count.all += all.length;
      count.fresh += fresh.length;
    }
    return count;
  }

  /** How many would draw before one of this category and order. */
  before(category: Waiting['category'], order: number): Before {
    const count: Before = { all: 0, fresh: 0 };
    const own = rankOf(category);
    for (const [rank, { all, fresh }] of this.#ranks.entries()) {
      if (rank > own) break;
      count.all += rank < own ? all.length : position(all, order);
      count.fresh += rank < own ? fresh.length : position(fresh, order);
    }
    return count;
  }

  #of({ category }: Waiting): { all: Waiting[]; fresh: Waiting[] } | undefined {
    return this.#ranks[rankOf(category)];
  }
}
