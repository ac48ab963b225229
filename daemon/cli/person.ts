/** Questions to whoever sits at the terminal: on stderr, since stdout is for answers. Without a terminal on both sides there is nobody to ask. */
import { createInterface, type Interface } from 'node:readline/promises';
import { RelayError } from '../host/errors.ts';

export class Person {
  readonly #lines: Interface;
  readonly #gone: Promise<never>;

  constructor(o: { input: NodeJS.ReadableStream; output: NodeJS.WritableStream }) {
    this.#lines = createInterface({ ...o, terminal: true });
    this.#gone = new Promise((_, reject) => {
      const end = () =>
        reject(
          new RelayError('interrupted', 'the set-up was left before its end', {
            hint: 'What was done stays; run it again to go on.',
          }),
        );
      this.#lines.once('close', end);
      this.#lines.once('SIGINT', end);
    });
    this.#gone.catch(() => {});
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
      const wrong = answer === '' && usual === null ? 'an answer is needed' : mistake(answer);
      if (wrong === null) return answer;
      this.say(`  ${wrong}`);
    }
  }

  async agrees(question: string): Promise<boolean> {
    return /^(y|yes)?$/i.test((await this.#line(`${question} [Y/n]: `)).trim());
  }

  async waits(words: string): Promise<void> {
    await this.#line(words);
  }

  say(words: string): void {
    process.stderr.write(`${words}\n`);
  }

  close(): void {
    this.#lines.close();
  }

  #line(question: string): Promise<string> {
    return Promise.race([this.#lines.question(question), this.#gone]);
  }
}
