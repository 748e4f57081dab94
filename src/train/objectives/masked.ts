/** Masked-token prediction, as BERT's (arXiv 1810.04805), masked anew each time a window is seen (RoBERTa). */

import { z } from 'zod';
import { ConfigurationError } from '../../core/errors.ts';
import { gather, reshape, scatterAdd, zeros } from '../graph/ops.ts';
import { elementCount, type Tensor } from '../graph/tensor.ts';
import type { ModelParts } from '../model/parts.ts';
import type { NamedArray, NamedArrays } from '../session.ts';
import type { Generator, InputSpec, LossOutputs, Objective, ObjectiveContext } from './objective.ts';
import { tokenPrediction } from './token-prediction.ts';
import { checkWidth, paddingColumns, perToken, windowColumns } from './windows.ts';

/** What masking takes, whichever objective it is a part of. */
export const maskingOptions = {
  probability: z.number().gt(0).lt(1).default(0.15).describe('share of the positions that are predicted'),
  maskFraction: z.number().min(0).max(1).default(0.8).describe('share of those that become the mask token'),
  randomFraction: z.number().min(0).max(1).default(0.1).describe('share of those that become a random token'),
  wholeWords: z
    .boolean()
    .default(false)
    .describe('predict all tokens of a word or none of them: what begins with white space begins a word'),
};

export const maskedOptions = z.strictObject({
  kind: z.literal('masked').describe('hidden tokens from all others'),
  ...maskingOptions,
});

type MaskedOptions = z.output<typeof maskedOptions>;

/**
 * Of each row, exactly round(probability * length) positions are predicted (fewer where special tokens leave too
 * few), so that the head runs on those alone and shapes stay static. Throws a ConfigurationError where the
 * context has no mask token.
 */
export function openMasked(options: MaskedOptions, context: ObjectiveContext): Objective {
  const masking = openMasking(options, context);
  const { length } = context;
  return {
    kind: 'masked',
    needs: ['hidden', 'tokenHead'],
    inputSpecs: maskedInputs(options),
    inputs(batch, draw) {
      checkWidth('masked', batch, length);
      const segment = paddingColumns(batch, 0, length);
      return maskRows(windowColumns(batch, batch.tokens, 0, length), masking, draw, segment);
    },
    loss: maskedLoss,
  };
}

export interface Masking extends Omit<MaskedOptions, 'kind' | 'wholeWords'> {
  /** Where whole words are masked: whether a token begins one. */
  readonly startsWord: ((token: number) => boolean) | undefined;
  readonly maskToken: number;
  readonly vocabulary: number;
  /** Never predicted, and never put in place of another. */
  readonly special: ReadonlySet<number>;
}

/** Throws a ConfigurationError where the context has no mask token or the fractions pass 1. */
export function openMasking(options: Omit<MaskedOptions, 'kind'>, context: ObjectiveContext): Masking {
  if (context.maskToken === undefined) {
    throw new ConfigurationError('the masked objective needs a tokenizer with a mask token');
  }
  if (options.maskFraction + options.randomFraction > 1) {
    throw new ConfigurationError('objective.maskFraction and objective.randomFraction sum to more than 1');
  }
  const { maskToken, vocabulary, specialTokens = [] } = context;
  const { wholeWords, ...shares } = options;
  const startsWord = wholeWords ? context.startsWord : undefined;
  if (wholeWords && startsWord === undefined) {
    throw new ConfigurationError('objective.wholeWords needs a tokenizer that tells where words begin');
  }
  const special = new Set([...specialTokens, maskToken]);
  return { ...shares, startsWord, maskToken, vocabulary, special };
}

export function maskedInputs(options: Pick<MaskedOptions, 'probability'>): Record<string, InputSpec> {
  return {
    tokens: perToken('int32'),
    targets: perToken('int32'),
    segment: perToken('int32'),
    order: perToken('int32'),
    lossWeight: perToken('float32'),
    targetIndex: {
      type: 'int32',
      shape: (rows, length) => [rows, predictedCount(options, length)],
      isPlace: true,
    },
  };
}

/**
 * Hides tokens of `targets` [rows, length]; every position sees every other of its row and `segment`, which is 0 where
 * tokens may be hidden (default: everywhere).
 */
export function maskRows(
  targets: NamedArray,
  masking: Masking,
  draw: Generator,
  segment: NamedArray = { shape: targets.shape, data: new Int32Array(targets.data.length) },
): NamedArrays {
  const { shape } = targets;
  const [rows, length] = shape as [number, number];
  const ids = targets.data as Int32Array;
  const tokens = ids.slice();
  const lossWeight = new Float32Array(rows * length);
  const each = predictedCount(masking, length);
  const targetIndex = new Int32Array(rows * each);
  const isCandidate = (at: number) => segment.data[at] === 0 && !masking.special.has(ids[at]!);
  for (let row = 0; row < rows; row++) {
    const range = { start: row * length, length, count: each };
    const chosen = masking.startsWord
      ? chooseWords(range, isCandidate, (at) => masking.startsWord!(ids[at]!), draw)
      : choosePositions(range, isCandidate, draw);
    targetIndex.set(chosen.positions, row * each);
    for (const position of chosen.positions.subarray(0, chosen.candidates)) {
      lossWeight[position] = 1;
      tokens[position] = replacement(ids[position]!, masking, draw);
    }
  }
  return {
    tokens: { shape, data: tokens },
    targets,
    segment,
    order: { shape, data: new Int32Array(rows * length) },
    lossWeight: { shape, data: lossWeight },
    targetIndex: { shape: [rows, each], data: targetIndex },
  };
}

/** Cross-entropy at the positions that `targetIndex` names. */
export function maskedLoss(
  { hidden, tokenHead }: ModelParts,
  inputs: Readonly<Record<string, Tensor>>,
  inverseWeight: Tensor,
): LossOutputs {
  const rows = hidden.shape[0]!;
  const index = reshape(inputs.targetIndex!, [elementCount(inputs.targetIndex!.shape)]);
  const chosen = [index.shape[0]!];
  const at = (name: string) => reshape(gather(reshape(inputs[name]!, [rows, 1]), index), chosen);
  const predicted = gather(hidden, index);
  const outputs = tokenPrediction(tokenHead, predicted, at('targets'), at('lossWeight'), inverseWeight);
  const column = reshape(outputs.tokenLoss, [chosen[0]!, 1]);
  const spread = scatterAdd(zeros(hidden.node.graph, [rows, 1]), index, column);
  return { ...outputs, tokenLoss: reshape(spread, [rows]) };
}

function predictedCount({ probability }: Pick<MaskedOptions, 'probability'>, length: number): number {
  return Math.max(1, Math.round(probability * length));
}

/** `count` places are wanted of [start, start + length). */
interface PlaceRange {
  readonly start: number;
  readonly length: number;
  readonly count: number;
}

interface Chosen {
  /** [count], all different. */
  readonly positions: Int32Array;
  /** So many of them, the first ones, are predicted. */
  readonly candidates: number;
}

/**
 * The same of whole words in random order, as BERT's later models: a word that no longer fits is passed over, and what
 * stays free has a loss weight of 0. Special tokens part words.
 */
function chooseWords(
  { start, length, count }: PlaceRange,
  isCandidate: (position: number) => boolean,
  begins: (position: number) => boolean,
  draw: Generator,
): Chosen {
  const words: number[][] = [];
  for (let at = start; at < start + length; at++) {
    if (!isCandidate(at)) continue;
    const goesOn = at > start && isCandidate(at - 1) && !begins(at);
    if (goesOn) words.at(-1)!.push(at);
    else words.push([at]);
  }
  const chosen: number[] = [];
  for (let i = 0; i < words.length && chosen.length < count; i++) {
    const other = i + Math.floor(draw() * (words.length - i));
    [words[i], words[other]] = [words[other]!, words[i]!];
    if (chosen.length + words[i]!.length <= count) chosen.push(...words[i]!);
  }
  const taken = new Set(chosen);
  const rest = Array.from({ length }, (_, i) => start + i).filter((at) => !taken.has(at));
  const positions = Int32Array.from([...chosen, ...rest.slice(0, count - chosen.length)]);
  return { positions, candidates: chosen.length };
}

/**
 * `count` different positions of one row: candidates in random order first (Fisher and Yates), special tokens
 * only where the candidates run out; those have a loss weight of 0.
 */
function choosePositions(
  { start, length, count }: PlaceRange,
  isCandidate: (position: number) => boolean,
  draw: Generator,
): Chosen {
  const positions = Array.from({ length }, (_, i) => start + i);
  const candidates = positions.filter(isCandidate);
  const taken = Math.min(count, candidates.length);
  for (let i = 0; i < taken; i++) {
    const other = i + Math.floor(draw() * (candidates.length - i));
    [candidates[i], candidates[other]] = [candidates[other]!, candidates[i]!];
  }
  const rest = positions.filter((position) => !isCandidate(position)).slice(0, count - taken);
  return { positions: Int32Array.from([...candidates.slice(0, taken), ...rest]), candidates: taken };
}

function replacement(token: number, masking: Masking, draw: Generator): number {
  const chance = draw();
  if (chance < masking.maskFraction) return masking.maskToken;
  if (chance >= masking.maskFraction + masking.randomFraction) return token;
  for (;;) {
    const other = Math.floor(draw() * masking.vocabulary);
    if (!masking.special.has(other)) return other;
  }
}
