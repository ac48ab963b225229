import { writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../daemon/host/config.ts';
import { ConfigReload, type Reloaded } from '../../../daemon/host/config-reload.ts';
import { type RelayLog, silentLog } from '../../../daemon/host/log.ts';
import { relayPaths } from '../../../daemon/host/paths.ts';
import { makeFolder } from '../../support/store.ts';

let write: (content: object) => void;
let reloading: ConfigReload;
let levels: string[];
let policy: (written: Record<string, unknown>) => Promise<Reloaded>;

beforeEach(() => {
  const paths = relayPaths({ env: { SENDER_RELAY_HOME: makeFolder() } });
  write = (content) => writeFileSync(paths.config, JSON.stringify(content));
  const read = () => loadConfig({ paths, env: {} });
  levels = [];
  policy = async () => ({ changed: [], restart: [] });
  const log = { ...silentLog, setLevel: (level: string) => levels.push(level) } as unknown as RelayLog;
  write({ device: 'mac-1', controller: { url: 'wss://a.example' } });
  reloading = new ConfigReload({ config: read(), read, log, policy: (written) => policy(written) });
});

describe('a configuration that is read anew', () => {
  it('changes what can change, and names what needs a start, until there was one', async () => {
    write({ device: 'mac-1', controller: { url: 'wss://b.example' }, log: { level: 'debug', files: 9 } });
    policy = async () => ({ changed: ['caps.unanswered'], restart: ['near.jaccard'] });
    expect(await reloading.reload()).toEqual({
      changed: ['log.level', 'policy.caps.unanswered'],
      restart: ['controller.url', 'log.files', 'policy.near.jaccard'],
    });
    expect(levels.at(-1)).toBe('debug');
    policy = async () => ({ changed: [], restart: [] });
    expect(await reloading.reload()).toEqual({ changed: [], restart: ['controller.url', 'log.files'] });
  });

  it('names a section that came or went', async () => {
    write({ device: 'mac-1' });
    expect(await reloading.reload()).toEqual({ changed: [], restart: ['controller'] });
  });

  it('changes nothing when there is a mistake in it', async () => {
    write({ device: 'mac-1', log: { level: 'loud' } });
    await expect(reloading.reload()).rejects.toMatchObject({ code: 'config_invalid' });
    write({ device: 'mac-1', controller: { url: 'wss://a.example' }, log: { level: 'debug' } });
    policy = () => Promise.reject(new Error('policy_invalid'));
    await expect(reloading.reload()).rejects.toThrow('policy_invalid');
    expect(levels).toEqual([]);
  });
});
