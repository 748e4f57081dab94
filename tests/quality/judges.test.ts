import { describe, expect, it } from 'vitest';
import { viewOf } from '../../src/core/text-view.ts';
import { fineweb } from '../../src/quality/judges/fineweb.ts';
import { gopherQuality } from '../../src/quality/judges/gopher-quality.ts';
import { gopherRepetition } from '../../src/quality/judges/gopher-repetition.ts';
import { length } from '../../src/quality/judges/length.ts';
import { splitLines } from '../../src/quality/text.ts';

function judge(step: typeof length, text: string, given: unknown) {
  const options = step.options.parse(given);
  return step.judge.decide(step.judge.measure(viewOf(text), options), options);
}

describe('length', () => {
  const text = 'Größe 😀, two words';
  it('measures words, code points and bytes', () => {
    expect(length.judge.measure(viewOf(text), length.options.parse({}))).toEqual([5, 18, 23]);
  });
  it.each([
    [{ minWords: 6 }, 'too-few-words', 5, 6],
    [{ maxWords: 4 }, 'too-many-words', 5, 4],
    [{ minCharacters: 19 }, 'too-few-characters', 18, 19],
    [{ maxCharacters: 17 }, 'too-many-characters', 18, 17],
    [{ minBytes: 24 }, 'too-few-bytes', 23, 24],
    [{ maxBytes: 22 }, 'too-many-bytes', 23, 22],
  ])('%o', (options, reason, value, threshold) => {
    expect(judge(length, text, options)).toMatchObject({ keep: false, reason, value, threshold });
  });
  it('keeps what is exactly at a bound, and by default drops only empty text', () => {
    const exact = {
      minWords: 5,
      maxWords: 5,
      minCharacters: 18,
      maxCharacters: 18,
      minBytes: 23,
      maxBytes: 23,
    };
    expect(judge(length, text, exact).keep).toBe(true);
    expect(judge(length, ' ', {}).keep).toBe(true);
    expect(judge(length, '', {})).toMatchObject({ reason: 'too-few-characters' });
  });
});

describe('published defaults', () => {
  it('gopher-quality', () => {
    expect(gopherQuality.options.parse({})).toEqual({
      minWords: 50,
      maxWords: 100_000,
      minMeanWordLength: 3,
      maxMeanWordLength: 10,
      maxHashRatio: 0.1,
      maxEllipsisRatio: 0.1,
      maxBulletLineRatio: 0.9,
      maxEllipsisLineRatio: 0.3,
      minAlphabeticWordRatio: 0.8,
      minStopWords: 2,
      stopWords: ['the', 'be', 'to', 'of', 'and', 'that', 'have', 'with'],
    });
  });
  it('gopher-repetition and fineweb', () => {
    expect(Object.values(gopherRepetition.options.parse({}))).toEqual([
      0.3, 0.2, 0.3, 0.2, 0.2, 0.18, 0.16, 0.15, 0.14, 0.13, 0.12, 0.11, 0.1,
    ]);
    expect(Object.values(fineweb.options.parse({}))).toEqual([0.12, false, 0.67, 30, 0.01, 0.3]);
  });
  it('an unknown or impossible option is an error that names it', () => {
    expect(gopherQuality.options.safeParse({ minWord: 3 }).error?.issues[0]).toMatchObject({
      code: 'unrecognized_keys',
      keys: ['minWord'],
    });
    expect(gopherRepetition.options.safeParse({ maxTop2Gram: 1.5 }).error?.issues[0]?.path).toEqual([
      'maxTop2Gram',
    ]);
  });
});

it('a threshold of null switches a rule off', () => {
  const options = gopherQuality.options.parse({ minWords: null, minStopWords: null });
  const values = gopherQuality.judge.measure(viewOf('Nothing but a short text.'), options);
  expect(gopherQuality.judge.decide(values, options).keep).toBe(true);
  const strict = gopherQuality.options.parse({});
  expect(gopherQuality.judge.decide(values, strict)).toMatchObject({
    reason: 'too-few-words',
    threshold: 50,
  });
});

it('lines are those of Python, with \\r\\n as one break', () => {
  const text = 'a\nb\r\nc\rd\x0be\x0cf\x1cg\x1dh\x1ei\x85j\u2028k\u2029l\x1fm\n';
  const { starts, ends, length: n } = splitLines(text);
  const lines = Array.from({ length: n }, (_, i) => text.slice(starts[i], ends[i]));
  expect(lines).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l\x1fm']);
  expect(splitLines('').length).toBe(0);
  expect(splitLines('\n\n').length).toBe(2);
});
