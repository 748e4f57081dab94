import type { Tensor } from '../graph/tensor.ts';
import type { CrossEntropy } from './cross-entropy.ts';
import type { ModelShape } from './options.ts';

/** The head that scores the vocabulary. */
export interface TokenHead {
  /** [n, vocabulary] for hidden rows [n, width]. */
  logits(hidden: Tensor): Tensor;
  /** Cross-entropy for hidden rows [n, width], target ids [n] and loss weights [n]; the full logits never exist. */
  loss(hidden: Tensor, targets: Tensor, lossWeights: Tensor): CrossEntropy;
}

/** The head that judges a whole row by its first position. */
export interface PooledHead {
  /** [rows, 2] */
  logits(): Tensor;
}

/** What a model offers to an objective. */
export interface ModelParts {
  readonly shape: ModelShape;
  readonly rows: number;
  readonly length: number;
  /** [rows * length, width], after the last norm. */
  readonly hidden: Tensor;
  readonly tokenHead: TokenHead;
  readonly pooledHead: PooledHead;
}
