/**
 * Short texts from others from before a store's memory, for the opt-outs among them: the store before this one, if it was lost, knew of them.
 * Done before the cursor's first beginning, so that a crash in the middle does it again; what it causes must bear that.
 */
import type { Clock } from '../host/clock.ts';
import type { ChatDb } from './chat-db.ts';
import type { ChatRow } from './chat-row.ts';

const ROWS_BACK = 20_000;
const PAGE = 200;
const LONGEST_WORD = 40;

/** `tell` stores what some rows cause, in one transaction. Page by page, the event loop free in between, while `goesOn`. */
export async function lookBack(o: {
  chatDb: ChatDb;
  clock: Clock;
  tell: (rows: ChatRow[]) => Promise<void>;
  goesOn: () => boolean;
}): Promise<void> {
  const { chatDb, clock, tell, goesOn } = o;
  let last = chatDb.newestRowid(ROWS_BACK + 1);
  for (;;) {
    const page = chatDb.rowsAfter(last, PAGE);
    const words = page.filter(mayBeWord);
    if (words.length > 0) await tell(words);
    last = page.at(-1)?.rowid ?? last;
    if (page.length < PAGE || !goesOn()) return;
    await new Promise<void>((resolve) => clock.after(0, resolve));
  }
}

/** An edited one may have been a word before. */
function mayBeWord({ fromMe, kind, text, editedAt }: ChatRow): boolean {
  return !fromMe && kind === 'text' && (text.length <= LONGEST_WORD || editedAt !== null);
}
