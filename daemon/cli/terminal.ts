/**
 * Where words go: answers to stdout, everything else to stderr. A reader that goes away (`relayctl … | head`) ends the program quietly,
 * a slow one is waited for. Colour only on a terminal, and never the only carrier of anything.
 */
import { styleText } from 'node:util';
import type { Environment } from '../host/paths.ts';

export type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'cyan';

type Out = NodeJS.WriteStream;

const PLAIN_WIDTH = 80;

/** C0 and C1 controls, and what turns the reading direction: a text from outside must not steer the terminal. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const UNSAFE_IN_JSON = /[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** A text from outside on one line: line breaks and tabs are spaces, other controls a dot. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').replace(UNSAFE, '·');
}

export class Terminal {
  readonly #out: Out;
  readonly #err: Out;
  readonly #colour: boolean;
  /** Columns that a table may take. */
  readonly width: number;
  readonly isTTY: boolean;

  constructor(o: { out: Out; err: Out; env: Environment; onGone: () => void }) {
    this.#out = o.out;
    this.#err = o.err;
    this.isTTY = o.out.isTTY === true;
    this.#colour = this.isTTY && !o.env.NO_COLOR && o.env.TERM !== 'dumb';
    this.width = this.isTTY ? Math.max(40, o.out.columns || PLAIN_WIDTH) : PLAIN_WIDTH;
    const gone = (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      o.onGone();
    };
    o.out.on('error', gone);
    o.err.on('error', gone);
  }

  paint(style: Style | Style[], text: string): string {
    return this.#colour ? styleText(style, text, { validateStream: false }) : text;
  }

  /** One line of the answer. Resolves when there is room for the next one. */
  async line(text = ''): Promise<void> {
    if (!this.#out.write(`${text}\n`)) await new Promise<void>((resolve) => this.#out.once('drain', resolve));
  }

  /** One JSON object on one line, with the schema's number first. */
  json(content: object): Promise<void> {
    return this.line(jsonLine(content));
  }

  /** Clears the screen of a terminal; elsewhere an empty line parts two answers. */
  async fresh(first: boolean): Promise<void> {
    if (this.isTTY) this.#out.write('\x1b[H\x1b[2J\x1b[3J');
    else if (!first) await this.line();
  }

  /** Anything that is not the answer. */
  say(text: string): void {
    this.#err.write(`${text}\n`);
  }

  /** Why there is no answer. As JSON the same, on one line, still on stderr. */
  complain(error: { code: string; message: string; hint?: string }, json: boolean): void {
    // Named one by one: what was thrown keeps its message where JSON does not look.
    const { code, message, hint } = error;
    if (json) return this.say(jsonLine({ error: { code, message, hint } }));
    this.say(`relayctl: ${error.message}`);
    if (error.hint) this.say(`          ${error.hint}`);
  }
}

function jsonLine(content: object): string {
  const escaped = (sign: string) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify({ schema: 1, ...content }).replace(UNSAFE_IN_JSON, escaped);
}
