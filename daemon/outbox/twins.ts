/**
 * Twins: the same text, or the same file, to the same recipient as one of which nobody knows whether it went (`unknown`). Were both sent, somebody
 * might get it twice; so the later one waits until chat.db has settled the earlier, or no row of it has come for a day. Files of one name are
 * twins too, whatever is in them: in chat.db the row of the one could be taken for that of the other.
 *
 *   in the gate ── about to go, and a twin is unknown ──▶ set aside (held) ── a message is settled, or from time to time ──▶ in the gate
 *
 * The caller owes `forget` when the gate was given anew all that waits.
 */
import type { Clock } from '../host/clock.ts';
import { addressOf, type Message, type Messages, toGateMessage } from './messages.ts';
import type { FileStore, Gate } from './ports.ts';

/** A row comes within moments, or when Messages is on the network again. */
const WAIT_MS = 86_400_000;
const LOOK_AGAIN_MS = 10 * 60_000;

/** As far as it is known: the name only once it is on this Mac. */
interface KnownFile {
  name?: string;
  sha256: string;
}

export class Twins {
  readonly #clock: Clock;
  readonly #messages: Messages;
  readonly #gate: Gate;
  readonly #names: Pick<FileStore, 'stemOf'>;
  readonly #aside = new Set<string>();
  #lookAt = 0;

  constructor(o: { clock: Clock; messages: Messages; gate: Gate; names: Pick<FileStore, 'stemOf'> }) {
    this.#clock = o.clock;
    this.#messages = o.messages;
    this.#gate = o.gate;
    this.#names = o.names;
  }

  /** The newest unknown twin: when the wait for it ends at the latest (Unix ms), and why, in words for a person. Null if there is none. */
  find(address: string, text: string, files: readonly KnownFile[]): { until: number; words: string } | null {
    const wanted = comparable(text);
    const since = this.#clock.now() - WAIT_MS;
    const alike = (other: { text: string; files: KnownFile[] }): string | null => {
      if (wanted !== '' && comparable(other.text) === wanted) return 'The same text';
      const pairs = other.files.flatMap((one) => files.map((file) => [one, file] as const));
      if (pairs.some(([one, file]) => one.sha256 === file.sha256)) return 'The same file';
      return pairs.some(([one, file]) => this.#isNamedAlike(one, file)) ? 'A file of the same name' : null;
    };
    for (const other of this.#messages.unknownTo(address, since).reverse()) {
      const what = alike(other);
      if (what !== null) return { until: Math.round(other.at + WAIT_MS), words: `${what} ${TWIN_WORDS}` };
    }
    return null;
  }

  /** In a transaction, right before it would go. True: it must wait; it is told, and the gate has it no more. */
  setAside(message: Message): boolean {
    const files = (message.parts ?? []).flatMap(({ file }) => file ?? []);
    const twin = this.find(addressOf(message.recipient), message.text, files);
    if (!twin) return false;
    if (this.#aside.size === 0) this.#lookAt = this.#clock.mono() + LOOK_AGAIN_MS;
    this.#gate.remove(message.id);
    this.#aside.add(message.id);
    if (message.status.rule === UNKNOWN_BEFORE) return true;
    const detail = { until: twin.until, rule: UNKNOWN_BEFORE, evidence: { words: twin.words } };
    // One that did not start before is no longer held by anything, but told all the same.
    if (!this.#messages.move(message.id, 'held', detail)) this.#messages.amend(message, detail, this.#clock.now());
    return true;
  }

  /** All that were set aside are asked about again. */
  release(): void {
    for (const id of this.#aside) {
      this.#aside.delete(id);
      const message = this.#messages.get(id);
      if (message && ['accepted', 'held', 'dispatching'].includes(message.state))
        this.#gate.add([toGateMessage(message)]);
    }
  }

  releaseIfDue(): void {
    if (this.#aside.size > 0 && this.#clock.mono() >= this.#lookAt) this.release();
  }

  forget(): void {
    this.#aside.clear();
  }

  #isNamedAlike(one: KnownFile, other: KnownFile): boolean {
    if (one.name === undefined || other.name === undefined) return false;
    return this.#names.stemOf(one.name) === this.#names.stemOf(other.name);
  }
}

export const UNKNOWN_BEFORE = 'unknown_before';

const TWIN_WORDS =
  'to this recipient may have gone out before, and nobody can tell yet; it waits until chat.db shows what became of that one.';

function comparable(text: string): string {
  return text.normalize('NFC').replace(/\r\n?/g, '\n').trim();
}
