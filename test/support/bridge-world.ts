/**
 * A bridge on a real store and a real chat.db, with an osascript that does what the test says, and a clock that stands still. The osascript
 * is a POSIX sh script: it keeps what it was called with and then runs the test's own lines.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AttemptRequest } from '../../daemon/bridge/attempts.ts';
import { MessagesBridge } from '../../daemon/bridge/bridge.ts';
import type { SendOutcome } from '../../daemon/bridge/outcome.ts';
import type { AttemptState, RowChange, RowSighting } from '../../daemon/bridge/sightings.ts';
import { assetFolder } from '../../daemon/host/assets.ts';
import { Health } from '../../daemon/host/health.ts';
import { silentLog } from '../../daemon/host/log.ts';
import { ChatDbFile } from './chat-db-file.ts';
import { FakeClock, until } from './fake-clock.ts';
import { openStore, type TestStore } from './store.ts';

export const ANNA = '+14155550101';
export const LIMIT_MS = 45_000;

export const ACCEPT = 'echo dispatch_started >&2\necho "accepted $attempt"';
export const HANG = 'wait_for never';
/** An AppleScript error as osascript writes it, in another language and with a number where none must be read. */
export const fails = (number: number) =>
  `echo "$1:412:437: execution error: „Messages“ (1) hat einen Fehler erhalten. (${number})" >&2\nexit 1`;

const OSASCRIPT = `#!/bin/sh
dir=$(dirname "$0")
name=$(basename "$1" .applescript)
attempt=$2
echo $$ >>"$dir/pids"
wait_for() { touch "$dir/waits.$1"; while [ ! -f "$dir/$1" ]; do sleep 0.01; done; }
if [ -n "$3" ]; then
  printf '%s\\n' "$name $*" >>"$dir/calls"
  cp "$3" "$dir/payload.$name"
fi
. "$dir/$name.sh"
`;

export type ScriptName =
  | 'probe'
  | 'idle-probe'
  | 'quit-messages'
  | 'launch-messages'
  | `send-${'' | 'file-'}to-${'chat' | 'participant'}`;

export interface Told extends AttemptState {
  message: string;
  attempt: string;
}

export class BridgeWorld {
  readonly store: TestStore = openStore();
  /** Another one after `kill`: timers of the dead never run. */
  clock = new FakeClock();
  readonly dir: string;
  readonly work: string;
  readonly chat: ChatDbFile;
  health = new Health(this.clock);
  bridge: MessagesBridge;
  told: Told[] = [];
  inbound: RowSighting[] = [];
  ownHand: RowSighting[] = [];
  changes: RowChange[] = [];
  ownFiles: { guid: string; sha256: string[] }[] = [];
  generations: string[] = [];
  /** Whether each sighting was made inside a transaction. */
  outside = 0;
  ps = '/bin/ps';
  restartHung = false;
  /** Is the wall clock believed? */
  wallTrusted = true;
  region = 'US';
  #made = 0;

  constructor() {
    this.dir = join(this.store.folder, 'mac');
    this.work = join(this.store.folder, 'work');
    mkdirSync(this.dir);
    mkdirSync(this.work, { mode: 0o700 });
    writeFileSync(join(this.dir, 'osascript'), OSASCRIPT);
    chmodSync(join(this.dir, 'osascript'), 0o755);
    this.script('probe', 'echo ok');
    this.script('idle-probe', 'echo ok');
    this.script('send-to-chat', ACCEPT);
    this.script('send-to-participant', ACCEPT);
    this.script('send-file-to-chat', ACCEPT);
    this.script('send-file-to-participant', ACCEPT);
    this.chat = new ChatDbFile(join(this.store.folder, 'chat.db'));
    this.bridge = this.#make();
  }

  #make(): MessagesBridge {
    const note = () => {
      if (!this.store.db.inTransaction) this.outside += 1;
    };
    return new MessagesBridge({
      config: {
        chat_db: this.chat.path,
        osascript: join(this.dir, 'osascript'),
        ps: this.ps,
        send_limit_ms: LIMIT_MS,
      },
      workFolder: this.work,
      scripts: assetFolder('scripts'),
      db: this.store.db,
      commit: this.store.commit,
      clock: this.clock,
      health: this.health,
      log: silentLog,
      region: this.region,
      restartHung: this.restartHung,
      wallTrusted: () => this.wallTrusted,
      sightings: {
        attempt: (message, attempt, seen) => {
          note();
          this.told.push({ message, attempt, ...seen });
        },
        inbound: (row) => {
          note();
          this.inbound.push(row);
        },
        ownFiles: ({ guid }, sha256) => {
          note();
          this.ownFiles.push({ guid, sha256 });
        },
        ownHand: (row) => {
          note();
          this.ownHand.push(row);
        },
        changed: (change) => {
          note();
          this.changes.push(change);
        },
        generation: (reason) => this.generations.push(reason),
      },
    });
  }

  /** Starts, and recovers as the dispatcher does. */
  async open() {
    this.bridge.start();
    return this.bridge.recover();
  }

  /** The process was killed: what is in memory is gone, children live on. Opens nothing. */
  async kill(): Promise<void> {
    const { clock, bridge } = this;
    this.clock = new FakeClock(clock.now(), clock.mono());
    await bridge.stop();
    await this.store.reopen();
    this.health = new Health(this.clock);
    this.bridge = this.#make();
  }

  /** What osascript does for a script, in sh; `$attempt`, `$1` (the script) and `wait_for NAME` are there. */
  script(name: ScriptName, lines: string): void {
    writeFileSync(join(this.dir, `${name}.sh`), `${lines}\n`);
  }

  /** Lets a `wait_for NAME` go on. */
  go(name: string): void {
    writeFileSync(join(this.dir, name), '');
  }

  /** Until a child waits for NAME. */
  async waits(name: string): Promise<void> {
    await until(() => existsSync(join(this.dir, `waits.${name}`)), `a child that waits for ${name}`);
  }

  /** One line per call of a send script: its name, path, attempt id, path of the payload. */
  calls(): string[][] {
    if (!existsSync(join(this.dir, 'calls'))) return [];
    return readFileSync(join(this.dir, 'calls'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(' '));
  }

  /** Did a script write this file into `$dir`? */
  exists(name: string): boolean {
    return existsSync(join(this.dir, name));
  }

  read(name: string): string {
    return readFileSync(join(this.dir, name), 'utf8').trim();
  }

  /** Lines of a file that a script wrote into `$dir`. */
  count(name: string): number {
    return readFileSync(join(this.dir, name), 'utf8').trim().split('\n').length;
  }

  removeOsascript(): void {
    rmSync(join(this.dir, 'osascript'));
  }

  payload(name: string): string {
    return readFileSync(join(this.dir, `payload.${name}`), 'utf8');
  }

  workFiles(): string[] {
    return readdirSync(this.work).sort();
  }

  request(text: string, more: Partial<AttemptRequest> = {}): AttemptRequest {
    this.#made += 1;
    return {
      attempt: `a_${this.#made}`,
      message: `m_${this.#made}`,
      recipient: { kind: 'handle', handle: ANNA },
      text,
      service: 'imessage',
      ...more,
    };
  }

  /** In a transaction, as the dispatcher does. */
  begin(request: AttemptRequest): Promise<boolean> {
    return this.store.commit.run(() => this.bridge.begin(request));
  }

  /** Ready, begun and run. */
  async send(text: string, more: Partial<AttemptRequest> = {}): Promise<{ id: string; outcome: SendOutcome }> {
    const { id, running } = await this.sending(text, more);
    return { id, outcome: await running };
  }

  /** Ready and begun; `running` is the run. */
  async sending(
    text: string,
    more: Partial<AttemptRequest> = {},
  ): Promise<{ id: string; running: Promise<SendOutcome> }> {
    const request = this.request(text, more);
    const ready = await this.bridge.ready();
    if (!ready.ok) throw new Error(`not ready: ${ready.condition}`);
    if (!(await this.begin(request))) throw new Error('begin said no');
    const running = this.bridge.run(request.attempt);
    // After `kill` it ends for nobody.
    running.catch(() => {});
    return { id: request.attempt, running };
  }

  /** Time passes until what is in chat.db has been looked at. */
  async look(): Promise<void> {
    await this.clock.advanceAsync(150);
    // What is seen is stored, and what is stored may cause more: a flush takes as long as the disk wants.
    for (let round = 0; round < 4; round += 1) {
      await this.store.commit.run(() => {});
      await this.clock.advanceAsync(0);
    }
  }

  states(message?: string): string[] {
    return this.told.filter((t) => message === undefined || t.message === message).map((t) => t.state);
  }

  conditions(): string[] {
    return this.health.list().map((c) => c.name);
  }

  killChildren(): void {
    const pids = join(this.dir, 'pids');
    for (const pid of existsSync(pids) ? readFileSync(pids, 'utf8').trim().split('\n') : []) {
      try {
        process.kill(-Number(pid), 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
  }

  async close(): Promise<void> {
    await this.bridge.stop();
    this.killChildren();
    this.chat.close();
    await this.store.remove();
  }
}
