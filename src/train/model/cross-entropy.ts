/** The token head: products with the vocabulary's matrix and their cross-entropy, in chunks of rows. */

import {
  concat,
  expand,
  gemm,
  log,
  maximum,
  multiply,
  negate,
  pick,
  pickAdd,
  reshape,
  slice,
  softmax,
} from '../graph/ops.ts';
import type { Tensor } from '../graph/tensor.ts';

/** Logits held at a time: 64 MiB. Smaller chunks would pay for adding each chunk's product to the gradient. */
const CHUNK_ELEMENTS = 2 ** 24;
const MIN_CHUNK_ROWS = 256;

/** The smallest normal 32-bit number: a loss beyond -ln of it, 87.3 nats, reads as that. */
const TINY = 1.1754943508222875e-38;

/** Rows of one chunk, the chunks being as equal as can be. */
export function chunkRows(rows: number, vocabulary: number): number {
  const most = Math.max(MIN_CHUNK_ROWS, Math.floor(CHUNK_ELEMENTS / vocabulary));
  return Math.ceil(rows / Math.ceil(rows / most));
}

/**
 * -ln softmax(x W^T + b)[target] in nats, [n], for x [n, d], W [v, d], b [v] and targets [n].
 *
 * Its gradient, softmax - onehot, is never scaled where it has v columns: dy scales x before and dx after the
 * products. Throughout, at most one chunk of logits has to exist.
 */
export function linearCrossEntropy(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  targets: Tensor,
  rowsAtOnce = chunkRows(x.shape[0]!, weight.shape[0]!),
): Tensor {
  const graph = x.node.graph;
  const rows = x.shape[0]!;
  const ranges: [number, number][] = [];
  for (let start = 0; start < rows; start += rowsAtOnce)
    ranges.push([start, Math.min(rows, start + rowsAtOnce)]);
  const chunks = ranges.map(([start, end]) => {
    const chosen = slice(targets, 0, start, end);
    const input = slice(x, 0, start, end);
    const probabilities = softmax(gemm(input, weight, { transposeB: true, c: bias }));
    const loss = negate(log(maximum(pick(probabilities, chosen), graph.scalar(TINY))));
    return { start, end, input, chosen, probabilities, loss };
  });
  return graph.withGradient(
    bias === undefined ? [x, weight] : [x, weight, bias],
    () =>
      reshape(
        concat(
          chunks.map(({ loss }) => loss),
          0,
        ),
        [rows],
      ),
    (_inputs, _y, dy, adjoints) => {
      const column = reshape(dy, [rows, 1]);
      const dx = chunks.map(({ start, end, input, chosen, probabilities }) => {
        const scales = slice(column, 0, start, end);
        const minusOne = expand(graph.scalar(-1), [end - start, 1]);
        const dLogits = pickAdd(probabilities, chosen, minusOne);
        if (adjoints.needs(1)) {
          const scaled = multiply(input, scales);
          adjoints.addWith(1, (existing) => gemm(dLogits, scaled, { transposeA: true, c: existing }));
        }
        if (bias !== undefined && adjoints.needs(2))
          adjoints.add(2, reshape(gemm(dLogits, scales, { transposeA: true }), [weight.shape[0]!]));
        return multiply(gemm(dLogits, weight), scales);
      });
      if (adjoints.needs(0)) adjoints.add(0, concat(dx, 0));
    },
  );
}
