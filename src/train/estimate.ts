/** What a training run of a model costs, told before it starts. */

import { matrixFlops, peakIntermediateBytes } from './graph/cost.ts';
import { elementCount } from './graph/tensor.ts';
import { type ModelSettings, resolveModel } from './model/options.ts';
import type { Objective } from './objectives/objective.ts';
import type { OptimizerOptions } from './optimizers/options.ts';
import { openOptimizer } from './optimizers/registry.ts';
import { type BatchShape, forwardProgram, lossGraph, stepProgram } from './programs/training.ts';

export interface ModelEstimate {
  readonly parameters: number;
  /** Those that are in no embedding table and no head: what scaling laws count. */
  readonly layerParameters: number;
  /** Floating-point operations of matrix products for one token, forward alone. */
  readonly forwardFlopsPerToken: number;
  /** Forward and backward. */
  readonly trainingFlopsPerToken: number;
  /** Parameters and moments, twice over because a step writes into second buffers, in bytes. */
  readonly stateBytes: number;
  /** Activations, gradients and one chunk of logits at their peak, in bytes. */
  readonly intermediateBytes: number;
}

/** Reads the costs off the graphs of a step over one micro-batch; nothing runs. */
export function estimateModel(
  model: ModelSettings,
  objective: Objective,
  batch: BatchShape,
  options?: OptimizerOptions,
): ModelEstimate {
  const shape = resolveModel(model);
  const optimizer = openOptimizer(options);
  const tokens = batch.rows * batch.length;
  const specs = [...lossGraph(shape, objective, batch).parameters.specs.values()];
  const count = (of: (name: string) => boolean) =>
    specs.filter(({ name }) => of(name)).reduce((total, spec) => total + elementCount(spec.shape), 0);
  const state = specs.reduce(
    (total, spec) => total + elementCount(spec.shape) * (1 + optimizer.moments(spec).length),
    0,
  );
  const step = stepProgram(shape, objective, batch, optimizer);
  return {
    parameters: count(() => true),
    layerParameters: count((name) => name.startsWith('layers.')),
    forwardFlopsPerToken: matrixFlops(forwardProgram(shape, objective, batch)) / tokens,
    trainingFlopsPerToken: matrixFlops(step) / tokens,
    stateBytes: 2 * 4 * state,
    intermediateBytes: peakIntermediateBytes(step),
  };
}
