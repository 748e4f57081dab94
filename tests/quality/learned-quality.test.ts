import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { areaUnderCurve, evaluate } from '../../src/quality/classifier/evaluate.ts';
import { calibrate, type Scored } from '../../src/quality/classifier/train.ts';
import { WordCounter } from '../../src/quality/classifier/vocabulary.ts';
import { openFastTextModel } from '../../src/quality/fasttext/model-file.ts';
import { PlainScorer } from '../../src/quality/fasttext/plain.ts';
import { FastTextScorer } from '../../src/quality/fasttext/scorer.ts';
import { browse } from '../../src/report/browse.ts';
import { PipelineFolder } from '../execute/pipeline-folder.ts';

const COMMON = 'the a of and to in is it was for on with as by at from this that'.split(' ');
const GOOD = 'therefore evidence theorem history analysis chapter argument nation river language'.split(' ');
const BAD = 'click buy cheap winner casino discount subscribe viagra deal urgent'.split(' ');

/** Texts of mostly common words; `share` of them are typical of one side. */
function texts(seed: string, typical: readonly string[], other: readonly string[], count: number): string[] {
  const random = new Random(seed);
  const pick = (list: readonly string[]) => list[random.below(list.length)]!;
  return Array.from({ length: count }, () =>
    Array.from({ length: 20 + random.below(40) }, () => {
      const kind = random.below(100);
      return kind < 16 ? pick(typical) : kind < 20 ? pick(other) : pick(COMMON);
    }).join(' '),
  );
}
const jsonl = (list: readonly string[]) =>
  list.map((text, i) => JSON.stringify({ id: `${i}`, text })).join('\n');

function artifactOf(folder: PipelineFolder, step: string): string {
  const units = join(folder.run, 'units');
  const name = readdirSync(units).find(
    (unit) => unit.endsWith(step) && existsSync(join(units, unit, 'artifact')),
  );
  return join(units, name!, 'artifact');
}

const YAML = `name: t
run: {partitionBytes: 65536, partBytes: 20000}
steps:
  - read:
      inputs:
        - {files: good.jsonl, corpus: good}
        - {files: bad.jsonl, corpus: bad}
        - {files: web.jsonl, corpus: web}
  - train-classifier: {positive: [good], negative: [bad], buckets: 5000, maxCharacters: 4, examples: drop}
  - learned-quality: {minScore: 0.5}
`;

describe('train-classifier and learned-quality', () => {
  const folder = new PipelineFolder();
  let model: Buffer;
  const scores = new Map<string, number>();
  const refused = new Set<string>();

  beforeAll(async () => {
    folder.write('good.jsonl', jsonl(texts('good', GOOD, BAD, 600)));
    folder.write('bad.jsonl', jsonl(texts('bad', BAD, GOOD, 300)));
    folder.write(
      'web.jsonl',
      jsonl([...texts('web-good', GOOD, BAD, 50), ...texts('web-bad', BAD, GOOD, 50)]),
    );
    await folder.go(YAML);
    model = readFileSync(join(artifactOf(folder, 'train-classifier'), 'classifier.bin'));
    for await (const { document } of browse(folder.run, { step: 'learned-quality', limit: 1000 }))
      scores.set(document.id, document.signals['learned-quality.score']!);
    for await (const { document, refusal } of browse(folder.run, {
      step: 'learned-quality',
      refused: true,
      limit: 1000,
    })) {
      expect(refusal).toMatchObject({ reason: 'low-learned-quality', threshold: 0.5 });
      scores.set(document.id, document.signals['learned-quality.score']!);
      refused.add(document.id);
    }
  }, 60_000);
  afterAll(() => folder.remove());

  it('tells good documents from bad ones that it has not seen', () => {
    expect(scores.size).toBe(100);
    const right = [...scores.keys()].filter((id) => refused.has(id) === Number(id) >= 50);
    expect(right.length).toBeGreaterThanOrEqual(94);
  });

  it('says how well it does, on examples left out of training', () => {
    const mark = JSON.parse(
      readFileSync(join(artifactOf(folder, 'train-classifier'), 'classifier.json'), 'utf8'),
    );
    expect(mark.positive).toEqual({ documents: 600, chosen: 600 });
    expect(mark.test.documents).toBeGreaterThan(50);
    expect(mark.test.documents).toBeLessThan(130);
    expect(mark.test.auc).toBeGreaterThan(0.97);
    expect(mark.test.calibrationError).toBeLessThan(0.1);
    expect(mark.reliability.reduce((n: number, bin: { documents: number }) => n + bin.documents, 0)).toBe(
      mark.test.documents,
    );
    expect(readdirSync(artifactOf(folder, 'train-classifier')).sort()).toEqual([
      'classifier.bin',
      'classifier.json',
    ]);
  });

  it('writes a model that fastText loads, with the same labels and probabilities', async () => {
    const path = join(artifactOf(folder, 'train-classifier'), 'classifier.bin');
    const { getFastTextClass, getFastTextModule } = await import('fasttext.wasm.js');
    const FastText = await getFastTextClass({ getFastTextModule });
    const theirs = await new FastText().loadModel(pathToFileURL(path).href);
    const mine = openFastTextModel(path);
    const scorer = new FastTextScorer(mine);
    const plain = new PlainScorer(mine);
    mine.close();
    for (const text of [
      ...texts('more', GOOD, BAD, 10),
      ...texts('else', BAD, GOOD, 10),
      'unknown words',
      'x',
    ]) {
      const found = theirs.predict(text, 2, 0);
      const probabilities = scorer.probabilities(Buffer.from(text))!;
      const plainly = plain.probabilities(text)!;
      for (let k = 0; k < 2; k++) {
        const [probability, label] = found.get(k) as unknown as [number, string];
        const i = scorer.labels.indexOf(label);
        expect(Math.abs(probabilities[i]! - probability), text).toBeLessThan(1e-4);
        expect(probabilities[i]).toBeCloseTo(plainly[i]!, 6);
      }
    }
  });

  it('comes to the same model whatever the workers, the partitions and the order of the inputs', async () => {
    const reordered = YAML.replace('65536', '9000000')
      .replace('20000', '5000, workers: 2')
      .replace(/( +- \{files: good.*\n)( +- \{files: bad.*\n)/, '$2$1');
    expect(reordered).not.toBe(YAML);
    rmSync(folder.run, { recursive: true });
    await folder.go(reordered);
    const again = readFileSync(join(artifactOf(folder, 'train-classifier'), 'classifier.bin'));
    expect(again.equals(model)).toBe(true);
  }, 60_000);

  it('takes a classifier that exists, and refuses a label that it has not', async () => {
    const other = new PipelineFolder();
    try {
      other.write('hq.bin', model);
      other.write('web.jsonl', readFileSync(join(folder.path, 'web.jsonl')));
      const yaml = (label: string) =>
        `name: t\nsteps:\n  - load-classifier: {file: hq.bin, label: ${label}}\n  - read: {inputs: [{files: web.jsonl}]}\n  - learned-quality\n`;
      const head = (label: string) => yaml(label).replace(/( +- load.*\n)( +- read.*\n)/, '$2$1');
      await other.go(head('__label__positive'));
      const kept = new Set<string>();
      for await (const { document } of browse(other.run, { step: 'learned-quality', limit: 1000 })) {
        kept.add(document.id);
        expect(document.signals['learned-quality.score']).toBe(scores.get(document.id));
      }
      expect(kept.size).toBe(100 - refused.size);
      await expect(other.go(head('__label__hq'))).rejects.toThrow(
        /no such label.*__label__positive, __label__negative.*__label__hq/,
      );
    } finally {
      other.remove();
    }
  });

  it('refuses to train on one side only', async () => {
    const other = new PipelineFolder();
    try {
      other.write('good.jsonl', jsonl(texts('good', GOOD, BAD, 40)));
      await expect(
        other.go(
          'name: t\nsteps:\n  - read: {inputs: [{files: good.jsonl, corpus: good}]}\n  - train-classifier: {positive: [good], negative: [bad], buckets: 100}\n',
        ),
      ).rejects.toThrow(/too few negative documents/);
      await expect(
        other.plan(
          'name: t\nsteps:\n  - read: {inputs: [{files: good.jsonl, corpus: good}]}\n  - train-classifier: {positive: [good], negative: [good]}\n',
        ),
      ).rejects.toThrow(/on both sides/);
    } finally {
      other.remove();
    }
  });
});

describe('measuring a classifier', () => {
  const scored = (pairs: [number, 0 | 1][]): Scored[] => pairs.map(([logit, label]) => ({ logit, label }));
  it('counts pairs in the right order, ties half', () => {
    const list = scored([
      [1, 1],
      [2, 0],
      [2, 1],
      [3, 1],
      [0, 0],
      [2, 0],
    ]);
    const good = list.filter(({ label }) => label === 1);
    const bad = list.filter(({ label }) => label === 0);
    let wins = 0;
    for (const a of good) for (const b of bad) wins += a.logit > b.logit ? 1 : a.logit === b.logit ? 0.5 : 0;
    expect(areaUnderCurve(list)).toBeCloseTo(wins / (good.length * bad.length), 12);
  });
  it('finds the scale and offset that made the labels', () => {
    const random = new Random('platt');
    const list: Scored[] = Array.from({ length: 40_000 }, () => {
      const logit = 2 * (random.next() - 0.5);
      const p = 1 / (1 + Math.exp(-(3 * logit + 0)));
      return { logit, label: random.next() < p ? 1 : 0 };
    });
    const { scale, offset } = calibrate(list);
    expect(scale).toBeCloseTo(3, 0);
    expect(Math.abs(offset)).toBeLessThan(0.1);
    const after = evaluate(list.map(({ logit, label }) => ({ logit: scale * logit + offset, label })));
    expect(after.calibrationError).toBeLessThan(0.02);
    expect(evaluate(list).calibrationError).toBeGreaterThan(3 * after.calibrationError);
  });
  it('stays finite where the sides part cleanly', () => {
    const clean = scored([
      [5, 1],
      [4, 1],
      [-4, 0],
      [-6, 0],
    ]);
    const { scale, offset } = calibrate(clean);
    expect(Number.isFinite(scale) && Number.isFinite(offset)).toBe(true);
    expect(evaluate(clean)).toMatchObject({ auc: 1, accuracy: 1 });
  });
  it('counts words by their bytes', () => {
    const counter = new WordCounter();
    counter.add(Buffer.from('b ä a\tb\n</s> __label__x ä b'));
    counter.add(Buffer.from('ä  c'));
    const { words, counts } = counter.vocabulary(2, 10);
    expect(words.map((word) => Buffer.from(word).toString())).toEqual(['</s>', 'b', 'ä']);
    expect([...counts]).toEqual([2, 3, 3]);
  });
});
