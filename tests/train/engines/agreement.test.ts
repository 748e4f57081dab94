import { beforeAll, describe, expect, it } from 'vitest';
import { largestGap, openTiny, STEPS, trainings, trainTiny } from './tiny-training.ts';

const engines = {
  'onnx, 1 thread': { kind: 'onnx', threads: 1 },
  'onnx, 2 threads': { kind: 'onnx', threads: 2 },
  'tensorflow on the CPU': { kind: 'tensorflow', device: 'cpu' },
} as const;

describe.each(Object.keys(trainings))('%s: one seed', (name) => {
  let reference: number[];
  beforeAll(async () => {
    const session = await openTiny(name, { kind: 'reference' });
    reference = await trainTiny(session, name);
  });

  it('is not what a model without updates would give', async () => {
    const session = await openTiny(name, { threads: 1 });
    const still = await trainTiny(session, name, 0, STEPS, 0);
    expect(Math.abs(still.at(-1)! - reference.at(-1)!)).toBeGreaterThan(1e-3);
    await session.release();
  });

  it.each(Object.entries(engines))(
    `gives the losses of the reference over ${STEPS} steps: %s`,
    async (_, engine) => {
      const session = await openTiny(name, engine);
      expect(largestGap(await trainTiny(session, name), reference)).toBeLessThan(1e-4);
      await session.release();
    },
  );
});

describe('run again on the same CPU', () => {
  const name = 'llama, Muon, two micro-batches';

  it.each(Object.entries(engines))('gives the same bits: %s', async (_, engine) => {
    const runs = [];
    for (let run = 0; run < 2; run++) {
      const session = await openTiny(name, engine);
      const losses = await trainTiny(session, name, 0, 3);
      runs.push({ losses, state: await session.state() });
      await session.release();
    }
    expect(runs[1]).toEqual(runs[0]);
  });
});
