/**
 * The one door to the short commands of macOS (launchctl, codesign, sw_vers, …). Each call is a process of its own, never through a shell,
 * and is ended when it takes too long; what can be expected is a value.
 */
import { execFile } from 'node:child_process';
import { codeOf, messageOf } from './errors.ts';

export interface Ran {
  /** Null if it could not be started, or was ended because it took too long. */
  code: number | null;
  out: string;
  err: string;
}

const LIMIT_MS = 30_000;

/** Runs the program at `path`. Never rejects. `limitMs`: after it SIGKILL. */
export function run(
  path: string,
  args: string[],
  limitMs = LIMIT_MS,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(path, args, { timeout: limitMs, killSignal: 'SIGKILL', encoding: 'utf8', env }, (error, out, err) => {
      if (!error) return resolve({ code: 0, out, err });
      const { code } = error;
      if (typeof code === 'number') return resolve({ code, out, err });
      const why = error.killed ? `${path} did not answer within ${limitMs / 1000} s` : messageOf(error);
      resolve({ code: null, out, err: codeOf(error) === 'ENOENT' ? `there is no ${path}` : why });
    });
  });
}
