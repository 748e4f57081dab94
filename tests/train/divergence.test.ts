/** Losses that blow up: noticed, said with the documents, and never made an update of. */

import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DivergenceError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { WorkerPool } from '../../src/execute/pool.ts';
import type { WindowBatch } from '../../src/shard/batch.ts';
import { ShardTracer } from '../../src/shard/trace.ts';
import { judgeLoss, spikeThreshold, stabilityOptions } from '../../src/train/divergence.ts';
import { openObjective } from '../../src/train/objectives/registry.ts';
import { openSession } from '../../src/train/open-session.ts';
import type { SessionState } from '../../src/train/session.ts';
import { trainOptions, trainStep } from '../../src/train/steps/train.ts';
import { buildTinyCorpus, jobContext, TINY_RUN, tinyDocuments } from './loop-tiny-corpus.ts';

let root: string;
let folders: { shards: string; tokenizer: string };

/** Characters that no other document has, in no order. */
const random = new Random('garbage');
const garbage = {
  id: 'junk',
  corpus: 'farm',
  source: 'dump/farm-7.txt',
  start: 5000,
  end: 5900,
  text: Array.from({ length: 300 }, () => String.fromCharCode(0x4e00 + random.below(4000))).join(''),
  split: 'train' as const,
};

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'provender-divergence-'));
  // Of one language, so that nothing else stands out.
  const farm = tinyDocuments().filter(({ corpus }) => corpus === 'farm');
  folders = await buildTinyCorpus(root, [...farm, garbage]);
});
afterAll(() => rm(root, { recursive: true, force: true }));

const RUN = { ...TINY_RUN, evaluateEvery: 0, heldOut: { maxBytesPerCorpus: 300 } };
const constant = (learningRate: number) => ({ kind: 'constant', learningRate, warmupSteps: 0 });

async function trainIn(name: string, given: object) {
  const folder = join(root, name);
  await mkdir(folder, { recursive: true });
  const { context, lines } = jobContext(folder, folders);
  const run = trainStep.run(trainOptions.parse({ ...RUN, ...given }), context);
  const metrics = async (kind: string) =>
    (await readFile(join(folder, 'metrics.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter((line) => line.kind === kind);
  return { folder, run, lines, metrics, checkpoints: () => readdir(join(folder, 'checkpoints')) };
}

describe('a poisoned learning rate', () => {
  it('stops the training at the loss that is not finite, and the last checkpoint stands', async () => {
    const { run, checkpoints, metrics } = await trainIn('poisoned', {
      schedule: constant(1e30),
      checkpoint: { everySteps: 1, everySeconds: 0 },
    });
    await expect(run).rejects.toThrow(DivergenceError);
    await expect(run).rejects.toThrow(/^step 2: the loss or its gradient is not finite\. Training stops/);
    await expect(run).rejects.toThrow(
      new RegExp(
        `where the first one comes from: provender trace ${folders.shards} --shard \\d+ --token \\d+$`,
      ),
    );
    expect(await checkpoints()).toEqual(['step-000000001']);
    const [{ documents, ...trouble }] = await metrics('trouble');
    expect(trouble).toMatchObject({ step: 2, what: 'not finite', action: 'stop' });
    expect(documents[0]).toMatchObject({ loss: null });
  });

  it('is told as what it is by a worker, too', async () => {
    const folder = join(root, 'worker');
    await mkdir(folder);
    const options = trainOptions.parse({ ...RUN, schedule: constant(1e30) });
    const pool = new WorkerPool(1);
    const step = { position: 0, name: 'train', spec: { kind: 'train', name: 'train', options } };
    const job = {
      type: 'job',
      folder,
      step,
      artifacts: folders,
      seed: 1,
      baseFolder: root,
      threads: 1,
    } as const;
    const failed = await pool.job(job, () => {}).done.catch((error: unknown) => error);
    await pool.close();
    expect(failed).toBeInstanceOf(DivergenceError);
    expect((failed as Error).message).toMatch(/^step 2: the loss/);
  });

  it('saves no weights that are not finite', async () => {
    const { run, checkpoints } = await trainIn('infinite', {
      schedule: constant(1e39),
      checkpoint: { everySteps: 1, everySeconds: 0 },
    });
    await expect(run).rejects.toThrow(/step 1: \S+ has values that are not finite; nothing is saved/);
    expect(await checkpoints()).toEqual([]);
  });

  it.each([1, 2])(
    'never makes an update of a loss that is not finite, %i micro-batches a step',
    async (count) => {
      const objective = openObjective({ kind: 'causal' }, { vocabulary: 40, length: 8 });
      const stream = new Random(5);
      const session = await openSession({
        model: { family: 'gpt2', layers: 1, width: 16, heads: 2, context: 8, vocabulary: 40 },
        objective,
        batch: { rows: 2, length: 8 },
        engine: { threads: 1 },
        random: () => () => stream.next(),
      });
      const tokens = Int32Array.from({ length: 18 }, (_, i) => (i * 7) % 40);
      const inputs = Array.from({ length: count }, () =>
        objective.inputs(windowsOf(tokens), () => stream.next()),
      );
      expect((await session.step(inputs, { update: 1, learningRate: 1e30 })).skipped).toBe(false);
      const before = bytesOf(await session.state());
      const result = await session.step(inputs, { update: 2, learningRate: 1e-3 });
      expect(result.skipped).toBe(true);
      expect(bytesOf(await session.state()).equals(before)).toBe(true);
      await session.release();
    },
  );

  it('makes no update of a loss above what is allowed', async () => {
    const objective = openObjective({ kind: 'causal' }, { vocabulary: 40, length: 8 });
    const stream = new Random(6);
    const session = await openSession({
      model: { family: 'gpt2', layers: 1, width: 16, heads: 2, context: 8, vocabulary: 40 },
      objective,
      batch: { rows: 1, length: 8 },
      engine: { threads: 1 },
      random: () => () => stream.next(),
    });
    const tokens = Int32Array.from({ length: 9 }, (_, i) => i);
    const inputs = [objective.inputs(windowsOf(tokens), () => 0)];
    const before = bytesOf(await session.state());
    const { loss, skipped } = await session.step(inputs, { update: 1, learningRate: 0.1, maxLoss: 1 });
    expect(loss).toBeGreaterThan(1);
    expect(skipped).toBe(true);
    expect(bytesOf(await session.state()).equals(before)).toBe(true);
    expect((await session.step(inputs, { update: 1, learningRate: 0.1, maxLoss: 9 })).skipped).toBe(false);
    expect(bytesOf(await session.state()).equals(before)).toBe(false);
    await session.release();
  });
});

/** Windows of 9 tokens of one document, without its name. */
function windowsOf(tokens: Int32Array): WindowBatch {
  const none = new Int32Array(tokens.length);
  const [segments, positions, documentIndex] = [none, none, none];
  return { rows: tokens.length / 9, width: 9, tokens, segments, positions, documentIndex, documents: [] };
}

function bytesOf({ parameters, moments }: SessionState): Buffer {
  return Buffer.concat(
    [...parameters.values(), ...moments.values()].map(({ data }) =>
      Buffer.from(data.buffer, data.byteOffset, data.byteLength),
    ),
  );
}

describe('a document made of garbage', () => {
  const given = { rows: 2, steps: 100, epochsInOrder: 1, checkpoint: { everySteps: 20, everySeconds: 0 } };
  const alert = { spikeWindow: 16, spikeDeviations: 4, spikeNats: 0.7 };

  it('stops the training, which names it first, with its bytes and where its worst token stands', async () => {
    const { run, metrics } = await trainIn('garbage', { ...given, stability: { ...alert, maxSpikes: 0 } });
    await expect(run).rejects.toThrow(DivergenceError);
    await expect(run).rejects.toThrow(
      /^step \d+: the loss spiked to \d+\.\d+, above .*\n {2}farm: junk, \d+\.\d\d nats a token over \d+ tokens; dump\/farm-7\.txt, bytes 5000 to 5900\n/,
    );
    const [{ documents, step }] = await metrics('trouble');
    expect(step).toBeGreaterThan(8);
    const tracer = await ShardTracer.open(folders.shards);
    const place = tracer.atToken('train', documents[0].shard, documents[0].token);
    expect(place.document.id).toBe('junk');
    await tracer.close();
  });

  it('is trained around where told to skip', async () => {
    const { run, metrics, lines, folder } = await trainIn('skipped', {
      ...given,
      stability: { ...alert, onTrouble: 'skip', maxSkippedSteps: 40 },
    });
    await run;
    const troubles = await metrics('trouble');
    expect(troubles.length).toBeGreaterThan(3);
    for (const { action, documents } of troubles) {
      expect(action).toBe('skip');
      expect(documents[0].id).toBe('junk');
    }
    expect(lines.filter((line) => line.includes('its update is left out'))).toHaveLength(troubles.length);
    const { receipt } = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8'));
    expect(receipt.updates).toBe(100 - troubles.length);
    const skipped = (await metrics('step')).filter((line) => line.skipped);
    expect(skipped.map((line) => line.step)).toEqual(troubles.map((line) => line.step));
  });
});

describe('judgeLoss', () => {
  const calm = () => ({
    step: 9,
    losses: { first: 3, last: 3, recent: new Array<number>(8).fill(3) },
    troubles: { skipped: 0, spikes: 0 },
  });

  it('passes spikes over, keeps them out of the window, and stops at one too many in a row', () => {
    const options = stabilityOptions.parse({ maxSpikes: 2 });
    const state = calm();
    const judge = (loss: number) => judgeLoss(state, { loss, skipped: false }, options);
    expect(judge(4.01)).toEqual({
      what: 'spike',
      message: 'the loss spiked to 4.010, above 4.000',
      action: 'pass',
    });
    expect(judge(4.01)!.action).toBe('pass');
    expect(judge(4)).toBeUndefined();
    expect(state.losses.recent).toEqual([3, 3, 3, 3, 3, 3, 3, 3, 4]);
    expect([judge(4.01)!.action, judge(4.01)!.action, judge(4.01)!.action]).toEqual(['pass', 'pass', 'stop']);
    expect(state.losses.recent).toHaveLength(9);
    expect(judgeLoss(calm(), { loss: 4.01, skipped: true }, options)!.what).toBe('not finite');
  });

  it('skips as many in a row as it is told to, of either kind', () => {
    const options = stabilityOptions.parse({ onTrouble: 'skip', maxSkippedSteps: 2 });
    const state = calm();
    const judge = (loss: number, skipped = true) => judgeLoss(state, { loss, skipped }, options)?.action;
    expect([judge(Number.NaN), judge(9), judge(9)]).toEqual(['skip', 'skip', 'stop']);
    expect(judge(3, false)).toBeUndefined();
    expect([judge(9), judge(3), judge(Number.NaN)]).toEqual(['skip', 'skip', 'stop']);
  });

  it('keeps no more losses than the window holds', () => {
    const state = calm();
    judgeLoss(state, { loss: 2, skipped: false }, stabilityOptions.parse({ spikeWindow: 8 }));
    expect(state.losses).toEqual({ first: 3, last: 2, recent: [3, 3, 3, 3, 3, 3, 3, 2] });
  });
});

describe('spikeThreshold', () => {
  const options = stabilityOptions.parse({ spikeDeviations: 10, spikeNats: 0.5 });
  it('is median + deviations * 1.4826 * MAD, at least median + spikeNats', () => {
    // Sorted 1 .. 9: median 5; deviations 0,1,1,2,2,3,3,4,4: their median 2.
    expect(spikeThreshold([9, 1, 5, 3, 7, 2, 8, 4, 6], options)).toBeCloseTo(5 + 10 * 1.4826 * 2, 10);
    expect(spikeThreshold(new Array(8).fill(3), options)).toBe(3.5);
    expect(spikeThreshold([1, 2, 3], options)).toBe(Number.POSITIVE_INFINITY);
  });
});
