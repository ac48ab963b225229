/** The newest wall-clock time that the store has seen: what the clock guard compares with after a restart. */
import type { GroupCommit } from './commit.ts';
import type { Db } from './db.ts';

export function rememberedTime(
  db: Db,
  commit: GroupCommit,
): { lastSeenAt: number | null; remember: (now: number) => void } {
  const row = db.sql<{ value: string }>("SELECT value FROM store_fact WHERE name = 'seen_at'").get();
  return {
    lastSeenAt: row ? Number(row.value) : null,
    remember: (now) =>
      void commit
        .run(() =>
          db
            .sql(
              "INSERT INTO store_fact (name, value) VALUES ('seen_at', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )
            .run(String(now)),
        )
        .catch(() => {}),
  };
}
