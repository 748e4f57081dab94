/** Muon: momentum whose matrices are made nearly orthogonal (kellerjordan.github.io/posts/muon). */

import { add, divide, gemm, maximum, multiply, scale, sqrt, subtract, sumOfSquares } from '../graph/ops.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { ParameterSpec } from '../model/parameters.ts';
import { adamw } from './adamw.ts';
import type { Optimizer } from './optimizer.ts';
import type { OptimizerSettings } from './options.ts';

const STEPS = 5;
/** Of the quintic iteration, from the same source. */
const COEFFICIENTS = { linear: 3.4445, cubic: -4.775, quintic: 2.0315 } as const;
const SMALLEST_NORM = 1e-7;

/**
 * Muon with Nesterov momentum for the matrices inside the layers, AdamW for embeddings, heads, gains and biases.
 *
 * An update's size is 0.2 sqrt(max(rows, columns)) times the learning rate, so that its root mean square is
 * AdamW's and both share one learning rate (arXiv 2502.16982).
 */
export function muon(settings: OptimizerSettings): Optimizer {
  const rest = adamw(settings);
  const { muonMomentum, weightDecay, clipNorm } = settings;
  return {
    clipNorm,
    moments: (spec) => (isInsideLayer(spec) ? ['momentum'] : rest.moments(spec)),
    scalars: (step) => ({ ...rest.scalars(step), learningRate: step.learningRate }),
    update(spec, parameter, gradient, moments, scalars) {
      if (!isInsideLayer(spec)) return rest.update(spec, parameter, gradient, moments, scalars);
      const fresh = scale(gradient, 1 - muonMomentum);
      const momentum = add(scale(moments.momentum!, muonMomentum), fresh);
      const direction = orthogonalized(add(fresh, scale(momentum, muonMomentum)));
      const size = 0.2 * Math.sqrt(Math.max(...spec.shape));
      const step = multiply(scale(direction, size), scalars.learningRate!);
      const kept = weightDecay > 0 ? multiply(parameter, scalars.keep!) : parameter;
      return { parameter: subtract(kept, step), moments: { momentum } };
    },
  };
}

function isInsideLayer({ name, shape }: ParameterSpec): boolean {
  return shape.length === 2 && name.startsWith('layers.');
}

/** Newton-Schulz iterations that bring every singular value near 1; products are over the shorter side. */
function orthogonalized(matrix: Tensor): Tensor {
  const [rows, columns] = matrix.shape as [number, number];
  const wide = rows <= columns;
  const norm = sqrt(sumOfSquares(matrix));
  let x = divide(matrix, maximum(norm, matrix.node.graph.scalar(SMALLEST_NORM)));
  for (let step = 0; step < STEPS; step++) {
    const gram = wide ? gemm(x, x, { transposeB: true }) : gemm(x, x, { transposeA: true });
    const c = scale(gram, COEFFICIENTS.cubic);
    const polynomial = gemm(gram, gram, { alpha: COEFFICIENTS.quintic, c });
    const linear = scale(x, COEFFICIENTS.linear);
    x = wide ? gemm(polynomial, x, { c: linear }) : gemm(x, polynomial, { c: linear });
  }
  return x;
}
