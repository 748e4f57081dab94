import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import type { ShardSplit } from '../../src/shard/format.ts';
import { ShardLoader } from '../../src/shard/loader.ts';
import { type Outcome, PipelineFolder } from './pipeline-folder.ts';

const data = (holdOut: string): string => `name: p
run: { workers: 1, partitionBytes: 20000, partBytes: 8000, batchDocuments: 16 }
steps:
  - read: { inputs: [{ files: 'in/*.jsonl', corpus: c }] }
  - hold-out: { ${holdOut} }
  - length: { minWords: 12 }
  - exact-dedup
  - minhash-dedup
  - train-tokenizer: { vocabularySize: 300 }
  - encode
  - shard
`;
const pipeline = (holdOut: string, evaluateOn = ''): string => `${data(holdOut)}  - train:
      model: { family: gpt2, layers: 1, width: 16, heads: 2, context: 32 }
      rows: 2
      steps: 4
      evaluateEvery: 2
${evaluateOn}  - evaluate
`;
const HELD_OUT = 'fraction: 0.1';
const BOTH = `${HELD_OUT}, validationFraction: 0.1`;

/** Ids and texts; every tenth is too short for the filter, the last twenty repeat the first twenty. */
function texts(): Map<string, string> {
  const random = new Random('validation split');
  const word = (): string =>
    Array.from({ length: 2 + random.below(6) }, () => 'abcdefghijklmnopqrst'[random.below(20)]).join('');
  const words = Array.from({ length: 300 }, word);
  const all = new Map<string, string>();
  for (let i = 0; i < 280; i++) {
    const length = i % 10 === 0 ? 5 : 20 + random.below(30);
    all.set(`d${i}`, Array.from({ length }, () => words[random.below(words.length)]).join(' '));
  }
  for (let i = 0; i < 20; i++) all.set(`copy${i}`, all.get(`d${i}`)!);
  return all;
}

function write(folder: PipelineFolder, documents: ReadonlyMap<string, string>): void {
  const lines = [...documents].map(([id, text]) => JSON.stringify({ id, text }));
  folder.write('in/0.jsonl', `${lines.join('\n')}\n`);
}

function artifact(folder: PipelineFolder, step: string): string {
  const unit = readdirSync(join(folder.run, 'units')).find((name) => name.endsWith(`-${step}`))!;
  return join(folder.run, 'units', unit, 'artifact');
}

async function idsOf(folder: PipelineFolder, split: ShardSplit): Promise<string[]> {
  const shards = artifact(folder, 'shard');
  const loader = await ShardLoader.open(shards, { split, context: 1, rows: 1, orderSeed: 0 });
  const ids: string[] = [];
  for await (const { document } of loader.documents()) ids.push(document.id);
  await loader.close();
  return ids.sort();
}

const outcomeOf = ({ summary }: Outcome, kind: string) =>
  summary.steps.find((step) => step.kind === kind)!.outcome as Record<string, never>;

describe('a pipeline with a validation split', () => {
  const documents = texts();
  const [both, before] = [new PipelineFolder(), new PipelineFolder()];
  let outcome: Outcome;
  let validation: string[];
  beforeAll(async () => {
    for (const folder of [both, before]) write(folder, documents);
    outcome = await both.go(pipeline(BOTH));
    await before.go(data(HELD_OUT));
    validation = await idsOf(both, 'validation');
  });
  afterAll(() => {
    for (const folder of [both, before]) folder.remove();
  });

  it('takes it from the training documents alone; the held-out set stays as it was', async () => {
    expect(validation.length).toBeGreaterThan(15);
    expect(await idsOf(both, 'held-out')).toEqual(await idsOf(before, 'held-out'));
    const train = await idsOf(both, 'train');
    const trainBefore = await idsOf(before, 'train');
    expect(train.filter((id) => validation.includes(id))).toEqual([]);
    expect(train.filter((id) => !trainBefore.includes(id))).toEqual([]);
  });

  it('drops none of it, and removes training documents that repeat one of it', async () => {
    const tally = outcome.summary.steps.find(({ kind }) => kind === 'hold-out')!.tally!;
    expect(tally.counters['validation documents']).toBe(validation.length);
    const short = validation.filter((id) => documents.get(id)!.split(' ').length < 12);
    expect(short.length, 'too short for the filter').toBeGreaterThan(0);
    const train = new Set((await idsOf(both, 'train')).map((id) => documents.get(id)!));
    for (const id of validation) expect(train.has(documents.get(id)!)).toBe(false);
    const twin = (id: string) => (id.startsWith('copy') ? id.replace('copy', 'd') : id.replace('d', 'copy'));
    const twins = validation.map(twin).filter((id) => documents.has(id) && !validation.includes(id));
    expect(twins.length, 'repeated by a training document').toBeGreaterThan(0);
  });

  it('is measured while training, and the held-out set by evaluate', async () => {
    const { split, after } = outcomeOf(outcome, 'train').heldOut as {
      split?: string;
      after: { corpora: { c: { documents: number; bytes: number } } };
    };
    expect(split).toBe('validation');
    expect(after.corpora.c.documents).toBe(validation.length);
    const bytes = validation.reduce((sum, id) => sum + documents.get(id)!.length, 0);
    expect(after.corpora.c.bytes).toBe(bytes);
    const held = await idsOf(both, 'held-out');
    const { c } = outcomeOf(outcome, 'evaluate').corpora as { c: { documents: number; bytes: number } };
    expect(c.bytes).toBe(held.reduce((sum, id) => sum + documents.get(id)!.length, 0));
    const measured = outcomeOf(await before.go(pipeline(HELD_OUT)), 'train').heldOut;
    expect(measured).not.toHaveProperty('split');
    await expect(before.go(pipeline(HELD_OUT, '      evaluateOn: validation\n'))).rejects.toThrow(
      /no step before puts validation documents aside/,
    );
  });

  it('trains nothing: other texts in it leave tokenizer, shards and model as they were; evaluateOn chooses', async () => {
    const other = new PipelineFolder();
    try {
      const changed = new Map(documents);
      // No training document repeats the chosen ones, so that deduplication does the same.
      const mine = validation.filter((id) => id.startsWith('d') && Number(id.slice(1)) >= 20);
      expect(mine.length).toBeGreaterThan(10);
      // As long as before, so that the places of all other documents in the file are the same.
      for (const id of mine) changed.set(id, `ZEBRA ${id} `.repeat(50).slice(0, documents.get(id)!.length));
      write(other, changed);
      await other.go(pipeline(BOTH));
      expect(await idsOf(other, 'validation')).toEqual(validation);
      const bytes = (folder: PipelineFolder, step: string, file: string): Buffer =>
        readFileSync(join(artifact(folder, step), file));
      for (const [step, file] of [
        ['train-tokenizer', 'tokenizer.json'],
        ['shard', 'train-00000.shard'],
        ['train', 'model.safetensors'],
      ] as const)
        expect(bytes(other, step, file).equals(bytes(both, step, file)), file).toBe(true);
      const [was, is] = [both, other].map((folder) => bytes(folder, 'shard', 'validation-00000.shard'));
      expect(is!.equals(was!)).toBe(false);
      const chosen = await other.go(pipeline(BOTH, '      evaluateOn: held-out\n'));
      const { after } = outcomeOf(chosen, 'train').heldOut as {
        after: { corpora: { c: { bytes: number } } };
      };
      const evaluated = outcomeOf(chosen, 'evaluate').corpora as { c: { bytes: number } };
      expect(after.corpora.c.bytes).toBe(evaluated.c.bytes);
    } finally {
      other.remove();
    }
  });

  it('moves no document when the corpus grows', async () => {
    const grown = new PipelineFolder();
    try {
      write(grown, documents);
      const more = Array.from({ length: 100 }, (_, i) => ({ id: `new${i}`, text: `new ${i} `.repeat(20) }));
      grown.write('in/1.jsonl', more.map((one) => `${JSON.stringify(one)}\n`).join(''));
      await grown.go(data(BOTH));
      for (const split of ['validation', 'held-out'] as const) {
        expect((await idsOf(grown, split)).length).toBeGreaterThan((await idsOf(both, split)).length);
        const old = (await idsOf(grown, split)).filter((id) => documents.has(id));
        expect(old).toEqual(await idsOf(both, split));
      }
    } finally {
      grown.remove();
    }
  });
});
