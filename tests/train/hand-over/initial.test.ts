import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mergeCounts, PreTokenCounter, tokenizerJson, trainBpe } from '../../../src/tokenize/tokenizer.ts';
import { exportModel } from '../../../src/train/hand-over/export-model.ts';
import { readModel } from '../../../src/train/model-folder.ts';
import { trainOptions, trainStep } from '../../../src/train/steps/train.ts';
import { buildTinyCorpus, jobContext, TINY_RUN } from '../loop-tiny-corpus.ts';
import { writeTinyModel } from './model-folders.ts';

let root: string;
let corpus: { shards: string; tokenizer: string };
let first: Summary;

interface Summary {
  readonly heldOut: Record<'before' | 'after', { corpora: Record<string, { bitsPerByte: number }> }>;
}

async function trainIn(name: string, given: object, folders = corpus): Promise<Summary> {
  const folder = join(root, name);
  await mkdir(folder, { recursive: true });
  const { context } = jobContext(folder, folders);
  // Paths in options are taken from where the pipeline file lies.
  const options = trainOptions.parse({
    ...TINY_RUN,
    heldOut: { maxBytesPerCorpus: 300 },
    engine: { threads: 1 },
    ...given,
  });
  return (await trainStep.run(options, { ...context, baseFolder: root })).summary as unknown as Summary;
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'provender-init-'));
  corpus = await buildTinyCorpus(root);
  first = await trainIn('first', { steps: 8 });
  await exportModel(join(root, 'first'), join(root, 'handed'), { onnx: false });
});
afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

describe('train with init', () => {
  it.each(['first', 'handed'])('goes on where the weights in %s stand', async (from) => {
    const on = await trainIn(`on-${from}`, { model: {}, init: { from }, steps: 4 });
    for (const [corpus, { bitsPerByte }] of Object.entries(first.heldOut.after.corpora))
      expect(on.heldOut.before.corpora[corpus]!.bitsPerByte, corpus).toBeCloseTo(bitsPerByte, 6);
    const { file, parameters } = await readModel(join(root, `on-${from}`));
    expect(file.model).toMatchObject({ family: 'gpt2', layers: 1, width: 32 });
    expect((file.receipt!.identity.init as { weights: string }).weights).toMatch(/^[0-9a-f]{64}$/);
    const before = (await readModel(join(root, 'first'))).parameters;
    expect(parameters.get('embedding.token')!.data).not.toEqual(before.get('embedding.token')!.data);
  });

  it('takes a vocabulary larger than the tokenizer, and longer rows where positions are rotary', async () => {
    await writeTinyModel(join(root, 'rotary'), { family: 'llama' }, corpus.tokenizer);
    await trainIn('longer', { model: { context: 48 }, init: { from: 'rotary' }, steps: 2 });
    const { file } = await readModel(join(root, 'longer'));
    expect({ ...file.model, context: file.context }).toMatchObject({ context: 48, positions: 'rotary' });
    await writeTinyModel(join(root, 'encoder'), { family: 'bert' }, corpus.tokenizer);
    const masked = { objective: { kind: 'masked' }, model: {}, steps: 2, evaluateEvery: 0 };
    await trainIn('masked', { ...masked, init: { from: 'encoder' } });
    expect((await readModel(join(root, 'masked'))).file).toMatchObject({ vocabulary: 301, maskToken: 300 });
    // A decoder has no row for the mask that this objective would add.
    await expect(trainIn('no-mask', { ...masked, init: { from: 'first' } })).rejects.toThrow(
      /fewer embeddings.*301, one of them for a mask token.*300/,
    );
  });

  it('refuses options that are not those of the model, by name', async () => {
    const init = { from: 'first' };
    await expect(trainIn('a', { model: { layers: 2 }, init })).rejects.toThrow(/train\.model\.layers.*1.*2/);
    await expect(trainIn('b', { model: { context: 64 }, init })).rejects.toThrow(
      /train\.model\.context.*32.*64/,
    );
    await expect(trainIn('c', { model: { preset: 'gpt2-124M' }, init })).rejects.toThrow(
      /train\.model\.layers/,
    );
    await expect(trainIn('d', { init: { from: 'nowhere' } })).rejects.toThrow(
      /train\.init\.from: no such folder/,
    );
    await expect(trainIn('e', { init: { from: 'tokenizer' } })).rejects.toThrow(
      /no model of transformers here/,
    );
  });

  it('refuses a tokenizer that gives ids another meaning', async () => {
    const counter = new PreTokenCounter({ preTokenizer: 'gpt2', normalizer: 'none' });
    counter.add(Buffer.from('entirely other words than those words of the other words '.repeat(9)));
    const settings = { vocabularySize: 280, minFrequency: 2, preTokenizer: 'gpt2' } as const;
    const other = trainBpe(mergeCounts([counter.serialize()]), {
      ...settings,
      specialTokens: ['<|endoftext|>'],
    });
    await cp(join(root, 'handed'), join(root, 'foreign'), { recursive: true });
    await writeFile(join(root, 'foreign', 'tokenizer.json'), tokenizerJson(other));
    await expect(trainIn('f', { model: {}, init: { from: 'foreign' } })).rejects.toThrow(
      /another tokenizer; expected token 257 to be/,
    );
  });

  it('goes on only from the weights that it began from', async () => {
    await trainIn('resumed', { model: {}, init: { from: 'first' }, steps: 3 });
    await expect(trainIn('resumed', { model: {}, init: { from: 'handed' }, steps: 3 })).rejects.toThrow(
      /init\.weights differs/,
    );
  });
});
