/** What an optimizer adds to the update program. */

import type { Tensor } from '../graph/tensor.ts';
import type { ParameterSpec } from '../model/parameters.ts';
import type { StepSettings } from '../session.ts';

export interface ParameterUpdate {
  readonly parameter: Tensor;
  readonly moments: Readonly<Record<string, Tensor>>;
}

export interface Optimizer {
  readonly clipNorm: number;
  /** Names of the moments that a parameter has; each has the parameter's shape and begins as zeros. */
  moments(spec: ParameterSpec): readonly string[];
  /** Scalar inputs of the update program that change from step to step. */
  scalars(settings: StepSettings): Readonly<Record<string, number>>;
  /** Adds one parameter's update; `gradient` is clipped, `moments` and `scalars` are by the names above. */
  update(
    spec: ParameterSpec,
    parameter: Tensor,
    gradient: Tensor,
    moments: Readonly<Record<string, Tensor>>,
    scalars: Readonly<Record<string, Tensor>>,
  ): ParameterUpdate;
  /** The same where the arrays are, for an engine whose arrays lie in the process's memory; `counts` are their sizes. */
  onHost?(counts: readonly number[]): HostOptimizer;
}

/** Arrays of one parameter, and those of its moments by name. */
export interface HostArrays {
  readonly parameter: Float32Array;
  readonly gradient: Float32Array;
  readonly moments: Readonly<Record<string, Float32Array>>;
}

export interface HostOptimizer {
  /** Zeros, as many as `counts` says each: arrays that it reaches without a copy. */
  readonly arrays: readonly Float32Array[];
  /** Adds a micro-batch's gradient to the sum of those before it. */
  add(sum: Float32Array, gradient: Float32Array): void;
  sumOfSquares(gradient: Float32Array): number;
  /** Changes the parameter and its moments; the gradient is taken times `clip`. `scalars` are the optimizer's. */
  update(
    spec: ParameterSpec,
    arrays: HostArrays,
    clip: number,
    scalars: Readonly<Record<string, number>>,
  ): void;
}
