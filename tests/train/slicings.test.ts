import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { ShardLoader } from '../../src/shard/loader.ts';
import { readShardIndex } from '../../src/shard/shard-set.ts';
import { train } from '../../src/train/loop.ts';
import { loopOptions } from '../../src/train/loop-options.ts';
import type { Slicing } from '../../src/train/loss-groups.ts';
import { recentLosses } from '../../src/train/recent-losses.ts';
import { decileEdges, decileOf, measureOptions, openSlicings } from '../../src/train/slicings.ts';
import { trainOptions, trainStep } from '../../src/train/steps/train.ts';
import { BigramSession, END_OF_TEXT, FakeLoader, fakeDocument, fakeObjective } from './fakes.ts';
import { buildTinyCorpus, jobContext, TINY_RUN, tinyDocuments } from './loop-tiny-corpus.ts';

let root: string;
let folders: { shards: string; tokenizer: string };
/** Copies a document stands for, and its score; every seventh document has neither. */
const copiesOf = (i: number) => [1, 2, 3, 4, 5, 8, 9][i % 7]!;
const scoreOf = (i: number) => ((i * 17) % 60) / 60;
interface Signals extends Record<string, number> {
  readonly 'duplicate-count': number;
  readonly 'learned-quality.score': number;
}
const documents = tinyDocuments().map((document, i) => ({
  ...document,
  source: `${document.corpus}-${i % 4}.txt`,
  signals: (i % 7 === 3
    ? {}
    : { 'duplicate-count': copiesOf(i), 'learned-quality.score': scoreOf(i) }) as Partial<Signals> as Signals,
}));

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'provender-slicings-'));
  folders = await buildTinyCorpus(root, documents, 'all');
});
afterAll(() => rm(root, { recursive: true, force: true }));

type Groups = Record<string, { loss: number | null; tokens: number }>;
interface Step {
  readonly kind: string;
  readonly step: number;
  readonly loss: number;
  readonly metrics?: Readonly<Record<string, number>>;
  readonly byCorpus: Groups;
  readonly slices: Record<string, Groups>;
}

async function linesIn(folder: string): Promise<Step[]> {
  const text = await readFile(join(folder, 'metrics.jsonl'), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Step);
}

async function trainIn(name: string, given: object) {
  const folder = join(root, name);
  await mkdir(folder);
  const { context } = jobContext(folder, folders);
  const options = { ...TINY_RUN, evaluateEvery: 0, steps: 3, heldOut: { maxBytesPerCorpus: 300 }, ...given };
  const outcome = await trainStep.run(trainOptions.parse(options), context);
  return { folder, outcome, lines: await linesIn(folder) };
}

const deciles = 'deciles of learned-quality.score';

describe('the loss told apart', () => {
  it('is that of the tokens of each group, by a plain sum over the text', async () => {
    const texts = ['abcab', 'bca!!', 'cabca', 'aabbc'].map((text, i) => {
      const fake = fakeDocument('c', `d${i}`, text.repeat(5));
      return { ...fake, document: { ...fake.document, source: `s${i % 2}`, signals: { rank: i } } };
    });
    const session = new BigramSession();
    // As if two micro-batches of 2 windows of 16 were one text: 65 tokens from the start.
    const text = texts.flatMap(({ tokens, document }) => [...tokens].map((token) => ({ token, document })));
    const wanted = new Map<string, { nats: number; tokens: number }>();
    for (let i = 1; i <= 64; i++) {
      const { token, document } = text[i]!;
      const sum = wanted.get(document.source) ?? { nats: 0, tokens: 0 };
      sum.nats += session.nats(text[i - 1]!.token, token);
      sum.tokens += 1;
      wanted.set(document.source, sum);
    }
    const by: Slicing = { name: 'source', group: ({ source }) => source };
    // The fake objective leaves one target of each micro-batch out: here none.
    const objective = {
      kind: 'causal',
      inputs: (batch: Parameters<typeof fakeObjective.inputs>[0]) => {
        const inputs = fakeObjective.inputs(batch, () => 0);
        (inputs.lossWeight!.data as Float32Array).fill(1);
        return inputs;
      },
    };
    const folder = join(root, 'plain');
    await train({
      options: loopOptions.parse({ steps: 1, accumulate: 2, checkpoint: { everySteps: 0, everySeconds: 0 } }),
      loader: new FakeLoader(texts, 2, 16),
      session,
      objective,
      slicings: { all: [by], edges: {} },
      identity: {},
      folder,
      random: new Random(1),
      progress: { report() {} },
      signal: new AbortController().signal,
      say() {},
    });
    const [step] = await linesIn(folder);
    for (const [source, { nats, tokens }] of wanted) {
      expect(step!.slices.source![source]!.tokens).toBe(tokens);
      expect(step!.slices.source![source]!.loss).toBeCloseTo(nats / tokens, 5);
    }
    expect(Object.keys(step!.slices.source!)).toEqual(['s0', 's1']);
    expect(END_OF_TEXT).toBe(256);
  });

  it.each([
    ['concatenated', {}],
    [
      'accumulated, packed, masked to documents',
      {
        rows: 2,
        accumulate: 2,
        packing: 'best-fit',
        objective: { kind: 'causal', documentMask: true },
      },
    ],
    ['one document a window', { packing: 'pad' }],
    ['prefix', { objective: { kind: 'prefix' }, packing: 'best-fit' }],
    ['masked', { objective: { kind: 'masked', probability: 0.3 }, accumulate: 2, packing: 'best-fit' }],
    [
      'pairs of sentences',
      {
        model: { ...TINY_RUN.model, family: 'bert' },
        objective: { kind: 'next-sentence', probability: 0.3, wholeWords: true },
        accumulate: 2,
      },
    ],
  ])('sums to the whole: %s', async (name, given) => {
    const { lines } = await trainIn(`sum-${name}`, given);
    const steps = lines.filter(({ kind }) => kind === 'step');
    expect(steps).toHaveLength(3);
    for (const { loss, byCorpus, slices, metrics } of steps) {
      expect(Object.keys(slices)).toEqual(['source', 'duplicate-count', deciles]);
      const all = (groups: Groups) => Object.values(groups).reduce((sum, { tokens }) => sum + tokens, 0);
      const whole = all(byCorpus);
      for (const groups of Object.values(slices)) {
        expect(all(groups)).toBe(whole);
        const nats = Object.values(groups).reduce((sum, one) => sum + one.loss! * one.tokens, 0);
        // Which sentence follows is a loss of the row, not of its tokens.
        expect(nats / whole).toBeCloseTo(metrics?.maskedLoss ?? loss, 4);
        expect((metrics?.maskedLoss ?? loss) + (metrics?.nextSentenceLoss ?? 0)).toBeCloseTo(loss, 4);
      }
      // Sources are named for their corpus here.
      for (const corpus of ['farm', 'town']) {
        const mine = Object.entries(slices.source!).filter(([source]) => source.startsWith(corpus));
        expect(all(Object.fromEntries(mine))).toBe(byCorpus[corpus]?.tokens ?? 0);
      }
    }
  });

  it('counts every training token of an epoch once, in the group of its document', async () => {
    const loader = await ShardLoader.open(folders.shards, {
      split: 'train',
      context: 128,
      rows: 1,
      orderSeed: 1,
    });
    const tokens: Record<string, Record<string, number>> = {};
    const add = (slicing: string, group: string, count: number) => {
      tokens[slicing] ??= {};
      tokens[slicing]![group] = (tokens[slicing]![group] ?? 0) + count;
    };
    const { edges } = openSlicings(measureOptions.parse({}), folders.shards, loader.index);
    let first = true;
    for await (const loaded of loader.documents()) {
      // Nothing predicts the first token of all.
      const count = loaded.tokens.length - (first ? 1 : 0);
      first = false;
      const { signals, source } = documents.find(({ id }) => id === loaded.document.id)!;
      const copies: number | undefined = signals['duplicate-count'];
      const range: Record<number, string> = {
        1: '1',
        2: '2',
        3: '3-4',
        4: '3-4',
        5: '5-8',
        8: '5-8',
        9: '9-16',
      };
      add('source', source, count);
      add('duplicate-count', copies === undefined ? 'none' : range[copies]!, count);
      const score: number | undefined = signals['learned-quality.score'];
      const below = edges['learned-quality.score']!.filter((edge) => edge <= (score ?? 0)).length;
      add(deciles, score === undefined ? 'none' : String(below + 1), count);
    }
    const { windows } = loader;
    await loader.close();
    // One window a step, in order: the tokens after the last whole window are never seen.
    const { lines } = await trainIn('epoch', {
      model: { ...TINY_RUN.model, context: 128 },
      rows: 1,
      steps: windows,
      epochsInOrder: 1,
      checkpoint: { everySteps: 0, everySeconds: 0 },
    });
    const seen: typeof tokens = {};
    let all = 0;
    for (const { slices, byCorpus } of lines.filter(({ kind }) => kind === 'step')) {
      for (const { tokens } of Object.values(byCorpus)) all += tokens;
      for (const [slicing, groups] of Object.entries(slices)) {
        seen[slicing] ??= {};
        for (const [name, one] of Object.entries(groups)) {
          seen[slicing]![name] = (seen[slicing]![name] ?? 0) + one.tokens;
        }
      }
    }
    expect(all).toBe(windows * 128);
    for (const [slicing, groups] of Object.entries(tokens)) {
      expect(Object.keys(seen[slicing]!).sort()).toEqual(Object.keys(groups).sort());
      let missing = 0;
      for (const [name, count] of Object.entries(groups)) {
        expect(seen[slicing]![name]).toBeLessThanOrEqual(count);
        missing += count - seen[slicing]![name]!;
      }
      expect(missing).toBeLessThan(128);
    }
  });

  it('says what the deciles were cut at, and at the end the losses of the last steps', async () => {
    const { folder, outcome, lines } = await trainIn('summary', { steps: 20 });
    const { edges } = lines[0] as unknown as { edges: Record<string, number[]> };
    expect(lines[0]!.kind).toBe('deciles');
    expect(edges['learned-quality.score']).toHaveLength(9);
    const last = lines.filter(({ kind, step }) => kind === 'step' && step > 18);
    const tokens = last.reduce((sum, { byCorpus }) => sum + (byCorpus.farm?.tokens ?? 0), 0);
    const nats = last.reduce((sum, { byCorpus: { farm } }) => sum + (farm ? farm.loss! * farm.tokens : 0), 0);
    const { steps, groups } = outcome.summary.lossByGroup as Awaited<ReturnType<typeof recentLosses>>;
    expect(steps).toBe(2);
    expect(groups.corpus!.farm!.tokens).toBe(tokens);
    expect(groups.corpus!.farm!.loss).toBeCloseTo(nats / tokens, 10);
    expect(Object.keys(groups)).toEqual(['corpus', 'source', 'duplicate-count', deciles]);
    await expect(recentLosses(join(folder, 'none'), 3)).rejects.toThrow(/no such file/);
  });

  it('takes the smaller sources together, and refuses signals that the shards do not have', async () => {
    const index = await readShardIndex(folders.shards);
    const { all } = openSlicings(measureOptions.parse({ by: ['source'], sources: 2 }), folders.shards, index);
    const loader = await ShardLoader.open(folders.shards, {
      split: 'train',
      context: 8,
      rows: 1,
      orderSeed: 1,
    });
    const names = new Set<string>();
    for await (const { document } of loader.documents()) names.add(all[0]!.group(document));
    await loader.close();
    expect(names.size).toBe(3);
    expect(names).toContain('other sources');
    const open = (given: object) => () => openSlicings(measureOptions.parse(given), folders.shards, index);
    expect(open({ deciles: ['length.words'] })).toThrow(
      /train\.measure\.deciles: .*signal length\.words; expected duplicate-count, learned-quality\.score/,
    );
    expect(() => openSlicings(measureOptions.parse({ by: ['source'] }), folders.shards, undefined)).toThrow(
      /known once all shards are written/,
    );
  });
});

describe('deciles', () => {
  it('hold a tenth of the documents each, where their values differ', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.double({ noNaN: true }), { minLength: 10, maxLength: 200 }), (values) => {
        const edges = decileEdges(Float64Array.from([...values, Number.NaN]));
        const counts = new Array<number>(11).fill(0);
        // -0 and 0 are one value to a comparison.
        fc.pre(
          !(values.some((value) => Object.is(value, -0)) && values.some((value) => Object.is(value, 0))),
        );
        for (const value of values) counts[decileOf(value, edges)]! += 1;
        for (const count of counts.slice(1)) expect(Math.abs(count - values.length / 10)).toBeLessThan(1);
      }),
      { seed: 4 },
    );
  });
});
