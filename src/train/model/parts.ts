import type { Tensor } from '../graph/tensor.ts';
import type { ModelShape } from './options.ts';

/** The head that scores the vocabulary. */
export interface TokenHead {
  /** [n, vocabulary] for hidden rows [n, width]. */
  logits(hidden: Tensor): Tensor;
  /** Nats, [n], for hidden rows [n, width] and target ids [n]; the full logits never exist. */
  loss(hidden: Tensor, targets: Tensor): Tensor;
}

/** What a model offers to an objective. */
export interface ModelParts {
  readonly shape: ModelShape;
  readonly rows: number;
  readonly length: number;
  /** [rows * length, width], after the last norm. */
  readonly hidden: Tensor;
  readonly tokenHead: TokenHead;
}
