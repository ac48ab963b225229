/** The shape in which texts are compared, rule by rule. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bareWords, canonical, letterCount, MASK, unmasked, variablesMasked } from '../../../daemon/gate/canonical.ts';
import { CONFUSABLES, SOURCE } from '../../../daemon/gate/confusables.generated.ts';
import { foldings, pack, parse } from '../../../scripts/generate-confusables.ts';

const { link, mail, number, emoji, variable } = MASK;

describe('canonical', () => {
  it.each([
    ['case and punctuation', 'Hello, ANNA! See you... soon?', 'hello anna see you soon'],
    ['newlines and tabs are spaces', 'one\n\ttwo\r\nthree', 'one two three'],
    ['invisible signs go', 'inv\u200bis\u00adi\u2060ble\ufeff \u202etext\u202c', 'invisible text'],
    ['thin spaces do not cut words', 'f\u2009r\u200ae\u202fe', 'free'],
    ['full-width, ligatures and bold letters', 'Ｈｅｌｌｏ ﬁne 𝐛𝐨𝐥𝐝', 'hello fine bold'],
    ['enclosing marks go', 'a\u20dd b\u20de', 'a b'],
    ['look-alikes of Latin', 'Сһеар gοld', 'cheap gold'],
    ['a capital look-alike keeps its letter', 'Іnvest', 'invest'],
    ['digits of other scripts inside a word', 'fr\u0665m', 'from'],
    ['the same digits as a number', '\u0664\u0665 apples', `${number} apples`],
    ['ASCII is never folded', 'modern 10 I m', `modern ${number} i m`],
    ['accents of Latin, Greek, Cyrillic', 'Ça va, Zoë? Ёлка', 'ca va zoe eлka'],
    ['case-fold beyond lower case', 'STRASSE Straße', 'strasse strasse'],
    ['vowel signs of other scripts stay', 'नमस्ते', 'नमस्ते'],
    ['signs between letters', "F-r.e_e i*t's do|ne o·k", 'free its done ok'],
    ['any one sign between letters', 'fr/ee gi,ft sa♥le o→ffer and/or', 'free gift sale offer andor'],
    ['but three signs are a gap', 'wait--what wait...what', 'waitwhat wait what'],
    ['single letters in a row', 'F R E E   g-i-f-t  n o w', 'free gift n o w'],
    ['four of them, with signs between, next to a word', 'a / b / c / d efg', 'abcd efg'],
    ['signs that stand for nothing written', 'fr\uf8ffee\ufffc now\ufffd', 'free now'],
    ['small capitals and turned letters', 'ꜰʀᴇᴇ ɢɪꜰᴛ ǝʌᴉƃ', 'free gift evig'],
    ['letters in boxes and circles', '🅵🆁🅔🅔 🄶Ⓘ🅕🆃 🆓 🆗', 'free gift free ok'],
    ['regional indicators apart, and as a flag', '🇸\u200b🇦\u200b🇱\u200b🇪 🇩🇪', `sale ${emoji}`],
    ['numbers of all kinds', '❶ ⅔ Ⅳ x', `${number} iv x`],
    ['vowel signs that Arabic and Hebrew do without', 'مُحَمَّد שָׁלֹם', 'محمد שלם'],
    ['marks that belong to no script', 'न\u0336म\u0301', 'नम'],
    ['voiced kana stay voiced', 'か\u3099 ハ\u309a', 'が ぱ'],
    ['katakana is read as hiragana', 'ガラスノ ｶﾞﾗｽ', 'がらすの がらす'],
    ['stretched Arabic words', 'طـــلـبت', 'طلبت'],
    ['signs between kana are gaps', '本日、予約', '本日 予約'],
    ['links', 'See https://ex.ample/a?b=1#c now', `see ${link} now`],
    ['links without scheme', 'shop at example.com, or t.me/abc or www.x.y', `shop at ${link} or ${link} or ${link}`],
    ['no link: a missing space behind a full stop', 'Ok.see you. tell.me', 'oksee you tellme'],
    ['a link ends at the first non-ASCII sign', 'https://ex.ample/a日本', `${link}日本`],
    ['e-mail addresses', 'Write to first.last+tag@mail.example.org!', `write to ${mail}`],
    ['numbers, dates and amounts', 'On 21/05/2026 pay $1,299.50', `on ${number} pay ${number}`],
    ['a number inside a word', 'Room 12b', `room ${number}b`],
    ['emoji runs, with joiners and tones', 'Party 🎉🎊 👩‍👩‍👧👍🏽 🇩🇪!', `party ${emoji}`],
    ['keycaps are numbers', '1️⃣ first', `${number} first`],
    ['Japanese', 'こんにちは、世界。', 'こんにちは 世界'],
    ['Korean stays composed', '안녕하세요', '안녕하세요'],
    ['nothing at all', ' ...\n', ''],
  ])('%s', (_name, text, shape) => {
    expect(canonical(text)).toBe(shape);
    expect(canonical(shape)).toBe(shape);
  });

  it('capitals change nothing, in any alphabet with cases', () => {
    for (const text of [
      'привет всем, как дела',
      'zażółć gęślą jaźń',
      'groß und schön',
      'İstanbul',
      'բարև ձեզ',
      'η παραγγελία σας είναι έτοιμη',
    ])
      expect(canonical(text.toUpperCase())).toBe(canonical(text));
  });

  it('is idempotent', () => {
    const signs = fc.constantFrom(
      ...[
        'a',
        'B',
        'é',
        'І',
        'ς',
        'ß',
        'İ',
        '\u0301',
        '\u200b',
        '\u2009',
        '.',
        '-',
        "'",
        '_',
        '@',
        '/',
        ':',
        '://',
        'www.',
        '.com',
        ' ',
      ],
      ...[
        '1',
        '٥',
        '½',
        '🎉',
        '👍🏽',
        '🇩🇪',
        '日',
        'か',
        '゙',
        'ㅎ',
        'ᄒ',
        'ᅡ',
        'ᆫ',
        '안',
        'ि',
        'न',
        '\ue000',
        '\ue002',
        '\ud800',
        '|',
        '│',
        'ﬁ',
      ],
      ...[
        '~',
        ',',
        '\u2800',
        '\ufffc',
        '\uf8ff',
        'ᴀ',
        'Ɐ',
        '🅰',
        '🆓',
        '🇩',
        '❶',
        'أ',
        '\u064b',
        'ש',
        '\u05b8',
        '\u0336',
        'b ',
        'c ',
        'd ',
      ],
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.string({ unit: 'grapheme', maxLength: 60 }),
      fc.array(signs, { maxLength: 40 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (written) => {
        const shape = canonical(written);
        expect(canonical(shape)).toBe(shape);
        expect(shape).toMatch(/^(?:[\p{L}\p{M}\ue000-\ue004]+(?: [\p{L}\p{M}\ue000-\ue004]+)*)?$/u);
      }),
      { numRuns: 3_000 },
    );
  });

  it('takes hostile lengths in its stride', () => {
    const started = performance.now();
    for (const part of [
      'a.',
      'a@',
      '1 ',
      'a-',
      '.a://',
      'é\u0301',
      '🎉 ',
      'www.',
      'x.com/',
      'a@a.',
      'a b ',
      'a,',
      'a~ ',
      'é ',
      'é,',
      'ᴀ ',
    ])
      canonical(part.repeat(10_000 / part.length));
    expect(performance.now() - started).toBeLessThan(3_000);
  });
});

describe('what is derived from it', () => {
  it('letters are counted by code points, masks and marks not', () => {
    expect(letterCount(canonical('Hi 5 🎉 ok'))).toBe(4);
    expect(letterCount('नमस्ते')).toBe(4);
    expect(letterCount('𠀀𠀁 日')).toBe(3);
  });

  it('unmasked texts keep numbers, emoji and the hosts of links', () => {
    expect(unmasked('42 🎉')).toBe('42 🎉');
    expect(unmasked('https://www.Example.com/a/b?c')).toBe(unmasked('example.com/other'));
    expect(unmasked('https://a.example/x')).not.toBe(unmasked('https://b.example/x'));
  });

  it('a link with hardly a letter beside it is the name that it is registered under', () => {
    for (const text of [
      'https://a7.shop.example/x',
      'shop.example/y 🎉 12',
      'Hi: HTTPS://B.shop.example?z=1 https://shop.example/',
    ])
      expect(unmasked(text)).toBe('shop.example');
    expect(unmasked('a.shop.co.uk/x')).toBe(unmasked('b.shop.co.uk/y'));
    expect(unmasked('one.co.uk/x')).not.toBe(unmasked('two.co.uk/x'));
  });

  it('texts of signs alone differ by their signs', () => {
    expect(unmasked(' ?! ')).toBe('?!');
    expect(unmasked('?')).not.toBe(unmasked('!'));
  });

  it('a whole message is read without what stands at its ends', () => {
    for (const text of ['STOP', ' stop. ', 'Stop!!! 🛑', '🛑 STOP 1', 'S.T.O.P', 'ＳＴＯＰ'])
      expect(bareWords(text)).toBe('stop');
    expect(bareWords('stop it')).toBe('stop it');
  });

  it('variables are masked as whole words, wherever they stand', () => {
    expect(variablesMasked('hi ann your annual plan', ['Ann'])).toBe(`hi ${variable} your annual plan`);
    expect(variablesMasked('hi ann lee and ann', ['Ann', 'Ann Lee'])).toBe(`hi ${variable} and ${variable}`);
    expect(variablesMasked('王先生您好', ['王'])).toBe(`${variable}先生您好`);
    expect(variablesMasked('hi ann', ['42', ''])).toBe('hi ann');
    expect(variablesMasked('ann leeds and ann lee', ['Ann Lee', 'Ann'])).toBe(`${variable} leeds and ${variable}`);
    expect(variablesMasked('𐐷ann ann𐐷 joann', ['Ann'])).toBe('𐐷ann ann𐐷 joann');
  });
});

describe('the table of look-alikes', () => {
  const TABLE = fileURLToPath(new URL('../../../../shared/data/unicode_confusables.txt', import.meta.url));

  it('chooses the look-alike of the own kind, and folds letters to letters only', () => {
    const lines = [
      '0049 ; 006C ; MA',
      '0031 ; 006C ; MA',
      '007C ; 006C ; MA',
      '0406 ; 006C ; MA',
      '04CF ; 006C ; MA',
      '2223 ; 006C ; MA',
    ];
    const found = foldings(
      parse([...lines, '0417 ; 0033 ; MA', '0412 ; 0042 ; MA', '0301 ; 0027 ; MA', '0430 ; 0061 ; MA # a'].join('\n')),
    );
    expect(Object.fromEntries(found)).toEqual({
      І: 'I',
      і: 'i',
      ӏ: 'l',
      Ӏ: 'l',
      '∣': '|',
      В: 'B',
      в: 'b',
      а: 'a',
      А: 'a',
    });
    const steps = (...codes: number[]) => codes.map((code) => code.toString(36)).join(' ');
    const packed = pack(
      new Map([
        ['а', 'a'],
        ['в', 'b'],
        ['α', 'a'],
      ]),
    );
    expect(packed).toBe(`a\t${steps(0x3b1, 0x430 - 0x3b1)}\nb\t${steps(0x432)}`);
  });

  it.skipIf(!existsSync(TABLE))('is what the source says (skips without ../shared)', () => {
    const bytes = readFileSync(TABLE);
    expect(SOURCE.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(CONFUSABLES).toBe(pack(foldings(parse(bytes.toString('utf8')))));
  });
});
