/** What the README names is there: commands with their options, conditions, files. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { relayctl } from '../../support/relayctl.ts';

const at = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const README = readFileSync(at('README.md'), 'utf8');

/** For each command what may stand behind it, from the completion that relayctl itself makes. */
let known: Map<string, Set<string>>;
beforeAll(async () => {
  const { out } = await relayctl(['completion', 'fish']);
  known = new Map();
  for (const [, path = '', kind, word = ''] of out.matchAll(
    /^complete -c relayctl -n '__relayctl_at ?([^']*)' (-l|-a) '?([\w-]+)'?/gm,
  )) {
    const words = known.get(path) ?? new Set();
    words.add(kind === '-l' ? `--${word}` : word);
    known.set(path, words);
  }
});

/** `relayctl queue list --limit 3` → its command and its long options. */
function partsOf(line: string): { path: string; options: string[] } {
  const words = line.split(/\s+/).slice(1);
  let path = '';
  for (const word of words) {
    const next = path ? `${path} ${word}` : word;
    if (!known.has(next)) break;
    path = next;
  }
  return { path, options: words.filter((word) => /^--[a-z]/.test(word)) };
}

const examples = [...README.matchAll(/(?:^|`|&& )(?:scripts\/)?(relayctl [a-z][^`#\n]*)/gm)].map((found) =>
  (found[1] ?? '').trim(),
);

describe('the README', () => {
  it('has examples', () => expect(examples.length).toBeGreaterThan(25));

  it.each([...new Set(examples)])('%s', (line) => {
    const { path, options } = partsOf(line);
    expect([line, path]).not.toEqual([line, '']);
    for (const option of options) expect([line, option, known.get(path)?.has(option)]).toEqual([line, option, true]);
  });

  it('names conditions that there are', () => {
    const sources = (folder: string): string =>
      readdirSync(at(folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => readFileSync(at(`${folder}/${name}`), 'utf8'))
        .join('\n');
    const code = `${sources('daemon')}\n${sources('protocol')}`;
    const table = README.slice(README.indexOf('## When something is wrong'), README.indexOf('## Writing a controller'));
    const rows = table.split('\n').filter((line) => line.startsWith('| '));
    expect(rows.length).toBeGreaterThan(17);
    const names = rows.flatMap((row) =>
      [...(row.split('|')[1] ?? '').matchAll(/`([a-z]+_[a-z_]+)`/g)].map((m) => m[1]),
    );
    expect(names.length).toBeGreaterThan(8);
    expect(names.filter((name) => !code.includes(`'${name}'`))).toEqual([]);
  });

  it('links to files that there are', () => {
    const links = [...README.matchAll(/\]\(([^)#]+)\)/g)].map((found) => found[1] ?? '');
    expect(links.filter((link) => !link.startsWith('http') && !existsSync(at(link)))).toEqual([]);
  });
});
