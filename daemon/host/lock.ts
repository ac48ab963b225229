/**
 * One daemon per folder. The lock is SQLite's own write lock on a small file: the system lets go of it when the process ends, however
 * it ends, so there is nothing stale to clean up and no moment in which two daemons both find it free.
 */
import { takeFileLock } from './db.ts';
import { RelayError } from './errors.ts';

export interface RelayLock {
  release(): void;
}

/**
 * Throws `already_running`, naming the process that holds the lock. The caller owes to keep the answer: a lock that nobody refers to any
 * more is let go with the next garbage collection.
 */
export function takeLock(path: string): RelayLock {
  const taken = takeFileLock(path, process.pid);
  if (taken.kind === 'taken') return { release: taken.release };
  const who = taken.holder > 0 ? ` (process ${taken.holder})` : '';
  throw new RelayError('already_running', `a relay already runs for this folder${who}`, {
    hint: 'Look at it with relayctl status. For a second sender, use another SENDER_RELAY_HOME and another user of this Mac.',
  });
}
