/**
 * Full Disk Access as the programs of the simulated Mac meet it: `node --import <this file> program`, with SIM_PRIVACY in the environment, a
 * file that names what may not be opened, one path a line. What it says when a process starts holds until the end of that process, as macOS
 * often has it; a child of the same program is asked about anew. Without SIM_PRIVACY nothing is changed.
 */
import childProcess from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { SIM_PRIVACY } = process.env;
if (SIM_PRIVACY) deny(SIM_PRIVACY);

function deny(list: string): void {
  const denied = new Set(fs.readFileSync(list, 'utf8').split('\n'));
  fs.openSync = new Proxy(fs.openSync, {
    apply(open, self, args) {
      const [path] = args;
      if (denied.has(String(path)))
        throw Object.assign(new Error(`EPERM: operation not permitted, open '${path}'`), { code: 'EPERM', path });
      return Reflect.apply(open, self, args);
    },
  });
  childProcess.execFile = new Proxy(childProcess.execFile, {
    apply(execute, self, [file, args, options, ...more]) {
      if (file !== process.execPath) return Reflect.apply(execute, self, [file, args, options, ...more]);
      const env = { ...options.env, SIM_PRIVACY: list };
      return Reflect.apply(execute, self, [file, ['--import', import.meta.url, ...args], { ...options, env }, ...more]);
    },
  });
  syncBuiltinESMExports();
}
