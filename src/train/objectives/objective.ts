/** An objective: what a batch of windows asks of a model, and how the answer is scored. */

import type { WindowBatch } from '../../shard/batch.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { ModelParts } from '../model/parts.ts';
import type { NamedArrays } from '../session.ts';

/** Uniform over [0, 1). */
export type Generator = () => number;

/** What an objective has to know of the run it serves. */
export interface ObjectiveContext {
  readonly vocabulary: number;
  /** Tokens a row of the model's input. */
  readonly length: number;
  /** Ids that masking never replaces, nor puts in. */
  readonly specialTokens?: readonly number[];
  /** The id that hides a token; the masked objective needs it. */
  readonly maskToken?: number;
  /** Ids before the first and after each sentence of a pair; the next-sentence objective needs them. */
  readonly classToken?: number;
  readonly separatorToken?: number;
}

/** One named input of the loss program: its type, and its shape for a micro-batch of [rows, length]. */
export interface InputSpec {
  readonly type: 'int32' | 'float32';
  readonly shape: (rows: number, length: number) => readonly number[];
}

export interface LossOutputs {
  /** [rows * length], nats per target position; 0 where the loss weight is 0. */
  readonly tokenLoss: Tensor;
  /** Scalar that is differentiated: already divided by what `weights` sums to over the step. */
  readonly loss: Tensor;
  /** Scalars to report, by name. */
  readonly metrics: Readonly<Record<string, Tensor>>;
}

export interface Objective {
  readonly kind: string;
  /** Parts of a model that the loss reads. */
  readonly needs: readonly (keyof ModelParts)[];
  readonly inputSpecs: Readonly<Record<string, InputSpec>>;
  /** Makes the named inputs of one micro-batch: [rows, length] each. */
  inputs(batch: WindowBatch, draw: Generator): NamedArrays;
  /** Adds the loss to the graph. `inverseWeight` is the scalar 1 / (sum of loss weights over the step). */
  loss(parts: ModelParts, inputs: Readonly<Record<string, Tensor>>, inverseWeight: Tensor): LossOutputs;
}
