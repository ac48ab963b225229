/** Reads what the controller holds, from its store itself. */
import { DatabaseSync } from 'node:sqlite';
import type { StoredEvent } from '../../protocol/controller.ts';

/** In the order in which the controller stored them; `stream` is the relay's event stream that each came in. */
export function readEvents(store: string): (StoredEvent & { stream: string })[] {
  const db = new DatabaseSync(store, { readOnly: true });
  try {
    const rows = db.prepare('SELECT n, device, stream, seq, id, name, version, at, data FROM event ORDER BY n').all();
    return rows.map(
      (row) => ({ ...row, data: JSON.parse(String(row.data)) }) as unknown as StoredEvent & { stream: string },
    );
  } finally {
    db.close();
  }
}
