import { less, multiply, reshape, where } from '../graph/ops.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { TokenHead } from '../model/parts.ts';
import type { LossOutputs, Objective } from './objective.ts';
import { perToken } from './windows.ts';

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

/** What objectives read that predict each token's successor in its window. */
export const NEXT_TOKEN_INPUTS = {
  tokens: perToken('int32'),
  targets: perToken('int32'),
  segment: perToken('int32'),
  order: perToken('int32'),
  lossWeight: perToken('float32'),
} as const;

/** Their loss: `targets` from every hidden row, by `lossWeight`. */
export const nextTokenLoss: Objective['loss'] = ({ hidden, tokenHead }, inputs, inverseWeight) => {
  const at = (name: keyof typeof NEXT_TOKEN_INPUTS) => reshape(inputs[name]!, [hidden.shape[0]!]);
  return tokenPrediction(tokenHead, hidden, at('targets'), at('lossWeight'), inverseWeight);
};
