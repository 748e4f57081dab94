/** A training run before it starts: what it is made of, what it costs, in figures and as lines. */

import { bytes, count, counted, quantity } from '../core/format.ts';
import { estimateModel, type ModelEstimate } from './estimate.ts';
import type { ModelShape } from './model/options.ts';
import type { Objective } from './objectives/objective.ts';
import type { OptimizerOptions } from './optimizers/options.ts';

/** The command with its worker, ONNX Runtime, tokenizer and shards before there is a model, about. */
export const RUNTIME_BYTES = 210e6;
/** Resident memory over what the arrays sum to, as measured on four models of 1M parameters and more (1.0 to 1.3): allocators round up. */
const ALLOCATED = 1.2;

export interface PlanSettings {
  readonly shape: ModelShape;
  readonly objective: Objective;
  readonly optimizer?: OptimizerOptions;
  readonly rows: number;
  /** Tokens a row. */
  readonly length: number;
  readonly accumulate: number;
  readonly steps: number;
  readonly prefersHostUpdates?: boolean;
  /** Tokens to train on in the shards; undefined while they are still being written. */
  readonly corpusTokens?: number;
  /** Windows that they make. */
  readonly windows?: number;
}

export interface TrainingPlan {
  readonly model: ModelShape;
  readonly estimate: ModelEstimate;
  readonly steps: number;
  readonly tokensPerStep: number;
  readonly tokens: number;
  readonly corpusTokens?: number;
  readonly epochs?: number;
  readonly flopsPerStep: number;
  /** Of the whole run, evaluations left out. */
  readonly flops: number;
  /** Resident memory, the runtime's own included. */
  readonly memoryBytes: number;
}

export function planTraining(settings: PlanSettings): TrainingPlan {
  const { shape, objective, rows, length, accumulate, steps, corpusTokens, windows } = settings;
  const { kind: _, ...model } = shape;
  const estimate = estimateModel(model, objective, { rows, length }, settings);
  const tokensPerStep = rows * length * accumulate;
  const flopsPerStep = tokensPerStep * estimate.trainingFlopsPerToken + estimate.optimizerFlopsPerStep;
  return {
    model: shape,
    estimate,
    steps,
    tokensPerStep,
    tokens: steps * tokensPerStep,
    corpusTokens,
    epochs: windows && (steps * rows * accumulate) / windows,
    flopsPerStep,
    flops: steps * flopsPerStep,
    memoryBytes: RUNTIME_BYTES + ALLOCATED * estimate.memory.total,
  };
}

/** What is printed before a run starts. */
export function planLines(plan: TrainingPlan): string[] {
  const { model, estimate } = plan;
  const { embeddings, attention, feedForward, norms, head } = estimate.parts;
  const heads = model.keyValueHeads === model.heads ? '' : ` (${model.keyValueHeads} of keys and values)`;
  const headParts = head === 0 ? 'the head is the embedding' : `head ${count(head)}`;
  const { trainingFlopsPerToken, ruleFlopsPerToken, optimizerFlopsPerStep } = estimate;
  const inOptimizer =
    optimizerFlopsPerStep === 0 ? '' : `, ${quantity(optimizerFlopsPerStep, 'FLOP')} a step in the optimizer`;
  const { weights, gradients, moments, secondBuffers, activations, checkpoint } = estimate.memory;
  const second = secondBuffers > 0 ? `second buffers ${bytes(secondBuffers)}, ` : '';
  const data =
    plan.epochs === undefined
      ? 'on shards that are still being written'
      : `${plan.epochs.toFixed(2)} epochs of ${counted(plan.corpusTokens ?? 0, 'token')}`;
  const rows = [
    [
      'model',
      `${model.family}, ${counted(model.layers, 'layer')}, width ${model.width}, ${counted(model.heads, 'head')}${heads}, vocabulary ${count(model.vocabulary)}`,
    ],
    [
      'parameters',
      `${count(estimate.parameters)}: embeddings ${count(embeddings)}, attention ${count(attention)}, feed-forward ${count(feedForward)}, norms ${count(norms)}, ${headParts}`,
    ],
    [
      'operations',
      `${quantity(trainingFlopsPerToken, 'FLOP')} a token (rule of 6 a parameter: ${quantity(ruleFlopsPerToken, 'FLOP')})${inOptimizer}, ${quantity(plan.flops, 'FLOP')} in all`,
    ],
    [
      'memory',
      `about ${bytes(plan.memoryBytes)}: weights ${bytes(weights)}, gradients ${bytes(gradients)}, moments ${bytes(moments)}, ${second}activations ${bytes(activations)}, a checkpoint's copy ${bytes(checkpoint)}, allocators ${bytes((ALLOCATED - 1) * estimate.memory.total)}, the runtime ${bytes(RUNTIME_BYTES)}`,
    ],
    ['data', `${counted(plan.steps, 'step')} of ${counted(plan.tokensPerStep, 'token')}, ${data}`],
  ];
  return rows.map(([name, text]) => `${name!.padEnd(11)} ${text}`);
}
