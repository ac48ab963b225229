/**
 * What the demo prints: an aligned timeline in virtual time, and the table at the end. Colour only on a terminal (and not with NO_COLOR);
 * with `--json` the same as NDJSON, one object a line.
 */

export type Who = 'demo' | 'cloud' | 'relay' | 'phone' | 'apple';

const COLOURS: Record<Who, string> = { demo: '1', cloud: '36', relay: '33', phone: '32', apple: '35' };
const RESET = '\u001b[0m';

export interface Promised {
  promise: string;
  seen: string;
  holds: boolean;
}

export class Timeline {
  readonly #json: boolean;
  readonly #colour: boolean;
  readonly #now: () => number;
  readonly #width: number;

  constructor(o: { json: boolean; now: () => number; colour?: boolean; width?: number }) {
    this.#json = o.json;
    this.#now = o.now;
    this.#colour = o.colour ?? (process.stdout.isTTY === true && !process.env.NO_COLOR);
    this.#width = o.width ?? Math.min(process.stdout.columns ?? 100, 110);
  }

  /** A new part of the story. */
  heading(words: string): void {
    if (this.#json) return this.#line({ type: 'chapter', at: this.#now(), words });
    process.stdout.write(`\n${this.#paint('1', words)}\n`);
  }

  /** Something happened, at the present virtual time. Long words go on below, aligned. */
  say(who: Who, words: string, bad = false): void {
    if (this.#json) return this.#line({ type: 'event', at: this.#now(), who, words });
    const time = clockTime(this.#now());
    const indent = 18;
    const [first = '', ...more] = wrap(words, this.#width - indent);
    const body = [first, ...more.map((line) => ' '.repeat(indent) + line)].join('\n');
    process.stdout.write(
      `  ${this.#paint('2', time)}  ${this.#paint(COLOURS[who], who.padEnd(5))} ${bad ? this.#paint('31', body) : body}\n`,
    );
  }

  /** Words that are not an event. */
  note(words: string): void {
    if (this.#json) return this.#line({ type: 'note', at: this.#now(), words });
    process.stdout.write(`${words}\n`);
  }

  /** The end: what was promised, what was seen. */
  table(rows: Promised[]): void {
    if (this.#json) {
      for (const row of rows) this.#line({ type: 'promise', ...row });
      return this.#line({ type: 'verdict', holds: rows.every((r) => r.holds), promises: rows.length });
    }
    const left = Math.max(...rows.map((r) => r.promise.length), 8);
    const room = Math.max(24, this.#width - left - 10);
    process.stdout.write(`\n     ${this.#paint('1', 'promised'.padEnd(left))}  ${this.#paint('1', 'seen')}\n`);
    for (const row of rows) {
      const mark = row.holds ? this.#paint('32', 'ok ') : this.#paint('31', 'NO ');
      const [first = '', ...more] = wrap(row.seen, room);
      process.stdout.write(`  ${mark}${row.promise.padEnd(left)}  ${first}\n`);
      for (const line of more) process.stdout.write(`${' '.repeat(left + 7)}${line}\n`);
    }
  }

  #line(value: Record<string, unknown>): void {
    process.stdout.write(`${JSON.stringify(value)}\n`);
  }

  #paint(code: string, words: string): string {
    return this.#colour ? `\u001b[${code}m${words}${RESET}` : words;
  }
}

/** HH:MM:SS of a moment, in UTC so that the story reads the same everywhere. */
export function clockTime(at: number): string {
  return new Date(at).toISOString().slice(11, 19);
}

function wrap(words: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of words.split(' ')) {
    if (line && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  return [...lines, line];
}
