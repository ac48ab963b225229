/**
 * What people do to a text between two recipients: the edits by which the definition of near-same texts is measured. Each makes out of a
 * text the two that two people would get. All are drawn from a seed, so that a figure is the same on every machine.
 */

/** A whole number from 0 to below the limit. */
export type Below = (limit: number) => number;

export type Edit = (text: string, below: Below, context: Context) => [string, string];

/** Words and sentences of the corpus itself, for what is put in. */
export interface Context {
  words: readonly string[];
}

export function numbers(seed: number): Below {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 0 || 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

export function pick<T>(list: readonly T[], below: Below): T {
  return list[below(list.length)] as T;
}

/** Two different ones. */
function two<T>(list: readonly T[], below: Below): [T, T] {
  const first = below(list.length);
  return [list[first] as T, list[(first + 1 + below(list.length - 1)) % list.length] as T];
}

/** Given names that are common today, in several countries; not chosen by their length. */
const NAMES = (
  'James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph Jessica Thomas ' +
  'Sarah Charles Karen Christopher Lisa Daniel Nancy Matthew Betty Anthony Sandra Mark Margaret Donald Ashley Steven Kimberly ' +
  'Andrew Emily Paul Donna Joshua Michelle Kenneth Carol Kevin Amanda Brian Melissa George Deborah Wei Mohammed Maria José ' +
  'Fatima Anna Ivan Yuki Priya Ahmed Olga Juan Sofia Ali Zoë Søren'
).split(' ');

/** Where a name stands in a message to one person. */
export const ADDRESSED: Readonly<Record<string, (name: string, text: string) => string>> = {
  'Hi NAME, …': (name, text) => `Hi ${name}, ${text}`,
  'NAME, …': (name, text) => `${name}, ${text}`,
  '… NAME': (name, text) => `${text.replace(/[.!?\s]+$/, '')}, ${name}!`,
};

export function nameSwap(where: readonly string[]): Edit {
  return (text, below) => {
    const [one, other] = two(NAMES, below);
    const address = ADDRESSED[pick(where, below)] ?? String;
    return [address(one, text), address(other, text)];
  };
}

const GREETINGS = [
  ...[
    'Hi,',
    'Hello,',
    'Hey,',
    'Hi there,',
    'Hello there!',
    'Hey there!',
    'Dear customer,',
    'Good morning,',
    'Good evening,',
  ],
  ...['Hi friend,', 'Hey you,', 'Greetings,', 'Hello again,'],
];

const SENTENCES = [
  ...[
    'See you soon!',
    'Thank you very much.',
    'Have a nice day.',
    'Reply STOP to opt out.',
    'Any questions? Just ask.',
  ],
  ...[
    'Hope you are well.',
    'Call me later.',
    'Let me know.',
    'Kind regards, Tom',
    'Please read this.',
    'Have a good weekend!',
  ],
];

/** A reader takes the right one for the left one. */
export const LOOKS: Readonly<Record<string, string>> = {
  ...{ a: 'а', e: 'е', o: 'о', p: 'р', c: 'с', i: 'і', x: 'х', y: 'у', s: 'ѕ', j: 'ј', h: 'һ', v: 'ν', l: 'ӏ' },
  ...{ A: 'А', B: 'В', C: 'С', E: 'Е', H: 'Н', I: 'І', K: 'К', M: 'М', O: 'О', P: 'Р', T: 'Т', X: 'Х', S: 'Ѕ', Y: 'Υ' },
};

/** Where the keys lie: a finger goes to a neighbour. */
const KEYS = ['qwertyuiop', 'asdfghjkl', 'zxcvbnm'];

const SHORTHAND: Readonly<Record<string, readonly string[]>> = {
  ...{
    you: ['u', 'ya'],
    u: ['you'],
    your: ['ur'],
    ur: ['your'],
    are: ['r'],
    r: ['are'],
    to: ['2'],
    for: ['4'],
    be: ['b'],
  },
  ...{ see: ['c'], please: ['pls', 'plz'], pls: ['please'], thanks: ['thx', 'tnx'], text: ['txt'], txt: ['text'] },
  ...{
    message: ['msg'],
    tomorrow: ['tmr', '2moro'],
    tonight: ['2nite'],
    today: ['2day'],
    great: ['gr8'],
    and: ['n', '&'],
  },
  ...{ because: ['cos', 'bcoz'], love: ['luv'], what: ['wat'], have: ['hav', 'hv'], before: ['b4'], back: ['bk'] },
  ...{ about: ['abt'], with: ['wiv', 'w/'], now: ['nw'], good: ['gd'], know: ['no'], that: ['dat'], the: ['d', 'da'] },
  ...{ this: ['dis'], week: ['wk'], people: ['ppl'], going: ['goin', 'gonna'], want: ['wanna'], ok: ['okay', 'k'] },
};

const EMOJI = ['🎉', '👍🏽', '😀😀', '❤️', '🙏', '🔥🔥', '👩‍👩‍👧', '🇩🇪', '✅', '😂'];
const INVISIBLE = ['\u200b', '\u200c', '\u200d', '\u2060', '\ufeff', '\u00ad'];
const LINK = /https?:\/\/\S+|www\.\S+/i;

export function link(below: Below): string {
  const path = below(1_000_000_000).toString(36);
  return pick(
    [`https://go.example.com/${path}`, `http://bit.ly/${path}`, `www.example.org/?id=${path}`, `t.me/${path}`],
    below,
  );
}

const otherNumber = (below: Below) => String(below(10 ** (1 + below(6))));

/** Replaces some of the words; a word is what stands between spaces. */
export function eachWord(text: string, replace: (word: string) => string): string {
  return text.replace(/[^\s]+/g, replace);
}

function typo(text: string, below: Below): string {
  const letters = [...text.matchAll(/[a-z]/gi)];
  const { index } = pick(letters, below) ?? { index: 0 };
  const sign = text[index] ?? '';
  const row = KEYS.find((keys) => keys.includes(sign.toLowerCase())) ?? '';
  const key = row.indexOf(sign.toLowerCase());
  const beside = row[key + (below(2) === 0 && key > 0 ? -1 : 1)] ?? row[key - 1] ?? '';
  const made = pick([() => '', () => sign + sign, () => beside, () => `${text[index + 1] ?? ''}${sign}`], below)();
  const taken = made.length === 2 && made[1] === sign && made[0] !== sign ? 2 : 1;
  return text.slice(0, index) + made + text.slice(index + taken);
}

/** Swaps what is behind the word nearest to the middle with what is before it. */
function halvesSwapped(text: string): string {
  const middle = Math.floor(text.length / 2);
  const at = text.indexOf(' ', middle) < 0 ? text.lastIndexOf(' ', middle) : text.indexOf(' ', middle);
  return at < 0 ? text : `${text.slice(at + 1)} ${text.slice(0, at)}`;
}

/** At a random gap between words, the ends included. */
export function putIn(text: string, what: string, below: Below): string {
  const gaps = [0, ...[...text.matchAll(/\s+/g)].map((gap) => gap.index), text.length];
  const at = pick(gaps, below);
  return `${text.slice(0, at)} ${what} ${text.slice(at)}`.trim();
}

export const EDITS = {
  /** The same text to another person by name: behind a greeting, in front, or at the end. */
  'name swap': nameSwap(Object.keys(ADDRESSED)),
  /** All numbers are others; a text without one gets a reference. */
  number: (text, below) => {
    const numbered = /\d/.test(text) ? text : `${text} Ref ${otherNumber(below)}`;
    return [numbered, numbered.replace(/\d+/g, () => otherNumber(below))];
  },
  /** The link is another one; a text without one gets one. */
  link: (text, below) => {
    const linked = LINK.test(text) ? text : `${text} ${link(below)}`;
    return [linked, linked.replace(new RegExp(LINK, 'gi'), () => link(below))];
  },
  /** An invisible sign behind each fifth. */
  'zero-width': (text, below) => [
    text,
    [...text].map((sign) => (below(5) === 0 ? sign + pick(INVISIBLE, below) : sign)).join(''),
  ],
  /** Each third letter of those that have one is a look-alike. */
  homoglyph: (text, below) => [text, [...text].map((sign) => (below(3) === 0 ? (LOOKS[sign] ?? sign) : sign)).join('')],
  /** One to three emoji, anywhere between words. */
  emoji: (text, below) => {
    let edited = text;
    for (let count = 1 + below(3); count > 0; count -= 1) edited = putIn(edited, pick(EMOJI, below), below);
    return [text, edited];
  },
  /** Capitals throughout, at the words, or none; full stops, commas and marks changed or left out, some at the end. */
  'case and punctuation': (text, below) => {
    const cased = pick(
      [
        () => text.toUpperCase(),
        () => text.toLowerCase(),
        () => eachWord(text, (word) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase()),
      ],
      below,
    )();
    const signs = pick(['', '!', '...', ',', '!!'], below);
    return [
      text,
      `${cased.replace(/[.,!?;:]+(?=\s|$)/g, () => (below(2) === 0 ? signs : '.'))}${pick(['!', '!!!', '.', ' :-)'], below)}`,
    ];
  },
  /** Two slips of a finger: a letter left out, doubled, swapped with the next, or its neighbour on the keyboard. */
  'two typos': (text, below) => [text, typo(typo(text, below), below)],
  'halves swapped': (text) => [text, halvesSwapped(text)],
  /** Another greeting in front of the same text. */
  'greeting changed': (text, below) => {
    const [one, other] = two(GREETINGS, below);
    return [`${one} ${text}`, `${other} ${text}`];
  },
  'sentence before': (text, below) => [text, `${pick(SENTENCES, below)} ${text}`],
  'sentence after': (text, below) => [text, `${text} ${pick(SENTENCES, below)}`],
  /** Half of the words that have one in their text-speak spelling, or back. */
  'text-speak synonyms': (text, below) => [
    text,
    text.replace(/[a-z]+/gi, (word) => {
      const others = SHORTHAND[word.toLowerCase()];
      return others && below(2) === 0 ? pick(others, below) : word;
    }),
  ],
  /** A tenth of the words, rounded up, are other words of the corpus. */
  '10 % of words replaced': (text, below, { words }) => {
    const count = text.split(/\s+/).length;
    const places = new Set<number>();
    while (places.size < Math.ceil(count / 10)) places.add(below(count));
    let at = -1;
    return [
      text,
      eachWord(text, (word) => {
        at += 1;
        return places.has(at) ? pick(words, below) : word;
      }),
    ];
  },
} satisfies Record<string, Edit>;

export type EditName = keyof typeof EDITS;
