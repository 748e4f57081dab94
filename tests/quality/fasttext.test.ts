import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Features, openFastTextModel } from '../../src/quality/fasttext/model-file.ts';
import { PlainScorer, plainRows } from '../../src/quality/fasttext/plain.ts';
import { FastTextScorer, FeatureKernel } from '../../src/quality/fasttext/scorer.ts';
import { languageModelPath } from '../../src/quality/language/model.ts';

const encoder = new TextEncoder();
const bytes = (text: string) => encoder.encode(text);

const pieces = fc.constantFrom(
  ...[
    'the',
    'a',
    'Größe',
    '漢字かな',
    '😀😀',
    'naïve',
    '\n',
    '\t',
    ' ',
    '\0',
    '\u00a0',
    '</s>',
    '__label__x',
    '<',
    '>',
  ],
  ...['_', 'antidisestablishmentarianism-and-longer', 'مرحبا', '\u0301', ','],
);
const texts = fc
  .array(
    fc.oneof({ weight: 3, arbitrary: pieces }, { weight: 1, arbitrary: fc.string({ unit: 'grapheme' }) }),
  )
  .map((parts) => parts.join(''))
  .map((text) => Buffer.from(text).toString());

const features = fc
  .record({
    minn: fc.integer({ min: 1, max: 4 }),
    more: fc.integer({ min: -1, max: 3 }),
    wordNgrams: fc.integer({ min: 1, max: 5 }),
    buckets: fc.integer({ min: 1, max: 3000 }),
    pruned: fc.boolean(),
  })
  .map(
    ({ minn, more, wordNgrams, buckets, pruned }): Features => ({
      minn,
      maxn: more < 0 ? 0 : minn + more,
      wordNgrams,
      buckets,
      words: ['the', '</s>', 'Größe', 'naïve'].map(bytes),
      endOfLine: 1,
      kept: pruned ? Uint32Array.from({ length: Math.ceil(buckets / 3) }, (_, i) => i * 3) : undefined,
    }),
  );

describe('features', () => {
  it('are those of the plain twin, in number and kind', () => {
    fc.assert(
      fc.property(features, texts, (model, text) => {
        const kernel = new FeatureKernel(model, 4);
        const rows = [...kernel.list(bytes(text))];
        const plain = plainRows(model, text);
        const sorted = (list: number[]) => [...list].sort((a, b) => a - b);
        expect(sorted(rows)).toEqual(sorted(plain));
        // Every row has its own number in the table: the sum says that the same rows were summed.
        kernel.rows.forEach((_, i, all) => {
          all[i] = i % 4 === 0 ? (i / 4) % 97 : 1;
        });
        for (let again = 0; again < 2; again++) {
          const { count, sum } = kernel.sum(bytes(text));
          expect(count).toBe(plain.length);
          expect(sum[0]).toBe(plain.reduce((total, row) => total + (row % 97), 0));
        }
      }),
      { numRuns: 150 },
    );
  });

  it('do not depend on where a long text is cut into chunks', () => {
    const model: Features = {
      minn: 2,
      maxn: 3,
      wordNgrams: 3,
      buckets: 1000,
      words: [bytes('</s>')],
      endOfLine: 0,
    };
    const text = `${'word and another '.repeat(6000)}${'x'.repeat(200_000)} ${'end '.repeat(3)}`;
    const kernel = new FeatureKernel(model, 1);
    const plain = plainRows(model, text);
    kernel.rows.forEach((_, i, all) => {
      all[i] = i % 7;
    });
    const { count, sum } = kernel.sum(bytes(text));
    expect(count).toBe(plain.length);
    expect(sum[0]).toBe(plain.reduce((total, row) => total + ((row * 4) % 7), 0));
  });
});

interface Oracle {
  predict(text: string, k: number, threshold: number): { size(): number; get(i: number): [number, string] };
}

async function oracle(): Promise<Oracle> {
  const { getLIDModel } = await import('fasttext.wasm.js');
  return (await (await getLIDModel()).load()) as unknown as Oracle;
}

const SENTENCES = [
  'The quick brown fox jumps over the lazy dog and runs away.',
  'Der schnelle braune Fuchs springt über den faulen Hund.',
  "Le renard brun saute par-dessus le chien paresseux, n'est-ce pas ?",
  'El zorro marrón salta sobre el perro perezoso.',
  'Быстрая коричневая лиса прыгает через ленивую собаку.',
  '素早い茶色の狐が怠け者の犬を飛び越える。',
  '敏捷的棕色狐狸跳过了懒狗。',
  'الثعلب البني السريع يقفز فوق الكلب الكسول',
  'Hızlı kahverengi tilki tembel köpeğin üzerinden atlar.',
  'Rychlá hnědá liška skáče přes líného psa.',
  'x',
  '1234 5678',
  '😀 😀',
  'two\nlines\r\nof text',
  'cut here </s> und nun etwas ganz anderes auf Deutsch',
  '__label__de Good morning, how are you today?',
];

describe('lid.176.ftz', () => {
  it('gives the labels and probabilities of the fastText build in WebAssembly, and of the plain twin', async () => {
    const model = openFastTextModel(languageModelPath());
    const scorer = new FastTextScorer(model);
    const plain = new PlainScorer(model);
    model.close();
    const theirs = await oracle();
    for (const text of [...SENTENCES, SENTENCES.join(' ').repeat(20)]) {
      const all = theirs.predict(text.replaceAll(/[\r\n]/g, ' '), 3, 0);
      const top = scorer.top(bytes(text))!;
      const mine = scorer.probabilities(bytes(text))!;
      expect(scorer.labels[top.label], text).toBe(all.get(0)[1]);
      expect(top.probability).toBeCloseTo(mine[top.label]!, 12);
      for (let k = 0; k < 3; k++) {
        const [probability, label] = all.get(k);
        expect(
          Math.abs(mine[scorer.labels.indexOf(label)]! - probability),
          `${label} of ${text}`,
        ).toBeLessThan(1e-4);
      }
      const plainly = plain.probabilities(text)!;
      mine.forEach((p, i) => {
        expect(p).toBeCloseTo(plainly[i]!, 5);
      });
      expect(mine.reduce((a, b) => a + b)).toBeCloseTo(1, 9);
    }
  });

  it('cut short or damaged, is refused with a place', () => {
    const folder = mkdtempSync(join(tmpdir(), 'provender-fasttext-'));
    try {
      const whole = readFileSync(languageModelPath());
      const path = join(folder, 'model.ftz');
      for (const length of [0, 3, 60, 5000, 300_000, 500_000, whole.length - 1]) {
        writeFileSync(path, whole.subarray(0, length));
        expect(() => openFastTextModel(path), `${length} bytes`).toThrow(/model\.ftz, byte \d+: .*expected/);
      }
      writeFileSync(path, Buffer.concat([Buffer.from('nothing like it'), whole]));
      expect(() => openFastTextModel(path)).toThrow(/not a fastText model/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
