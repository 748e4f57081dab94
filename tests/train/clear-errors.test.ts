/** What a user meets when something does not fit: said early, with the option or the file, and both values. */

import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigurationError, InputError, IntegrityError, ResourceError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { ShardLoader } from '../../src/shard/loader.ts';
import { probe } from '../../src/train/engines/probe.ts';
import { train } from '../../src/train/loop.ts';
import { loopOptions } from '../../src/train/loop-options.ts';
import { openObjective } from '../../src/train/objectives/registry.ts';
import { openSession } from '../../src/train/open-session.ts';
import { requireMemory } from '../../src/train/require-memory.ts';
import { trainOptions, trainStep } from '../../src/train/steps/train.ts';
import { AblationFolder, SMALL } from '../ablate/small-ablation.ts';
import { jsonl, PipelineFolder } from '../execute/pipeline-folder.ts';
import { BigramSession, fakeObjective } from './fakes.ts';
import { buildTinyCorpus, jobContext, TINY_RUN } from './loop-tiny-corpus.ts';

let root: string;
let folders: { shards: string; tokenizer: string };
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'provender-errors-'));
  folders = await buildTinyCorpus(root);
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function trainIn(name: string, given: object, shards = folders.shards) {
  const folder = join(root, name);
  await mkdir(folder, { recursive: true });
  const { context, lines } = jobContext(folder, { ...folders, shards });
  const options = { ...TINY_RUN, evaluateEvery: 0, heldOut: { maxBytesPerCorpus: 300 }, ...given };
  return { folder, lines, run: trainStep.run(trainOptions.parse(options), context) };
}

describe('a pipeline is refused when it is opened', () => {
  const folder = new PipelineFolder();
  afterAll(() => folder.remove());
  const head = `name: p
steps:
  - read: { inputs: [{ files: none.jsonl }] }`;
  const data = `
  - train-tokenizer: { vocabularySize: 300 }
  - encode: {}
  - shard: {}`;
  const open = (steps: string) => folder.plan(`${head}${steps}`);

  it.each([
    [
      'heads that do not divide the width',
      `${data}\n  - train: { model: { width: 64, heads: 7 } }`,
      /^step 5 \(train\): model\.heads: 7 does not divide model\.width 64/,
    ],
    [
      'a context longer than the positions',
      `${data}\n  - train: { model: { context: 64 }, context: 128 }`,
      /^step 5 \(train\): context: windows are longer .*; expected at most model\.context, 64 tokens; found 128/,
    ],
    [
      'shares of masking that sum to more than all',
      `${data}\n  - train: { objective: { kind: masked, maskFraction: 0.9, randomFraction: 0.2 } }`,
      /^step 5 \(train\): objective\.maskFraction and objective\.randomFraction sum to more than 1/,
    ],
    [
      'pairs of sentences in batches of one',
      `${data}\n  - train: { rows: 1, objective: { kind: next-sentence } }`,
      /^step 5 \(train\): rows: .*; expected at least 2 .*; found 1/,
    ],
    [
      'an evaluation without held-out documents',
      `${data}\n  - train: {}\n  - evaluate: {}`,
      /^step 6 \(evaluate\): split: no step before puts held-out documents aside; expected 'hold-out: \{ fraction/,
    ],
    [
      'a held-out set of nothing',
      `\n  - hold-out: { fraction: 0 }${data}\n  - train: {}\n  - evaluate: {}`,
      /^step 7 \(evaluate\): split: no step before puts held-out documents aside/,
    ],
    [
      'measuring on validation documents that nobody puts aside',
      `\n  - hold-out: { fraction: 0.1 }${data}\n  - train: { evaluateOn: validation }`,
      /^step 6 \(train\): evaluateOn: no step before puts validation documents aside; .*validationFraction/,
    ],
    [
      'more held out than there is',
      `\n  - hold-out: { fraction: 0.6, validationFractions: { a: 0.5 } }${data}`,
      /^step 2 \(hold-out\): hold-out: more than all of corpus a is asked for/,
    ],
    [
      'bounds that contradict each other',
      '\n  - length: { minWords: 50, maxWords: 10 }',
      /^step 2 \(length\): minWords is above maxWords: nothing lies between; expected minWords at most 10; found 50/,
    ],
    [
      'a weight of a corpus that no input has',
      '\n  - train-tokenizer: {}\n  - encode: {}\n  - shard: { weights: { local: 1, mial: 2, gone: 0 } }',
      /^step 4 \(shard\): weights: a corpus that no input .*; expected one of local; found mial$/,
    ],
  ])('%s', async (_, steps, message) => {
    const opened = open(steps);
    await expect(opened).rejects.toThrow(ConfigurationError);
    await expect(opened).rejects.toThrow(message);
  });

  const own = (make: string) =>
    folder.write(
      'own.ts',
      `import { defineJudge, defineStage, z } from 'provender';
const common = { kind: 'own', summary: 'mine', options: z.strictObject({}), module: import.meta.url };
export default ${make};\n`,
    );

  it("an evaluation after a judge of one's own, which holds out nothing", async () => {
    own('defineJudge({ ...common, signals: [], measure: () => [], decide: () => ({ keep: true }) })');
    await expect(open(`\n  - use: ./own.ts${data}\n  - train: {}\n  - evaluate: {}`)).rejects.toThrow(
      /\(evaluate\): split: no step before puts held-out documents aside/,
    );
  });

  it("but not after a stage of one's own, which may", async () => {
    own("defineStage({ ...common, from: 'documents', to: 'documents', needs: [], open: () => ({}) })");
    await open(`\n  - use: ./own.ts${data}\n  - train: {}\n  - evaluate: {}`);
  });

  it('but not where documents may well be held out', async () => {
    const end = `${data}\n  - train: { evaluateOn: validation }\n  - evaluate: {}\n  - evaluate: { split: train }`;
    await open(`\n  - hold-out: { fraction: 0, fractions: { a: 0.1 }, validationFraction: 0.1 }${end}`);
  });
});

describe('a model larger than the memory', () => {
  it('is refused when the pipeline is opened, its vocabulary being that asked for', async () => {
    const folder = new PipelineFolder();
    const open = (vocabulary: number, device: string) =>
      folder.plan(`name: p
steps:
  - read: { inputs: [{ files: none.jsonl }] }
  - train-tokenizer: { vocabularySize: ${vocabulary} }
  - encode: {}
  - shard: {}
  - train: { model: { family: gpt2, layers: 1, width: 65536, heads: 64, context: 8 }, rows: 1, engine: { device: ${device} } }`);
    // 2^24 rows of 2^16 weights are 4.4 TB, the layer has 0.2 TB; a training holds more than ten copies of both.
    await expect(open(2 ** 24, 'cpu')).rejects.toThrow(ResourceError);
    await expect(open(2 ** 24, 'cpu')).rejects.toThrow(
      /does not fit into memory: .*; found about [4-9]\d(\.\d+)? TB$/,
    );
    await open(2 ** 24, 'cuda');
    folder.remove();
  });

  it('is refused before the training starts, with both numbers', async () => {
    const { run, folder, lines } = await trainIn('too-large', {
      model: { family: 'gpt2', layers: 2, width: 1 << 18, heads: 64, context: 32 },
      engine: { device: 'cpu' },
    });
    await expect(run).rejects.toThrow(ResourceError);
    // 2 layers of 12 * width^2 parameters are 6.6 TB, and weights, gradients and two moments alone four times that.
    await expect(run).rejects.toThrow(
      /does not fit into memory: .*; expected at most the \d+(\.\d+)? GB of this machine; found about \d+(\.\d+)? TB$/,
    );
    expect(lines.join('\n')).toMatch(/memory +about \d+(\.\d+)? TB: weights 6\.\d+ TB/);
    expect(await readdir(folder)).toEqual([]);
  });

  it('fits where it needs exactly what there is', () => {
    requireMemory(3000, 3000);
    expect(() => requireMemory(3010, 3000)).toThrow(/expected at most the 3\.00 kB .*; found about 3\.01 kB/);
  });
});

describe('a device that is not here', () => {
  const READ = `name: p
steps:
  - read: { inputs: [{ files: in.jsonl }] }
  - hold-out: { fraction: 0.1 }
  - train-tokenizer: { vocabularySize: 300 }
  - encode: {}
  - shard: {}
`;
  const TRAIN =
    '  - train: { model: { family: gpt2, layers: 1, width: 16, heads: 1, context: 16 }, rows: 2, steps: 2, ENGINE }\n';

  it('ends a run before its first step', async ({ skip }) => {
    const { works } = await probe({ kind: 'onnx', device: 'cuda' });
    if (works) skip('this machine has CUDA');
    const folder = new PipelineFolder();
    folder.write('in.jsonl', jsonl(1, 200));
    const onCuda = READ + TRAIN.replace('ENGINE', 'engine: { device: cuda }');
    await expect(folder.go(onCuda)).rejects.toThrow(/the engine onnx cannot use cuda here: /);
    expect((await readdir(folder.run)).filter((name) => name === 'units')).toEqual([]);
    const trained = READ + TRAIN.replace('ENGINE', '');
    const evaluated = `${trained}  - evaluate: { engine: { device: cuda } }\n`;
    await expect(folder.go(evaluated)).rejects.toThrow(ResourceError);
    expect((await readdir(folder.run)).filter((name) => name === 'units')).toEqual([]);
    await folder.go(trained);
    expect((await folder.go(trained)).summary.nothingToDo).toBe(true);
    await expect(folder.go(onCuda)).rejects.toThrow(/cannot use cuda here/);
    folder.remove();
  });

  it('ends an ablation before its preparation', async ({ skip }) => {
    if ((await probe({ kind: 'onnx', device: 'cuda' })).works) skip('this machine has CUDA');
    const folder = new AblationFolder();
    const yaml = SMALL.replace('  rows: 4', '  rows: 4\n  engine: { device: cuda }');
    await expect(folder.go(yaml)).rejects.toThrow(/the engine onnx cannot use cuda here: /);
    expect(await readdir(folder.out)).toEqual([]);
    folder.remove();
  });
});

describe('a token beyond the vocabulary of the model', () => {
  it('is refused at the step', async () => {
    const objective = openObjective({ kind: 'causal' }, { vocabulary: 40, length: 4 });
    const session = await openSession({
      model: { family: 'gpt2', layers: 1, width: 16, heads: 2, context: 4, vocabulary: 40 },
      objective,
      batch: { rows: 1, length: 4 },
      engine: { threads: 1 },
      random: () => () => 0.5,
    });
    const none = new Int32Array(5);
    const batch = { rows: 1, width: 5, segments: none, positions: none, documentIndex: none, documents: [] };
    const inputs = objective.inputs({ ...batch, tokens: Int32Array.of(1, 2, 40, 3, 4) }, () => 0);
    await expect(session.step([inputs], { update: 1, learningRate: 1 })).rejects.toThrow(
      /does not fit the model's vocabulary; expected an id from 0 to 39; found 40/,
    );
    await session.release();
  });
});

describe('shards', () => {
  async function copyOfShards(name: string): Promise<string> {
    const copy = join(root, name);
    await cp(folders.shards, copy, { recursive: true });
    return copy;
  }
  const last = async (shards: string) =>
    join(
      shards,
      (await readdir(shards))
        .filter((name) => name.startsWith('train'))
        .sort()
        .at(-1)!,
    );

  it('that are gone or cut off are named before the first step', async () => {
    const gone = await copyOfShards('gone');
    const path = await last(gone);
    await rm(path);
    for (const prefetch of [0, 1]) {
      const { run } = await trainIn(`gone-${prefetch}`, { prefetch }, gone);
      await expect(run).rejects.toThrow(InputError);
      await expect(run).rejects.toThrow(`${path}: no such file`);
    }
    const cut = await copyOfShards('cut');
    const { size } = await stat(await last(cut));
    await truncate(await last(cut), size - 100);
    const { run, folder } = await trainIn('cut-before', {}, cut);
    await expect(run).rejects.toThrow(IntegrityError);
    await expect(run).rejects.toThrow(
      new RegExp(`${await last(cut)}.*expected .*${size}.*found .*${size - 100}`),
    );
    expect(await readdir(folder)).toEqual([]);
  });

  it('that are cut off under a training end it at the step, and it goes on once they are back', async () => {
    const cut = await copyOfShards('cut-later');
    // Read window by window, as shards are that are larger than the memory given to them.
    const open = () =>
      ShardLoader.open(cut, {
        ...{ split: 'train', context: 16, rows: 2, orderSeed: 1 },
        ...{ epochsInOrder: 1, verify: 'touch', memoryBytes: 0 },
      });
    const folder = join(root, 'trained-on-cut');
    const run = async (where: string, onStep: (step: number) => Promise<void>) => {
      const loader = await open();
      const session = new BigramSession(300);
      try {
        await train({
          options: loopOptions.parse({ steps: 30, checkpoint: { everySteps: 2, everySeconds: 0 } }),
          loader: {
            async batch(step) {
              await onStep(step);
              return loader.batch(step);
            },
          },
          session,
          objective: fakeObjective,
          identity: {},
          folder: where,
          random: new Random(3),
          progress: { report() {} },
          signal: new AbortController().signal,
          say() {},
        });
      } finally {
        await loader.close();
      }
      return session.table;
    };
    const path = join(cut, 'train-00000.shard');
    const cutting = run(folder, async (step) => {
      if (step === 7) await truncate(path, 200);
    });
    await expect(cutting).rejects.toThrow(IntegrityError);
    await expect(cutting).rejects.toThrow(/^step \d+: .*train-00000\.shard.*; the last checkpoint stands$/);
    expect((await readdir(join(folder, 'checkpoints'))).length).toBeGreaterThan(0);
    await copyFile(join(folders.shards, 'train-00000.shard'), path);
    const resumed = await run(folder, async () => {});
    const undisturbed = await run(join(root, 'undisturbed'), async () => {});
    expect(resumed).toEqual(undisturbed);
    const metrics = (name: string) => readFile(join(root, name, 'metrics.jsonl'), 'utf8');
    expect(await metrics('trained-on-cut')).toBe(await metrics('undisturbed'));
  });
});
