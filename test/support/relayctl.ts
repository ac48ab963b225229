/** Runs the real scripts/relayctl as a process of its own. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export const RELAYCTL = fileURLToPath(new URL('../../scripts/relayctl', import.meta.url));

export interface Ran {
  code: number | null;
  out: string;
  err: string;
  lines: string[];
  /** Each line of stdout as JSON. */
  json(): unknown[];
}

export interface Running {
  process: ChildProcessWithoutNullStreams;
  ended: Promise<Ran>;
}

/** Without a terminal, in UTC, at home in `home` if given. */
export function startRelayctl(
  args: string[],
  o: { home?: string; env?: Record<string, string>; file?: string } = {},
): Running {
  const { SENDER_RELAY_HOME: _, ...inherited } = process.env;
  const env = { ...inherited, TZ: 'UTC', ...(o.home === undefined ? {} : { SENDER_RELAY_HOME: o.home }), ...o.env };
  const child = spawn(o.file ?? RELAYCTL, args, { env });
  const ended = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]).then(
    ([[code], out, err]) => {
      const lines = out.split('\n').slice(0, -1);
      return {
        code: code as number | null,
        out,
        err,
        lines,
        json: () => lines.map((line) => JSON.parse(line) as unknown),
      };
    },
  );
  return { process: child, ended };
}

export function relayctl(
  args: string[],
  o: { home?: string; input?: string; env?: Record<string, string>; file?: string } = {},
) {
  const running = startRelayctl(args, o);
  running.process.stdin.on('error', () => {});
  running.process.stdin.end(o.input ?? '');
  return running.ended;
}
