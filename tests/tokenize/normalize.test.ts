import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPlainlyNfc, normalizeNfc } from '../../src/tokenize/normalize.ts';
import {
  mergeCounts,
  PreTokenCounter,
  tokenizerFromJson,
  tokenizerJson,
  trainBpe,
} from '../../src/tokenize/tokenizer.ts';
import { awkwardText, encoder, TRAIN_DEFAULTS } from './helpers.ts';

describe('NFC', () => {
  it('is taken for granted only of characters that neither change nor join with one before them', () => {
    /** Characters that come after the first in some canonical decomposition: they may join. */
    const joining = new Set<string>();
    const scalars: string[] = [];
    for (let c = 0; c < 0x110000; c++) {
      if (c >= 0xd800 && c < 0xe000) continue;
      const text = String.fromCodePoint(c);
      scalars.push(text);
      const [, ...rest] = text.normalize('NFD');
      for (const part of rest) joining.add(part);
    }
    let plain = 0;
    for (const text of scalars) {
      if (!isPlainlyNfc(encoder.encode(text))) continue;
      plain++;
      if (text.normalize('NFC') !== text || joining.has(text) || /\p{M}/u.test(text))
        expect.fail(`U+${text.codePointAt(0)!.toString(16)}`);
    }
    expect(plain).toBeGreaterThan(38_000);
  });

  it("is the engine's", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          awkwardText,
          fc.string({
            unit: fc.constantFrom(
              'e',
              '\u0301',
              'ㅎ',
              '\u1112',
              '\u1161',
              '\u11ab',
              '한',
              'Å',
              '\u212b',
              '·',
              '\u0387',
              ' ',
            ),
          }),
        ),
        (text) => {
          expect(Buffer.from(normalizeNfc(encoder.encode(text))).toString()).toBe(text.normalize('NFC'));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('leaves bytes that are no UTF-8 as they are', () => {
    const bytes = Uint8Array.of(0x65, 0xcc, 0x81, 0xff);
    expect(normalizeNfc(bytes)).toBe(bytes);
  });

  it('goes from the counts into the tokenizer.json', () => {
    const counter = new PreTokenCounter({ preTokenizer: 'gpt2', normalizer: 'nfc' });
    for (let i = 0; i < 3; i++) counter.add(encoder.encode('e\u0301te\u0301'));
    const trained = trainBpe(mergeCounts([counter.serialize()]), { vocabularySize: 270, ...TRAIN_DEFAULTS });
    const tokenizer = tokenizerFromJson(tokenizerJson(trained), 'trained');
    expect(tokenizer.decode(tokenizer.encode('e\u0301te\u0301'))).toBe('été');
    expect(tokenizer.encode('e\u0301te\u0301')).toHaveLength(1);
  });
});
