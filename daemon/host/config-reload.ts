/**
 * The configuration read anew while the relay runs. The level of the log and most of the policy change at once; what else was changed is
 * named and holds from the next start on.
 *
 * A file with a mistake changes nothing: `reload` throws what is wrong, as at a start.
 */
import type { Config } from './config.ts';
import { changedFields, LIVE } from './config-fields.ts';
import type { RelayLog } from './log.ts';

/** Names of fields as in the file. */
export interface Reloaded {
  /** In force now. */
  changed: string[];
  /** From the next start on. */
  restart: string[];
}

export class ConfigReload {
  /** What holds. */
  #config: Config;
  readonly #read: () => Config;
  readonly #log: RelayLog;
  readonly #policy: (written: Record<string, unknown>) => Promise<Reloaded>;

  /** `read` and `policy` throw what is wrong, and then have changed nothing. */
  constructor(o: {
    config: Config;
    read: () => Config;
    log: RelayLog;
    policy: (written: Record<string, unknown>) => Promise<Reloaded>;
  }) {
    this.#config = o.config;
    this.#read = o.read;
    this.#log = o.log;
    this.#policy = o.policy;
  }

  async reload(): Promise<Reloaded> {
    const next = this.#read();
    const policy = await this.#policy(next.policy);
    const fields = changedFields(this.#config, next).sort();
    this.#log.setLevel(next.log.level);
    this.#config = { ...this.#config, log: { ...this.#config.log, level: next.log.level } };
    const inPolicy = (field: string) => `policy.${field}`;
    const told = {
      changed: [...fields.filter((field) => LIVE.includes(field)), ...policy.changed.map(inPolicy)],
      restart: [...fields.filter((field) => !LIVE.includes(field)), ...policy.restart.map(inPolicy)],
    };
    this.#log.info('reloaded', { ...told });
    return told;
  }
}
