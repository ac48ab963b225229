/**
 * The stand-ins of the small tools that doctor asks: sw_vers, fdesetup, defaults, pgrep, osacompile. Each says what its file in
 * `<folder>/says` holds (stdout, a line with only "--", stderr) and ends with the code of the file's first line.
 */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const TOOLS = ['sw_vers', 'fdesetup', 'defaults', 'pgrep', 'osacompile'] as const;
export type Tool = (typeof TOOLS)[number];

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

const script = (says: string) => `#!/bin/sh
# Stands in for a tool of macOS on the simulated Mac.
{
  IFS= read -r code
  to=1
  while IFS= read -r line; do
    [ "$line" = -- ] && { to=2; continue; }
    [ $to = 1 ] && printf '%s\\n' "$line" || printf '%s\\n' "$line" >&2
  done
} <${quoted(says)}
exit "$code"
`;

export class SimulatedTools {
  /** The executables, as \`tools\` of the configuration names them. */
  readonly paths: Record<Tool, string>;
  readonly #folder: string;

  /** A Mac in order: macOS 15.1, no FileVault, `user` logged in automatically, Messages running. */
  constructor(folder: string, user: string) {
    this.#folder = folder;
    mkdirSync(join(folder, 'bin'), { recursive: true });
    mkdirSync(join(folder, 'says'), { recursive: true });
    const path = (tool: Tool) => join(folder, 'bin', tool);
    this.paths = {
      sw_vers: path('sw_vers'),
      fdesetup: path('fdesetup'),
      defaults: path('defaults'),
      pgrep: path('pgrep'),
      osacompile: path('osacompile'),
    };
    for (const tool of TOOLS) {
      writeFileSync(path(tool), script(join(folder, 'says', tool)));
      chmodSync(path(tool), 0o755);
    }
    this.says('sw_vers', { out: '15.1' });
    this.says('fdesetup', { out: 'FileVault is Off.' });
    this.says('defaults', { out: user });
    this.says('pgrep', { out: '4711' });
    this.says('osacompile', {});
  }

  says(tool: Tool, o: { code?: number; out?: string; err?: string }): void {
    const lines = [String(o.code ?? 0), ...(o.out ? [o.out] : []), '--', ...(o.err ? [o.err] : [])];
    writeFileSync(join(this.#folder, 'says', tool), `${lines.join('\n')}\n`);
  }

  /** It is not there any more. */
  remove(tool: Tool): void {
    rmSync(this.paths[tool]);
  }
}
