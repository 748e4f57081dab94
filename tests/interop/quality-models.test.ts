import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { openFastTextModel } from '../../src/quality/fasttext/model-file.ts';
import { PlainScorer } from '../../src/quality/fasttext/plain.ts';
import { FastTextScorer } from '../../src/quality/fasttext/scorer.ts';
import { writeFastTextModel } from '../../src/quality/fasttext/write-model.ts';
import { languageModelPath } from '../../src/quality/language/model.ts';
import { KneserNey } from '../../src/quality/ngram/estimate.ts';
import { modelOf, writeArpa } from '../../src/quality/ngram/model.ts';
import { SPECIAL_WORDS, sentencesOf } from '../../src/quality/ngram/text.ts';

const VENV = '.venv/models';

/**
 * Models of ours in others' readers, and others' in ours. Needs a Python with fasttext-wheel, numpy<2 and kenlm, named by
 * PROVENDER_MODELS_PYTHON; without one it is made under .venv (kenlm needs a compiler). fasttext-numpy2-wheel's trainer
 * meets NaNs.
 */
function python(): string | undefined {
  const given = process.env.PROVENDER_MODELS_PYTHON;
  if (given) return given;
  const found = join(VENV, 'bin/python');
  if (existsSync(found)) return found;
  try {
    execFileSync('python3', ['-m', 'venv', VENV], { stdio: 'ignore' });
    execFileSync(join(VENV, 'bin/pip'), ['install', '-q', 'kenlm', 'fasttext-wheel', 'numpy<2'], {
      stdio: 'ignore',
    });
    return found;
  } catch {
    rmSync(VENV, { recursive: true, force: true });
    return undefined;
  }
}
const interpreter = python();
const WIKITEXT = '../shared/data/text/wikitext-2-valid.txt';

function ask<T>(...given: string[]): T {
  const out = execFileSync(interpreter!, ['tests/interop/quality_models.py', ...given], {
    maxBuffer: 1 << 28,
  });
  return JSON.parse(out.toString()) as T;
}

type Predictions = [string, number][][];

const WORDS: Record<string, string[]> = {
  sea: ['whale', 'ship', 'sailor', 'harbour', 'Größe', 'wave'],
  law: ['court', 'judge', 'statute', 'appeal', 'naïve', 'clause'],
  food: ['bread', 'oven', '麦粉', 'butter', 'sugar', 'crème'],
};
const COMMON = ['the', 'and', 'of', 'a', 'in', 'to'];

function line(random: Random, kind: string): string {
  const pick = (list: readonly string[]) => list[random.below(list.length)]!;
  return Array.from({ length: 4 + random.below(12) }, () =>
    random.below(3) === 0
      ? pick(WORDS[kind]!)
      : random.below(6) === 0
        ? `x${random.below(300)}`
        : pick(COMMON),
  ).join(' ');
}

describe.skipIf(!interpreter)('others and ours', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'provender-models-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('read each other: fastText models of every loss, dense and quantized', () => {
    const random = new Random('fasttext interop');
    const kinds = Object.keys(WORDS);
    const train = Array.from({ length: 900 }, () => {
      const kind = kinds[Math.floor(kinds.length * random.next() ** 2)]!;
      return `__label__${kind} ${line(random, kind)}`;
    });
    const test = Array.from({ length: 40 }, (_, i) => line(random, kinds[i % 3]!));
    test.push('entirely unknown things', 'the', 'whale </s> court', '__label__sea bread');
    writeFileSync(join(folder, 'train.txt'), train.join('\n'));
    writeFileSync(join(folder, 'test.txt'), test.join('\n'));
    const found = ask<Record<string, Predictions>>('fasttext', folder);
    expect(Object.keys(found).length).toBe(20);
    for (const [name, predictions] of Object.entries(found)) {
      const model = openFastTextModel(join(folder, name));
      const scorer = new FastTextScorer(model);
      const plain = new PlainScorer(model);
      model.close();
      test.forEach((text, i) => {
        const mine = scorer.probabilities(Buffer.from(text))!;
        const plainly = plain.probabilities(text)!;
        const theirs = new Map(predictions[i]);
        scorer.labels.forEach((label, k) => {
          expect(Math.abs(mine[k]! - (theirs.get(label) ?? 0)), `${name}: ${label} of ${text}`).toBeLessThan(
            2e-3,
          );
          expect(mine[k]).toBeCloseTo(plainly[k]!, 5);
        });
        const best = predictions[i]![0]!;
        expect(
          Math.abs(mine[scorer.labels.indexOf(best[0])]! - scorer.top(Buffer.from(text))!.probability),
        ).toBeLessThan(1e-4);
      });
    }
  }, 120_000);

  it('agree on lid.176', () => {
    const texts = readFileSync(WIKITEXT, 'utf8')
      .split('\n')
      .filter((text) => text.trim() !== '')
      .slice(0, 300);
    writeFileSync(join(folder, 'lines.txt'), texts.join('\n'));
    const found = ask<Predictions>('predict', languageModelPath(), join(folder, 'lines.txt'));
    const model = openFastTextModel(languageModelPath());
    const scorer = new FastTextScorer(model);
    model.close();
    texts.forEach((text, i) => {
      const mine = scorer.probabilities(Buffer.from(text))!;
      for (const [label, probability] of found[i]!)
        expect(
          Math.abs(mine[scorer.labels.indexOf(label)]! - probability),
          `${label} of ${text}`,
        ).toBeLessThan(1e-4);
    });
  }, 60_000);

  it('agree on a model that we write', async () => {
    const words = ['</s>', 'whale', 'Größe'].map((word) => Uint8Array.from(Buffer.from(word)));
    const random = new Random('written');
    const path = join(folder, 'written.bin');
    await writeFastTextModel(path, {
      minn: 2,
      maxn: 4,
      wordNgrams: 2,
      buckets: 1000,
      words,
      endOfLine: 0,
      loss: 'softmax',
      dimension: 1,
      labels: ['__label__good', '__label__bad'],
      labelCounts: [5, 4],
      wordCounts: [9, 3, 2],
      rows: Float32Array.from({ length: 1003 }, () => 4 * random.normal()),
      output: Float32Array.of(0.5, -0.5),
      epochs: 1,
      minCount: 1,
    });
    const texts = Array.from({ length: 30 }, () => line(random, 'sea'));
    writeFileSync(join(folder, 'lines.txt'), texts.join('\n'));
    const found = ask<Predictions>('predict', path, join(folder, 'lines.txt'));
    const model = openFastTextModel(path);
    const scorer = new FastTextScorer(model);
    model.close();
    texts.forEach((text, i) => {
      const mine = scorer.probabilities(Buffer.from(text))!;
      for (const [label, probability] of found[i]!)
        expect(Math.abs(mine[scorer.labels.indexOf(label)]! - probability), text).toBeLessThan(1e-4);
    });
  }, 60_000);

  it.skipIf(!existsSync(WIKITEXT)).each([2, 3, 5])(
    'agree on a language model of order %i: KenLM reads our ARPA file',
    (order) => {
      const sentences = [...sentencesOf(readFileSync(WIKITEXT, 'utf8').slice(0, 300_000))];
      const [test, train] = [sentences.slice(0, 100), sentences.slice(100)];
      const counts = new Map<string, number>();
      for (const sentence of train)
        for (const word of sentence) counts.set(word, (counts.get(word) ?? 0) + 1);
      const words = [...SPECIAL_WORDS, ...[...counts].flatMap(([word, count]) => (count > 1 ? [word] : []))];
      const ids = new Map(words.map((word, id) => [word, id]));
      const estimator = new KneserNey({ order, words: words.length, folder, capacity: 1 << 14 });
      for (const sentence of train) estimator.add(sentence.map((word) => ids.get(word) ?? 0));
      const model = modelOf(words, estimator.estimate());
      estimator.dispose();
      const path = join(folder, `model-${order}.arpa`);
      writeArpa(path, model);
      writeFileSync(join(folder, 'sentences.txt'), test.map((sentence) => sentence.join(' ')).join('\n'));
      const scores = ask<number[]>('kenlm', path, join(folder, 'sentences.txt'));
      expect(scores.length).toBe(test.length);
      test.forEach((sentence, i) => {
        // KenLM adds up 32-bit numbers; one word may be off by 1e-5.
        const { logProbability, tokens } = model.score(sentence);
        expect(Math.abs(logProbability - scores[i]!) / tokens, sentence.join(' ')).toBeLessThan(1e-4);
      });
    },
    120_000,
  );
});
