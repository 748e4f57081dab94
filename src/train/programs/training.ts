/** The programs of training over one parameter store: forward, gradient, update, and step, which is both at once. */

import { differentiate } from '../graph/differentiate.ts';
import { add, divide, minimum, multiply, shift, sqrt, sumOfSquares } from '../graph/ops.ts';
import type { Program } from '../graph/program.ts';
import { Graph, type Tensor } from '../graph/tensor.ts';
import { openMask } from '../model/attention.ts';
import type { ModelShape } from '../model/options.ts';
import { type ParameterSpec, Parameters, parameterInput } from '../model/parameters.ts';
import { type RunSettings, transformer } from '../model/transformer.ts';
import type { LossOutputs, Objective } from '../objectives/objective.ts';
import type { Optimizer } from '../optimizers/optimizer.ts';

export interface BatchShape {
  readonly rows: number;
  readonly length: number;
  /** Of a step: every token sees its whole row, so that nothing is masked. */
  readonly seesAll?: boolean;
}

/** Names of graph inputs; what replaces one after a step is the output `next(name)`. */
export const momentInput = (name: string, moment: string) => `moment:${name}/${moment}`;
export const sumInput = (name: string) => `sum:${name}`;
export const next = (input: string) => `next/${input}`;
export const isNext = (output: string) => output.startsWith(next(''));
export const metricOutput = (name: string) => `metric:${name}`;

/** A graph with the inputs of an objective for a batch, before any model. */
export interface BatchGraph {
  readonly graph: Graph;
  readonly parameters: Parameters;
  /** By the objective's names. */
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly inverseWeight: Tensor;
}

export function batchGraph({ inputSpecs }: Objective, { rows, length }: BatchShape): BatchGraph {
  const graph = new Graph();
  const inputs = Object.fromEntries(
    Object.entries(inputSpecs).map(([name, spec]) => [
      name,
      graph.input(name, spec.shape(rows, length), spec.type),
    ]),
  );
  return {
    graph,
    parameters: new Parameters(graph),
    inputs,
    inverseWeight: graph.input('inverseWeight', []),
  };
}

/** Adds the model under its objective, over the batch's inputs or over some of its rows. */
export function addLoss(
  { graph, parameters, inputs, inverseWeight }: BatchGraph,
  shape: ModelShape,
  objective: Objective,
  settings: Pick<RunSettings, 'forwardOnly' | 'inPieces' | 'waitsFor'> & Pick<BatchShape, 'seesAll'>,
): LossOutputs {
  const { tokens, segment, order, position, tokenType } = inputs;
  const modelInputs = { tokens: tokens!, segment: segment!, order: order!, position, tokenType };
  const parts = transformer(graph, parameters, shape, modelInputs, {
    ...settings,
    causal: objective.causal,
    mask: settings.seesAll ? openMask(tokens!.shape[1]!) : undefined,
  });
  return graph.scope('loss', () => objective.loss(parts, inputs, inverseWeight));
}

/** The model under its objective. `inverseWeight` and the objective's inputs are graph inputs by their names. */
export function lossGraph(
  shape: ModelShape,
  objective: Objective,
  batch: BatchShape,
  forwardOnly = false,
): BatchGraph & LossOutputs {
  const whole = batchGraph(objective, batch);
  return { ...whole, ...addLoss(whole, shape, objective, { forwardOnly, seesAll: batch.seesAll }) };
}

/** Yields `tokenLoss`. */
export function forwardProgram(shape: ModelShape, objective: Objective, batch: BatchShape): Program {
  const { graph, tokenLoss } = lossGraph(shape, objective, batch, true);
  return { name: 'forward', graph, outputs: { tokenLoss } };
}

export function reports({ tokenLoss, loss, metrics }: LossOutputs): Record<string, Tensor> {
  const named = Object.entries(metrics).map(([name, tensor]) => [metricOutput(name), tensor]);
  return { tokenLoss, loss, ...Object.fromEntries(named) };
}

/** Adds one micro-batch's gradient to the inputs `sum:*`, which for the first are zeros. */
export function gradientProgram(shape: ModelShape, objective: Objective, batch: BatchShape): Program {
  const built = lossGraph(shape, objective, batch);
  const { graph, parameters } = built;
  const names = [...parameters.tensors.keys()];
  const targets = [...parameters.tensors.values()];
  const sums = targets.map((tensor, i) => graph.input(sumInput(names[i]!), tensor.shape));
  const initial = new Map(sums.map((sum, i) => [targets[i]!, sum]));
  const gradients = differentiate(built.loss, targets, initial);
  const totals = gradients.map((gradient, i) => [next(sumInput(names[i]!)), gradient]);
  return { name: 'gradient', graph, outputs: { ...reports(built), ...Object.fromEntries(totals) } };
}

/** Updates the parameters from the inputs `sum:*`. */
export function updateProgram(specs: readonly ParameterSpec[], optimizer: Optimizer): Program {
  const graph = new Graph();
  const updated = specs.map((spec) => ({
    spec,
    parameter: graph.input(parameterInput(spec.name), spec.shape),
    gradient: graph.input(sumInput(spec.name), spec.shape),
  }));
  return { name: 'update', graph, outputs: addUpdate(graph, updated, optimizer) };
}

/** Gradient and update of one micro-batch that is a whole step. */
export function stepProgram(
  shape: ModelShape,
  objective: Objective,
  batch: BatchShape,
  optimizer: Optimizer,
): Program {
  const built = lossGraph(shape, objective, batch);
  const { graph, parameters } = built;
  const gradients = differentiate(built.loss, [...parameters.tensors.values()]);
  const updated = [...parameters.specs.values()].map((spec, i) => ({
    spec,
    parameter: parameters.tensors.get(spec.name)!,
    gradient: gradients[i]!,
  }));
  return { name: 'step', graph, outputs: { ...reports(built), ...addUpdate(graph, updated, optimizer) } };
}

interface Updated {
  readonly spec: ParameterSpec;
  readonly parameter: Tensor;
  readonly gradient: Tensor;
}

/** Added to the norm that divides, as PyTorch's clip_grad_norm_ does. */
const NORM_EPSILON = 1e-6;

/** What a gradient of that norm is taken times, by the program's own arithmetic in 32 bits. */
export function clipOf(clipNorm: number, gradientNorm: number): number {
  const divisor = Math.fround(gradientNorm + Math.fround(NORM_EPSILON));
  return Math.min(1, Math.fround(Math.fround(clipNorm) / divisor));
}

/**
 * Clips by the global L2 norm and updates every parameter. That the norm needs each gradient is also what makes
 * every update wait for the whole backward pass.
 */
function addUpdate(graph: Graph, updated: readonly Updated[], optimizer: Optimizer): Record<string, Tensor> {
  const gradientNorm = graph.scope('norm', () =>
    sqrt(updated.map(({ gradient }) => sumOfSquares(gradient)).reduce((a, b) => add(a, b))),
  );
  const ratio = divide(graph.scalar(optimizer.clipNorm), shift(gradientNorm, NORM_EPSILON));
  const clip = minimum(ratio, graph.scalar(1));
  const names = Object.keys(optimizer.scalars({ update: 1, learningRate: 0 }));
  const scalars = Object.fromEntries(names.map((name) => [name, graph.input(name, [])]));
  const outputs: Record<string, Tensor> = { gradientNorm };
  for (const { spec, parameter, gradient } of updated) {
    graph.scope(`update/${spec.name}`, () => {
      const moments = Object.fromEntries(
        optimizer
          .moments(spec)
          .map((moment) => [moment, graph.input(momentInput(spec.name, moment), spec.shape)]),
      );
      const result = optimizer.update(spec, parameter, multiply(gradient, clip), moments, scalars);
      outputs[next(parameterInput(spec.name))] = result.parameter;
      for (const [moment, tensor] of Object.entries(result.moments)) {
        outputs[next(momentInput(spec.name, moment))] = tensor;
      }
    });
  }
  return outputs;
}
