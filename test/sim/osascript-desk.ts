/**
 * The simulator's side of the osascript stand-in: each call comes in through a FIFO, is checked, and played by the present mode.
 *
 *   called ── hung before the mark …                       (ends when released, or when the caller ends it)
 *      ├── refused: error line, exit 1                     (nothing has left)
 *      └── `dispatch_started` ── the message goes or not ── hung after the mark … │ error line, exit 1 │ `accepted`, exit 0
 *
 * Scripts are known by their basename. The payload must be 0600 in a folder of 0700, and is read at once.
 */

import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { basename, dirname, join } from 'node:path';
import type { Told } from './mac-events.ts';
import type { Messages } from './messages.ts';
import type { SimClock } from './sim-clock.ts';
import { CALLS } from './stand-ins.ts';

export const MODES = [
  'normal',
  /** No mark, no end. `delayMs`: goes on by itself then. */
  'hung_before_mark',
  /** The mark, then no end. `goes` (default false): the message is sent all the same. */
  'hung_after_mark',
  /** The mark, −1712 `delayMs` later (default 30 s). `goes` (default true). */
  'timed_out',
  /** The mark, −609: Messages quit. `goes` (default false). */
  'connection_lost',
  /** The mark, then osascript dies without a result. `goes` (default true). */
  'died',
  /** The mark and `accepted`, but nothing goes and no row comes. */
  'lost',
  /** Takes `delayMs` (default 3 s) from the mark to the send. The message goes even if osascript is ended meanwhile. */
  'slow',
  /** Takes `delayMs` (default 3 s) to come to the mark; nothing goes if it is ended meanwhile. */
  'slow_before_mark',
  /** −1743, the probe too. */
  'denied',
  /** −1728 by chat, though the chat is there. */
  'no_such_chat',
  /** −1728 by chat and by participant. */
  'no_such_participant',
  /** −600, the probe too. */
  'not_running',
  /** −2741: a script that this macOS cannot read. */
  'bad_script',
  /** Messages hangs: neither the probe nor a send comes to anything. */
  'messages_hung',
] as const;

export interface Mode {
  name: (typeof MODES)[number];
  delayMs?: number;
  goes?: boolean;
  /** Only for sends to this handle (or to this chat's guid). */
  handle?: string;
}

const NORMAL: Mode = { name: 'normal' };

type Outcome = { exit: number; out?: string; err?: string };

interface Call {
  pid: number;
  script: string;
  path: string;
  attempt: string;
  target: string;
  /** A text, or the path of a file. */
  text: string;
  /** Null once it has ended. */
  fd: number | null;
}

/** Words as macOS would say them in another language, with a number where none must be read. */
const WORDS: Record<number, string> = {
  [-1743]: 'Keine Berechtigung, um Apple-Events an „Messages“ (com.apple.MobileSMS) zu senden.',
  [-1728]: '„chat id (1)“ kann nicht gelesen werden.',
  [-1712]: '„Messages“ hat einen Fehler erhalten: AppleEvent-Timeout (120 Sekunden).',
  [-609]: '„Messages“ hat einen Fehler erhalten: Verbindung ist ungültig.',
  [-600]: 'Das Programm wird nicht ausgeführt.',
  [-2741]: 'Zeilenende erwartet, aber „account“ gefunden.',
  [-43]: 'Die Datei wurde nicht gefunden.',
  [-54]: 'Die Datei gehört nicht dem Aufrufer allein.',
};

/** How often it is looked whether a call that hangs was ended by its caller; real time. */
const LOOK_EVERY_MS = 25;
const SURELY_OPENED_MS = 60_000;

export class OsascriptDesk {
  readonly #run: string;
  readonly #messages: Messages;
  readonly #clock: SimClock;
  readonly #tell: (event: Told) => void;
  readonly #calls: Socket;
  readonly #open = new Set<Call>();
  #held: { call: Call; goOn: () => void }[] = [];
  #mode: Mode = NORMAL;
  #left: number | null = null;

  /** `run` is the folder of the stand-in. From now on it can be called. */
  constructor(o: { run: string; messages: Messages; clock: SimClock; tell: (event: Told) => void }) {
    this.#run = o.run;
    this.#messages = o.messages;
    this.#clock = o.clock;
    this.#tell = o.tell;
    const fifo = join(o.run, CALLS);
    removeFile(fifo);
    execFileSync('mkfifo', ['-m', '600', fifo]);
    writeFileSync(join(o.run, 'pid'), String(process.pid));
    // Open for both, so that it never ends when the last caller has gone.
    this.#calls = new Socket({ fd: openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK), writable: false });
    let rest = '';
    this.#calls.setEncoding('utf8').on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#answer(Number(line));
    });
  }

  /** From now on, or for the next `count` calls (then normal again). The probe counts in modes that concern it. */
  setMode(mode: Mode, count: number | null = null): void {
    this.#mode = mode;
    this.#left = count;
  }

  /** What hangs goes on: as if nothing had been (`go`), or it ends with exit 1. Returns how many. */
  release(how: 'go' | 'end'): number {
    const held = this.#held;
    this.#held = [];
    for (const { call, goOn } of held) {
      if (how === 'go') goOn();
      else this.#end(call, { exit: 1 });
    }
    return held.length;
  }

  /** Takes no more calls; all that are open end. */
  close(): void {
    removeFile(join(this.#run, CALLS));
    removeFile(join(this.#run, 'pid'));
    this.#calls.destroy();
    for (const call of this.#open) this.#end(call, { exit: 1 });
  }

  #answer(pid: number): void {
    const argumentsFile = join(this.#run, `${pid}.call`);
    const [path = '', attempt = '', payload = ''] = readFileSync(argumentsFile, 'utf8').split('\n');
    removeFile(argumentsFile);
    const script = basename(path, '.applescript');
    let fd: number;
    try {
      fd = openSync(join(this.#run, `${pid}.reply`), constants.O_WRONLY | constants.O_NONBLOCK);
    } catch {
      return; // It was ended while it called.
    }
    const call: Call = { pid, script, path, attempt, target: '', text: '', fd };
    this.#open.add(call);
    this.#say(call, 'go');
    if (script === 'probe' || script === 'idle-probe') return this.#probe(call);
    if (script === 'quit-messages' || script === 'launch-messages') return this.#restart(call);
    const wrong = this.#readPayload(call, payload);
    const mode = wrong === null && this.#concerns(call) ? this.#takeMode() : NORMAL;
    const { target: handle, text } = call;
    this.#tell({ kind: 'osascript', script, attempt, pid, handle, text, mode: mode.name });
    if (wrong !== null) {
      this.#tell({ kind: 'complaint', attempt, words: wrong });
      return this.#fail(call, -54);
    }
    this.#send(call, mode);
  }

  #concerns({ script, target }: Call): boolean {
    const { handle } = this.#mode;
    if (handle === undefined || target === handle) return true;
    return byChat(script) && this.#messages.store.findChat(target)?.identifier === handle;
  }

  #takeMode(): Mode {
    const mode = this.#mode;
    if (this.#left !== null) {
      this.#left -= 1;
      if (this.#left <= 0) this.setMode(NORMAL);
    }
    return mode;
  }

  #probe(call: Call): void {
    const concerned =
      this.#mode.handle === undefined && ['denied', 'not_running', 'messages_hung'].includes(this.#mode.name);
    const mode: Mode = concerned ? this.#takeMode() : NORMAL;
    this.#tell({ kind: 'osascript', script: 'probe', pid: call.pid, mode: mode.name });
    if (mode.name === 'denied') this.#fail(call, -1743);
    else if (mode.name === 'not_running') this.#fail(call, -600);
    else if (mode.name === 'messages_hung') this.#hold(call, () => this.#end(call, { exit: 0, out: 'ok' }));
    else this.#end(call, { exit: 0, out: 'ok' });
  }

  /** A Messages that hangs does not quit; started anew it is well. */
  #restart(call: Call): void {
    const mode = this.#mode.name;
    this.#tell({ kind: 'osascript', script: call.script, pid: call.pid, mode });
    if (call.script === 'launch-messages' && mode === 'messages_hung') this.setMode(NORMAL);
    if (call.script === 'quit-messages' && mode === 'messages_hung') return this.#fail(call, -1712);
    this.#end(call, { exit: 0, out: 'ok' });
  }

  /** Null, or what the caller did wrong. */
  #readPayload(call: Call, payload: string): string | null {
    if (!/^send-(file-)?to-(chat|participant)$/.test(call.script)) return `an unknown script: ${call.path}`;
    if (!/^[\w-]+$/.test(call.attempt)) return `no attempt id: ${call.attempt}`;
    const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
    try {
      if (mode(payload) !== '600') return `the payload has mode ${mode(payload)}, not 600`;
      if (mode(dirname(payload)) !== '700') return `the payload's folder has mode ${mode(dirname(payload))}, not 700`;
      const content = readFileSync(payload, 'utf8');
      const cut = content.indexOf('\n');
      if (cut < 1) return 'the payload has no target in its first line';
      call.target = content.slice(0, cut);
      call.text = content.slice(cut + 1);
    } catch (error) {
      return `the payload cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    }
    return call.text === '' ? 'the payload has no text' : null;
  }

  #send(call: Call, mode: Mode): void {
    if (mode.name === 'denied') return this.#fail(call, -1743);
    if (mode.name === 'not_running') return this.#fail(call, -600);
    if (mode.name === 'bad_script') return this.#fail(call, -2741);
    if (mode.name === 'messages_hung' || mode.name === 'hung_before_mark') {
      const goOn = this.#hold(call, () => this.#dispatch(call, NORMAL));
      if (mode.delayMs !== undefined) this.#clock.after(mode.delayMs, goOn);
      return;
    }
    if (mode.name === 'slow_before_mark') {
      this.#clock.after(mode.delayMs ?? 3_000, () => this.#dispatch(call, NORMAL));
      return;
    }
    this.#dispatch(call, mode);
  }

  /** Finds whom it is for, and from there on everything behind the mark. */
  #dispatch(call: Call, mode: Mode): void {
    const { store, timing } = this.#messages;
    const isFile = call.script.startsWith('send-file-');
    if (isFile && !existsSync(call.text)) return this.#fail(call, -43);
    const toChat = byChat(call.script);
    const chat = toChat ? store.findChat(call.target) : null;
    const unknown = toChat ? chat?.guid !== call.target || mode.name === 'no_such_chat' : false;
    if (unknown || mode.name === 'no_such_participant') return this.#fail(call, -1728);
    if (!this.#say(call, 'err dispatch_started')) return;
    const goes = mode.goes ?? ['normal', 'no_such_chat', 'timed_out', 'died', 'slow'].includes(mode.name);
    const to = chat ? { chat } : { handle: call.target };
    const send = () => (isFile ? this.#messages.sendFile(to, call.text) : this.#messages.send(to, call.text));
    const accept = () => this.#end(call, { exit: 0, out: `accepted ${call.attempt}` });
    const after = (delayMs: number, work: () => void) => void this.#clock.after(delayMs, work);
    if (goes && mode.name !== 'slow') send();
    switch (mode.name) {
      case 'hung_after_mark':
        this.#hold(call, accept);
        return;
      case 'timed_out':
        return after(mode.delayMs ?? 30_000, () => this.#fail(call, -1712));
      case 'connection_lost':
        return after(mode.delayMs ?? timing.acceptMs, () => this.#fail(call, -609));
      case 'died':
        return after(mode.delayMs ?? timing.acceptMs, () => this.#end(call, { exit: 139 }));
      case 'slow':
        return after(mode.delayMs ?? 3_000, () => {
          if (goes) send();
          after(timing.acceptMs, accept);
        });
      default:
        return after(timing.acceptMs, accept);
    }
  }

  #hold(call: Call, goOn: () => void): () => void {
    const held = { call, goOn };
    this.#held.push(held);
    const look = setInterval(() => {
      if (this.#held.includes(held) && this.#say(call, 'still hung')) return;
      clearInterval(look);
      this.#held = this.#held.filter((h) => h !== held);
    }, LOOK_EVERY_MS).unref();
    return () => {
      if (!this.#held.includes(held)) return;
      this.#held = this.#held.filter((h) => h !== held);
      goOn();
    };
  }

  #fail(call: Call, number: number): void {
    this.#end(call, {
      exit: 1,
      err: `${call.path}:412:437: execution error: ${WORDS[number] ?? 'Fehler'} (${number})`,
    });
  }

  #end(call: Call, { exit, out, err }: Outcome): void {
    if (err !== undefined) this.#say(call, `err ${err}`);
    if (out !== undefined) this.#say(call, `out ${out}`);
    const { attempt, script, pid } = call;
    if (this.#say(call, `exit ${exit}`)) this.#tell({ kind: 'osascript_ended', script, attempt, pid, exit });
    this.#drop(call);
  }

  /** False if it is there no more. */
  #say(call: Call, line: string): boolean {
    if (call.fd === null) return false;
    try {
      writeSync(call.fd, `${line}\n`);
      return true;
    } catch {
      this.#tell({ kind: 'osascript_gone', script: call.script, attempt: call.attempt, pid: call.pid });
      this.#drop(call);
      return false;
    }
  }

  #drop(call: Call): void {
    if (call.fd !== null) closeSync(call.fd);
    call.fd = null;
    this.#open.delete(call);
    // The caller opens it a second time, maybe only after all was said.
    setTimeout(() => removeFile(join(this.#run, `${call.pid}.reply`)), SURELY_OPENED_MS).unref();
  }
}

function byChat(script: string): boolean {
  return script.endsWith('-chat');
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It is not there.
  }
}
