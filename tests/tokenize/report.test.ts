import { describe, expect, it } from 'vitest';
import { countWords, TokenizerReportBuilder } from '../../src/tokenize/report.ts';
import { tokenizerFromJson, tokenizerJson } from '../../src/tokenize/tokenizer.ts';
import { encoder, trainOn } from './helpers.ts';

const make = (vocabularySize: number) =>
  tokenizerFromJson(
    tokenizerJson(trainOn(['abab abab é'], { vocabularySize, specialTokens: ['<|endoftext|>'] })),
    'trained',
  );

describe('the report on a tokenizer', () => {
  it('gives bytes per token and fertility by corpus, and for others beside', () => {
    const builder = new TokenizerReportBuilder(make(300), new Map([['bytes', make(257)]]));
    builder.add('en', encoder.encode('abab abab'));
    builder.add('fr', encoder.encode('é'));
    builder.add('en', encoder.encode('x'));
    const { corpora } = builder.result();
    expect(corpora['']).toEqual([
      { corpus: 'en', documents: 2, bytes: 10, words: 3, tokens: 3, bytesPerToken: 10 / 3, fertility: 1 },
      { corpus: 'fr', documents: 1, bytes: 2, words: 1, tokens: 1, bytesPerToken: 2, fertility: 1 },
    ]);
    expect(corpora.bytes).toEqual([
      { corpus: 'en', documents: 2, bytes: 10, words: 3, tokens: 10, bytesPerToken: 1, fertility: 10 / 3 },
      { corpus: 'fr', documents: 1, bytes: 2, words: 1, tokens: 2, bytesPerToken: 1, fertility: 2 },
    ]);
  });

  it('lists the longest, the most frequent and the unused tokens', () => {
    const tokenizer = make(300);
    const builder = new TokenizerReportBuilder(tokenizer);
    for (let i = 0; i < 3; i++) builder.add('en', encoder.encode('abab z'));
    const report = builder.result(2);
    expect(report.longest[0]).toEqual({ id: expect.any(Number), text: ' abab', bytes: 5, count: 0 });
    expect(report.longest[1]).toMatchObject({ text: 'abab', count: 3 });
    expect(report.mostFrequent.map(({ text, count }) => [text, count])).toEqual(
      [
        [' ', 3],
        ['z', 3],
      ].sort((a, b) => tokenizer.encode(a[0] as string)[0]! - tokenizer.encode(b[0] as string)[0]!),
    );
    expect(report.unusedCount).toBe(tokenizer.vocabularySize - 1 - 3);
    expect(report.unused).toHaveLength(2);
    expect([report.vocabularySize, report.digest]).toEqual([tokenizer.vocabularySize, tokenizer.digest]);
  });

  it.each([
    ['', 0],
    [' \n', 0],
    ['a', 1],
    ['a b\u00a0c\u3000d\n', 4],
    ['中文 字', 2],
  ])('counts the words of %j', (text, words) => {
    expect(countWords(encoder.encode(text))).toBe(words);
  });
});
