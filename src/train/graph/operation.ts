/** The operations of a tensor graph, one entry each. Engines lower them; `gradients.ts` differentiates them. */

import type { DataType } from './tensor.ts';

/** Elementwise on two tensors that broadcast. */
export type BinaryKind = 'add' | 'subtract' | 'multiply' | 'divide' | 'maximum' | 'minimum';
/** Elementwise on one tensor; `gelu` is the tanh approximation x * sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3)). */
export type UnaryKind = 'negate' | 'exp' | 'log' | 'sqrt' | 'sigmoid' | 'tanh' | 'erf' | 'gelu';
/** Two tensors of one type to bool, broadcasting. */
export type ComparisonKind = 'equal' | 'less' | 'lessOrEqual';
export type ReductionKind = 'sum' | 'maximumOf' | 'sumOfSquares';

export type Operation =
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'constant'; readonly values: Float32Array | Int32Array }
  | { readonly kind: BinaryKind }
  | { readonly kind: UnaryKind }
  | { readonly kind: ComparisonKind }
  | { readonly kind: 'and' }
  /** condition, a, b */
  | { readonly kind: 'where' }
  | { readonly kind: 'cast'; readonly type: DataType }
  /** alpha op(A) op(B) + C over matrices; C is optional and broadcasts. */
  | {
      readonly kind: 'gemm';
      readonly transposeA: boolean;
      readonly transposeB: boolean;
      readonly alpha: number;
    }
  /** Products of matrices in the last two axes; the axes before them are equal in both. */
  | { readonly kind: 'matmul'; readonly transposeA: boolean; readonly transposeB: boolean }
  | { readonly kind: ReductionKind; readonly axes: readonly number[]; readonly keepDimensions: boolean }
  /** Over the last axis. */
  | { readonly kind: 'softmax' }
  /** x [n, d], gain [d], offset [d] to the result, and each row's mean and 1 / standard deviation, [n, 1]. */
  | { readonly kind: 'layerNorm'; readonly epsilon: number }
  | { readonly kind: 'reshape' }
  | { readonly kind: 'transpose'; readonly permutation: readonly number[] }
  | { readonly kind: 'expand' }
  | { readonly kind: 'slice'; readonly axis: number; readonly start: number; readonly end: number }
  | { readonly kind: 'concat'; readonly axis: number }
  /** table [v, d], ids of any shape: the rows that the ids name. */
  | { readonly kind: 'gather' }
  /** base [v, d], ids [n], updates [n, d]: the base with each update added to the row that its id names. */
  | { readonly kind: 'scatterAdd' }
  /** x [n, v], ids [n]: from each row the element that its id names, [n, 1]. */
  | { readonly kind: 'pick' }
  /** x [n, v], ids [n], updates [n, 1]: x with each update added to the element that its row's id names. */
  | { readonly kind: 'pickAdd' }
  /**
   * x [rows, length, heads, size], cosine and sine of [length, size / 2] or [rows * length, size / 2]: of each head element i
   * and element i + size / 2 turned by their angle.
   */
  | { readonly kind: 'rotate' }
  /** cache [b, h, c, d], index [1], new [b, h, 1, d]: the cache with the entry at `index` of its third axis new. */
  | { readonly kind: 'cacheWrite' };

export type OperationKind = Operation['kind'];

export type OperationOf<K extends OperationKind> = Extract<Operation, { kind: K }>;
