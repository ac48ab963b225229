/** What a benchmark says: figures beside their limits. A figure beyond its limit "falls short"; the limit stays. */

export interface Figure {
  name: string;
  value: number;
  unit: string;
  /** The limit as it is written in the issue, e.g. { most: 5 } or { least: 5000 }; none for what is only told. */
  limit?: { most: number } | { least: number };
}

export interface Bench {
  name: string;
  run(): Promise<Figure[]>;
}

export function keeps({ value, limit }: Figure): boolean {
  if (!limit) return true;
  return 'most' in limit ? value <= limit.most : value >= limit.least;
}

export function lineOf(figure: Figure): string {
  const { name, value, unit, limit } = figure;
  const shown =
    value > 100 ? Math.round(value).toLocaleString('en') : value.toFixed(value !== 0 && value < 0.1 ? 4 : 2);
  const bound = !limit
    ? ''
    : 'most' in limit
      ? `≤ ${limit.most} ${unit}`
      : `≥ ${limit.least.toLocaleString('en')} ${unit}`;
  const verdict = limit ? (keeps(figure) ? 'ok' : 'FALLS SHORT') : '';
  return `  ${name.padEnd(52)} ${`${shown} ${unit}`.padStart(16)}   ${bound.padEnd(20)} ${verdict}`.trimEnd();
}

/** `p` from 0 to 1, of values in any order; the nearest rank. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))] ?? Number.NaN;
}
