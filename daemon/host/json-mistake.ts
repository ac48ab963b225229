/** Finds where a text stops being JSON, since the engine does not always say. For files that people write by hand. */

export interface JsonMistake {
  /** Both from 1; columns count UTF-16 units. */
  line: number;
  column: number;
  words: string;
}

const SPACE = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;

class Mistake extends Error {
  readonly at: number;

  constructor(at: number, words: string) {
    super(words);
    this.at = at;
  }
}

/** The first mistake, or null if `text` is JSON. Nesting deeper than 200 counts as a mistake. */
export function findJsonMistake(text: string): JsonMistake | null {
  let at = 0;

  function eat(pattern: RegExp): boolean {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  }

  function fail(wanted: string): never {
    eat(SPACE);
    const found = text[at];
    throw new Mistake(
      at,
      `${found === undefined ? 'the file ends here' : `found ${JSON.stringify(found)}`}, ${wanted}`,
    );
  }

  function next(sign: string): boolean {
    eat(SPACE);
    if (text[at] !== sign) return false;
    at += 1;
    return true;
  }

  function list(close: '}' | ']', entry: () => void): void {
    if (next(close)) return;
    do {
      eat(SPACE);
      if (text[at] === close) fail('a comma before it is one too many');
      entry();
    } while (next(','));
    if (!next(close)) fail(`wanted "," or "${close}"`);
  }

  function value(depth: number): void {
    if (depth > 200) fail('nested too deep');
    if (next('{')) {
      list('}', () => {
        if (!eat(STRING)) fail('wanted a name in double quotes');
        if (!next(':')) fail('wanted ":"');
        value(depth + 1);
      });
    } else if (next('[')) list(']', () => value(depth + 1));
    else if (text[at] === '"') {
      if (!eat(STRING)) fail('a string that is not closed on its line, or holds a wrong escape');
    } else if (!eat(SCALAR)) fail('wanted a value (text in double quotes, a number, true, false, null, { or [)');
  }

  try {
    value(0);
    eat(SPACE);
    if (at < text.length) fail('wanted the end of the file');
    return null;
  } catch (mistake) {
    if (!(mistake instanceof Mistake)) throw mistake;
    const before = text.slice(0, mistake.at).split('\n');
    return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, words: mistake.message };
  }
}
