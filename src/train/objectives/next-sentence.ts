/** Next-sentence prediction beside masking, as BERT was pre-trained (arXiv 1810.04805, section 3.1). */

import { z } from 'zod';
import { ConfigurationError } from '../../core/errors.ts';
import type { WindowBatch } from '../../shard/batch.ts';
import { add, less, log, multiply, negate, pick, softmax, sum, where } from '../graph/ops.ts';
import { maskedInputs, maskedLoss, maskingOptions, maskRows, openMasking } from './masked.ts';
import type { Generator, Objective, ObjectiveContext } from './objective.ts';
import { checkWidth, perToken } from './windows.ts';

export const nextSentenceOptions = z.strictObject({
  kind: z.literal('next-sentence').describe('whether a second text follows the first, beside masking'),
  ...maskingOptions,
});

/**
 * Each row reads [class] A [separator] B [separator]. A is the beginning of its window; B is what follows A, or,
 * in half the rows, what stands at B's place in another window. The row's loss counts as much as its masked
 * tokens do, which makes both means where rows have equally many.
 *
 * Throws a ConfigurationError where the context lacks the mask, class or separator token.
 */
export function openNextSentence(
  options: z.output<typeof nextSentenceOptions>,
  context: ObjectiveContext,
): Objective {
  const { length, classToken, separatorToken, specialTokens = [] } = context;
  if (classToken === undefined || separatorToken === undefined) {
    throw new ConfigurationError(
      'the next-sentence objective needs a tokenizer with class and separator tokens',
    );
  }
  const marks = { classToken, separatorToken };
  const special = [...specialTokens, classToken, separatorToken];
  const masking = openMasking(options, { ...context, specialTokens: special });
  return {
    kind: 'next-sentence',
    needs: ['hidden', 'tokenHead', 'pooledHead'],
    inputSpecs: {
      ...maskedInputs(options),
      tokenType: perToken('int32'),
      isRandom: { type: 'int32', shape: (rows) => [rows] },
    },
    inputs(batch, draw) {
      checkWidth('next-sentence', batch, length);
      const { places, isRandom } = pairPlaces(batch, length, draw);
      const { targets, segment, tokenType } = pairs(batch, length, places, marks);
      return { ...maskRows(targets, masking, draw, segment), tokenType, isRandom };
    },
    targetPlaces: (batch, draw) => pairPlaces(batch, length, draw).places,
    loss(parts, inputs, inverseWeight) {
      const masked = maskedLoss(parts, inputs, inverseWeight);
      const probabilities = softmax(parts.pooledHead.logits());
      const ofTruth = pick(probabilities, inputs.isRandom!);
      const nats = negate(log(ofTruth));
      const rowWeights = multiply(sum(inputs.lossWeight!, [1], true), inverseWeight);
      const nextSentence = sum(multiply(nats, rowWeights));
      const { graph } = ofTruth.node;
      const isRight = where(less(graph.scalar(0.5), ofTruth), graph.scalar(1), graph.scalar(0));
      const metrics = {
        maskedLoss: masked.loss,
        nextSentenceLoss: nextSentence,
        nextSentenceAccuracy: sum(multiply(isRight, rowWeights)),
      };
      return { tokenLoss: masked.tokenLoss, loss: add(masked.loss, nextSentence), metrics };
    },
  };
}

/** Tokens of A and of B beside the three marks. */
function halves(length: number): { first: number; second: number } {
  const first = Math.floor((length - 3) / 2);
  return { first, second: length - 3 - first };
}

/** [rows * length] where each token of a row stands in the batch's windows, -1 for marks; and which B are random. */
function pairPlaces(batch: WindowBatch, length: number, draw: Generator) {
  const { rows, width } = batch;
  const { first, second } = halves(length);
  const places = new Int32Array(rows * length).fill(-1);
  const isRandom = new Int32Array(rows);
  for (let row = 0; row < rows; row++) {
    let source = row;
    if (rows > 1 && draw() < 0.5) {
      isRandom[row] = 1;
      source = (row + 1 + Math.floor(draw() * (rows - 1))) % rows;
    }
    const start = row * length;
    for (let t = 0; t < first; t++) places[start + 1 + t] = row * width + t;
    for (let t = 0; t < second; t++) places[start + first + 2 + t] = source * width + first + t;
  }
  return { places, isRandom: { shape: [rows], data: isRandom } };
}

function pairs(
  { rows, tokens, segments }: WindowBatch,
  length: number,
  places: Int32Array,
  { classToken, separatorToken }: { readonly classToken: number; readonly separatorToken: number },
) {
  const { first } = halves(length);
  const shape = [rows, length];
  const targets = new Int32Array(rows * length).fill(separatorToken);
  // Padding is seen by nothing, as in the masked objective.
  const segment = new Int32Array(rows * length);
  const tokenType = new Int32Array(rows * length);
  for (const [at, place] of places.entries()) {
    if (place < 0) continue;
    targets[at] = tokens[place]!;
    if (segments[place]! < 0) segment[at] = 1;
  }
  for (let start = 0; start < rows * length; start += length) {
    targets[start] = classToken;
    tokenType.fill(1, start + first + 2, start + length);
  }
  return {
    targets: { shape, data: targets },
    segment: { shape, data: segment },
    tokenType: { shape, data: tokenType },
  };
}
