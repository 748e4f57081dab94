/** Next-token prediction. */

import { z } from 'zod';
import type { WindowBatch } from '../../shard/batch.ts';
import type { Objective, ObjectiveContext } from './objective.ts';
import { NEXT_TOKEN_INPUTS, nextTokenLoss } from './token-prediction.ts';
import { checkWidth, paddingColumns, perToken, windowColumns } from './windows.ts';

export const causalOptions = z.strictObject({
  kind: z.literal('causal').describe('each token from those before it'),
  documentMask: z
    .boolean()
    .default(false)
    .describe(
      'a token sees only its own document, whose positions count from 0; nothing predicts the next one',
    ),
});

/**
 * Each token predicts the one after it. A window of length + 1 tokens gives `length` inputs and, one further,
 * their targets.
 */
export function openCausal(options: z.output<typeof causalOptions>, { length }: ObjectiveContext): Objective {
  const { documentMask } = options;
  return {
    kind: 'causal',
    needs: ['hidden', 'tokenHead'],
    causal: true,
    inputSpecs: {
      ...NEXT_TOKEN_INPUTS,
      ...(documentMask ? { position: perToken('int32') } : {}),
    },
    inputs(batch) {
      checkWidth('causal', batch, length + 1);
      const shape = [batch.rows, length];
      const named = {
        tokens: windowColumns(batch, batch.tokens, 0, length),
        targets: windowColumns(batch, batch.tokens, 1, length),
        order: { shape, data: Int32Array.from({ length: batch.rows * length }, (_, i) => i % length) },
      };
      const count = batch.rows * length;
      if (!documentMask) {
        const segment = { shape, data: new Int32Array(count) };
        const padding = paddingColumns(batch, 1, length).data;
        return { ...named, segment, lossWeight: { shape, data: Float32Array.from(padding, (p) => 1 - p) } };
      }
      return { ...named, ...documentColumns(batch, length) };
    },
    loss: nextTokenLoss,
  };
}

/** Segments, positions from each document's start in its window, and a loss weight of 0 across documents and in padding. */
function documentColumns(batch: WindowBatch, length: number) {
  const shape = [batch.rows, length];
  const segment = windowColumns(batch, batch.segments, 0, length);
  const next = windowColumns(batch, batch.segments, 1, length);
  const position = new Int32Array(batch.rows * length);
  for (let i = 1; i < position.length; i++) {
    const continues = i % length !== 0 && segment.data[i] === segment.data[i - 1];
    position[i] = continues ? position[i - 1]! + 1 : 0;
  }
  const lossWeight = Float32Array.from(segment.data, (own, i) => (own >= 0 && own === next.data[i] ? 1 : 0));
  return { segment, position: { shape, data: position }, lossWeight: { shape, data: lossWeight } };
}
