/** What the WebGPU tests run in a process that has the environment of a Vulkan driver: COMMAND [NAME]. */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { lowerToOnnx } from '../../src/train/engines/onnx/lower.ts';
import { ModelWriter } from '../../src/train/engines/onnx/model-writer.ts';
import { openEngine } from '../../src/train/engines/registry.ts';
import { resolveModel } from '../../src/train/model/options.ts';
import { openObjective } from '../../src/train/objectives/registry.ts';
import { openOptimizer } from '../../src/train/optimizers/registry.ts';
import { decodeProgram, logitsProgram, prefillProgram } from '../../src/train/programs/inference.ts';
import {
  forwardProgram,
  gradientProgram,
  lossGraph,
  stepProgram,
  updateProgram,
} from '../../src/train/programs/training.ts';
import { trainOptions, trainStep } from '../../src/train/steps/train.ts';
import { allCases, largestDifference, wrongRepeatedUpdates } from '../train/engines/against-reference.ts';
import { openTiny, trainings, trainTiny } from '../train/engines/tiny-training.ts';
import { buildTinyCorpus, jobContext, TINY_RUN } from '../train/loop-tiny-corpus.ts';
import { tiny } from '../train/model/formulas.ts';

type Devices = 'cpu' | 'webgpu';

/** [name, largest difference] of each operation. */
async function operations() {
  const engine = await openEngine({ device: 'webgpu' });
  const differences: [string, number][] = [];
  for (const opCase of allCases) differences.push([opCase.name, await largestDifference(engine, opCase)]);
  return { differences, wrongUpdates: await wrongRepeatedUpdates(engine, 3) };
}

/**
 * The programs that ONNX Runtime refuses where no operation may fall back to the CPU, which would move arrays to the
 * host and back in every run. One of an operation that the GPU does not have is among them: it must be refused.
 */
async function placement() {
  const { model, objective, optimizer } = trainings['llama, Muon, two micro-batches']!;
  const shape = resolveModel({ ...tiny, ...model });
  const causal = openObjective(objective, { vocabulary: tiny.vocabulary, length: tiny.context });
  const batch = { rows: 3, length: tiny.context };
  const bert = resolveModel({ ...tiny, family: 'bert' });
  const masked = openObjective({ kind: 'masked' }, { vocabulary: 61, length: tiny.context, maskToken: 0 });
  const [muon, adamw] = [openOptimizer(optimizer), openOptimizer({ kind: 'adamw' })];
  const { specs } = lossGraph(shape, causal, batch).parameters;
  const gpt2 = resolveModel({ ...tiny, family: 'gpt2' });
  const programs: [string, Uint8Array][] = Object.entries({
    'gpt2 step': stepProgram(gpt2, causal, batch, adamw),
    'bert step': stepProgram(bert, masked, batch, adamw),
    'llama gradient': gradientProgram(shape, causal, batch),
    'llama update': updateProgram([...specs.values()], muon),
    'llama forward': forwardProgram(shape, causal, batch),
    'llama logits': logitsProgram(shape, batch, false),
    'llama prefill': prefillProgram(shape, tiny.context),
    'llama decode': decodeProgram(shape),
  }).map(([name, program]) => [name, lowerToOnnx(program, { device: 'webgpu' })]);
  const writer = new ModelWriter();
  writer.addNode('NonZero', ['x'], ['y'], {}, 'foreign');
  const values = [{ name: 'x', type: 'float32' }] as const;
  programs.push(['NonZero', writer.finish('foreign', values, [{ name: 'y', type: 'int64' }])]);
  const refused: string[] = [];
  for (const [name, bytes] of programs) {
    const options = {
      executionProviders: ['webgpu'],
      extra: { session: { disable_cpu_ep_fallback: '1' } },
    };
    const session = await InferenceSession.create(bytes, options).catch(() => undefined);
    if (session === undefined) refused.push(name);
    await session?.release();
  }
  return refused;
}

/** The losses of one training, and logits of the model that it leaves, token by token over the cache. */
async function train(name: string, device: Devices) {
  const session = await openTiny(name, { device, threads: 1 });
  const losses = await trainTiny(session, name);
  const logits: number[][] = [];
  if (!name.startsWith('bert')) {
    const decoder = await session.decoder();
    logits.push([...(await decoder.prefill([1, 2, 3])).data], [...(await decoder.decode(4)).data]);
    await decoder.release();
  }
  await session.release();
  return { losses, logits };
}

/** The losses in metrics.jsonl of a run that is stopped in the middle and goes on, each part on its device. */
async function steps(first: Devices, second: Devices) {
  const root = await mkdtemp(join(tmpdir(), 'provender-webgpu-'));
  try {
    const folders = await buildTinyCorpus(root);
    const said: string[] = [];
    for (const [device, last] of [
      [first, 5],
      [second, 10],
    ] as const) {
      const given = { ...TINY_RUN, steps: 10, evaluateEvery: 0, heldOut: { maxBytesPerCorpus: 200 } };
      const { context, lines } = jobContext(join(root, 'model'), folders, (done, controller) => {
        if (done === last && last < 10) controller.abort();
      });
      const run = trainStep.run(trainOptions.parse({ ...given, engine: { device } }), context);
      await run.catch((error: Error) => {
        if (error.name !== 'CancelledError') throw error;
      });
      said.push(...lines);
    }
    const lines = (await readFile(join(root, 'model/metrics.jsonl'), 'utf8')).trim().split('\n');
    const records = lines.map((line) => JSON.parse(line) as { kind: string; loss: number });
    return { losses: records.flatMap(({ kind, loss }) => (kind === 'step' ? [loss] : [])), said };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function answer([command, name]: readonly string[]): Promise<unknown> {
  switch (command) {
    case 'operations':
      return operations();
    case 'placement':
      return placement();
    case 'train':
      return { cpu: await train(name!, 'cpu'), webgpu: await train(name!, 'webgpu') };
    case 'resume':
      return { mixed: await steps('webgpu', 'cpu'), cpu: await steps('cpu', 'cpu') };
    default:
      throw new Error(`no such command: ${command}`);
  }
}

process.stdout.write(`${JSON.stringify(await answer(process.argv.slice(2)))}\n`);
