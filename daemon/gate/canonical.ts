/**
 * The shape of a text in which near-same texts are compared: `canonical` (GATE.md, "Same or near-same text").
 *
 *   text ─▶ normalise (invisible signs off, look-alikes to ASCII, accents off, case folded) ─▶ mask (links, mails, numbers, emoji) ─▶ letters,
 *           masks and single spaces
 *
 * Idempotent. A change of what comes out is a new CANONICAL_VERSION, which is part of every fingerprint.
 */
import { CONFUSABLES } from './confusables.generated.ts';

export const CANONICAL_VERSION = 1;

/** One private-use sign stands for each thing that is masked. */
export const MASK = { link: '\uE000', mail: '\uE001', number: '\uE002', emoji: '\uE003', variable: '\uE004' } as const;

const SPACES = /[\t\n\v\f\r\x85]/g;
const ASCII = /^[\x00-\x7f]*$/;
/** Invisible signs, and spaces so thin that they are used to cut words. */
const DROPPED = /[\p{Cc}\p{Cf}\p{Me}\p{Default_Ignorable_Code_Point}\u2006\u2008-\u200a\u202f]/gu;
/** Marks on letters of the three scripts that are read without them, and marks on nothing that could carry one. */
const MARKS = /(^|[^\p{L}\p{M}]|[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}])\p{M}+/gu;

const REST = '[!#-;=?-~]';
/** Endings by which a name without scheme and path is taken for a link. Those that are words ("me", "in", "it") need a path. */
const ENDINGS = `com|net|org|info|biz|edu|gov|io|co|ai|app|dev|ly|gl|gg|tv|cc|eu|uk|de|fr|es|nl|pl|ru|ua|ch|se|dk|fi|pt|br|mx|ar|cn|jp|kr|au|nz|ca|za|tr|gr|cz|hu|ro|ie|il|xyz|top|shop|store|online|site|club|vip|link|click|live|pro|mobi|page|tech|cloud|space|website|fun|icu|buzz|today|news|blog`;
/** A link with scheme, an e-mail address, or a name that can only be a link. Ends before the first non-ASCII sign. */
const LINKS = new RegExp(
  [
    `(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{1,20}://${REST}+`,
    '(?<mail>(?<![a-z0-9._%+-])[a-z0-9._%+-]{1,64}@(?:[a-z0-9-]+\\.)+[a-z]{2,})',
    `(?<![a-z0-9@.-])www\\.${REST}+`,
    `(?<![a-z0-9@.-])(?:[a-z0-9][a-z0-9-]*\\.)+(?:(?:${ENDINGS})(?![a-z0-9-])(?:[/:?#]${REST}*)?|[a-z]{2,24}(?::\\d{1,5})?/${REST}*)`,
  ].join('|'),
  'g',
);
/** Signs that are put between the letters of a word to hide it. */
const BETWEEN = /[.'\-_*·|](?<=[\p{L}\p{M}][.'\-_*·|])(?=\p{L})/gu;
const NUMBERS = /\p{Nd}+/gu;
const EMOJI = /[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}]+/gu;
const OTHERS = /[^\p{L}\p{M}\uE000-\uE004]+/gu;
/** The same three for plain ASCII, which most texts are, several times faster. */
const PLAIN_BETWEEN = /[.'\-_*|](?<=[a-z][.'\-_*|])(?=[a-z])/g;
const PLAIN_NUMBERS = /[0-9]+/g;
const PLAIN_OTHERS = /[^a-z\uE000-\uE004]+/g;
const PLAIN_SHAPE = /^[a-z \uE000-\uE004]*$/;
const MASKS = /[\uE000-\uE004]/;
const REPEATED = /([\uE000-\uE004])(?: ?\1)+/g;
const MASKS_AT_ENDS = /^[\uE000-\uE004 ]+|[\uE000-\uE004 ]+$/g;
const KEPT_UNMASKED = /[^\p{L}\p{M}\p{Nd}\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}.]+/gu;

const { letters: FOLDED, digits: FOLDED_DIGITS } = unpack(CONFUSABLES);
const DIGIT_IN_WORD = new RegExp(
  `(?<=[A-Za-z])[${[...FOLDED_DIGITS.keys()].join('')}]|[${[...FOLDED_DIGITS.keys()].join('')}](?=[A-Za-z])`,
  'gu',
);
const NOT_ASCII = /[^\x00-\x7f]/gu;

/** Digits of other scripts that look like letters fold only inside a word; anywhere else they are a number. */
function unpack(packed: string): { letters: Map<string, string>; digits: Map<string, string> } {
  const letters = new Map<string, string>();
  const digits = new Map<string, string>();
  for (const line of packed.split('\n')) {
    const [target = '', steps = ''] = line.split('\t');
    let code = 0;
    for (const step of steps.split(' ')) {
      code += Number.parseInt(step, 36);
      const source = String.fromCodePoint(code);
      (/\p{Nd}/u.test(source) && /[A-Za-z]/.test(target) ? digits : letters).set(source, target);
    }
  }
  return { letters, digits };
}

/** Letters, masks and single spaces; what all comparing is done on. */
export function canonical(text: string): string {
  let shape = masked(normalised(text));
  // Taking signs from between letters can bring letters together that compose or fold anew (jamo above all).
  for (let round = 0; round < 4 && !PLAIN_SHAPE.test(shape); round += 1) {
    const again = masked(normalised(shape));
    if (again === shape) break;
    shape = again;
  }
  return shape;
}

/** As `canonical`, but links become their host names and numbers and emoji stay: for texts that are little more than these. */
export function unmasked(text: string): string {
  const plain = normalised(text);
  const kept = plain
    .replace(LINKS, (found, ...rest) => ((rest.at(-1) as { mail?: string }).mail ? found : ` ${hostOf(found)} `))
    .replace(KEPT_UNMASKED, ' ')
    .trim();
  // Of signs alone the signs are the text.
  return kept === '' ? plain.trim() : kept;
}

/** A canonical text without the masks at its ends: how a whole message is compared with a word such as STOP. */
export function bareWords(text: string): string {
  return canonical(text).replace(MASKS_AT_ENDS, '');
}

/** Letters outside masks, by code points. */
export function letterCount(canonicalText: string): number {
  let count = 0;
  for (let i = 0; i < canonicalText.length; i += 1) {
    const unit = canonicalText.charCodeAt(i);
    if (unit === 0x20 || (unit >= 0xe000 && unit <= 0xe004)) continue;
    if (unit < 0x80 || unit > 0xdfff || unit < 0xd800) {
      if (unit < 0x80 || /\p{L}/u.test(canonicalText[i] ?? '')) count += 1;
    } else if (unit <= 0xdbff) count += 1;
  }
  return count;
}

/** Words and masks in their order. */
export function tokensOf(canonicalText: string): string[] {
  return canonicalText.match(/[\uE000-\uE004]|[^ \uE000-\uE004]+/g) ?? [];
}

export function holdsMask(canonicalText: string): boolean {
  return MASKS.test(canonicalText);
}

/**
 * The canonical text with the values of its variables masked, as whole words. In scripts that write without spaces a value counts
 * wherever it stands.
 */
export function variablesMasked(canonicalText: string, variables: string[]): string {
  const values = [...new Set(variables.map(canonical))].filter((value) => /\p{L}/u.test(value));
  if (values.length === 0) return canonicalText;
  values.sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  const parts = values.map((value) => {
    const open = isCjk(value.codePointAt(0) ?? 0) ? '' : '(?<![\\p{L}\\p{M}])';
    const last = [...value].at(-1) ?? '';
    return `${open}${value}${isCjk(last.codePointAt(0) ?? 0) ? '' : '(?![\\p{L}\\p{M}])'}`;
  });
  return canonicalText.replace(new RegExp(parts.join('|'), 'gu'), MASK.variable).replace(REPEATED, '$1');
}

/** Chinese, Japanese and Korean letters: they say in two signs what others say in four. */
export function isCjk(code: number): boolean {
  if (code < 0x1100) return false;
  return (
    code <= 0x11ff ||
    (code >= 0x2e80 && code <= 0x9fff) ||
    (code >= 0xa960 && code <= 0xa97f) ||
    (code >= 0xac00 && code <= 0xd7ff) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0x20000 && code <= 0x3ffff)
  );
}

function normalised(text: string): string {
  const spaced = text.replace(SPACES, ' ');
  if (ASCII.test(spaced)) return spaced.replace(/[\x00-\x1f\x7f]/g, '').toLowerCase();
  return folded(spaced.replace(DROPPED, '').normalize('NFKC'))
    .normalize('NFD')
    .replace(MARKS, '$1')
    .toUpperCase()
    .toLowerCase()
    .replace(/ς/g, 'σ')
    .normalize('NFC');
}

function folded(text: string): string {
  const letters = text.replace(NOT_ASCII, (sign) => FOLDED.get(sign) ?? sign);
  return letters.replace(DIGIT_IN_WORD, (sign) => FOLDED_DIGITS.get(sign) ?? sign);
}

function masked(text: string): string {
  let shape = text;
  if (/[.@:]/.test(shape))
    shape = shape.replace(LINKS, (_found, ...rest) =>
      (rest.at(-1) as { mail?: string }).mail ? MASK.mail : MASK.link,
    );
  if (ASCII.test(text))
    shape = shape.replace(PLAIN_BETWEEN, '').replace(PLAIN_NUMBERS, MASK.number).replace(PLAIN_OTHERS, ' ');
  else shape = shape.replace(BETWEEN, '').replace(NUMBERS, MASK.number).replace(EMOJI, MASK.emoji).replace(OTHERS, ' ');
  return (MASKS.test(shape) ? shape.replace(REPEATED, '$1') : shape).trim();
}

function hostOf(link: string): string {
  const host = link.replace(/^[a-z][a-z0-9+.-]*:\/\//, '').replace(/[/?#].*$/s, '');
  return host
    .replace(/^.*@/, '')
    .replace(/:\d*$/, '')
    .replace(/^www\./, '')
    .replace(/\.+$/, '');
}
