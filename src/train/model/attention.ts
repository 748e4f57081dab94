/** Attention over heads, masked by what each query and key carry. */

import {
  add,
  and,
  cast,
  concat,
  equal,
  less,
  lessOrEqual,
  matmul,
  maximumOf,
  multiply,
  reshape,
  scale,
  slice,
  softmax,
  subtract,
  sum,
  transpose,
} from '../graph/ops.ts';
import type { Tensor } from '../graph/tensor.ts';

/** Added to the score of a key that is not seen: exp gives 0 in 32 bits. */
const UNSEEN = -1e9;

/** Queries that look at their keys together where a row is causal: short enough to skip most of what nobody sees. */
const CAUSAL_BLOCK = 128;

/** What a token carries into the mask, [rows, length] each, int32. */
export interface MaskKeys {
  readonly segment: Tensor;
  readonly order: Tensor;
}

export interface MaskSettings {
  /** A key's order must be below the query's, as two-stream attention needs (arXiv 1906.08237), not at most it. */
  readonly strict?: boolean;
  /** No query sees a key behind it in its row, whatever the orders are: what is not seen is not computed. */
  readonly causal?: boolean;
  /** Of `causal`: queries a block. */
  readonly blockLength?: number;
}

/** What queries [start, end) of each row see of the keys [0, keys). */
export interface MaskBlock {
  readonly start: number;
  readonly end: number;
  readonly keys: number;
  /** [rows, 1, queries, keys]: 0 where the query sees the key, else a large negative number; undefined where it sees all. */
  readonly additive?: Tensor;
  /** [rows, 1, queries, 1]: 1 where the query sees any key, else 0; undefined where each sees itself. */
  readonly seesAny?: Tensor;
}

export type Mask = readonly MaskBlock[];

/** Every query of a row sees every key of it. */
export function openMask(length: number): Mask {
  return [{ start: 0, end: length, keys: length }];
}

/**
 * A key is seen where the segments match and its order is at most the query's. It is built once a step for all
 * layers.
 */
export function attentionMask(queries: MaskKeys, keys: MaskKeys, settings: MaskSettings = {}): Mask {
  const { strict = false, causal = false, blockLength = CAUSAL_BLOCK } = settings;
  const length = queries.segment.shape[1]!;
  if (!causal) return [maskBlock(queries, keys, 0, length, keys.segment.shape[1]!, strict)];
  const count = Math.ceil(length / blockLength);
  return Array.from({ length: count }, (_, i) => {
    const end = Math.min(length, (i + 1) * blockLength);
    return maskBlock(queries, keys, i * blockLength, end, end, strict);
  });
}

function maskBlock(
  queries: MaskKeys,
  keys: MaskKeys,
  start: number,
  end: number,
  keyCount: number,
  strict: boolean,
): MaskBlock {
  const graph = queries.segment.node.graph;
  const rows = queries.segment.shape[0]!;
  const ofQueries = (x: Tensor) => reshape(slice(x, 1, start, end), [rows, 1, end - start, 1]);
  const ofKeys = (x: Tensor) => reshape(slice(x, 1, 0, keyCount), [rows, 1, 1, keyCount]);
  const sameSegment = equal(ofQueries(queries.segment), ofKeys(keys.segment));
  const before = strict ? less : lessOrEqual;
  const seen = and(sameSegment, before(ofKeys(keys.order), ofQueries(queries.order)));
  const visible = cast(seen, 'float32');
  // (1 - visible) times a large negative number; ONNX Runtime's Where is several times slower.
  const additive = scale(subtract(graph.scalar(1), visible), UNSEEN);
  const block = { start, end, keys: keyCount, additive };
  return strict ? { ...block, seesAny: maximumOf(visible, [-1], true) } : block;
}

export interface HeadSizes {
  readonly rows: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly size: number;
}

/** [rows * length, heads * size] to [rows, heads, length, size]. */
export function splitHeads(x: Tensor, rows: number, heads: number): Tensor {
  const length = x.shape[0]! / rows;
  return transpose(reshape(x, [rows, length, heads, x.shape[1]! / heads]), [0, 2, 1, 3]);
}

/** [rows, heads, length, size] to [rows * length, heads * size]. */
export function mergeHeads(x: Tensor): Tensor {
  const [rows, heads, length, size] = x.shape as [number, number, number, number];
  return reshape(transpose(x, [0, 2, 1, 3]), [rows * length, heads * size]);
}

/**
 * softmax(q k^T + mask) v for queries [rows * length, heads * size], which sqrt(size) has divided already, over keys
 * and values already split, [rows, keyValueHeads, keys, size]. Query head h reads key-value head floor(h keyValueHeads / heads).
 *
 * Each block of the mask is a product of its own over the keys that it can see. The backward pass takes the
 * softmax's row sums from dO * O, which has `size` columns where P * dP has `keys` (arXiv 2205.14135, appendix B.4).
 */
export function attend(q: Tensor, k: Tensor, v: Tensor, mask: Mask, sizes: HeadSizes): Tensor {
  const graph = q.node.graph;
  const { rows, heads } = sizes;
  const queries = splitHeads(q, rows, heads);
  const blocks = mask.map((block) => attendBlock(queries, k, v, block, sizes));
  const joined = (parts: readonly Tensor[]) =>
    mergeHeads(
      concat(
        parts.map((part) => perHead(part, sizes)),
        2,
      ),
    );

  return graph.withGradient(
    [q, k, v],
    () => joined(blocks.map(({ mixed }) => mixed)),
    (_inputs, _y, dy, adjoints) => {
      const dMixed = splitHeads(dy, rows, heads);
      const needsScores = adjoints.needs(0) || adjoints.needs(1);
      const gradients = blocks.map((block) => blockGradients(block, dMixed, sizes, needsScores));
      if (adjoints.needs(2)) adjoints.add(2, sumOfPrefixes(gradients.map(({ dv }) => dv)));
      if (adjoints.needs(0)) adjoints.add(0, joined(gradients.map(({ dq }) => dq!)));
      if (adjoints.needs(1)) adjoints.add(1, sumOfPrefixes(gradients.map(({ dk }) => dk!)));
    },
  );
}

interface AttendedBlock {
  readonly block: MaskBlock;
  readonly queries: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly weights: Tensor;
  /** As the queries: those of one group are rows of one product with their shared keys. */
  readonly mixed: Tensor;
}

/** [rows, heads, n, m] to [rows, keyValueHeads, heads of a group * n, m], */
function grouped(x: Tensor, { rows, heads, keyValueHeads }: HeadSizes): Tensor {
  const [, , length, columns] = x.shape as [number, number, number, number];
  return reshape(x, [rows, keyValueHeads, (heads / keyValueHeads) * length, columns]);
}

/** and back. */
function perHead(x: Tensor, { rows, heads, keyValueHeads }: HeadSizes): Tensor {
  const [, , length, columns] = x.shape as [number, number, number, number];
  return reshape(x, [rows, heads, (length * keyValueHeads) / heads, columns]);
}

function attendBlock(
  allQueries: Tensor,
  allKeys: Tensor,
  allValues: Tensor,
  block: MaskBlock,
  sizes: HeadSizes,
): AttendedBlock {
  const queries = grouped(slice(allQueries, 2, block.start, block.end), sizes);
  const k = slice(allKeys, 2, 0, block.keys);
  const v = slice(allValues, 2, 0, block.keys);
  const scores = perHead(matmul(queries, k, { transposeB: true }), sizes);
  const seen = softmax(block.additive === undefined ? scores : add(scores, block.additive));
  const weights = grouped(block.seesAny === undefined ? seen : multiply(seen, block.seesAny), sizes);
  return { block, queries, k, v, weights, mixed: matmul(weights, v) };
}

interface BlockGradients {
  readonly dv: Tensor;
  readonly dq?: Tensor;
  readonly dk?: Tensor;
}

function blockGradients(
  { block, queries, k, v, weights, mixed }: AttendedBlock,
  allDMixed: Tensor,
  sizes: HeadSizes,
  needsScores: boolean,
): BlockGradients {
  const dMixed = grouped(slice(allDMixed, 2, block.start, block.end), sizes);
  // (dO^T P)^T, not P^T dO: ONNX Runtime's product takes half as long again where its first operand is transposed.
  const dv = flipped(matmul(flipped(dMixed), weights));
  if (!needsScores) return { dv };
  const rowSums = sum(multiply(dMixed, mixed), [-1], true);
  const dWeights = matmul(dMixed, v, { transposeB: true });
  const dScores = multiply(weights, subtract(dWeights, rowSums));
  return { dv, dq: matmul(dScores, k), dk: flipped(matmul(flipped(queries), dScores)) };
}

/** The last two of four axes exchanged. */
const flipped = (x: Tensor) => transpose(x, [0, 1, 3, 2]);

/** The sum of parts that each cover the first keys, those of the last block all of them. */
function sumOfPrefixes(parts: readonly Tensor[]): Tensor {
  return parts.reduce((total, part) => {
    const [covered, all] = [total.shape[2]!, part.shape[2]!];
    const both = add(total, slice(part, 2, 0, covered));
    return covered === all ? both : concat([both, slice(part, 2, covered, all)], 2);
  });
}
