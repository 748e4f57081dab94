import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { openLanguageModel, percentilesOf } from '../../src/quality/ngram/artifact.ts';
import { perplexityOf } from '../../src/quality/ngram/perplexity.ts';
import { sentencesOf } from '../../src/quality/ngram/text.ts';
import { browse } from '../../src/report/browse.ts';
import { PipelineFolder } from '../execute/pipeline-folder.ts';

const random = new Random('perplexity');
const SUBJECTS = ['the captain', 'the sailor', 'a whale', 'the old ship', 'our crew'];
const VERBS = ['saw', 'followed', 'feared', 'passed', 'left'];
const OBJECTS = ['the island', 'a storm', 'the harbour', 'the white whale', 'another ship'];
const pick = (list: readonly string[]) => list[random.below(list.length)]!;
const fluent = () =>
  Array.from({ length: 8 }, () => `${pick(SUBJECTS)} ${pick(VERBS)} ${pick(OBJECTS)}.`).join('\n');
const shuffled = () => {
  const words = fluent().replace(/[.\n]/g, ' ').split(/ +/).filter(Boolean);
  for (let i = words.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [words[i], words[j]] = [words[j]!, words[i]!];
  }
  return words.join(' ');
};
const foreign = () => Array.from({ length: 30 }, () => `zq${random.below(1000)}`).join(' ');
const jsonl = (list: readonly string[], prefix: string) =>
  list.map((text, i) => JSON.stringify({ id: `${prefix}${i}`, text })).join('\n');

const yaml = (more = '', judge = '{}', run = 'partitionBytes: 65536, partBytes: 20000') => `name: t
run: {${run}}
steps:
  - read:
      inputs:
        - {files: good.jsonl, corpus: good}
        - {files: web.jsonl, corpus: web}
  - train-language-model: {corpora: [good], minWordCount: 1, memoryMiB: 1, examples: drop, arpa: true${more}}
  - perplexity: ${judge}
`;

function artifactOf(folder: PipelineFolder): string {
  const units = join(folder.run, 'units');
  const name = readdirSync(units).find(
    (unit) => unit.endsWith('train-language-model') && existsSync(join(units, unit, 'artifact')),
  );
  return join(units, name!, 'artifact');
}

describe('train-language-model and perplexity', () => {
  const folder = new PipelineFolder();
  const web = [
    ...Array.from({ length: 40 }, fluent),
    ...Array.from({ length: 30 }, shuffled),
    ...Array.from({ length: 30 }, foreign),
  ];
  let model: Buffer;
  beforeAll(async () => {
    folder.write('good.jsonl', jsonl(Array.from({ length: 300 }, fluent), 'g'));
    folder.write('web.jsonl', jsonl(web, 'w'));
    await folder.go(yaml());
    model = readFileSync(join(artifactOf(folder), 'language-model.ngrams'));
  }, 60_000);
  afterAll(() => folder.remove());

  it('finds fluent text easier than shuffled, and shuffled easier than foreign', async () => {
    const found = new Map<string, { perplexity: number; bucket: unknown; unknown: number }>();
    for await (const { document } of browse(folder.run, { step: 'perplexity', limit: 1000 }))
      found.set(document.id, {
        perplexity: document.signals['perplexity.perplexity']!,
        bucket: document.metadata.bucket,
        unknown: document.signals['perplexity.unknown-share']!,
      });
    expect(found.size).toBe(100);
    const of = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => found.get(`w${from + i}`)!);
    const [easy, mixed, strange] = [of(0, 40), of(40, 70), of(70, 100)];
    const values = (list: typeof easy) => list.map(({ perplexity }) => perplexity);
    expect(Math.max(...values(easy))).toBeLessThan(Math.min(...values(mixed)));
    expect(mixed.every(({ bucket, unknown }) => bucket === 'tail' && unknown === 0)).toBe(true);
    expect(strange.every(({ bucket, unknown }) => bucket === 'tail' && unknown === 1)).toBe(true);
    expect(new Set(easy.map(({ bucket }) => bucket)).size).toBeGreaterThan(1);
  });

  it('cuts buckets by percentiles of the corpora that are named as the reference', async () => {
    await folder.go(yaml(', reference: [web]', '{maxBucket: 1}'));
    const { percentiles, model: trained } = openLanguageModel(artifactOf(folder));
    const all = web.map((text) => perplexityOf(trained, text).perplexity);
    expect(percentiles).toEqual(percentilesOf(all));
    const kept: string[] = [];
    for await (const { document } of browse(folder.run, { step: 'perplexity', limit: 1000 }))
      kept.push(document.id);
    const expected = all.flatMap((value, i) => (value <= percentiles[60]! ? [`w${i}`] : []));
    expect(kept.sort()).toEqual(expected.sort());
    expect(kept.length).toBeGreaterThanOrEqual(60);
    for await (const { refusal } of browse(folder.run, { step: 'perplexity', refused: true, limit: 5 }))
      expect(refusal).toMatchObject({ reason: 'perplexity-bucket', value: 2, threshold: 1 });
  }, 60_000);

  it('comes to the same model whatever the workers, the partitions and the order of the inputs', async () => {
    rmSync(folder.run, { recursive: true });
    const reordered = yaml('', '{}', 'workers: 2').replace(
      /( +- \{files: good.*\n)( +- \{files: web.*\n)/,
      '$2$1',
    );
    await folder.go(reordered);
    expect(readFileSync(join(artifactOf(folder), 'language-model.ngrams')).equals(model)).toBe(true);
    expect(readdirSync(artifactOf(folder)).sort()).toEqual([
      'language-model.arpa',
      'language-model.json',
      'language-model.ngrams',
    ]);
  }, 60_000);

  it('writes an ARPA file of the same numbers', () => {
    const { model: trained } = openLanguageModel(artifactOf(folder));
    const lines = readFileSync(join(artifactOf(folder), 'language-model.arpa'), 'utf8').split('\n');
    expect(lines[0]).toBe('\\data\\');
    expect(lines.at(-2)).toBe('\\end\\');
    const counts = trained.levels.map(({ words }, k) => `ngram ${k + 1}=${words.length}`);
    expect(lines.slice(1, 4)).toEqual(counts);
    let checked = 0;
    for (const line of lines) {
      const [p, text] = line.split('\t');
      if (text === undefined || text.includes('<s>') || text.includes('</s>')) continue;
      const ids = text
        .split(' ')
        .map((word) => trained.idOf(word))
        .reverse();
      expect(trained.logProbability(ids[0]!, ids.slice(1))).toBeCloseTo(Number(p), 5);
      checked++;
    }
    expect(checked).toBeGreaterThan(50);
  });
});

describe('sentences', () => {
  it('are lines of folded words, digits as 0', () => {
    expect([...sentencesOf('Hello, World 1984!\n\n \nÄrger 漢字\n')]).toEqual([
      ['hello', 'world', '0000'],
      ['ärger', '漢', '字'],
    ]);
    expect([...sentencesOf('')]).toEqual([]);
  });
  it('of a line that is very long come in pieces, no word lost', () => {
    const words = Array.from({ length: 60_000 }, (_, i) => `w${i % 10}`);
    const found = [...sentencesOf(words.join(' '))];
    expect(found.length).toBeGreaterThan(1);
    expect(found.flat()).toEqual(words.map((word) => word.replace(/[0-9]/, '0')));
    expect([...sentencesOf('x'.repeat(200_000))].flat().join('').length).toBe(200_000);
  });
  it('of no word at all have the perplexity of guessing', () => {
    expect(percentilesOf([3, 1, 2])[50]).toBe(2);
    expect(percentilesOf([5]).every((value) => value === 5)).toBe(true);
  });
});
