import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { relayctl } from '../../support/relayctl.ts';
import { makeFolder } from '../../support/store.ts';

it('bash completes commands, their options and their choices', async () => {
  const script = join(makeFolder(), 'relayctl.bash');
  writeFileSync(script, (await relayctl(['completion', 'bash'])).out);
  const complete = (...words: string[]) => {
    const typed = ['relayctl', ...words].map((word) => `'${word}'`).join(' ');
    const ask = `source ${script}; COMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _relayctl; echo "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', ask], { encoding: 'utf8' }).trim().split(' ');
  };
  expect(complete('sta')).toEqual(['status']);
  expect(complete('queue', 's')).toEqual(['show', 'settle']);
  expect(complete('--json', 'queue', 'list', '--li')).toEqual(['--limit']);
  expect(complete('completion', '')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']));
});

it('the others name every command', async () => {
  for (const shell of ['zsh', 'fish']) {
    const { code, out } = await relayctl(['completion', shell]);
    expect(code).toBe(0);
    for (const words of ['status', 'queue list', 'config explain', 'gate timeline']) expect(out).toContain(words);
  }
  expect((await relayctl(['completion', 'tcsh'])).code).toBe(2);
});
