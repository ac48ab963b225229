/**
 * The shape of a text in which near-same texts are compared: `canonical` (GATE.md, "Same or near-same text").
 *
 *   text ─▶ normalise (invisible signs off, look-alikes to ASCII, accents off, case folded) ─▶ mask (links, mails, numbers, emoji) ─▶ letters,
 *           masks and single spaces
 *
 * Idempotent. A change of what comes out is a new CANONICAL_VERSION, which is part of every fingerprint.
 */
import { folded, withoutLoneRegionals } from './look-alikes.ts';

/**
 * 1  as first written
 * 2  any one or two signs between letters go, as do private-use and object signs; single letters in a row are one word; vowel signs that
 *    Hebrew and Arabic do without, letters in boxes, small and turned ones; all kinds of numbers; links by their registered name
 */
export const CANONICAL_VERSION = 2;

/** One private-use sign stands for each thing that is masked. */
export const MASK = { link: '\uE000', mail: '\uE001', number: '\uE002', emoji: '\uE003', variable: '\uE004' } as const;

const SPACES = /[\t\n\v\f\r\x85]/g;
const ASCII = /^[\x00-\x7f]*$/;
/** Invisible signs, signs that stand for nothing written, what only stretches an Arabic word, and spaces so thin that they cut words. */
const DROPPED =
  /[\p{Cc}\p{Cf}\p{Me}\p{Default_Ignorable_Code_Point}\u2006\u2008-\u200a\u202f\u0640\ufffc\ufffd\ue005-\uf8ff\u{f0000}-\u{10ffff}]/gu;
/** Marks on letters of scripts that are read without them, marks that belong to no script, and marks on nothing that could carry one. */
const MARKS =
  /(^|[^\p{L}\p{M}]|[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Han}\p{Script=Hebrew}\p{Script=Arabic}])\p{M}+|[[\p{M}&&\p{Script=Inherited}]--[\u3099\u309a]]/gv;

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
/** One or two signs between letters hide a word more often than they part two; where no spaces are written, only some do. */
const BETWEEN =
  /(?<=[[\p{L}\p{M}]--[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]])[^\p{L}\p{M}\p{N}\s\uE000-\uE004]{1,2}(?=[\p{L}--[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]])|(?<=[\p{L}\p{M}])[.'\-_*·\|](?=\p{L})/gv;
/** Single letters in a row: a word with its letters apart. */
const LETTERS_APART = /(?<![\p{L}\p{M}])\p{L}\p{M}*(?: \p{L}\p{M}*(?![\p{L}\p{M}])){3,}/gu;
const KATAKANA = /[\u30a1-\u30f6]/g;
const NUMBERS = /\p{N}+/gu;
const EMOJI = /[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}]+/gu;
const OTHERS = /[^\p{L}\p{M}\uE000-\uE004]+/gu;
/** The same three for plain ASCII, which most texts are, several times faster. */
const PLAIN_BETWEEN = /(?<=[a-z])[^a-z0-9\s\uE000-\uE004]{1,2}(?=[a-z])/g;
const PLAIN_LETTERS_APART = /(?<![a-z])[a-z](?: [a-z](?![a-z])){3,}/g;
const PLAIN_NUMBERS = /[0-9]+/g;
const PLAIN_OTHERS = /[^a-z\uE000-\uE004]+/g;
const PLAIN_SHAPE = /^[a-z \uE000-\uE004]*$/;
const MASKS = /[\uE000-\uE004]/;
const REPEATED = /([\uE000-\uE004])(?: ?\1)+/g;
/** One of these is in every link: to look for links takes long, and most texts have a full stop. */
const MAY_HOLD_LINK = /\.[^ ]|@|:\/\//;
const MASKS_AT_ENDS = /^[\uE000-\uE004 ]+|[\uE000-\uE004 ]+$/g;
const KEPT_UNMASKED = /[^\p{L}\p{M}\p{N}\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}.]+/gu;

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

/**
 * What a text says that holds hardly a letter: its links, by the names that they are registered under; without one its numbers, emoji
 * and few letters.
 */
export function unmasked(text: string): string {
  const plain = normalised(text);
  const hosts = [...plain.matchAll(LINKS)]
    .filter(({ groups }) => !groups?.mail)
    .map(([found]) => registered(hostOf(found)));
  if (hosts.length > 0) return [...new Set(hosts)].sort().join(' ');
  const kept = plain.replace(KEPT_UNMASKED, ' ').trim();
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

/** The letters alone, without spaces and masks. */
export function lettersOf(canonicalText: string): string {
  return canonicalText.replace(/[ \uE000-\uE004]+/g, '');
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
export function variablesMasked(canonicalText: string, variables: readonly string[]): string {
  const values = [...new Set(variables.map(canonical))].filter((value) => /\p{L}/u.test(value));
  if (values.length === 0) return canonicalText;
  values.sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  let masked = '';
  let copied = 0;
  for (let at = 0; at < canonicalText.length; at += 1) {
    const value = values.find((one) => canonicalText.startsWith(one, at) && standsAlone(one, canonicalText, at));
    if (value === undefined) continue;
    masked += canonicalText.slice(copied, at) + MASK.variable;
    copied = at + value.length;
    at = copied - 1;
  }
  return (masked + canonicalText.slice(copied)).replace(REPEATED, '$1');
}

function standsAlone(value: string, text: string, at: number): boolean {
  const end = at + value.length;
  const follows = isCjk([...value].at(-1)?.codePointAt(0) ?? 0) || !/^[\p{L}\p{M}]/u.test(text.slice(end, end + 2));
  return (
    follows && (isCjk(value.codePointAt(0) ?? 0) || !/(?:\p{L}|\p{M})$/u.test(text.slice(Math.max(0, at - 2), at)))
  );
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
  return folded(oneKana(withoutLoneRegionals(spaced).replace(DROPPED, '').normalize('NFKC')))
    .normalize('NFD')
    .replace(MARKS, '$1')
    .toUpperCase()
    .toLowerCase()
    .replace(/ς/g, 'σ')
    .normalize('NFC');
}

/** Katakana as hiragana: they are read alike, and either can be written for the other. */
function oneKana(text: string): string {
  return text.replace(KATAKANA, (sign) => String.fromCharCode(sign.charCodeAt(0) - 0x60));
}

function masked(text: string): string {
  let shape = text;
  if (MAY_HOLD_LINK.test(shape))
    shape = shape.replace(LINKS, (_found, ...rest) =>
      (rest.at(-1) as { mail?: string }).mail ? MASK.mail : MASK.link,
    );
  if (ASCII.test(text))
    shape = together(shape.replace(PLAIN_BETWEEN, ''), PLAIN_LETTERS_APART)
      .replace(PLAIN_NUMBERS, MASK.number)
      .replace(PLAIN_OTHERS, ' ');
  else
    shape = together(shape.replace(BETWEEN, ''), LETTERS_APART)
      .replace(NUMBERS, MASK.number)
      .replace(EMOJI, MASK.emoji)
      .replace(OTHERS, ' ');
  // Once more: signs of several kinds between them have become single spaces.
  shape = together(shape, ASCII.test(text) ? PLAIN_LETTERS_APART : LETTERS_APART);
  return (MASKS.test(shape) ? shape.replace(REPEATED, '$1') : shape).trim();
}

function together(text: string, apart: RegExp): string {
  return text.replace(apart, (letters) => letters.replaceAll(' ', ''));
}

function hostOf(link: string): string {
  const host = link.replace(/^[a-z][a-z0-9+.-]*:\/\//, '').replace(/[/?#].*$/s, '');
  return host
    .replace(/^.*@/, '')
    .replace(/:\d*$/, '')
    .replace(/^www\./, '')
    .replace(/\.+$/, '');
}

/** The part of a host name that somebody registered: its last two labels, or three below such as co.uk. Who has it, has all names below. */
function registered(host: string): string {
  const labels = host.split('.');
  const [above = '', top = ''] = labels.slice(-2);
  return labels.slice(top.length === 2 && above.length <= 3 ? -3 : -2).join('.');
}
