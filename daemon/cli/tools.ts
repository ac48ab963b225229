/** Where the tools of macOS are, for commands that must work without a configuration that is right. */
import { type Config, checkConfig, loadConfig, OVERRIDES } from '../host/config.ts';
import type { Asking } from './world.ts';

/** By the environment, then config.json, then as macOS has them: what is wrong with the file is said by others. */
export function toolsOf(asking: Asking): Config['tools'] {
  return configFor(asking).tools;
}

/** The configuration, or, where it is missing or wrong, one with all defaults. */
export function configFor({ paths, world: { env } }: Asking): Config {
  try {
    return loadConfig({ paths, env });
  } catch {
    const named = Object.entries(OVERRIDES).filter(([, [section]]) => section === 'tools' || section === 'messages');
    const usual = checkConfig(
      { device: 'none' },
      { paths, env: Object.fromEntries(named.map(([variable]) => [variable, env[variable]])), folder: paths.home },
    );
    if (!usual.ok) throw new Error('the defaults of the configuration are not allowed by it');
    return usual.config;
  }
}
