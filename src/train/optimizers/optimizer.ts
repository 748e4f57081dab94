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
}
