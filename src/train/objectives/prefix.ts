/** Prefix language modelling (arXiv 1910.10683, section 3.2.1): a prefix that sees all of itself, then causal. */

import { z } from 'zod';
import type { Generator, Objective, ObjectiveContext } from './objective.ts';
import { NEXT_TOKEN_INPUTS, nextTokenLoss } from './token-prediction.ts';
import { checkWidth, paddingColumns, windowColumns } from './windows.ts';

export const prefixOptions = z.strictObject({
  kind: z.literal('prefix').describe('each token after a prefix that is seen whole'),
  minFraction: z.number().min(0).max(1).default(0).describe('shortest prefix, as a share of the window'),
  maxFraction: z.number().min(0).max(1).default(1).describe('longest prefix, as a share of the window'),
});

type PrefixOptions = z.output<typeof prefixOptions>;

/**
 * Each row has a prefix of at least 1 and at most length - 1 tokens, uniform between the two fractions. Its tokens
 * have order 0, so they see one another; those after it have their places as order. Only tokens after the prefix
 * are predicted.
 */
export function openPrefix(options: PrefixOptions, { length }: ObjectiveContext): Objective {
  return {
    kind: 'prefix',
    needs: ['hidden', 'tokenHead'],
    inputSpecs: NEXT_TOKEN_INPUTS,
    inputs(batch, draw) {
      checkWidth('prefix', batch, length + 1);
      const count = batch.rows * length;
      const shape = [batch.rows, length];
      const order = new Int32Array(count);
      const lossWeight = new Float32Array(count);
      const padding = paddingColumns(batch, 1, length).data;
      for (let row = 0; row < batch.rows; row++) {
        const start = row * length;
        const firstPadding = padding.subarray(start, start + length).indexOf(1);
        const targets = firstPadding < 0 ? length : firstPadding;
        const prefix = prefixLength(options, targets, draw);
        for (let i = prefix; i < length; i++) order[start + i] = i;
        lossWeight.fill(1, start + prefix - 1, start + targets);
      }
      return {
        tokens: windowColumns(batch, batch.tokens, 0, length),
        targets: windowColumns(batch, batch.tokens, 1, length),
        segment: { shape, data: new Int32Array(count) },
        order: { shape, data: order },
        lossWeight: { shape, data: lossWeight },
      };
    },
    loss: nextTokenLoss,
  };
}

function prefixLength({ minFraction, maxFraction }: PrefixOptions, length: number, draw: Generator): number {
  const low = Math.max(1, Math.round(minFraction * length));
  const high = Math.max(low, Math.min(length - 1, Math.round(maxFraction * length)));
  return low + Math.floor(draw() * (high - low + 1));
}
