import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { discountsOf, KneserNey } from '../../src/quality/ngram/estimate.ts';
import {
  type LanguageModel,
  modelOf,
  readLanguageModel,
  writeLanguageModel,
} from '../../src/quality/ngram/model.ts';
import { RecordSorter } from '../../src/quality/ngram/records.ts';
import { SPECIAL_WORDS } from '../../src/quality/ngram/text.ts';
import { type PlainModel, plainKneserNey } from './plain-kneser-ney.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'provender-kneser-ney-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const vocabulary = (size: number) => [...SPECIAL_WORDS, ...Array.from({ length: size }, (_, i) => `w${i}`)];

function estimate(
  sentences: readonly number[][],
  words: number,
  order: number,
  capacity: number,
): LanguageModel {
  const estimator = new KneserNey({ order, words, folder, capacity });
  try {
    for (const sentence of sentences) estimator.add(sentence);
    return modelOf(vocabulary(words - 3), estimator.estimate());
  } finally {
    estimator.dispose();
  }
}

/** Words by Zipf's law, and now and then a phrase that comes again: with counts of 1 to 4 and more. */
function text(seed: string, sentences: number, words: number): number[][] {
  const random = new Random(seed);
  const draw = () => 3 + Math.floor((words - 3) * random.next() ** 3);
  const phrases = Array.from({ length: 20 }, () => Array.from({ length: 4 }, draw));
  return Array.from({ length: sentences }, () => {
    const sentence: number[] = [];
    const length = random.below(8);
    while (sentence.length < length) {
      if (random.below(3) === 0) sentence.push(...phrases[random.below(phrases.length)]!);
      else sentence.push(random.below(30) === 0 ? 0 : draw());
    }
    return sentence;
  });
}

function compare(
  model: LanguageModel,
  plain: PlainModel,
  histories: Iterable<number[]>,
  words: number,
): void {
  for (const history of histories)
    for (let word = 0; word < words; word++) {
      if (word === 1) continue;
      const expected = plain.probability(word, history);
      expect(10 ** model.logProbability(word, history), `${word} after ${history}`).toBeCloseTo(expected, 5);
    }
}

describe('modified Kneser-Ney', () => {
  it.each([
    [1, 200],
    [2, 300],
    [3, 400],
    [5, 300],
  ])('of order %i gives the probabilities of the formulas', (order, sentences) => {
    const words = 40;
    const sample = text(`order ${order}`, sentences, words);
    const model = estimate(sample, words, order, 64);
    const plain = plainKneserNey(sample, words, order);
    const histories = [...plain.contexts].map((key) => (key === '' ? [] : key.split(' ').map(Number)));
    expect(histories.length).toBeGreaterThan(order === 1 ? 0 : 30);
    compare(model, plain, histories.slice(0, 150), words);
    // Contexts that were never seen back off to shorter ones.
    compare(
      model,
      plain,
      [[5, 39, 38], [7, 7, 7, 7], [1]].map((h) => h.slice(0, order - 1)),
      words,
    );
  });

  it('sums to 1 over the vocabulary, whatever the context', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.constantFrom(0, 3, 4, 5, 6, 7, 8), { maxLength: 6 }), {
          minLength: 1,
          maxLength: 40,
        }),
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.array(fc.constantFrom(1, 0, 3, 4, 5, 6, 7, 8, 9), { maxLength: 4 }), { maxLength: 8 }),
        (sentences, order, others) => {
          const words = 10;
          const model = estimate(sentences, words, order, 16);
          const seen = sentences.map((sentence) => [...sentence].reverse().slice(0, order - 1));
          for (const history of [[], [1], ...seen, ...others]) {
            let sum = 0;
            for (let word = 0; word < words; word++)
              if (word !== 1) sum += 10 ** model.logProbability(word, history.slice(0, order - 1));
            expect(sum, `after ${history}`).toBeCloseTo(1, 5);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('depends neither on memory nor on the order of the sentences', async () => {
    const sample = text('same', 300, 60);
    const bytes = async (model: LanguageModel) => {
      const path = join(folder, 'model');
      await writeLanguageModel(path, model);
      return readFileSync(path);
    };
    const small = await bytes(estimate(sample, 60, 3, 50));
    const large = await bytes(estimate([...sample].reverse(), 60, 3, 100_000));
    expect(large.equals(small)).toBe(true);
    expect(readdirSync(folder).filter((name) => name.endsWith('.run'))).toEqual([]);
  });

  it('comes back from its file, and a damaged file is refused', async () => {
    const model = estimate(text('file', 100, 30), 30, 3, 1000);
    const path = join(folder, 'model');
    await writeLanguageModel(path, model);
    const again = readLanguageModel(path);
    expect(again.words).toEqual(model.words);
    expect(again.score(['w1', 'nothing', 'w2'])).toEqual(model.score(['w1', 'nothing', 'w2']));
    expect(model.score(['w1', 'nothing', 'w2']).unknown).toBe(1);
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at += 37) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 0x10;
      writeFileSync(path, damaged);
      expect(() => readLanguageModel(path), `byte ${at}`).toThrow(/language model.*expected/);
    }
  });

  it('takes its discounts from counts of counts (Chen and Goodman 1998)', () => {
    const [n1, n2, n3, n4] = [1000, 300, 120, 60];
    const y = n1 / (n1 + 2 * n2);
    expect(discountsOf([n1, n2, n3, n4])).toEqual({
      values: [1 - (2 * y * n2) / n1, 2 - (3 * y * n3) / n2, 3 - (4 * y * n4) / n3].map((x) =>
        expect.closeTo(x, 12),
      ),
      isFallback: false,
    });
    expect(discountsOf([3, 0, 0, 0])).toEqual({ values: [0.5, 1, 1.5], isFallback: true });
  });
});

describe('sorting records', () => {
  it('gives what a plain sort gives, on disk or in memory', () => {
    const random = new Random('records');
    for (const [count, capacity] of [
      [1000, 37],
      [40_000, 20_000],
      [500, 500],
      [0, 4],
    ] as const) {
      const sorter = new RecordSorter({ folder, name: 'sort', width: 3, keys: [1, 0], sum: 2, capacity });
      const sums = new Map<string, number>();
      for (let i = 0; i < count; i++) {
        const record = Uint32Array.of(random.below(50) * 0x3fffff, random.below(40), 1 + random.below(3));
        sorter.add(record);
        const key = `${String(record[1]).padStart(11)} ${String(record[0]).padStart(11)}`;
        sums.set(key, (sums.get(key) ?? 0) + record[2]!);
      }
      const sorted = Array.from(sorter.sorted(), (record) => [...record]);
      sorter.dispose();
      const expected = [...sums].sort(([a], [b]) => (a < b ? -1 : 1));
      expect(sorted).toEqual(
        expected.map(([key, sum]) => [Number(key.slice(12)), Number(key.slice(0, 11)), sum]),
      );
    }
  });
});
