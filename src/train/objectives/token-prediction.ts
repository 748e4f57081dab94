import { less, multiply, where } from '../graph/ops.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { TokenHead } from '../model/parts.ts';
import type { LossOutputs } from './objective.ts';

/**
 * Predicting `targets` [n] from hidden rows [n, width]: the weighted mean of the nats over a whole step, as this
 * micro-batch's share of it. `weights` [n] are loss weights; `inverseWeight` is 1 / (their sum over the step).
 */
export function tokenPrediction(
  tokenHead: TokenHead,
  hidden: Tensor,
  targets: Tensor,
  weights: Tensor,
  inverseWeight: Tensor,
): LossOutputs {
  const zero = hidden.node.graph.scalar(0);
  const { nats, total } = tokenHead.loss(hidden, targets, multiply(weights, inverseWeight));
  return { tokenLoss: where(less(zero, weights), nats, zero), loss: total, metrics: {} };
}
