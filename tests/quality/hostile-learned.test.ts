import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { viewOf } from '../../src/core/text-view.ts';
import { NgramIndexBuilder } from '../../src/quality/decontamination/build.ts';
import { NgramMatcher } from '../../src/quality/decontamination/match.ts';
import { FeatureKernel } from '../../src/quality/fasttext/scorer.ts';
import { language } from '../../src/quality/judges/language.ts';
import { LanguageIdentifier } from '../../src/quality/language/model.ts';
import { KneserNey } from '../../src/quality/ngram/estimate.ts';
import { type LanguageModel, modelOf } from '../../src/quality/ngram/model.ts';
import { perplexityOf } from '../../src/quality/ngram/perplexity.ts';
import { SPECIAL_WORDS } from '../../src/quality/ngram/text.ts';
import { HOSTILE } from './hostile.ts';

const SIZE = 200_000;
/** Far above what it takes on a busy machine, far below what anything quadratic takes. */
const MOST_MS = 20_000;

describe('what is learned judges hostile text in bounded time', () => {
  let folder: string;
  let model: LanguageModel;
  const features = new FeatureKernel(
    { minn: 2, maxn: 5, wordNgrams: 5, buckets: 10_000, words: [], endOfLine: -1 },
    1,
  );
  const builder = new NgramIndexBuilder(13, 'words');
  const characters = new NgramIndexBuilder(50, 'characters');
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'provender-hostile-'));
    const estimator = new KneserNey({ order: 3, words: 5, folder, capacity: 100 });
    for (const sentence of [[3, 4], [3], [4, 3, 4]]) estimator.add(sentence);
    model = modelOf([...SPECIAL_WORDS, 'a', 'b'], estimator.estimate());
    estimator.dispose();
    for (const one of [builder, characters])
      one.add({ set: 's', name: 'e' }, Buffer.from('word '.repeat(60)));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  for (const [name, make] of Object.entries(HOSTILE)) {
    it(name, () => {
      const text = make(SIZE);
      const view = viewOf(text);
      const options = language.options.parse({ paragraphs: true });
      const started = performance.now();
      for (const value of Array.from(language.judge.measure(view, options, LanguageIdentifier.open()))) {
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1 + 1e-9);
      }
      expect(features.sum(view.utf8).count).toBeGreaterThanOrEqual(0);
      for (const one of [builder, characters]) new NgramMatcher(one.finish()).hits(view.utf8);
      const { perplexity, unknownShare } = perplexityOf(model, text);
      expect(perplexity).toBeGreaterThan(0);
      expect(Number.isFinite(perplexity)).toBe(true);
      expect(unknownShare).toBeLessThanOrEqual(1);
      expect(performance.now() - started).toBeLessThan(MOST_MS);
    });
  }
});
