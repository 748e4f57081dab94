import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BpeKernel } from '../../src/tokenize/bpe-kernel.ts';
import { PlainBpeEncoder } from '../../src/tokenize/bpe-plain.ts';
import { type BpeTokenizer, wholeTokens } from '../../src/tokenize/bpe-tokenizer.ts';
import { PreTokenTable } from '../../src/tokenize/pre-token-table.ts';
import { PRE_TOKENIZER_NAMES } from '../../src/tokenize/pre-tokenizers.ts';
import {
  PreTokenCounter,
  TokenBuffer,
  tokenizerFromJson,
  tokenizerJson,
} from '../../src/tokenize/tokenizer.ts';
import { awkwardText, encoder, hasData, readDocuments, readText, trainOn } from './helpers.ts';

const corpus = hasData
  ? [
      readText('tinyshakespeare.txt').subarray(0, 60_000),
      ...readDocuments('cc_en_head-0091.jsonl.gz').slice(0, 5),
    ]
  : ['the quick brown fox jumps over the lazy dog '.repeat(50)];

/** Words of many lengths, hostile text, and bytes that are no UTF-8. */
const anyBytes = fc.oneof(
  awkwardText.map((t) => encoder.encode(t)),
  fc.uint8Array({ maxLength: 80 }),
  fc
    .tuple(fc.constantFrom('a', 'ab', 'the', 'é', ' '), fc.integer({ min: 1, max: 120 }))
    .map(([s, n]) => encoder.encode(s.repeat(n))),
);

const ids = (encode: (text: Uint8Array, out: TokenBuffer) => void, text: Uint8Array): number[] => {
  const out = new TokenBuffer(1);
  encode(text, out);
  return [...out.ids()];
};

describe.each(PRE_TOKENIZER_NAMES)('the kernel with %s', (preTokenizer) => {
  const json = JSON.parse(tokenizerJson(trainOn(corpus, { vocabularySize: 1200, preTokenizer })));
  for (const ignoreMerges of [false, true]) {
    json.model.ignore_merges = ignoreMerges;
    const { vocabulary } = tokenizerFromJson(JSON.stringify(json), preTokenizer) as BpeTokenizer;
    const kernel = new BpeKernel(vocabulary, wholeTokens(vocabulary));
    const plain = new PlainBpeEncoder(vocabulary, wholeTokens(vocabulary));

    it(`encodes as its twin does${ignoreMerges ? ', whole tokens first' : ''}`, () => {
      fc.assert(
        fc.property(fc.array(anyBytes, { maxLength: 8 }), (parts) => {
          const text = Buffer.concat(parts);
          const expected = ids((t, out) => plain.encode(t, out), text);
          expect(ids((t, out) => kernel.encode(t, out), text)).toEqual(expected);
          expect(ids((t, out) => kernel.encode(t, out), text)).toEqual(expected); // Now from the cache.
        }),
        { numRuns: 60 },
      );
    });
  }

  it('counts as its twin does', () => {
    fc.assert(
      fc.property(fc.array(anyBytes, { maxLength: 12 }), (texts) => {
        const kernel = new PreTokenCounter({ preTokenizer });
        const plain = new PreTokenCounter({ preTokenizer }, new PreTokenTable(preTokenizer));
        for (const text of texts) {
          kernel.add(text);
          plain.add(text);
        }
        expect(kernel.serialize()).toEqual(plain.serialize());
      }),
      { numRuns: 25 },
    );
  });
});

describe('a text of several windows', () => {
  const line = "Words, 1234567 of them; 中文ABC and\u00a0more\r\n\n   indented WORDSinCase’s don't  \n";
  // The middle has no ASCII letter for more than a window: no place to end one at.
  const long = encoder.encode(line.repeat(14_000) + '日本 語, 12. '.repeat(70_000) + line.repeat(100));

  it.each(['gpt2', 'o200k'] as const)('is encoded and counted with %s as in one piece', (preTokenizer) => {
    const json = tokenizerJson(
      trainOn(['Words of them and more indented 中文'], { vocabularySize: 280, preTokenizer }),
    );
    const { vocabulary } = tokenizerFromJson(json, preTokenizer) as BpeTokenizer;
    const expected = ids((t, out) => new PlainBpeEncoder(vocabulary, undefined).encode(t, out), long);
    const found = ids((t, out) => new BpeKernel(vocabulary, undefined).encode(t, out), long);
    expect(found.length).toBe(expected.length);
    expect(found.findIndex((id, i) => id !== expected[i])).toBe(-1);
    const kernel = new PreTokenCounter({ preTokenizer });
    const plain = new PreTokenCounter({ preTokenizer }, new PreTokenTable(preTokenizer));
    kernel.add(long);
    plain.add(long);
    expect(Buffer.compare(kernel.serialize(), plain.serialize())).toBe(0);
  });

  it('counts many distinct pre-tokens, and again after a spill', () => {
    const files: Uint8Array[] = [];
    const kernel = new PreTokenCounter({
      preTokenizer: 'gpt2',
      memoryLimit: 4 << 20,
      onSpill: (f) => files.push(f),
    });
    const plain = new PreTokenCounter({ preTokenizer: 'gpt2' }, new PreTokenTable('gpt2'));
    // Digits would end a pre-token: base 26 in letters only.
    const letters = (i: number) =>
      i.toString(26).replaceAll(/./g, (c) => String.fromCharCode(97 + Number.parseInt(c, 26)));
    const words = encoder.encode(Array.from({ length: 150_000 }, (_, i) => letters(i)).join(' '));
    kernel.add(words);
    expect(files.length).toBe(1);
    plain.add(words);
    expect(Buffer.compare(files[0]!, plain.serialize())).toBe(0);
    kernel.add(encoder.encode('one two one'));
    const small = new PreTokenCounter({ preTokenizer: 'gpt2' }, new PreTokenTable('gpt2'));
    small.add(encoder.encode('one two one'));
    expect(kernel.serialize()).toEqual(small.serialize());
  });
});
