/**
 * What launchctl, codesign and open are asked, through commands.ts; what can be expected is a value.
 *
 *   absent ──bootstrap──▶ loaded (running ⇄ waiting) ──bootout──▶ going ──▶ absent
 *
 * Exit codes and words are those of macOS 11 to 15 (`launchctl error N` names them) and of 10.15 where they differ. The words of `print`
 * are no interface ("NOT API", launchctl(1)): only a few names are read, and none of them must be there.
 */
import { type Clock, pause } from './clock.ts';
import { type Ran, run } from './commands.ts';

/** Why launchctl did not do it. `code` is its exit code. */
export type Refused =
  /** The user has no session at the screen: gui/<uid> is not there, or is not what this caller may use. */
  | { kind: 'no_session'; words: string }
  /** Switched off with `launchctl disable`, or in System Settings under Login Items. */
  | { kind: 'disabled'; words: string }
  | { kind: 'failed'; code: number | null; words: string };

export interface Loaded {
  kind: 'loaded';
  /** launchd's word: "running", "waiting", "not running", "spawn scheduled", … */
  state: string;
  pid: number | null;
  /** How the last process ended, in launchd's words ("0", "78: EX_CONFIG", "(never exited)"), or null. */
  lastExit: string | null;
  /** How often it was started since it was loaded, or null. */
  runs: number | null;
}

export type Printed = Loaded | { kind: 'absent' } | Refused;
export type Done = { kind: 'done' } | { kind: 'already' } | Refused;

const POLL_MS = 100;

/** 125 over SSH without a session, 112 where the domain is unknown. */
const NO_SESSION = /Domain does not support specified action|Could not find (specified )?domain/;
const NOT_LOADED = /Could not find (specified )?service|No such process/;

export class Launchd {
  /** `gui/501`: the session of this user at the screen. */
  readonly domain: string;
  /** `gui/501/com.sender.relay`. */
  readonly target: string;
  readonly #label: string;
  readonly #path: string;
  readonly #clock: Clock;

  constructor(o: { launchctl: string; label: string; uid: number; clock: Clock }) {
    this.#path = o.launchctl;
    this.#label = o.label;
    this.#clock = o.clock;
    this.domain = `gui/${o.uid}`;
    this.target = `${this.domain}/${o.label}`;
  }

  async print(): Promise<Printed> {
    const ran = await this.#run('print', this.target);
    if (ran.code === 0) return loadedOf(ran.out);
    const words = wordsOf(ran);
    if (isNoSession(ran)) return { kind: 'no_session', words };
    return ran.code === 113 || NOT_LOADED.test(words) ? { kind: 'absent' } : { kind: 'failed', code: ran.code, words };
  }

  /** Loads the property list at `path`; with RunAtLoad its process starts. "Input/output error" can be anything: it is looked into. */
  async bootstrap(path: string): Promise<Done> {
    const ran = await this.#run('bootstrap', this.domain, path);
    if (ran.code === 0) return { kind: 'done' };
    const words = wordsOf(ran);
    if (isNoSession(ran)) return { kind: 'no_session', words };
    if (ran.code === 119 || (await this.#isDisabled())) return { kind: 'disabled', words };
    const found = await this.print();
    if (found.kind === 'loaded') return { kind: 'already' };
    return found.kind === 'no_session' ? found : { kind: 'failed', code: ran.code, words };
  }

  /** Ends the process (SIGTERM, after ExitTimeOut SIGKILL) and unloads the job. Returns before that is through: `untilAbsent`. */
  async bootout(): Promise<Done> {
    const ran = await this.#run('bootout', this.target);
    // 36: it has been told, and takes its time.
    if (ran.code === 0 || ran.code === 36) return { kind: 'done' };
    const words = wordsOf(ran);
    if (isNoSession(ran)) return { kind: 'no_session', words };
    return ran.code === 3 || ran.code === 113 || NOT_LOADED.test(words)
      ? { kind: 'already' }
      : { kind: 'failed', code: ran.code, words };
  }

  /** Starts the process of a loaded job now. `kill`: a running one is ended first, by SIGKILL at once. */
  async kickstart(o: { kill: boolean }): Promise<Done> {
    return this.#doneBy(await this.#run('kickstart', ...(o.kill ? ['-k'] : []), this.target));
  }

  /** SIGTERM to the job's process; KeepAlive starts another one. `already`: none runs. */
  async terminate(): Promise<Done> {
    const ran = await this.#run('kill', 'SIGTERM', this.target);
    return ran.code === 3 ? { kind: 'already' } : this.#doneBy(ran);
  }

  /** Resolves with the last look, once `fits` holds or `patienceMs` are over. */
  async until(fits: (printed: Printed) => boolean, patienceMs: number): Promise<Printed> {
    const end = this.#clock.mono() + patienceMs;
    for (;;) {
      const printed = await this.print();
      if (fits(printed) || this.#clock.mono() >= end) return printed;
      await pause(this.#clock, POLL_MS);
    }
  }

  #doneBy(ran: Ran): Done {
    if (ran.code === 0) return { kind: 'done' };
    return isNoSession(ran)
      ? { kind: 'no_session', words: wordsOf(ran) }
      : { kind: 'failed', code: ran.code, words: wordsOf(ran) };
  }

  /** macOS 13 and later say "disabled", earlier ones "true". */
  async #isDisabled(): Promise<boolean> {
    const ran = await this.#run('print-disabled', this.domain);
    const lines = ran.out.split('\n').filter((line) => line.includes(`"${this.#label}"`));
    return ran.code === 0 && lines.some((line) => /=> (disabled|true)\s*$/.test(line));
  }

  #run(...args: string[]): Promise<Ran> {
    return run(this.#path, args);
  }
}

/** What codesign says of a program or a bundle: its identifier, or null if it has no signature. */
export async function signedIdentifier(
  codesign: string,
  path: string,
): Promise<{ identifier: string | null; words: string }> {
  const ran = await run(codesign, ['--display', '--verbose=2', path]);
  const words = wordsOf(ran);
  if (ran.code !== 0) return { identifier: null, words };
  const valid = await run(codesign, ['--verify', '--strict', path]);
  if (valid.code !== 0) return { identifier: null, words: wordsOf(valid) };
  return { identifier: /^Identifier=(.+)$/m.exec(ran.err)?.[1]?.trim() ?? null, words };
}

/** Opens a pane of System Settings for whoever sits at the screen. False if that did not work. */
export async function openUrl(tool: string, url: string): Promise<boolean> {
  return (await run(tool, [url])).code === 0;
}

function isNoSession(ran: Ran): boolean {
  return ran.code === 125 || ran.code === 112 || NO_SESSION.test(ran.err);
}

/** The words of launchctl on one line, without what it always adds. */
function wordsOf({ err, out, code }: Ran): string {
  const lines = (err || out).split('\n').map((line) => line.trim());
  const said = lines.filter((line) => line !== '' && line !== 'Bad request.' && !line.startsWith('Try re-running'));
  return said.join(' ') || `exit code ${code}`;
}

/** The first of each name counts: those of the job stand before those of its parts. */
function loadedOf(out: string): Loaded {
  const named = (name: string) => new RegExp(`^\\t${name} = (.+)$`, 'm').exec(out)?.[1]?.trim() ?? null;
  const number = (name: string) => {
    const value = Number(named(name) ?? Number.NaN);
    return Number.isSafeInteger(value) ? value : null;
  };
  return {
    kind: 'loaded',
    state: named('state') ?? 'unknown',
    pid: number('pid'),
    lastExit: named('last terminating signal') ?? named('last exit code'),
    runs: number('runs'),
  };
}
