/** Models that we hand to `transformers` and transformers.js, and models of theirs that we take over. */

import { execFileSync } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../../src/core/random.ts';
import type { Filled } from '../../../src/train/fill-mask.ts';
import { exportModel } from '../../../src/train/hand-over/export-model.ts';
import { importModel } from '../../../src/train/hand-over/import-model.ts';
import { loadModel, readModel } from '../../../src/train/model-folder.ts';
import { candidates, type SamplingOptions, samplingOptions } from '../../../src/train/sampling.ts';
import { generateFromFolder, sampleOptions } from '../../../src/train/steps/generate.ts';
import { trainFromFolders, trainStep } from '../../../src/train/steps/train.ts';
import { logitsOf, writeTinyModel } from '../../train/hand-over/model-folders.ts';
import { expectClose, kinds } from '../../train/hand-over/models.ts';
import { buildTinyCorpus, jobContext } from '../../train/loop-tiny-corpus.ts';
import { jobs, python, transformersJs } from './peers.ts';

let folder: string;
let corpus: { shards: string; tokenizer: string };
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'provender-hand-over-'));
  corpus = await buildTinyCorpus(folder);
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const ROWS = 2;
const LENGTH = 20;
const tokens = Int32Array.from({ length: ROWS * LENGTH }, (_, i) => (i * i * 7 + 5 * i + 3) % 260);
const nested = Array.from({ length: ROWS }, (_, row) => [
  ...tokens.subarray(row * LENGTH, (row + 1) * LENGTH),
]);

const classes: Readonly<Record<string, string>> = {
  gpt2: 'GPT2LMHeadModel',
  llama: 'LlamaForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
  bert: 'BertForMaskedLM',
};

describe.skipIf(python === undefined)('transformers (skipped: no Python environment could be made)', () => {
  it('loads each export and gives the same logits', async () => {
    const names = Object.keys(kinds);
    const wanted: Float32Array[] = [];
    for (const name of names) {
      await writeTinyModel(join(folder, 'ours', name), kinds[name]!, corpus.tokenizer);
      await exportModel(join(folder, 'ours', name), join(folder, 'out', name));
      wanted.push(await logitsOf(join(folder, 'ours', name), tokens, ROWS));
    }
    type Loaded = { class: string; dtype: string; problems: object; logits: number[] };
    const found = jobs<Loaded[]>(
      names.map((name) => ({ job: 'logits', folder: join(folder, 'out', name), tokens: nested })),
    );
    for (const [i, name] of names.entries()) {
      expect(found[i]!.class, name).toBe(classes[name.split('-')[0]!]);
      expect(found[i]!.problems, name).toEqual({});
      expect(found[i]!.dtype, name).toBe('torch.float32');
      expectClose(found[i]!.logits, wanted[i]!, 1e-4, name);
    }
  });

  it('loads both heads of a model that was trained on pairs of sentences', async () => {
    const at = join(folder, 'ours', 'pairs');
    const { vocabulary, context } = {
      ...(await writeTinyModel(at, kinds.bert!, corpus.tokenizer, 'next-sentence')),
      context: 32,
    };
    await exportModel(at, join(folder, 'out', 'pairs'));
    const { session } = await loadModel(at, { rows: ROWS, engine: { threads: 1 } });
    const shape = [ROWS, context];
    const ids = Int32Array.from({ length: ROWS * context }, (_, i) => (i * i * 3 + 11 * i + 1) % vocabulary);
    const none = { shape, data: new Int32Array(ids.length) };
    const types = { shape, data: ids.map((_, i) => Number(i % context >= 15)) };
    const rows = ({ data }: { data: Int32Array }) =>
      Array.from({ length: ROWS }, (_, row) => [...data.subarray(row * context, (row + 1) * context)]);
    const all = { shape, data: ids };
    const [found] = jobs<[{ class: string; problems: object; random: number[] }]>([
      { job: 'logits', folder: join(folder, 'out', 'pairs'), tokens: rows(all), types: rows(types) },
    ]);
    expect(found.class).toBe('BertForPreTraining');
    expect(found.problems).toEqual({});
    // Both rows are said to be random; a step of length 0 gives the loss of that.
    const each = Math.round(0.15 * context);
    const inputs = {
      ...{ tokens: all, targets: all, segment: none, order: none, tokenType: types },
      lossWeight: { shape, data: new Float32Array(ids.length).map((_, i) => Number(i % context < each)) },
      targetIndex: {
        shape: [ROWS, each],
        data: Int32Array.from({ length: ROWS * each }, (_, i) => Math.floor(i / each) * context + (i % each)),
      },
      isRandom: { shape: [ROWS], data: new Int32Array(ROWS).fill(1) },
    };
    const { metrics } = await session.step([inputs], { update: 1, learningRate: 0 });
    await session.release();
    const wanted = -found.random.reduce((sum, value) => sum + value, 0) / ROWS;
    expect(wanted).toBeGreaterThan(0.01);
    expect(metrics!.nextSentenceLoss).toBeCloseTo(wanted, 4);
  });

  const theirs = [
    'gpt2',
    'gpt2-exact',
    'llama',
    'llama-grouped',
    'qwen3',
    'bert',
    'bert-untied',
    'bert-pretraining',
    'roberta',
  ];
  it.each([
    ['float32, one file', {}, theirs],
    ['float16, several files', { dtype: 'float16', shard: '20KB' }, ['gpt2', 'llama', 'bert']],
    ['bfloat16, several files', { dtype: 'bfloat16', shard: '20KB' }, ['gpt2', 'llama-grouped', 'roberta']],
  ])('saves models that give the same logits here: %s', async (what, more, names) => {
    // A vocabulary larger than the tokenizer's, as padded ones are; the mask token takes a row of it.
    const at = (name: string) => join(folder, 'theirs', `${name} ${what}`);
    const saved = jobs<number[][]>(
      names.map((kind) => ({
        job: 'save',
        kind,
        folder: at(kind),
        vocabulary: 320,
        tokens: nested,
        ...more,
      })),
    );
    for (const [i, name] of names.entries()) {
      await copyFile(join(corpus.tokenizer, 'tokenizer.json'), join(at(name), 'tokenizer.json'));
      await importModel(at(name), join(at(name), 'ours'));
      const found = await logitsOf(join(at(name), 'ours'), tokens, ROWS);
      expectClose(found, saved[i]!, 1e-4, name);
    }
  });
});

const quiet = {
  random: new Random(1),
  signal: new AbortController().signal,
  threads: 1,
  progress: { report: () => {} },
};

describe.skipIf(python === undefined)('a trained model handed over', () => {
  const PROMPT = 'the cow and a';
  let models: { causal: string; masked: string };
  const out = (name: string) => join(folder, `handed-${name}`);

  beforeAll(async () => {
    const train = async (name: string, given: Record<string, unknown>) => {
      const into = join(folder, name);
      const options = trainStep.options.parse({
        model: { layers: 2, width: 64, heads: 2, context: 64, ...(given.model as object) },
        objective: given.objective ?? { kind: 'causal' },
        steps: 150,
        rows: 8,
        schedule: { learningRate: 0.01 },
        engine: { threads: 1 },
      });
      const { context } = jobContext(into, {});
      await trainFromFolders(options, corpus, context);
      await exportModel(into, out(name));
      return into;
    };
    models = {
      causal: await train('causal', { model: { family: 'llama', keyValueHeads: 1 } }),
      masked: await train('masked', { model: { family: 'bert' }, objective: { kind: 'masked' } }),
    };
  });

  const greedy = async (model: string, repetitionPenalty = 1) => {
    const options = sampleOptions.parse({
      prompts: [PROMPT],
      temperature: 0,
      maxTokens: 24,
      repetitionPenalty,
      engine: { threads: 1 },
    });
    const [sample] = await generateFromFolder(options, model, quiet);
    return sample!.text;
  };

  it('is tokenized by AutoTokenizer as in training', async () => {
    const { tokenizer } = await readModel(models.masked);
    type Tokenized = {
      names: string[];
      ids: number[];
      bare: number[];
      decoded: string;
      roles: (string | null)[];
      length: number;
    };
    const text = 'the cow, große Häuser 🚂 and\n two sheep.';
    const [causal, masked, hidden] = jobs<Tokenized[]>([
      { job: 'tokenize', folder: out('causal'), text },
      { job: 'tokenize', folder: out('masked'), text },
      { job: 'tokenize', folder: out('masked'), text: 'the <|mask|> barn' },
    ]);
    const ids = [...tokenizer.encode(text)];
    for (const found of [causal!, masked!]) {
      expect(found.bare).toEqual(ids);
      expect(found.ids).toEqual([tokenizer.endOfText, ...ids]);
      expect(found.decoded).toBe(text);
      expect(found.length).toBe(64);
    }
    expect(causal!.names).toEqual(['attention_mask', 'input_ids']);
    expect(masked!.names).toEqual(['attention_mask', 'input_ids', 'token_type_ids']);
    expect(causal!.roles).toEqual(['<|endoftext|>', '<|endoftext|>', null]);
    expect(masked!.roles[2]).toBe('<|mask|>');
    expect(hidden!.bare).toEqual([
      ...tokenizer.encode('the '),
      tokenizer.vocabularySize,
      ...tokenizer.encode(' barn'),
    ]);
  });

  it('writes on greedily as our own generation does, in transformers and in transformers.js', async () => {
    const ours = await greedy(models.causal);
    expect(ours.length).toBeGreaterThan(20);
    const [python, penalized] = jobs<string[]>([
      { job: 'write_on', folder: out('causal'), prompt: PROMPT, count: 24 },
      { job: 'write_on', folder: out('causal'), prompt: PROMPT, count: 24, penalty: 1.3 },
    ]);
    expect(python).toBe(ours);
    expect(penalized).toBe(await greedy(models.causal, 1.3));
    const options = { max_new_tokens: 24, do_sample: false, return_full_text: false };
    const found = javascript('text-generation', out('causal'), PROMPT, options);
    expect(found).toEqual([{ generated_text: ours }]);
  });

  it('fills masks as our own does, in transformers and in transformers.js', async () => {
    const prompt = 'the cow and <|mask|> horse.';
    const options = sampleOptions.parse({ prompts: [prompt], top: 4, engine: { threads: 1 } });
    const [ours] = (await generateFromFolder(options, models.masked, quiet)) as Filled[];
    const wanted = ours!.masks[0]!.top;
    const [python] = jobs<[number, number, string][][]>([
      { job: 'fill', folder: out('masked'), text: prompt, count: 4 },
    ]);
    const js = javascript('fill-mask', out('masked'), prompt, { top_k: 4 }) as {
      token: number;
      score: number;
    }[];
    expect(python!.map(([token]) => token)).toEqual(wanted.map(({ token }) => token));
    expect(js.map(({ token }) => token)).toEqual(wanted.map(({ token }) => token));
    for (const [i, { probability }] of wanted.entries()) {
      expect(python![i]![1]).toBeCloseTo(probability, 4);
      expect(js[i]!.score).toBeCloseTo(probability, 4);
    }
    // Something was learned: a guess among all would be 0.003.
    expect(wanted[0]!.probability).toBeGreaterThan(0.05);
  });

  it('comes back with the same bits', async () => {
    for (const name of ['causal', 'masked'] as const) {
      await importModel(out(name), join(folder, `back-${name}`));
      const [before, after] = [await readModel(models[name]), await readModel(join(folder, `back-${name}`))];
      expect([...after.parameters.keys()].sort()).toEqual([...before.parameters.keys()].sort());
      for (const [tensor, { data }] of before.parameters)
        expect(Buffer.compare(bytes(data), bytes(after.parameters.get(tensor)!.data)), tensor).toBe(0);
      expect(after.tokens.maskToken).toBe(before.tokens.maskToken);
    }
    expect(await greedy(join(folder, 'back-causal'))).toBe(await greedy(models.causal));
  });
});

const bytes = ({ buffer, byteOffset, byteLength }: Float32Array | Int32Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);

describe.skipIf(python === undefined)('what is drawn from', () => {
  const random = new Random('sampling');
  const cases = Array.from({ length: 60 }, (_, i) => {
    const seen = Array.from({ length: 1 + random.below(12) }, () => random.below(97));
    const logits = Array.from({ length: 97 }, () => Math.fround(3 * random.normal()));
    const options: Partial<SamplingOptions> = {
      ...(i % 2 && { temperature: 0.3 + 1.5 * random.next() }),
      ...(i % 3 === 0 && { topK: 1 + random.below(40) }),
      ...(i % 5 < 3 && { topP: 0.2 + 0.8 * random.next() }),
      ...(i % 7 < 3 && { minP: 0.3 * random.next() }),
      ...(i % 4 === 1 && { repetitionPenalty: 0.7 + random.next() }),
    };
    return { seen, logits, options };
  });

  it("is what the logits processors of transformers' generate leave", () => {
    type Processed = { processors: string[]; probabilities: number[] };
    const found = jobs<Processed[]>(
      cases.map(({ seen, logits, options }) => ({
        job: 'process',
        seen,
        logits,
        options: {
          temperature: options.temperature ?? 1,
          top_k: options.topK ?? 0,
          top_p: options.topP ?? 1,
          min_p: options.minP ?? null,
          repetition_penalty: options.repetitionPenalty ?? 1,
        },
      })),
    );
    const used = new Set(found.flatMap(({ processors }) => processors));
    for (const name of ['Temperature', 'TopK', 'TopP', 'MinP', 'RepetitionPenalty'])
      expect(
        [...used].some((processor) => processor.startsWith(name)),
        name,
      ).toBe(true);
    for (const [i, { seen, logits, options }] of cases.entries()) {
      const parsed = samplingOptions.parse({ temperature: 1, ...options });
      const ours = new Float64Array(97);
      for (const { token, probability } of candidates(Float32Array.from(logits), new Set(seen), parsed))
        ours[token] = probability;
      const what = `case ${i}: ${JSON.stringify(options)}`;
      const drawable = (all: ArrayLike<number>) =>
        Array.from(all).flatMap((probability, token) => (probability > 0 ? [token] : []));
      expect(drawable(ours), what).toEqual(drawable(found[i]!.probabilities));
      expectClose(ours, found[i]!.probabilities, 1e-5, what);
    }
  });
});

function javascript(task: string, model: string, text: string, options: object): unknown {
  const script = `
import { env, pipeline } from '@huggingface/transformers';
env.allowRemoteModels = false;
env.localModelPath = '/';
const [task, model, text, options] = JSON.parse(process.argv[1]);
const pipe = await pipeline(task, model, { dtype: 'fp32' });
console.log(JSON.stringify(await pipe(text, options)));`;
  const cwd = transformersJs();
  if (cwd === undefined) throw new Error('transformers.js cannot be installed here');
  const argument = JSON.stringify([task, model, text, options]);
  const stdout = execFileSync('node', ['--input-type=module', '-e', script, argument], {
    cwd,
    encoding: 'utf8',
  });
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}
