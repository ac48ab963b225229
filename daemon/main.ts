/**
 * The process: paths, configuration, lock, log, relay; SIGTERM and SIGINT stop it cleanly, SIGHUP reads the configuration anew.
 *
 * Exit codes: 0 stopped on request · 1 it could not start (why, and what to do, on stderr) · 70 a bug or a broken store ended it ·
 * 75 a permission was granted that only a new process has (under launchd, at most once an hour).
 */
import { systemClock } from './host/clock.ts';
import { run } from './host/commands.ts';
import { loadConfig } from './host/config.ts';
import { codeOf, messageOf, RelayError } from './host/errors.ts';
import { FreshLook, mayRestart } from './host/fresh-look.ts';
import { installationKey } from './host/installation-key.ts';
import { takeLock } from './host/lock.ts';
import { createLog } from './host/log.ts';
import { prepareHome, relayPaths } from './host/paths.ts';
import { LABEL } from './host/version.ts';
import { Wakefulness } from './host/wakefulness.ts';
import { Relay } from './relay.ts';

const READ = "const fs = require('node:fs'); fs.readSync(fs.openSync(process.argv[1], 'r'), Buffer.alloc(16))";
const CHILD_LIMIT_MS = 10_000;
/** Longer than one send may take: a stop waits for the send that runs. */
const STOP_GRACE_MS = 15_000;

async function main(): Promise<void> {
  const { env } = process;
  const paths = relayPaths({ env });
  prepareHome(paths);
  const readConfig = () => loadConfig({ paths, env });
  const config = readConfig();
  const lock = takeLock(paths.lock);
  const log = createLog({
    folder: paths.logs,
    level: config.log.level,
    unredacted: config.log.unredacted,
    maxBytes: config.log.max_bytes,
    files: config.log.files,
    key: installationKey(`${paths.home}/key`),
    clock: systemClock,
    ...(process.stderr.isTTY ? { also: process.stderr } : {}),
  });

  const die = (error: unknown) => {
    log.error('uncaught', {
      error: messageOf(error),
      code: codeOf(error),
      stack: error instanceof Error ? error.stack : undefined,
    });
    // launchd keeps stderr in a file that nobody redacts, and a message may quote what was read: only where it happened stands there.
    const frames =
      error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => /^ {4}at /.test(line)) : [];
    const words = `relayd: ended by ${codeOf(error) ?? 'a defect'}; ${log.file} says more`;
    process.stderr.write(`${[words, ...frames].join('\n')}\n`);
    process.exit(70);
  };
  process.on('uncaughtException', die);
  const permission = new FreshLook({
    clock: systemClock,
    canRead: async (path) => (await run(process.execPath, ['-e', READ, path], CHILD_LIMIT_MS, {})).code === 0,
    // Only launchd starts it again.
    onStale: () => {
      const may = env.XPC_SERVICE_NAME === LABEL && mayRestart(`${paths.home}/restarted`, Date.now());
      if (may) stop('permission granted', 75);
      else log.warn('permission_needs_restart');
      return may;
    },
  });
  const relay = new Relay({ config, paths, clock: systemClock, log, readConfig, onFatal: die, permission });
  const wakefulness = new Wakefulness({
    clock: systemClock,
    health: relay.health,
    log: log.room('power'),
    caffeinate: config.power.caffeinate ? config.tools.caffeinate : null,
  });
  let stopping = false;
  const stop = (signal: string, code = 0) => {
    if (stopping) return;
    stopping = true;
    log.info('stopping', { signal });
    wakefulness.stop();
    const late = setTimeout(() => process.exit(70), config.messages.send_limit_ms + STOP_GRACE_MS);
    relay.stop().then(
      async () => {
        clearTimeout(late);
        lock.release();
        await log.close();
        process.exit(code);
      },
      (error: unknown) => {
        process.stderr.write(`relayd: stopping failed: ${messageOf(error)}\n`);
        process.exit(70);
      },
    );
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  process.on('SIGHUP', () => {
    relay
      .reload()
      .catch((error: unknown) => log.error('not_reloaded', { code: codeOf(error), error: messageOf(error) }));
  });
  await relay.start();
  wakefulness.start();
}

main().catch((error: unknown) => {
  const hint = error instanceof RelayError ? `\n  ${error.hint}` : '';
  process.stderr.write(`relayd: ${messageOf(error)}${hint}\n`);
  process.exit(1);
});
