/**
 * Questions to whoever sits at the terminal: on stderr, since stdout is for answers. Without a terminal on both sides there is nobody to ask.
 *
 *   here ⇄ asked ──Ctrl-C, Ctrl-D──▶ left: the question throws `interrupted`
 *     └── Ctrl-C while a step works ──▶ left: `stays` throws when the step is over; a second Ctrl-C ends at once
 *
 * The terminal is taken for the time of a question only, so that Ctrl-C is a signal while a step works. The caller owes `close`.
 */
import { createInterface } from 'node:readline/promises';
import { RelayError } from '../host/errors.ts';

export class Person {
  readonly #streams: { input: NodeJS.ReadableStream; output: NodeJS.WritableStream };
  #left = false;

  constructor(streams: { input: NodeJS.ReadableStream; output: NodeJS.WritableStream }) {
    this.#streams = streams;
    process.once('SIGINT', this.#interrupt);
  }

  /** Null if nobody can be asked. */
  static atTerminal(): Person | null {
    const { stdin: input, stderr: output } = process;
    return input.isTTY && output.isTTY ? new Person({ input, output }) : null;
  }

  /** An empty answer means `usual`. `mistake` says what is wrong with an answer, or null; then it is asked again. */
  async ask(question: string, usual: string | null, mistake: (answer: string) => string | null): Promise<string> {
    for (;;) {
      const shown = usual === null || usual === '' ? '' : ` [${usual}]`;
      const answer = (await this.#line(`${question}${shown}: `)).trim() || (usual ?? '');
      const wrong = answer === '' && usual === null ? 'An answer is needed.' : mistake(answer);
      if (wrong === null) return answer;
      this.#say(`  ${wrong}`);
    }
  }

  async agrees(question: string): Promise<boolean> {
    for (;;) {
      const answer = (await this.#line(`${question} [Y/n]: `)).trim();
      if (/^(y|yes|)$/i.test(answer)) return true;
      if (/^(n|no)$/i.test(answer)) return false;
      this.#say('  Answer y or n.');
    }
  }

  async waits(words: string): Promise<void> {
    await this.#line(words);
  }

  /** Throws `interrupted` if they left while a step worked. */
  stays(): void {
    if (this.#left)
      throw new RelayError('interrupted', 'the set-up was left before its end', {
        hint: 'What was done stays; run it again to go on.',
      });
  }

  close(): void {
    process.off('SIGINT', this.#interrupt);
  }

  readonly #interrupt = () => {
    this.#left = true;
    this.#say('\nThe set-up ends after this step; Ctrl-C again ends it at once.');
  };

  #say(words: string): void {
    this.#streams.output.write(`${words}\n`);
  }

  async #line(question: string): Promise<string> {
    this.stays();
    const lines = createInterface({ ...this.#streams, terminal: true });
    const left = new Promise<null>((resolve) => {
      for (const way of ['SIGINT', 'close'] as const) lines.once(way, () => resolve(null));
    });
    try {
      const answer = await Promise.race([lines.question(question), left]);
      if (answer !== null) return answer;
      this.#left = true;
      this.#say('');
    } finally {
      lines.close();
    }
    this.stays();
    return '';
  }
}
