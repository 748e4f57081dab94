import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CancelledError } from '../../src/core/errors.ts';
import { trainOptions, trainStep } from '../../src/train/steps/train.ts';
import { scalarsOf } from '../../src/train/tensorboard/scalars.ts';
import { peerPython } from '../bench/peers.mjs';
import { buildTinyCorpus, jobContext, TINY_RUN } from '../train/loop-tiny-corpus.ts';

/** A Python with TensorBoard: PROVENDER_TENSORBOARD_PYTHON, or one that is made for it under .venv. */
const PYTHON =
  process.env.PROVENDER_TENSORBOARD_PYTHON ?? peerPython('tensorboard', ['tensorboard==2.21.0']) ?? '';

/** All scalars as TensorBoard has them after reading the folder: [step, value] by tag. */
const SCRIPT = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
accumulator = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0})
accumulator.Reload()
print(json.dumps({tag: [[e.step, e.value] for e in accumulator.Scalars(tag)]
                  for tag in accumulator.Tags()["scalars"]}))`;

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'provender-tensorboard-'));
});
afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

describe.skipIf(PYTHON === '')('TensorBoard (skipped: no Python that has it)', () => {
  it('reads of a training, killed and gone on with, what its metrics.jsonl says, every step once', async () => {
    const folders = await buildTinyCorpus(root);
    const model = join(root, 'model');
    await mkdir(model);
    const options = trainOptions.parse(TINY_RUN);
    const stopped = jobContext(model, folders, (done, controller) => {
      if (done === 13) controller.abort();
    });
    await expect(trainStep.run(options, stopped.context)).rejects.toThrow(CancelledError);
    // A checkpoint of the stop is lost: three steps are taken, and told, again.
    await rm(join(model, 'checkpoints', 'step-000000013'), { recursive: true });
    await trainStep.run(options, jobContext(model, folders).context);

    const read = JSON.parse(
      execFileSync(PYTHON, ['-W', 'ignore', '-c', SCRIPT, model], { encoding: 'utf8' }),
    ) as Record<string, [number, number][]>;
    const lines = (await readFile(join(model, 'metrics.jsonl'), 'utf8')).trim().split('\n');
    const wanted: Record<string, [number, number][]> = {};
    for (const line of lines.map((text) => JSON.parse(text) as Record<string, unknown>)) {
      for (const [tag, value] of Object.entries(scalarsOf(line))) {
        wanted[tag] = [...(wanted[tag] ?? []), [line.step as number, Math.fround(value)]];
      }
    }
    const { 'machine/tokens-per-second': rates, ...metrics } = Object.fromEntries(
      Object.entries(read).filter(([tag]) => tag in wanted || tag === 'machine/tokens-per-second'),
    );
    expect(metrics).toEqual(wanted);
    expect(Object.keys(wanted)).toContain('bits-per-byte/farm');
    expect(rates!.map(([step]) => step)).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
    for (const [, rate] of rates!) expect(rate).toBeGreaterThan(0);
  });
});
