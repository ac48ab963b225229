import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { contract } from '../../../scripts/generate-cli-contract.ts';

const FILE = new URL('../../../daemon/cli/README.md', import.meta.url);

it('what programs may rely on of relayctl is written down as it is (else: npm run generate:cli)', () => {
  expect(readFileSync(FILE, 'utf8')).toBe(contract());
});

it('every field has a kind of value', () => {
  const rows = contract()
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  expect(rows.length).toBeGreaterThan(150);
  expect(rows.filter((row) => !/^\| `[^`]+` \| \S/.test(row))).toEqual([]);
});
