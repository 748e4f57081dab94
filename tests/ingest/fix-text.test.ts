import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { repairMojibake } from '../../src/ingest/mojibake.ts';
import { fixText, fixTextStep } from '../../src/ingest/steps/fix-text.ts';

const options = fixTextStep.options.parse({});

/** What a reader makes of UTF-8 that takes it for windows-1252 (the Encoding Standard's). */
function misread(text: string): string {
  const high = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';
  return Buffer.from(text)
    .toString('latin1')
    .replace(/[\u0080-\u009f]/g, (char) => high[char.charCodeAt(0) - 0x80]!);
}

describe('mojibake', () => {
  test.each([
    ['FranÃ§ais', 'Français'],
    ['donâ€™t â€œquoteâ€\u009d', 'don’t “quote”'],
    ['Ð¿Ñ€Ð¸Ð²ÐµÑ‚', 'привет'],
    ['ðŸ˜€', '😀'],
    ['FranÃƒÂ§ais', 'Français'],
    ['Français, naïve, Ångström, ÄÖÜ, «oui», 20 £', 'Français, naïve, Ångström, ÄÖÜ, «oui», 20 £'],
    ['plain', 'plain'],
    ['Strauß’ “café’” ÄÖ', 'Strauß’ “café’” ÄÖ'],
  ])('%s', (text, meant) => {
    expect(repairMojibake(text)).toBe(meant);
  });

  test('is undone in words of any script, and words that were read rightly stay', () => {
    const words =
      'Français naïve œuvre übergroß Strauß’ łódź Ångström čeština привет Ελληνικά 漢字 かな 한글 😀 don’t “quote” – … 20 £ the';
    const texts = fc
      .array(fc.constantFrom(...words.split(' ')), { maxLength: 20 })
      .map((chosen) => chosen.join(' '));
    fc.assert(
      fc.property(texts, (text) => {
        expect(repairMojibake(misread(text))).toBe(text);
        expect(repairMojibake(text)).toBe(text);
      }),
    );
  });
});

describe('fix-text', () => {
  test('brings text into one form', () => {
    expect(fixText('a\r\nb\rc\u0000\u0007d\u00ade\ufeff u\u0308\tﬁ', options)).toBe('a\nb\ncde ü\tﬁ');
    expect(fixText('ﬁ Ａ', { ...options, unicode: 'NFKC' })).toBe('fi A');
    expect(fixText('a\u0000\r\nb', { ...options, controls: 'keep', newlines: false })).toBe('a\u0000\r\nb');
    // Joiners are part of how Persian and emoji are written.
    expect(fixText('می\u200cخواهم 👩\u200d🔬', options)).toBe('می\u200cخواهم 👩\u200d🔬');
  });

  test('is idempotent, and never fails on lone surrogates', () => {
    const unit = fc.integer({ min: 0, max: 0xffff }).map((c) => String.fromCharCode(c));
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 30 }), (units) => {
        const once = fixText(units.join(''), { ...options, mojibake: false });
        expect(fixText(once, { ...options, mojibake: false })).toBe(once);
      }),
    );
  });
});
