/**
 * What somebody does to a text who wants it to pass for another one each time. Each edit gives the text as one recipient gets it and as the
 * next one does: both disguised, each in its own way, unless the text before the disguise is the stronger attack. The rows of
 * test/attacks.tsv name them.
 */
import { type Below, type Context, eachWord, LOOKS, link, pick } from './edits.ts';

export interface Disguised {
  text: string;
  variables?: string[];
  /** Short hashes of attachments, in hexadecimal. */
  attachments?: string[];
}

const NAMES = ['Ann', 'Konstantin', 'Bo', 'Guadalupe', 'Eva', 'Christopher'];

export type AttackEdit = (text: string, below: Below, context: Context) => [Disguised | string, Disguised | string];

/** Both ways to send it: as it is, and disguised. */
const plainAnd =
  (disguise: (text: string, below: Below, context: Context) => string): AttackEdit =>
  (text, below, context) => [text, disguise(text, below, context)];
/** Two disguises of the same kind. */
const twice =
  (disguise: (text: string, below: Below, context: Context) => string): AttackEdit =>
  (text, below, context) => [disguise(text, below, context), disguise(text, below, context)];

/** The disguise, and each time a name that is not declared. */
const withNames =
  (disguise: (text: string, below: Below, context: Context) => string): AttackEdit =>
  (text, below, context) => [
    `Hi ${pick(NAMES, below)}, ${disguise(text, below, context)}`,
    `Hi ${pick(NAMES, below)}, ${disguise(text, below, context)}`,
  ];

const isLetter = (sign: string | undefined) => sign !== undefined && /\p{L}/u.test(sign);

/** Puts one of these behind so many percent of the letters that are followed by a letter. */
function between(text: string, what: readonly string[], percent: number, below: Below): string {
  const signs = [...text];
  return signs
    .map((sign, at) =>
      isLetter(sign) && isLetter(signs[at + 1]) && below(100) < percent ? sign + pick(what, below) : sign,
    )
    .join('');
}

/** Puts one of these at one place inside each word of four letters or more. */
function insideWords(text: string, what: readonly string[], below: Below): string {
  return text.replace(/\p{L}{4,}/gu, (word) => {
    const at = 1 + below(word.length - 1);
    return word.slice(0, at) + pick(what, below) + word.slice(at);
  });
}

function lettersFrom(text: string, upper: number, lower: number, percent: number, below: Below): string {
  return text.replace(/[A-Za-z]/g, (sign) => {
    if (below(100) >= percent) return sign;
    const capital = sign <= 'Z';
    return String.fromCodePoint((capital ? upper : lower) + sign.charCodeAt(0) - (capital ? 65 : 97));
  });
}

const STYLES: [upper: number, lower: number][] = [
  ...([
    [0x1d400, 0x1d41a],
    [0x1d468, 0x1d482],
    [0x1d4d0, 0x1d4ea],
    [0x1d56c, 0x1d586],
  ] as [number, number][]),
  ...([
    [0x1d5a0, 0x1d5ba],
    [0x1d5d4, 0x1d5ee],
    [0x1d63c, 0x1d656],
    [0x1d670, 0x1d68a],
  ] as [number, number][]),
];

/** Letters of which only the outline is left, or that stand in a box or a circle. */
const BOXED: [upper: number, lower: number][] = [
  ...([
    [0x24b6, 0x24d0],
    [0x1f130, 0x1f130],
    [0x1f150, 0x1f150],
    [0x1f170, 0x1f170],
  ] as [number, number][]),
];

const SMALL_CAPITALS: Readonly<Record<string, string>> = Object.fromEntries(
  [...'ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ'].map((sign, at) => [[...'abcdefghijklmnoprstuvwyz'][at] ?? '', sign]),
);
const TURNED: Readonly<Record<string, string>> = Object.fromEntries(
  [...'ɐqɔpǝɟƃɥᴉɾʞlɯuodbɹsʇnʌʍxʎz'].map((sign, at) => [String.fromCharCode(97 + at), sign]),
);
const RAISED: Readonly<Record<string, string>> = Object.fromEntries(
  [...'ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ'].map((sign, at) => [[...'abcdefghijklmnoprstuvwxyz'][at] ?? '', sign]),
);
const DIGITS = 'zero one two three four five six seven eight nine'.split(' ');
const LEET: Readonly<Record<string, string>> = { a: '4', e: '3', i: '1', o: '0', s: '5', t: '7', b: '8', g: '9' };
const FILLERS =
  'really just well actually kindly simply please again today now here surely truly indeed maybe also still even quite very'.split(
    ' ',
  );
/** Words of English with another of the same meaning. */
const PARAPHRASE: Readonly<Record<string, string>> = {
  ...{
    your: 'the',
    order: 'parcel',
    ready: 'waiting',
    today: 'this day',
    tomorrow: 'next day',
    call: 'phone',
    us: 'our team',
  },
  ...{
    appointment: 'visit',
    please: 'kindly',
    visit: 'come to',
    shop: 'store',
    need: 'require',
    help: 'assistance',
    get: 'receive',
  },
  ...{
    free: 'at no cost',
    confirm: 'acknowledge',
    change: 'alter',
    is: 'has been',
    we: 'our staff',
    you: 'yourself',
    can: 'may',
  },
  ...{
    here: 'at this place',
    new: 'latest',
    week: 'seven days',
    time: 'hour',
    the: 'that',
    with: 'including',
    for: 'regarding',
  },
};

const mapped = (text: string, table: Readonly<Record<string, string>>, percent: number, below: Below) =>
  [...text].map((sign) => (below(100) < percent ? (table[sign.toLowerCase()] ?? sign) : sign)).join('');

/** So many letters of sense that nobody else gets. */
function padding(length: number, below: Below, { words }: Context): string {
  let text = '';
  while (text.length < length) text += `${pick(words, below)} `;
  return text.trim();
}

/** Code points that are another form of one letter of these scripts. */
function formsOf(from: number, to: number): Map<string, string> {
  const found = new Map<string, string>();
  for (let code = from; code <= to; code += 1) {
    const sign = String.fromCodePoint(code);
    const plain = sign.normalize('NFKC');
    if (plain !== sign) found.set(plain, sign);
  }
  return found;
}

const COMPATIBLE = new Map([...formsOf(0x2f00, 0x2fd5), ...formsOf(0xf900, 0xfaff)]);
const HALF_WIDTH = formsOf(0xff61, 0xff9f);
const MARKS = Array.from({ length: 0x70 }, (_, n) => String.fromCharCode(0x300 + n));
const TAGS = Array.from({ length: 95 }, (_, n) => String.fromCodePoint(0xe0020 + n));
const SELECTORS = Array.from({ length: 16 }, (_, n) => String.fromCodePoint(0xfe00 + n));
const DIRECTIONS = [
  '\u200e',
  '\u200f',
  '\u202a',
  '\u202b',
  '\u202c',
  '\u202d',
  '\u2066',
  '\u2067',
  '\u2068',
  '\u2069',
  '\u061c',
];
const ONE_SIGN = [...`.'-_*·|,;:!?/~^+=<>#$%&()[]{}\\"\`°•`];
const SYMBOLS = [...'♥★☆•●▪◆→×÷§¶†©®™°'];
const EMOJI = [...'🎉😀🔥🙏✅😂💥🚀🎁💯'];

/** All that a text holds, as variables: each sentence, and the whole. */
const sentencesOf = (text: string) => text.split(/(?<=[.!?])\s+/);

export const ATTACK_EDITS: Readonly<Record<string, AttackEdit>> = {
  // Signs that nobody sees
  'zero-width signs between letters': twice((t, b) =>
    between(t, ['\u200b', '\u200c', '\u200d', '\u2060', '\ufeff'], 40, b),
  ),
  'soft hyphens': twice((t, b) => between(t, ['\u00ad'], 40, b)),
  'tag characters': twice((t, b) => between(t, TAGS, 40, b)),
  'variation selectors': twice((t, b) => between(t, [...SELECTORS, '\u{e0100}', '\u{e01ef}'], 40, b)),
  'direction marks': twice((t, b) => between(t, DIRECTIONS, 40, b)),
  'Hangul fillers and the blank of Braille': twice((t, b) =>
    between(t, ['\u3164', '\uffa0', '\u115f', '\u2800'], 40, b),
  ),
  'control characters': twice((t, b) => between(t, ['\u0000', '\u0007', '\u001b', '\u0085', '\u009f'], 40, b)),
  'interlinear annotation and object signs': twice((t, b) =>
    between(t, ['\ufff9', '\ufffa', '\ufffb', '\ufffc', '\ufffd'], 40, b),
  ),
  'private-use signs': twice((t, b) => between(t, ['\ue005', '\uf8ff', '\u{f0000}'], 40, b)),
  'signs equal to masks between words': plainAnd((t, b) => eachWord(t, (w) => (b(4) === 0 ? `${w} \ue000` : w))),
  'signs equal to masks inside words': plainAnd((t, b) => insideWords(t, ['\ue000', '\ue002', '\ue003', '\ue004'], b)),
  // Spaces
  'thin and hair spaces inside words': twice((t, b) =>
    between(t, ['\u2009', '\u200a', '\u202f', '\u2006', '\u2008'], 40, b),
  ),
  'other spaces between words': twice((t, b) =>
    t.replace(/ /g, () => pick(['\u00a0', '\u2003', '\u3000', '\u205f', '\u1680', '  ', '\n'], b)),
  ),
  'a space between each letter of some words': twice((t, b) => eachWord(t, (w) => (b(3) === 0 ? [...w].join(' ') : w))),
  'a space between all letters, two between words': plainAnd((t) =>
    t
      .split(/\s+/)
      .map((w) => [...w].join(' '))
      .join('   '),
  ),
  'a space between all letters, no word kept': plainAnd((t) => [...t.replace(/\s+/g, '')].join(' ')),
  'a line break or space inside each word': twice((t, b) => insideWords(t, [' ', '\n'], b)),
  'spaces left out': twice((t, b) => t.replace(/ /g, () => (b(2) === 0 ? '' : ' '))),
  // Separators
  "a sign of . ' - _ * · | inside each word": twice((t, b) => insideWords(t, [...".'-_*·|"], b)),
  'any sign of the keyboard inside each word': twice((t, b) => insideWords(t, ONE_SIGN, b)),
  'any sign of the keyboard between letters': twice((t, b) => between(t, ONE_SIGN, 30, b)),
  'a symbol inside each word': twice((t, b) => insideWords(t, SYMBOLS, b)),
  'two signs inside each word': twice((t, b) => insideWords(t, ['..', '--', '**', '__', '.-', '~~'], b)),
  'an emoji inside each word': twice((t, b) => insideWords(t, EMOJI, b)),
  'a digit inside each word': twice((t, b) => insideWords(t, [...'0123456789'], b)),
  // Letters that look alike
  'look-alikes of other scripts': twice((t, b) => mapped(t, LOOKS, 50, b)),
  'full-width letters': twice((t, b) => lettersFrom(t, 0xff21, 0xff41, 50, b)),
  'mathematical letters': twice((t, b) => lettersFrom(t, ...pick(STYLES, b), 70, b)),
  'letters in circles and boxes': twice((t, b) => lettersFrom(t, ...pick(BOXED, b), 70, b)),
  'regional-indicator letters, kept apart': twice((t, b) =>
    lettersFrom(t, 0x1f1e6, 0x1f1e6, 60, b).replace(/(?<=\p{RI})(?=\p{RI})/gu, '\u200b'),
  ),
  'small capitals': twice((t, b) => mapped(t, SMALL_CAPITALS, 70, b)),
  'raised letters': twice((t, b) => mapped(t, RAISED, 70, b)),
  'letters upside down': twice((t, b) => mapped(t, TURNED, 50, b)),
  ligatures: plainAnd((t) =>
    t
      .replace(/ffi/g, 'ﬃ')
      .replace(/fi/g, 'ﬁ')
      .replace(/fl/g, 'ﬂ')
      .replace(/ff/g, 'ﬀ')
      .replace(/st/g, 'ﬆ')
      .replace(/ij/g, 'ĳ'),
  ),
  'accents and stacks of marks': twice((t, b) =>
    between(t, [...MARKS, MARKS.slice(0, 9).join(''), MARKS.slice(40, 60).join('')], 50, b),
  ),
  'letters struck through or enclosed': twice((t, b) =>
    between(t, ['\u0336', '\u0338', '\u20dd', '\u20de', '\u20e0', '\u20e3'], 50, b),
  ),
  'leet, half of the letters that have a digit': twice((t, b) => mapped(t, LEET, 50, b)),
  // Masks
  'a flood of numbers and emoji between words': twice((t, b) =>
    eachWord(t, (w) => (b(2) === 0 ? w : `${w} ${pick([...EMOJI, '1', '22'], b)}`)),
  ),
  'numbers spelt out': (t, b) => {
    const numbered = `${t} Ref ${b(999)}`;
    return [numbered, numbered.replace(/\d/g, (digit) => ` ${DIGITS[Number(digit)]} `)];
  },
  'digits in circles': twice((t, b) =>
    `${t} ${b(9999)}`.replace(/[1-9]/g, (d) => String.fromCodePoint((b(2) ? 0x2775 : 0x245f) + Number(d))),
  ),
  'a link cut by spaces or brackets': (t, b) => [
    `${t} ${link(b)}`,
    `${t} ${link(b)}`.replace(/\.(?=[a-z])/g, () => pick([' . ', '[.]', '(.)', ' dot '], b)).replace('http', 'hxxp'),
  ],
  'a look-alike of a link': (t, b) => [
    `${t} https://pay.example.com/${b(99)}`,
    `${t} https://pаy.ехаmple.com/${b(99)}`,
  ],
  // Variables
  'variables chosen to differ': (t, b) => {
    const words = t.split(/\s+/);
    const some = () => words.filter(() => b(2) === 0);
    return [
      { text: t, variables: some() },
      { text: t, variables: some() },
    ];
  },
  'the whole text as a variable': (t, b) => [
    { text: t, variables: [t] },
    { text: t.replace(/^/, `${pick(NAMES, b)}, `), variables: [`${pick(NAMES, b)}, ${t}`, ...sentencesOf(t)] },
  ],
  'a name that is not declared': (t, b) => [`Hi ${pick(NAMES, b)}, ${t}`, `Dear ${pick(NAMES, b)}: ${t}`],
  // What is put in, taken out or moved
  'padding of half the length': (t, b, c) => [t, `${t} ${padding(t.length * 0.5, b, c)}`],
  'padding of the whole length': twice((t, b, c) => `${t} ${padding(t.length, b, c)}`),
  'padding of three times the length': twice(
    (t, b, c) => `${padding(t.length * 1.5, b, c)} ${t} ${padding(t.length * 1.5, b, c)}`,
  ),
  'the words in another order': twice((t, b) => {
    const words = t.split(/\s+/);
    for (let at = words.length - 1; at > 0; at -= 1) {
      const to = b(at + 1);
      [words[at], words[to]] = [words[to] ?? '', words[at] ?? ''];
    }
    return words.join(' ');
  }),
  'a filler behind each third word': twice((t, b) => eachWord(t, (w) => (b(3) === 0 ? `${w} ${pick(FILLERS, b)}` : w))),
  'filler words, one for each word': twice((t, b) => eachWord(t, (w) => `${w} ${pick(FILLERS, b)}`)),
  paraphrase: plainAnd((t) => t.replace(/[a-z]+/gi, (w) => PARAPHRASE[w.toLowerCase()] ?? w)),
  'cut in two at another place each time': (t, b) => {
    const words = t.split(' ');
    const half = () => words.slice(0, Math.max(1, Math.round(words.length * (0.35 + b(31) / 100)))).join(' ');
    return [half(), half()];
  },
  // Little text
  'short, another number': (t, b) => {
    const short = t.split(' ').slice(0, 3).join(' ');
    return [`${short} ${b(99_999)}`, `${short} ${b(99_999)}`];
  },
  'short, another word beside the number': (t, b) => {
    const [one = '', other = ''] = t.split(' ');
    return [`${one} ${other} ${b(9_999)} ${pick(NAMES, b)}`, `${one} ${other} ${b(9_999)} ${pick(NAMES, b)}`];
  },
  'links only, another path': (_t, b) => [
    `https://go.example.com/${b(1e9)}`,
    `https://go.example.com/${b(1e9)}?x=${b(99)}`,
  ],
  'links only, another name below the domain': (_t, b) => [
    `https://a${b(1e6)}.example.com/x`,
    `https://b${b(1e6)}.example.com/`,
  ],
  'links only, other numbers and emoji beside it': (_t, b) => [
    `${pick(EMOJI, b)} https://go.example.com/${b(1e9)} ${b(999)}`,
    `https://go.example.com/${b(1e9)} ${pick(EMOJI, b)}${pick(EMOJI, b)}`,
  ],
  'a link with a word or two of few letters': (_t, b) => [
    `${pick(['Hi', 'Hey', 'Look', 'Yo', 'see'], b)} https://go.example.com/${b(1e9)}`,
    `${pick(['ok', 'for u', 'wow', 'click', 'go'], b)} https://go.example.com/${b(1e9)}`,
  ],
  'numbers or emoji only': (_t, b) => [
    pick([`${b(1e6)}`, pick(EMOJI, b) + pick(EMOJI, b)], b),
    pick([`${b(1e6)}`, pick(EMOJI, b) + pick(EMOJI, b)], b),
  ],
  'attachments only': (_t, b) => {
    const attachments = ['5e'.repeat(32)];
    return [
      { text: '', attachments },
      { text: pick(['', '\ufffc', '🎉', `${b(999)}`], b), attachments: [...attachments, `${b(9)}d`.repeat(32)] },
    ];
  },
  // The same, and a name beside it
  'any sign of the keyboard inside each word, and names': withNames((t, b) => insideWords(t, ONE_SIGN, b)),
  'an emoji inside each word, and names': withNames((t, b) => insideWords(t, EMOJI, b)),
  'zero-width signs and look-alikes, and names': withNames((t, b) =>
    between(mapped(t, LOOKS, 40, b), ['\u200b', '\u2060'], 30, b),
  ),
  'some words with a space between their letters, and names': withNames((t, b) =>
    eachWord(t, (w) => (b(3) === 0 && w.length > 3 ? [...w].join(' ') : w)),
  ),
  'two signs inside each word, and names': withNames((t, b) => insideWords(t, ['..', '--', '**', '__', '.-', '~~'], b)),
  'a space inside each word, and names': withNames((t, b) => insideWords(t, [' '], b)),
  'a digit inside each word, and names': withNames((t, b) => insideWords(t, [...'0123456789'], b)),
  // Other scripts
  'vowel signs of Arabic': twice((t, b) =>
    between(t, ['\u064b', '\u064e', '\u064f', '\u0650', '\u0651', '\u0652', '\u0640'], 40, b),
  ),
  'marks of other scripts on any letter': twice((t, b) => between(t, MARKS, 40, b)),
  'a space or a sign between letters that are written without': twice((t, b) =>
    between(t, [' ', '。', '、', '·', '-', '~', '…'], 30, b),
  ),
  'radicals and compatibility forms of Chinese': twice((t, b) =>
    [...t].map((sign) => (b(2) === 0 ? (COMPATIBLE.get(sign) ?? sign) : sign)).join(''),
  ),
  'kana of half width': twice((t, b) =>
    [...t].map((sign) => (b(2) === 0 ? (HALF_WIDTH.get(sign) ?? sign) : sign)).join(''),
  ),
  'the other kana': twice((t, b) =>
    t.replace(/[\u3041-\u3096]/g, (sign) => (b(2) === 0 ? String.fromCharCode(sign.charCodeAt(0) + 0x60) : sign)),
  ),
  'letters taken apart or put together': twice((t, b) => eachWord(t, (w) => w.normalize(b(2) === 0 ? 'NFD' : 'NFC'))),
};
