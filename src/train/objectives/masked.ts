/** Masked-token prediction, as BERT's (arXiv 1810.04805), masked anew each time a window is seen (RoBERTa). */

import { z } from 'zod';
import { ConfigurationError } from '../../core/errors.ts';
import { gather, reshape, scatterAdd, zeros } from '../graph/ops.ts';
import type { Generator, Objective, ObjectiveContext } from './objective.ts';
import { tokenPrediction } from './token-prediction.ts';
import { checkWidth, perToken, windowColumns } from './windows.ts';

export const maskedOptions = z.strictObject({
  kind: z.literal('masked'),
  probability: z.number().gt(0).lt(1).default(0.15).describe('share of the positions that are predicted'),
  maskFraction: z.number().min(0).max(1).default(0.8).describe('share of those that become the mask token'),
  randomFraction: z.number().min(0).max(1).default(0.1).describe('share of those that become a random token'),
});

type MaskedOptions = z.output<typeof maskedOptions>;

/**
 * Of each row, exactly round(probability * length) positions are predicted (fewer where special tokens leave too
 * few), so that the head runs on those alone and shapes stay static. Throws a ConfigurationError where the
 * context has no mask token.
 */
export function openMasked(options: MaskedOptions, context: ObjectiveContext): Objective {
  if (context.maskToken === undefined) {
    throw new ConfigurationError('the masked objective needs a tokenizer with a mask token');
  }
  if (options.maskFraction + options.randomFraction > 1) {
    throw new ConfigurationError('objective.maskFraction and objective.randomFraction sum to more than 1');
  }
  const { length } = context;
  const masking = { ...options, context, maskToken: context.maskToken };
  return {
    kind: 'masked',
    needs: ['hidden', 'tokenHead'],
    inputSpecs: {
      tokens: perToken('int32'),
      targets: perToken('int32'),
      segment: perToken('int32'),
      order: perToken('int32'),
      lossWeight: perToken('float32'),
      targetIndex: { type: 'int32', shape: (rows, columns) => [rows, predictedCount(options, columns)] },
    },
    inputs(batch, draw) {
      checkWidth('masked', batch, length);
      const { rows } = batch;
      const shape = [rows, length];
      const targets = windowColumns(batch, batch.tokens, 0, length);
      const tokens = { shape, data: targets.data.slice() };
      const lossWeight = { shape, data: new Float32Array(rows * length) };
      const each = predictedCount(options, length);
      const targetIndex = { shape: [rows, each], data: new Int32Array(rows * each) };
      for (let row = 0; row < rows; row++) {
        const chosen = choosePositions(
          targets.data,
          row * length,
          length,
          each,
          new Set(context.specialTokens),
          draw,
        );
        targetIndex.data.set(chosen.positions, row * each);
        for (const position of chosen.positions.subarray(0, chosen.candidates)) {
          lossWeight.data[position] = 1;
          tokens.data[position] = replacement(targets.data[position]!, masking, draw);
        }
      }
      const none = () => ({ shape, data: new Int32Array(rows * length) });
      return { tokens, targets, segment: none(), order: none(), lossWeight, targetIndex };
    },
    loss({ hidden, tokenHead }, inputs, inverseWeight) {
      const rows = hidden.shape[0]!;
      const index = reshape(inputs.targetIndex!, [inputs.targetIndex!.shape.reduce((a, b) => a * b, 1)]);
      const chosen = [index.shape[0]!];
      const at = (name: string) => reshape(gather(reshape(inputs[name]!, [rows, 1]), index), chosen);
      const predicted = gather(hidden, index);
      const outputs = tokenPrediction(tokenHead, predicted, at('targets'), at('lossWeight'), inverseWeight);
      const column = reshape(outputs.tokenLoss, [chosen[0]!, 1]);
      const spread = scatterAdd(zeros(hidden.node.graph, [rows, 1]), index, column);
      return { ...outputs, tokenLoss: reshape(spread, [rows]) };
    },
  };
}

function predictedCount({ probability }: MaskedOptions, length: number): number {
  return Math.max(1, Math.round(probability * length));
}

/**
 * `count` different positions of one row: candidates in random order first (Fisher and Yates), special tokens
 * only where the candidates run out; those have a loss weight of 0.
 */
function choosePositions(
  tokens: Int32Array,
  start: number,
  length: number,
  count: number,
  special: ReadonlySet<number>,
  draw: Generator,
): { positions: Int32Array; candidates: number } {
  const positions = Array.from({ length }, (_, i) => start + i);
  const isCandidate = (position: number) => !special.has(tokens[position]!);
  const candidates = positions.filter(isCandidate);
  const taken = Math.min(count, candidates.length);
  for (let i = 0; i < taken; i++) {
    const other = i + Math.floor(draw() * (candidates.length - i));
    [candidates[i], candidates[other]] = [candidates[other]!, candidates[i]!];
  }
  const rest = positions.filter((position) => !isCandidate(position)).slice(0, count - taken);
  return { positions: Int32Array.from([...candidates.slice(0, taken), ...rest]), candidates: taken };
}

interface Masking extends MaskedOptions {
  readonly maskToken: number;
  readonly context: ObjectiveContext;
}

function replacement(token: number, masking: Masking, draw: Generator): number {
  const chance = draw();
  if (chance < masking.maskFraction) return masking.maskToken;
  if (chance >= masking.maskFraction + masking.randomFraction) return token;
  const { vocabulary, specialTokens = [] } = masking.context;
  for (;;) {
    const other = Math.floor(draw() * vocabulary);
    if (other !== masking.maskToken && !specialTokens.includes(other)) return other;
  }
}
