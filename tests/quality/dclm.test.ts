import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { viewOf } from '../../src/core/text-view.ts';
import { dclmGopher } from '../../src/quality/judges/dclm-gopher.ts';
import { unicodeWords } from '../../src/quality/unicode-words.ts';
import { golden, textOf } from './golden.ts';

const dclm = JSON.parse(readFileSync(new URL('../golden/quality/dclm.json', import.meta.url), 'utf8')) as {
  documents: [string, number[]][];
  words: [string, string[]][];
};
const options = dclmGopher.options.parse({});
const { signals, rules } = dclmGopher.judge;

/** DCLM's filter of a reason of ours: the signal, or that all of it is about repetition. */
function filterOf(reason: string): string {
  const { signal } = rules!.find((rule) => rule.reason === reason)!;
  return signal.startsWith('duplicate-') || signal.startsWith('top-') ? 'repetition' : signal;
}

it('parts words as uniseg does', () => {
  for (const [text, wanted] of dclm.words) {
    const { starts, ends, length } = unicodeWords(text);
    const words = Array.from({ length }, (_, i) => text.slice(starts[i], ends[i]));
    expect(words, JSON.stringify(text)).toEqual(wanted);
  }
});

it('dclm-gopher measures and decides as DCLM does on every golden text', () => {
  const dropped = new Set<string>();
  const above = new Set<string>();
  golden.documents.forEach((document, i) => {
    const text = textOf(document);
    if (text === undefined) return;
    const [filter, wanted] = dclm.documents[i]!;
    const values = Array.from(dclmGopher.judge.measure(viewOf(text), options));
    expect(values.length).toBe(signals.length);
    wanted.forEach((value, k) => {
      expect(values[k], `${signals[k]} of text ${i}`).toBeCloseTo(value, 12);
      if (value > 0) above.add(signals[k]!);
    });
    const verdict = dclmGopher.judge.decide(values, options);
    expect(verdict.keep ? '' : filterOf(verdict.reason), `text ${i}`).toBe(filter);
    dropped.add(filter);
  });
  // Every signal is put to the test, and most filters drop something.
  expect([...above].sort()).toEqual([...signals].sort());
  expect(dropped.size).toBeGreaterThan(5);
});

it('takes the longest n-gram of a tie, counts a word of several repeated n-grams once', () => {
  const measured = (text: string) =>
    Object.fromEntries(
      Array.from(dclmGopher.judge.measure(viewOf(text), options), (v, k) => [signals[k], v]),
    );
  const tie = measured('a b x a b y elephant giraffe z elephant giraffe');
  expect(tie['top-2-gram']).toBeCloseTo((2 * 15) / (4 + 3 + 30), 12);
  const run = measured('one two three four five six one two three four five six');
  expect(run['duplicate-5-gram']).toBe(1);
  expect(measured('one two three four five six')['top-2-gram']).toBe(0);
});
