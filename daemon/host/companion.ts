/** A program that lives beside this process and ends with it. */
import { spawn } from 'node:child_process';

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
