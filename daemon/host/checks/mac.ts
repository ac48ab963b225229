/** Checks of the Mac itself: its version, its session at the screen, what happens after a restart, and whether Messages runs. */
import { systemClock } from '../clock.ts';
import { Launchd } from '../launchd.ts';
import { LABEL } from '../version.ts';
import { type Check, type CheckWorld, failed, needsPerson, passed, skipped, warned, withoutTool } from './check.ts';

/** The pinned Node needs it. */
const OLDEST = [13, 5] as const;
const LOGIN_WINDOW = '/Library/Preferences/com.apple.loginwindow';
const LIMIT_MS = 10_000;

export async function macosVersion(world: CheckWorld): Promise<Check> {
  const name = 'macos';
  const ran = await world.run(world.tools.sw_vers, ['-productVersion'], LIMIT_MS);
  const without = withoutTool(name, world, ran, 'sw_vers');
  if (without) return without;
  const found = /^(\d+)\.?(\d*)[\d.]*$/.exec(ran.out.trim());
  if (!found)
    return warned({
      name,
      code: 'version_unknown',
      words: 'sw_vers does not tell the version of macOS.',
      remedy: 'Look at Apple menu › About This Mac: it must be 13.5 or later.',
    });
  const [version, major, minor] = [found[0], Number(found[1]), Number(found[2] || 0)];
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]))
    return passed(name, `macOS ${version}.`, { version });
  return failed({
    name,
    code: 'too_old',
    words: `macOS ${version} is too old: the relay needs ${OLDEST.join('.')} or later.`,
    remedy: 'Update at System Settings › General › Software Update.',
    facts: { version },
  });
}

export async function guiSession(world: CheckWorld): Promise<Check> {
  const name = 'gui_session';
  const { launchctl } = world.tools;
  const launchd = new Launchd({ launchctl, label: LABEL, uid: world.uid, clock: systemClock });
  const printed = await launchd.print();
  if (printed.kind === 'loaded' || printed.kind === 'absent')
    return passed(name, 'You are logged in at this Mac’s screen.');
  if (printed.kind === 'no_session') {
    const ssh = Boolean(world.env.SSH_CONNECTION || world.env.SSH_TTY);
    return needsPerson({
      name,
      code: 'no_session',
      words: `Nobody is logged in at this Mac’s screen as ${world.user}; Messages needs that.${ssh ? ' SSH alone is not enough.' : ''}`,
      remedy: 'Log in at the screen, or by Screen Sharing, as the user of Messages.',
      facts: { ssh },
    });
  }
  const without = withoutTool(name, world, { code: null, out: '', err: printed.words }, 'launchctl');
  return without?.verdict === 'skipped'
    ? without
    : warned({
        name,
        code: 'launchctl_failed',
        words: `launchctl does not tell: ${printed.words}.`,
        remedy: 'Check tools.launchctl in config.json, then try again.',
      });
}

export async function autoLogin(world: CheckWorld): Promise<Check> {
  const name = 'auto_login';
  const ran = await world.run(world.tools.defaults, ['read', LOGIN_WINDOW, 'autoLoginUser'], LIMIT_MS);
  const without = withoutTool(name, world, ran, 'defaults');
  if (without) return without;
  const found = ran.code === 0 ? ran.out.trim() : '';
  if (found === world.user) return passed(name, 'After a restart you are logged in automatically.');
  const remedy = `To have that: System Settings › Users & Groups › Automatically log in as: ${world.user}.`;
  if (found === '')
    return warned({
      name,
      code: 'off',
      words: 'After a restart of the Mac the relay waits until somebody logs in at the screen.',
      remedy,
    });
  const words = 'After a restart another user is logged in automatically, and the relay does not run.';
  return warned({ name, code: 'other_user', words, remedy });
}

export async function fileVault(world: CheckWorld): Promise<Check> {
  const name = 'filevault';
  const ran = await world.run(world.tools.fdesetup, ['status'], LIMIT_MS);
  const without = withoutTool(name, world, ran, 'fdesetup');
  if (without) return without;
  if (/FileVault is Off/.test(ran.out)) return passed(name, 'FileVault is off; automatic login is possible.');
  if (/FileVault is On/.test(ran.out))
    return warned({
      name,
      code: 'on',
      words: 'FileVault is on: after a restart somebody has to type the password before anything runs.',
      remedy:
        'Keep it and be there after restarts, or switch it off at System Settings › Privacy & Security › FileVault.',
    });
  return warned({
    name,
    code: 'unknown',
    words: 'fdesetup does not tell whether FileVault is on.',
    remedy: 'Look at System Settings › Privacy & Security › FileVault.',
  });
}

export async function messagesRunning(world: CheckWorld): Promise<Check> {
  const name = 'messages_running';
  const ran = await world.run(world.tools.pgrep, ['-x', '-U', String(world.uid), 'Messages'], LIMIT_MS);
  const without = withoutTool(name, world, ran, 'pgrep');
  if (without) return without;
  if (ran.code === 0) return passed(name, 'Messages runs.');
  if (world.platform !== 'darwin') return skipped(name, 'no_mac', 'This machine is no Mac.');
  if (ran.code === 1)
    return warned({
      name,
      code: 'not_running',
      words: 'Messages does not run; receipts of messages come late or not at all then.',
      remedy: 'Open Messages, and add it at System Settings › General › Login Items.',
    });
  return warned({
    name,
    code: 'pgrep_failed',
    words: `pgrep ended with code ${ran.code}.`,
    remedy: 'Look whether Messages is open.',
  });
}

const GIB = 1024 ** 3;

export function diskSpace(world: CheckWorld): Check {
  const name = 'disk';
  const free = world.freeBytes(world.paths.home);
  const gib = Math.floor((10 * free) / GIB) / 10;
  const facts = { free_gib: gib };
  if (free >= 5 * GIB) return passed(name, `${gib} GiB are free.`, facts);
  const wrong = {
    name,
    code: 'low',
    words: `Only ${gib} GiB are free on the disk of the relay.`,
    remedy: 'Make room: System Settings › General › Storage.',
    facts,
  };
  return free >= GIB ? warned(wrong) : failed({ ...wrong, code: 'full' });
}

const CLOCK_WARN_MS = 30_000;
const CLOCK_FAIL_MS = 300_000;

/** Against the controller's clock, as its answer to a plain request tells it. */
export function clockRight(world: CheckWorld, controllerAt: number | null): Check {
  const name = 'clock';
  if (controllerAt === null) return skipped(name, 'nothing_to_compare', 'There is no other clock to compare with.');
  const off = Math.round((world.now() - controllerAt) / 1000);
  const facts = { off_s: off };
  const way = off > 0 ? 'ahead of' : 'behind';
  if (Math.abs(off) * 1000 <= CLOCK_WARN_MS) return passed(name, 'The clock agrees with the controller’s.', facts);
  const wrong = {
    name,
    code: 'off',
    words: `This Mac’s clock is ${Math.abs(off)} s ${way} the controller’s.`,
    remedy: 'System Settings › General › Date & Time: switch on “Set time and date automatically”.',
    facts,
  };
  return Math.abs(off) * 1000 <= CLOCK_FAIL_MS ? warned(wrong) : failed(wrong);
}
