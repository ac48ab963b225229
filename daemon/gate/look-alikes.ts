/**
 * Letters that are read as Latin ones: the table of UTS #39, and what it leaves out because it is a letter of its own kind: small capitals,
 * letters turned upside down, letters in boxes and circles. Only for comparing.
 */
import { CONFUSABLES } from './confusables.generated.ts';

/** Small capitals, then letters turned upside down that have a code point of their own. */
const UNUSUAL = {
  from: 'ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢɐɔǝɟƃᵷɥᴉɾʞꞁɯɹʇʌʍʎ',
  to: 'abcdefghijklmnopqrstuvwyzacefgghijklmrtvwy',
};
/** A to Z in order, from these code points on: circles and boxes with the letter left out, and boxes that are emoji. */
const ALPHABETS = [0x1f150, 0x1f170];
/** Boxes with a word inside. */
const WORDS: readonly [string, string][] = [
  ...([
    ['🆎', 'ab'],
    ['🆑', 'cl'],
    ['🆒', 'cool'],
    ['🆓', 'free'],
    ['🆔', 'id'],
    ['🆕', 'new'],
  ] as [string, string][]),
  ...([
    ['🆖', 'ng'],
    ['🆗', 'ok'],
    ['🆘', 'sos'],
    ['🆙', 'up'],
    ['🆚', 'vs'],
    ['🔤', 'abc'],
  ] as [string, string][]),
];
const REGIONAL_A = 0x1f1e6;

const NOT_ASCII = /[^\x00-\x7f]/gu;
/** Two of them are a flag; one alone is only its letter. */
const LONE_REGIONAL = /(?<!\p{Regional_Indicator})\p{Regional_Indicator}(?!\p{Regional_Indicator})/gu;
/** Greek letters that nobody takes for Latin ones. */
const SURELY_GREEK = /[ΓΔΘΛΞΠΣΦΨΩγδζθλξπσςφψω]/gu;
const LATIN = /[A-Za-z]/g;
const REGIONAL = /\p{Regional_Indicator}/u;

const { letters: FOLDED, digits: FOLDED_DIGITS } = tables();
const DIGITS = [...FOLDED_DIGITS.keys()].join('');
const DIGIT_IN_WORD = new RegExp(`(?<=[A-Za-z])[${DIGITS}]|[${DIGITS}](?=[A-Za-z])`, 'gu');

/** Digits of other scripts that look like letters fold only inside a word; anywhere else they are a number. */
function tables(): { letters: Map<string, string>; digits: Map<string, string> } {
  const letters = new Map<string, string>(WORDS);
  const digits = new Map<string, string>();
  for (const line of CONFUSABLES.split('\n')) {
    const [target = '', steps = ''] = line.split('\t');
    let code = 0;
    for (const step of steps.split(' ')) {
      code += Number.parseInt(step, 36);
      const source = String.fromCodePoint(code);
      (/\p{Nd}/u.test(source) && /[A-Za-z]/.test(target) ? digits : letters).set(source, target);
    }
  }
  const to = [...UNUSUAL.to];
  for (const [at, sign] of [...UNUSUAL.from].entries())
    for (const source of [sign, sign.toUpperCase()])
      if ([...source].length === 1 && !letters.has(source)) letters.set(source, to[at] ?? source);
  for (const first of ALPHABETS)
    for (let at = 0; at < 26; at += 1) letters.set(String.fromCodePoint(first + at), String.fromCharCode(0x61 + at));
  return { letters, digits };
}

/** `text`: in NFKC. */
export function folded(text: string): string {
  const letters = (isGreek(text) ? text.toLowerCase() : text).replace(NOT_ASCII, (sign) => FOLDED.get(sign) ?? sign);
  return letters.replace(DIGIT_IN_WORD, (sign) => FOLDED_DIGITS.get(sign) ?? sign);
}

/** In Greek a capital looks like another Latin letter than its small one does: there the small one counts, so that capitals change nothing. */
function isGreek(text: string): boolean {
  const greek = text.match(SURELY_GREEK)?.length ?? 0;
  return greek > 0 && 4 * greek > (text.match(LATIN)?.length ?? 0);
}

/** Regional indicators that stand alone, as their letters. Before invisible signs go: they keep two from being a flag. */
export function withoutLoneRegionals(text: string): string {
  if (!REGIONAL.test(text)) return text;
  return text.replace(LONE_REGIONAL, (sign) =>
    String.fromCharCode(0x61 + (sign.codePointAt(0) ?? REGIONAL_A) - REGIONAL_A),
  );
}
