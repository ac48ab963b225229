/** The door to programs that are not Messages' and not launchd's: one that is tried out, and one that lives beside this process. */
import { execFile, spawn } from 'node:child_process';

/** Whether it ended with exit code 0 within `limitMs`. Never rejects. */
export function succeeds(program: string, args: string[], limitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: limitMs, killSignal: 'SIGKILL', env: {} }, (error) => resolve(error === null));
  });
}

export interface Companion {
  end(): void;
}

/** Starts it without input and output. `onGone` once, if it could not start or ended before `end`. */
export function companion(program: string, args: string[], onGone: () => void): Companion {
  const child = spawn(program, args, { stdio: 'ignore' });
  let over = false;
  const gone = () => {
    if (!over) onGone();
    over = true;
  };
  child.once('error', gone);
  child.once('exit', gone);
  child.unref();
  return {
    end: () => {
      if (over) return;
      over = true;
      child.kill();
    },
  };
}
