/** Attention over heads, masked by what each query and key carry. */

import {
  add,
  and,
  cast,
  equal,
  less,
  lessOrEqual,
  matmul,
  maximumOf,
  multiply,
  reshape,
  scale,
  softmax,
  subtract,
  sum,
  transpose,
} from '../graph/ops.ts';
import type { Tensor } from '../graph/tensor.ts';

/** Added to the score of a key that is not seen: exp gives 0 in 32 bits. */
const UNSEEN = -1e9;

/** What a token carries into the mask, [rows, length] each, int32. */
export interface MaskKeys {
  readonly segment: Tensor;
  readonly order: Tensor;
}

export interface Mask {
  /** [rows, 1, queries, keys]: 0 where the query sees the key, else a large negative number. */
  readonly additive: Tensor;
  /** [rows, 1, queries, 1]: 1 where the query sees any key, else 0; undefined where each sees itself. */
  readonly seesAny?: Tensor;
}

/**
 * A key is seen where the segments match and its order is at most the query's, or below it where `strict`, as
 * the query stream of two-stream attention needs (arXiv 1906.08237). It is built once a step for all layers.
 */
export function attentionMask(queries: MaskKeys, keys: MaskKeys, strict = false): Mask {
  const graph = queries.segment.node.graph;
  const ofQueries = (x: Tensor) => reshape(x, [x.shape[0]!, 1, x.shape[1]!, 1]);
  const ofKeys = (x: Tensor) => reshape(x, [x.shape[0]!, 1, 1, x.shape[1]!]);
  const sameSegment = equal(ofQueries(queries.segment), ofKeys(keys.segment));
  const before = strict ? less : lessOrEqual;
  const seen = and(sameSegment, before(ofKeys(keys.order), ofQueries(queries.order)));
  const visible = cast(seen, 'float32');
  // (1 - visible) times a large negative number; ONNX Runtime's Where is several times slower.
  const additive = scale(subtract(graph.scalar(1), visible), UNSEEN);
  return strict ? { additive, seesAny: maximumOf(visible, [-1], true) } : { additive };
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
 * softmax(q k^T / sqrt(size) + mask) v for queries [rows * length, heads * size] over keys and values already
 * split, [rows, keyValueHeads, keys, size]. Query head h reads key-value head floor(h keyValueHeads / heads).
 *
 * The backward pass takes the softmax's row sums from dO * O, which has `size` columns where P * dP has `keys`
 * (arXiv 2205.14135, appendix B.4).
 */
export function attend(q: Tensor, k: Tensor, v: Tensor, mask: Mask, sizes: HeadSizes): Tensor {
  const graph = q.node.graph;
  const { rows, heads, keyValueHeads, size } = sizes;
  const length = q.shape[0]! / rows;
  const factor = 1 / Math.sqrt(size);
  // The queries of one group are rows of one product with their shared keys.
  const grouped = (x: Tensor) =>
    reshape(x, [rows, keyValueHeads, (heads / keyValueHeads) * length, x.shape[3]!]);
  const perHead = (x: Tensor) => reshape(x, [rows, heads, length, x.shape[3]!]);
  const split = (x: Tensor) => grouped(splitHeads(x, rows, heads));

  const queries = split(scale(q, factor));
  const scores = perHead(matmul(queries, k, { transposeB: true }));
  const seen = softmax(add(scores, mask.additive));
  const weights = grouped(mask.seesAny === undefined ? seen : multiply(seen, mask.seesAny));
  const mixed = matmul(weights, v);

  return graph.withGradient(
    [q, k, v],
    () => mergeHeads(perHead(mixed)),
    (_inputs, _y, dy, adjoints) => {
      const dMixed = split(dy);
      if (adjoints.needs(2)) adjoints.add(2, matmul(weights, dMixed, { transposeA: true }));
      if (!adjoints.needs(0) && !adjoints.needs(1)) return;
      const rowSums = sum(multiply(dMixed, mixed), [-1], true);
      const dWeights = matmul(dMixed, v, { transposeB: true });
      const dScores = multiply(weights, subtract(dWeights, rowSums));
      if (adjoints.needs(0)) adjoints.add(0, scale(mergeHeads(perHead(matmul(dScores, k))), factor));
      if (adjoints.needs(1)) adjoints.add(1, matmul(dScores, queries, { transposeA: true }));
    },
  );
}
