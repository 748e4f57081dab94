import { less, multiply, sum, where } from '../graph/ops.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { LossOutputs } from './objective.ts';

/**
 * The weighted mean of `nats` [n] over a whole step, as this micro-batch's share of it. `weights` [n] are loss
 * weights; `inverseWeight` is 1 / (their sum over the step).
 */
export function weightedLoss(nats: Tensor, weights: Tensor, inverseWeight: Tensor): LossOutputs {
  const zero = nats.node.graph.scalar(0);
  return {
    tokenLoss: where(less(zero, weights), nats, zero),
    loss: sum(multiply(nats, multiply(weights, inverseWeight))),
    metrics: {},
  };
}
