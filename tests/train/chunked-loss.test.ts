import { describe, expect, it } from 'vitest';
import { openObjective } from '../../src/train/objectives/registry.ts';
import { openSession } from '../../src/train/open-session.ts';

describe('a vocabulary whose logits come in chunks', () => {
  it('is scored without an update as in a step: the loss of the first step is the loss before it', async () => {
    const [rows, length, vocabulary] = [4, 128, 40_000];
    const objective = openObjective({ kind: 'causal' }, { vocabulary, length });
    const session = await openSession({
      model: { family: 'gpt2', layers: 1, width: 8, heads: 1, context: length, vocabulary },
      objective,
      optimizer: { kind: 'adamw' },
      batch: { rows, length },
      engine: { device: 'cpu', threads: 1 },
      random: () => {
        let state = 1;
        return () => (state = (state * 48271) % 2147483647) / 2147483647;
      },
    });
    try {
      const width = length + 1;
      const tokens = Int32Array.from({ length: rows * width }, (_, i) => (i * 7919) % vocabulary);
      const zeros = new Int32Array(rows * width);
      const batch = {
        rows,
        width,
        tokens,
        segments: zeros,
        positions: zeros,
        documentIndex: zeros,
        documents: [],
      };
      const inputs = objective.inputs(batch, () => 0.5);
      const before = await session.loss(inputs);
      const { loss } = await session.step([inputs], { update: 1, learningRate: 1e-2 });
      const mean = before.reduce((sum, nats) => sum + nats, 0) / before.length;
      expect(mean).toBeCloseTo(loss, 4);
      expect(loss).toBeCloseTo(Math.log(vocabulary), 0);
      expect((await session.loss(inputs)).reduce((sum, nats) => sum + nats, 0) / before.length).toBeLessThan(
        loss,
      );
    } finally {
      await session.release();
    }
  });
});
