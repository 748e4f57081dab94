/** What a training run of a model costs, told before it starts. */

import { matrixFlops, peakIntermediateBytes } from './graph/cost.ts';
import { elementCount } from './graph/tensor.ts';
import { largestChunk } from './model/cross-entropy.ts';
import { type ModelSettings, resolveModel } from './model/options.ts';
import type { ParameterSpec } from './model/parameters.ts';
import type { Objective } from './objectives/objective.ts';
import type { OptimizerOptions } from './optimizers/options.ts';
import { openOptimizer } from './optimizers/registry.ts';
import { hostGradientProgram } from './programs/host-gradient.ts';
import {
  type BatchShape,
  forwardProgram,
  gradientProgram,
  lossGraph,
  stepProgram,
  updateProgram,
} from './programs/training.ts';

/** Parameters by what they belong to. A head that is the token embedding counts there. */
export interface ParameterParts {
  readonly embeddings: number;
  readonly attention: number;
  readonly feedForward: number;
  readonly norms: number;
  readonly head: number;
}

/** In bytes. */
export interface MemoryEstimate {
  readonly weights: number;
  readonly moments: number;
  /** Of one micro-batch, and their sums where several make a step; ONNX Runtime gives a copy of what is updated on the host. */
  readonly gradients: number;
  /** A program that updates writes into second buffers; the first ones stay as they are until all is well. */
  readonly secondBuffers: number;
  /** What the backward pass needs, and one chunk of logits, at their peak. */
  readonly activations: number;
  /** What a checkpoint holds while it is written. */
  readonly checkpoint: number;
  readonly total: number;
}

export interface ModelEstimate {
  readonly parameters: number;
  readonly parts: ParameterParts;
  /** Those that are in no embedding table and no head: what scaling laws count. */
  readonly layerParameters: number;
  /** Floating-point operations of matrix products for one token, forward alone. */
  readonly forwardFlopsPerToken: number;
  /** Forward and backward. */
  readonly trainingFlopsPerToken: number;
  /** Those of Muon's orthogonalization, however many tokens a step has. */
  readonly optimizerFlopsPerStep: number;
  /** 6 a parameter that is multiplied with: all but input embeddings that are not the head (arXiv 2001.08361). */
  readonly ruleFlopsPerToken: number;
  /** Activations and one chunk of logits at their peak, and gradients where a program updates by them, in bytes. */
  readonly intermediateBytes: number;
  readonly memory: MemoryEstimate;
}

export interface EstimateOptions {
  readonly optimizer?: OptimizerOptions;
  /** Micro-batches a step. */
  readonly accumulate?: number;
  /** Whether the engine lets an optimizer that can do so update on the host, as `onnx` on the CPU does (default: true). */
  readonly prefersHostUpdates?: boolean;
}

/** Reads the costs off the graphs of a step over micro-batches of that shape; nothing runs. */
export function estimateModel(
  model: ModelSettings,
  objective: Objective,
  batch: BatchShape,
  options: EstimateOptions = {},
): ModelEstimate {
  const shape = resolveModel(model);
  const optimizer = openOptimizer(options.optimizer);
  const one = { rows: 1, length: batch.length };
  const specs = [...lossGraph(shape, objective, one).parameters.specs.values()];
  const parameters = countOf(specs, () => true);
  const moments = specs.reduce(
    (total, spec) => total + elementCount(spec.shape) * optimizer.moments(spec).length,
    0,
  );
  const isAccumulated = (options.accumulate ?? 1) > 1;
  const update = updateProgram(specs, optimizer);
  const isOnHost = options.prefersHostUpdates !== false && optimizer.onHost !== undefined;
  const whole = (some: BatchShape) =>
    isOnHost ? hostGradientProgram(shape, objective, some) : stepProgram(shape, objective, some, optimizer);
  const costs = costsOf(batch, shape.vocabulary, (some) => {
    const tokens = some.rows * some.length;
    const gradient = gradientProgram(shape, objective, some);
    return {
      forwardFlopsPerToken: matrixFlops(forwardProgram(shape, objective, some)) / tokens,
      trainingFlopsPerToken: matrixFlops(gradient) / tokens,
      intermediateBytes:
        isAccumulated && !isOnHost
          ? Math.max(peakIntermediateBytes(gradient), peakIntermediateBytes(update))
          : peakIntermediateBytes(whole(some)),
    };
  });
  const { intermediateBytes } = costs;
  const parts = partsOf(specs);
  const headIsEmbedding = parts.head < shape.vocabulary * shape.width;
  const multiplied = parameters - parts.embeddings + (headIsEmbedding ? shape.vocabulary * shape.width : 0);
  return {
    parameters,
    parts,
    layerParameters: countOf(specs, ({ name }) => name.startsWith('layers.')),
    ...costs,
    optimizerFlopsPerStep: matrixFlops(update),
    ruleFlopsPerToken: 6 * multiplied,
    memory: memoryOf({ parameters, moments, intermediateBytes, isAccumulated, isOnHost }),
  };
}

/** What depends on the rows. */
type Costs = Pick<ModelEstimate, 'forwardFlopsPerToken' | 'trainingFlopsPerToken' | 'intermediateBytes'>;

/** Chunks of logits in the largest graph that is built for its costs: each is some nodes, and takes 2 ms. */
const MOST_CHUNKS = 512;

/**
 * The costs of a batch. From some rows on its graph would not fit into memory, let alone what it computes, and what it
 * needs has long grown in line with the rows.
 */
function costsOf(batch: BatchShape, vocabulary: number, read: (batch: BatchShape) => Costs): Costs {
  const { rows, length } = batch;
  const most = Math.max(2, Math.floor((MOST_CHUNKS * largestChunk(vocabulary)) / length));
  if (rows <= most) return read(batch);
  const less = read({ rows: Math.ceil(most / 2), length });
  const more = read({ rows: most, length });
  const perRow = (more.intermediateBytes - less.intermediateBytes) / Math.floor(most / 2);
  return { ...more, intermediateBytes: more.intermediateBytes + (rows - most) * perRow };
}

const FLOAT = 4;

interface Amounts {
  readonly parameters: number;
  readonly moments: number;
  readonly intermediateBytes: number;
  readonly isAccumulated: boolean;
  readonly isOnHost: boolean;
}

function memoryOf(amounts: Amounts): MemoryEstimate {
  const { parameters, moments, intermediateBytes, isAccumulated, isOnHost } = amounts;
  const weights = FLOAT * parameters;
  // A step's norm needs every gradient, so all of them are there at once: in an update's program among the intermediate
  // results; where micro-batches are added up in two sets of buffers.
  const sets = (isAccumulated ? 2 : 1) + (isOnHost ? 1 : 0);
  const parts = {
    weights,
    moments: FLOAT * moments,
    gradients: sets * weights,
    secondBuffers: isOnHost ? 0 : FLOAT * (parameters + moments),
    activations: isAccumulated || isOnHost ? intermediateBytes : Math.max(0, intermediateBytes - weights),
    checkpoint: FLOAT * (parameters + moments),
  };
  return { ...parts, total: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0) };
}

function countOf(specs: readonly ParameterSpec[], of: (spec: ParameterSpec) => boolean): number {
  return specs.filter(of).reduce((total, { shape }) => total + elementCount(shape), 0);
}

function partsOf(specs: readonly ParameterSpec[]): ParameterParts {
  const part = ({ name }: ParameterSpec): keyof ParameterParts => {
    if (/(^|\.)(norm|queryNorm|keyNorm)\./.test(name)) return 'norms';
    if (name.startsWith('embedding.')) return 'embeddings';
    if (name.includes('.attention.')) return 'attention';
    if (name.includes('.feedForward.')) return 'feedForward';
    return 'head';
  };
  const of = (wanted: keyof ParameterParts) => countOf(specs, (spec) => part(spec) === wanted);
  return {
    embeddings: of('embeddings'),
    attention: of('attention'),
    feedForward: of('feedForward'),
    norms: of('norms'),
    head: of('head'),
  };
}
