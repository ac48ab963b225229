/** Apple's dates: nanoseconds since 2001-01-01 UTC, 0 for never. */

const ORIGIN_MS = Date.UTC(2001, 0, 1);

/** Unix ms to what chat.db holds. */
export function appleDate(at: number): bigint {
  return BigInt(Math.round(at) - ORIGIN_MS) * 1_000_000n;
}

/** SQL that turns a column into Unix ms, NULL for never. */
export function unixMsSql(column: string): string {
  return `CASE WHEN coalesce(${column}, 0) = 0 THEN NULL ELSE ${column} / 1000000 + ${ORIGIN_MS} END`;
}
