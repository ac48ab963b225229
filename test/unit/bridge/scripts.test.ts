/**
 * The AppleScripts, as far as they can be checked without a Mac: blocks that balance, the phase mark right before `send` and nothing between,
 * every Apple event in a time limit, and no way for data into their text. A person compiles them on a Mac with `osacompile`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { assetFolder } from '../../../daemon/host/assets.ts';

const FOLDER = assetFolder('scripts');
const NAMES = readdirSync(FOLDER).sort();
const SCRIPTS = NAMES.map((name) => ({ name, text: readFileSync(new URL(name, FOLDER), 'utf8') }));
const SENDS = SCRIPTS.filter(({ name }) => name.startsWith('send-'));

interface Line {
  number: number;
  words: string[];
}

/** Lines of words, without comments, what is quoted as one word, and continued lines (¬) as one. */
function linesOf(text: string): Line[] {
  const bare = text
    .replace(/"(?:\\.|[^"\\])*"/g, '"…"')
    .replace(/\(\*[\s\S]*?\*\)/g, (comment) => comment.replace(/[^\n]/g, ''))
    .replace(/(--|#).*$/gm, '');
  const joined: Line[] = [];
  let open: Line | null = null;
  for (const [index, line] of bare.split('\n').entries()) {
    const words = line.replace('¬', ' ').match(/"…"|«[^»]*»|[\w’'.]+|[^\s\w]/g) ?? [];
    if (open) open.words.push(...words);
    else {
      open = { number: index + 1, words };
      if (words.length > 0) joined.push(open);
    }
    if (!line.trimEnd().endsWith('¬')) open = null;
  }
  return joined;
}

/** What a line opens; null if it opens nothing: `tell … to …` and `if … then …` on one line are whole. */
function opens({ words }: Line): string | null {
  const [first = '', second = ''] = words.map((word) => word.toLowerCase());
  const last = words.at(-1)?.toLowerCase();
  if (first === 'tell') return words.some((word, index) => word.toLowerCase() === 'to' && index > 1) ? null : 'tell';
  if (first === 'if') return last === 'then' ? 'if' : null;
  if (first === 'repeat' || first === 'try' || first === 'considering' || first === 'ignoring') return first;
  if (first === 'with' && second === 'timeout') return 'timeout';
  if (first === 'using' && second === 'terms') return 'using';
  if (first === 'on' && second !== 'error') return second;
  if (first === 'to') return second;
  return null;
}

/** The first thing wrong with the blocks of a script, or null. `visit` sees each line with the blocks around it. */
function fault(text: string, visit: (line: Line, around: string[]) => void = () => {}): string | null {
  if ((text.replace(/\\./g, '').match(/"/g) ?? []).length % 2 !== 0) return 'a quotation mark that is not closed';
  const stack: { block: string; number: number }[] = [];
  for (const line of linesOf(text)) {
    const [first, second] = line.words.map((word) => word.toLowerCase());
    if (first === 'end') {
      const top = stack.pop();
      if (!top) return `line ${line.number} ends nothing`;
      if (second !== undefined && second !== top.block)
        return `line ${line.number} ends ${second}, but ${top.block} of line ${top.number} is open`;
      continue;
    }
    if (first === 'on' && second === 'error' && stack.at(-1)?.block !== 'try')
      return `line ${line.number}: not in a try`;
    if (first === 'else' && stack.at(-1)?.block !== 'if') return `line ${line.number}: not in an if`;
    visit(
      line,
      stack.map(({ block }) => block),
    );
    const block = opens(line);
    if (block !== null) stack.push({ block, number: line.number });
  }
  const left = stack.at(-1);
  return left ? `${left.block} of line ${left.number} is not ended` : null;
}

describe('the check itself', () => {
  it.each([
    ['tell application "x"\nquit\nend tell', null],
    ['tell application "x" to quit', null],
    ['with timeout of 3 seconds\ntry\nif a then\nb\nelse\nc\nend if\non error e\nd\nend try\nend timeout', null],
    ['if a then b', null],
    ['repeat 3 times -- end repeat\nend repeat', null],
    ['set a to "end tell"', null],
    ['on run argv\nreturn 1', 'run of line 1 is not ended'],
    ['tell x\nend timeout', 'line 2 ends timeout, but tell of line 1 is open'],
    ['end', 'line 1 ends nothing'],
    ['on error', 'line 1: not in a try'],
    ['set a to "x', 'a quotation mark that is not closed'],
    ['tell ¬\n  x\nend tell', null],
  ])('%j: %s', (text, wanted) => {
    expect(fault(text)).toBe(wanted);
  });
});

describe.each(SCRIPTS)('$name', ({ text }) => {
  it('balances, and begins with what it is for', () => {
    expect(fault(text)).toBeNull();
    expect(text).toMatch(/^-- [A-Z]/);
    expect(text.endsWith('\n')).toBe(true);
  });

  it('asks Messages within a time limit only, by its bundle id, and nobody else', () => {
    let asked = 0;
    fault(text, ({ words }, around) => {
      if (words[0]?.toLowerCase() !== 'tell') return;
      asked += 1;
      expect(around).toContain('timeout');
    });
    expect(asked).toBe(1);
    const named = text.match(/application id "[^"]*"/g) ?? [];
    expect(new Set(named)).toEqual(new Set(['application id "com.apple.MobileSMS"']));
    // Whether it runs is asked of macOS: no event goes to it, and nothing is started.
    const looks = text.match(/^\tif application id "[^"]*" is not running then return/gm) ?? [];
    expect(named).toHaveLength(asked + looks.length);
    expect(text).not.toMatch(/application "/);
  });

  it('cannot be made to run what it is given', () => {
    expect(text).not.toMatch(
      /\b(do shell script|run script|load script|store script|osascript|eval|System Events|open for access|write)\b/i,
    );
  });
});

describe.each(SENDS)('$name', ({ name, text }) => {
  it('marks its phase right before the one send, and tells its attempt at the end', () => {
    const lines = linesOf(text).map(({ words }) => words.join(' '));
    const sends = lines.flatMap((line, index) => (line.startsWith('send ') ? [index] : []));
    expect(sends).toHaveLength(1);
    expect(lines[(sends[0] ?? 0) - 1]).toBe('log "…"');
    expect(text.match(/log "dispatch_started"\n\s*send /g)).toHaveLength(1);
    expect(text).toMatch(/return "accepted " & attemptId\nend run\n$/);
  });

  it('takes what it sends from the payload, and finds its target before the mark', () => {
    expect(text).toContain('read (POSIX file (item 2 of argv)) as «class utf8»');
    expect(text.match(/item \d of argv/g)).toEqual(['item 1 of argv', 'item 2 of argv']);
    const target = name.endsWith('to-chat.applescript')
      ? 'set theChat to chat id chatId'
      : 'set theParticipant to participant';
    expect(text.indexOf(target)).toBeGreaterThan(0);
    expect(text.indexOf(target)).toBeLessThan(text.indexOf('log "dispatch_started"'));
  });

  it('never lets Messages choose the service', () => {
    if (name.includes('participant')) expect(text).toContain('1st account whose service type = iMessage');
    expect(text).not.toMatch(/\bSMS\b(?!")/);
  });
});

it('only scripts of this folder are ever run, by name: no text of one is made at run time', () => {
  const bridge = fileURLToPath(new URL('../../../daemon/bridge/', import.meta.url));
  const sources = readdirSync(bridge, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const words = /tell application|\bon run\b|'-e'|"-e"|-l JavaScript|dispatch_started\\n/;
  for (const name of sources) expect(readFileSync(`${bridge}${name}`, 'utf8'), name).not.toMatch(words);
  const door = readFileSync(`${bridge}osascript.ts`, 'utf8');
  // One call, the program and an array: no shell, and the script is a file.
  expect(door.match(/[^#\w]spawn\(/g)).toHaveLength(1);
  expect(door).toContain('spawn(this.#path, [join(this.#scripts, script), ...args],');
  expect(door).not.toMatch(/shell:|[^.\w]exec\(|execSync|spawnSync/);
  expect(NAMES).toEqual([
    'idle-probe.applescript',
    'launch-messages.applescript',
    'probe.applescript',
    'quit-messages.applescript',
    'send-file-to-chat.applescript',
    'send-file-to-participant.applescript',
    'send-to-chat.applescript',
    'send-to-participant.applescript',
  ]);
});
