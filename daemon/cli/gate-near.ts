/** The work of `relayctl gate near`: pairs in, verdicts out, line by line, so that files of any length pass through. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { RelayError } from '../host/errors.ts';
import { textComparer } from '../inspect.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { Asking } from './world.ts';

/** One line of the file: two texts, or why it is none. */
function pairOf(line: string): { texts: [string, string] } | { wrong: string } {
  const [a, b, ...more] = line.split('\t');
  if (a === undefined || b === undefined) return { wrong: 'no tab, so not two texts' };
  if (more.length > 0) return { wrong: `${more.length + 1} tabs, so not two texts` };
  if (a === '' && b === '') return { wrong: 'two empty texts' };
  return { texts: [a, b] };
}

/** Ends with 1 if a line was no pair. Throws `file_unreadable`. */
export async function gateNear({ terminal, json }: Asking, path: string): Promise<ExitCode> {
  const compare = await textComparer();
  const input = path === '-' ? process.stdin : createReadStream(path);
  let number = 0;
  let code: ExitCode = EXIT.ok;
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      number += 1;
      const pair = pairOf(number === 1 ? line.replace(/^\uFEFF/, '') : line);
      if ('wrong' in pair) {
        terminal.complain({ code: 'bad_line', message: `line ${number}: ${pair.wrong}` }, json);
        code = EXIT.failed;
        continue;
      }
      const { verdict, jaccard, containment, arm } = compare(...pair.texts);
      if (json) await terminal.json({ line: number, verdict, jaccard, containment, arm });
      else await terminal.line(`${verdict}\t${jaccard.toFixed(3)}\t${containment.toFixed(3)}`);
    }
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error;
    throw new RelayError('file_unreadable', `${path} cannot be read: ${error.message}`, {
      hint: 'Name a file with two texts a line, a tab between them, or - for standard input.',
      cause: error,
    });
  }
  return code;
}
