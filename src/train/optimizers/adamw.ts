/** AdamW (arXiv 1711.05101) with the bias corrections folded into scalars. */

import { add, divide, multiply, scale, sqrt, subtract } from '../graph/ops.ts';
import type { ParameterSpec } from '../model/parameters.ts';
import { AdamwKernel } from './adamw-kernel.ts';
import type { Optimizer } from './optimizer.ts';
import type { OptimizerSettings } from './options.ts';

/**
 * The moments are kept as sums, m = b1 m + g and v = b2 v + g^2: m / (1 - b1) and v / (1 - b2) of the paper's. With
 * c_i = (1 - b_i) / (1 - b_i^t), the paper's step lr m^ / (sqrt(v^) + eps) is (lr c1 / sqrt(c2)) m / (sqrt(v) +
 * eps / sqrt(c2)): two scalars.
 */
export function adamw(settings: OptimizerSettings): Optimizer {
  const { beta1, beta2, epsilon, weightDecay, clipNorm } = settings;
  return {
    clipNorm,
    moments: () => ['first', 'second'],
    scalars({ update, learningRate }) {
      const first = (1 - beta1) / (1 - beta1 ** update);
      const second = Math.sqrt((1 - beta2) / (1 - beta2 ** update));
      return {
        stepSize: (learningRate * first) / second,
        epsilon: epsilon / second,
        keep: 1 - learningRate * weightDecay,
      };
    },
    update(spec, parameter, gradient, moments, scalars) {
      const first = add(scale(moments.first!, beta1), gradient);
      const second = add(scale(moments.second!, beta2), multiply(gradient, gradient));
      const step = divide(multiply(first, scalars.stepSize!), add(sqrt(second), scalars.epsilon!));
      const kept = isDecayed(spec, weightDecay) ? multiply(parameter, scalars.keep!) : parameter;
      return { parameter: subtract(kept, step), moments: { first, second } };
    },
    onHost(counts) {
      const kernel = new AdamwKernel(counts);
      return {
        arrays: kernel.arrays,
        add: (sum, gradient) => kernel.add(sum, gradient),
        sumOfSquares: (gradient) => kernel.sumOfSquares(gradient),
        update(spec, { parameter, gradient, moments }, clip, scalars) {
          const { first, second } = moments as Record<'first' | 'second', Float32Array>;
          const { stepSize, epsilon, keep } = scalars as Record<'stepSize' | 'epsilon' | 'keep', number>;
          kernel.update(
            { parameter, first, second, gradient },
            { clip, beta1, beta2, stepSize, epsilon, keep: isDecayed(spec, weightDecay) ? keep : 1 },
          );
        },
      };
    },
  };
}

/** Matrices decay; gains, offsets and biases do not. */
export function isDecayed(spec: ParameterSpec, weightDecay: number): boolean {
  return weightDecay > 0 && spec.shape.length >= 2;
}
