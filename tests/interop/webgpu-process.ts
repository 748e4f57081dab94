/** What the WebGPU tests run in a process that has the environment of a Vulkan driver: COMMAND [NAME]. */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEngine } from '../../src/train/engines/registry.ts';
import { trainOptions, trainStep } from '../../src/train/steps/train.ts';
import { allCases, largestDifference, wrongRepeatedUpdates } from '../train/engines/against-reference.ts';
import { openTiny, trainTiny } from '../train/engines/tiny-training.ts';
import { buildTinyCorpus, jobContext, TINY_RUN } from '../train/loop-tiny-corpus.ts';

type Devices = 'cpu' | 'webgpu';

/** [name, largest difference] of each operation. */
async function operations() {
  const engine = await openEngine({ device: 'webgpu' });
  const differences: [string, number][] = [];
  for (const opCase of allCases) differences.push([opCase.name, await largestDifference(engine, opCase)]);
  return { differences, wrongUpdates: await wrongRepeatedUpdates(engine, 3) };
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
    case 'train':
      return { cpu: await train(name!, 'cpu'), webgpu: await train(name!, 'webgpu') };
    case 'resume':
      return { mixed: await steps('webgpu', 'cpu'), cpu: await steps('cpu', 'cpu') };
    default:
      throw new Error(`no such command: ${command}`);
  }
}

process.stdout.write(`${JSON.stringify(await answer(process.argv.slice(2)))}\n`);
