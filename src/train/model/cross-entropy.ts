/** The token head: products with the vocabulary's matrix and their cross-entropy, in chunks of rows. */

import {
  after,
  concat,
  gemm,
  log,
  maximum,
  multiply,
  negate,
  pick,
  pickAdd,
  reshape,
  scale,
  shift,
  slice,
  softmax,
  sum,
} from '../graph/ops.ts';
import type { Adjoints, Tensor } from '../graph/tensor.ts';

/** Logits held at a time: 8 MiB, which caches hold. Smaller chunks pay for adding each product to the gradient. */
const CHUNK_ELEMENTS = 2 ** 21;
const MIN_CHUNK_ROWS = 256;

/** The smallest normal 32-bit number: a loss beyond -ln of it, 87.3 nats, reads as that. */
const TINY = 1.1754943508222875e-38;

/** Rows of one chunk, the chunks being as equal as can be. */
export function chunkRows(rows: number, vocabulary: number): number {
  return Math.ceil(rows / Math.ceil(rows / largestChunk(vocabulary)));
}

/** Rows of a chunk at most. */
export function largestChunk(vocabulary: number): number {
  return Math.max(MIN_CHUNK_ROWS, Math.floor(CHUNK_ELEMENTS / vocabulary));
}

export interface CrossEntropyInputs {
  /** [n, d] */
  readonly hidden: Tensor;
  /** [v, d] */
  readonly weight: Tensor;
  /** [v] */
  readonly bias?: Tensor | undefined;
  /** [n], int32 */
  readonly targets: Tensor;
  /** [n] */
  readonly lossWeights: Tensor;
  /** Nothing will be differentiated: chunks compute no gradients on the way. */
  readonly forwardOnly?: boolean;
}

export interface CrossEntropy {
  /** -ln softmax(x W^T + b)[target] in nats, [n]. */
  readonly nats: Tensor;
  /** The scalar sum of nats times loss weights: what to differentiate. */
  readonly total: Tensor;
}

/** What flows to x, W and b from a chunk of rows when 1 flows to the total. */
interface ChunkGradients {
  readonly hidden: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
}

/**
 * Weighted cross-entropy of which at most one chunk of logits exists at a time.
 *
 * With several chunks, each chunk's gradients are computed right after its loss, before the next chunk begins:
 * the engine is free to order what does not depend on each other, and left alone would keep every chunk's
 * probabilities for a backward pass that comes last. The gradient, softmax - onehot, is never scaled where it has
 * v columns; weights scale x before and dx after the products.
 */
export function linearCrossEntropy(
  inputs: CrossEntropyInputs,
  rowsAtOnce = chunkRows(inputs.hidden.shape[0]!, inputs.weight.shape[0]!),
): CrossEntropy {
  const { hidden, weight, bias, lossWeights, forwardOnly = false } = inputs;
  const rows = hidden.shape[0]!;
  const graph = hidden.node.graph;
  const several = rowsAtOnce < rows;
  const chunks: Chunk[] = [];
  const gradients: ChunkGradients[] = [];
  for (let start = 0; start < rows; start += rowsAtOnce) {
    const before = gradients.at(-1);
    const end = Math.min(rows, start + rowsAtOnce);
    const previous = chunks.at(-1);
    const waitsFor = previous === undefined ? [] : [previous.nats, before?.hidden, before?.weight];
    const chunk = forwardChunk(
      inputs,
      start,
      end,
      waitsFor.filter((tensor) => tensor !== undefined),
    );
    chunks.push(chunk);
    if (several && !forwardOnly) gradients.push(chunkGradients(inputs, chunk, before));
  }
  const nats = reshape(
    concat(
      chunks.map((chunk) => chunk.nats),
      0,
    ),
    [rows],
  );
  const total = graph.withGradient(
    bias === undefined ? [hidden, weight] : [hidden, weight, bias],
    () => sum(multiply(nats, lossWeights)),
    (_inputs, _total, dy, adjoints) => {
      if (forwardOnly) throw graph.error('cross-entropy', 'was built to go forward only');
      if (several) addAll(gradients, dy, adjoints);
      else addDirectly(inputs, chunks[0]!, dy, adjoints);
    },
  );
  return { nats, total };
}

interface Chunk {
  readonly start: number;
  readonly end: number;
  readonly hidden: Tensor;
  readonly targets: Tensor;
  readonly probabilities: Tensor;
  /** Those of the targets, [rows of the chunk, 1]. */
  readonly picked: Tensor;
  /** [rows of the chunk, 1] */
  readonly nats: Tensor;
}

function forwardChunk(
  { hidden, weight, bias, targets }: CrossEntropyInputs,
  start: number,
  end: number,
  waitsFor: readonly Tensor[],
): Chunk {
  const graph = hidden.node.graph;
  const x = after(slice(hidden, 0, start, end), waitsFor);
  const chosen = slice(targets, 0, start, end);
  const probabilities = softmax(gemm(x, weight, { transposeB: true, c: bias }));
  const picked = pick(probabilities, chosen);
  const nats = negate(log(maximum(picked, graph.scalar(TINY))));
  return { start, end, hidden: x, targets: chosen, probabilities, picked, nats };
}

/** That -1 is computed from what was picked makes this the last reader of the probabilities, whose memory it can take. */
function gradientOfLogits({ targets, probabilities, picked }: Chunk): Tensor {
  const minusOne = shift(scale(picked, 0), -1);
  return pickAdd(probabilities, targets, minusOne);
}

/** The gradients of a chunk; those of W and b with those of the chunks before it. */
function chunkGradients(
  { weight, bias, lossWeights }: CrossEntropyInputs,
  chunk: Chunk,
  before: ChunkGradients | undefined,
): ChunkGradients {
  const scales = reshape(slice(lossWeights, 0, chunk.start, chunk.end), [chunk.end - chunk.start, 1]);
  const dLogits = gradientOfLogits(chunk);
  const scaled = multiply(chunk.hidden, scales);
  return {
    weight: gemm(dLogits, scaled, { transposeA: true, c: before?.weight }),
    bias: bias && biasGradient(dLogits, scales, before?.bias),
    hidden: multiply(gemm(dLogits, weight), scales),
  };
}

/** Column sums of the gradient of logits, each row times its scale, as a product. */
function biasGradient(dLogits: Tensor, scales: Tensor, before: Tensor | undefined): Tensor {
  const columns = dLogits.shape[1]!;
  const c = before && reshape(before, [columns, 1]);
  return reshape(gemm(dLogits, scales, { transposeA: true, c }), [columns]);
}

function addAll(gradients: readonly ChunkGradients[], dy: Tensor, adjoints: Adjoints): void {
  const hidden = concat(
    gradients.map((chunk) => chunk.hidden),
    0,
  );
  const { weight, bias } = gradients.at(-1)!;
  adjoints.add(0, multiply(hidden, dy));
  adjoints.add(1, multiply(weight, dy));
  if (bias !== undefined) adjoints.add(2, multiply(bias, dy));
}

/** One chunk needs no order, so that what flowed to W before can be the C of its product. */
function addDirectly(
  { hidden, weight, bias, lossWeights }: CrossEntropyInputs,
  chunk: Chunk,
  dy: Tensor,
  adjoints: Adjoints,
): void {
  const scales = multiply(reshape(lossWeights, [hidden.shape[0]!, 1]), dy);
  const dLogits = gradientOfLogits(chunk);
  if (adjoints.needs(1)) {
    const scaled = multiply(hidden, scales);
    adjoints.addWith(1, (existing) => gemm(dLogits, scaled, { transposeA: true, c: existing }));
  }
  if (bias !== undefined) adjoints.add(2, biasGradient(dLogits, scales, undefined));
  adjoints.add(0, multiply(gemm(dLogits, weight), scales));
}
