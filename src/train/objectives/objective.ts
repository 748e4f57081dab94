/** An objective: what a batch of windows asks of a model, and how the answer is scored. */

import type { WindowBatch } from '../../shard/batch.ts';
import type { Tensor } from '../graph/tensor.ts';
import { type TargetPlaces, targetOffset } from '../loss-groups.ts';
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
  /** Whether a token begins a word; masking whole words needs it. */
  readonly startsWord?: (token: number) => boolean;
  /** Ids before the first and after each sentence of a pair; the next-sentence objective needs them. */
  readonly classToken?: number;
  readonly separatorToken?: number;
}

/** One named input of the loss program: its type, and its shape for a micro-batch of [rows, length]. */
export interface InputSpec {
  readonly type: 'int32' | 'float32';
  readonly shape: (rows: number, length: number) => readonly number[];
  /** Its values are places in [rows * length]. */
  readonly isPlace?: boolean;
}

export interface LossOutputs {
  /** [rows * length], nats per target position; 0 where the loss weight is 0. */
  readonly tokenLoss: Tensor;
  /** Scalar that is differentiated: already divided by what `weights` sums to over the step. */
  readonly loss: Tensor;
  /** Scalars to report, by name: this micro-batch's share of the step, as `loss` is. */
  readonly metrics: Readonly<Record<string, Tensor>>;
}

export interface Objective {
  readonly kind: string;
  /** Parts of a model that the loss reads. */
  readonly needs: readonly (keyof ModelParts)[];
  /** No token sees one behind it in its row, whatever else the inputs say: attention leaves out what nobody sees. */
  readonly causal?: boolean;
  /** What a row costs depends on the other rows, as in contrastive learning: they are not taken apart. */
  readonly comparesRows?: boolean;
  readonly inputSpecs: Readonly<Record<string, InputSpec>>;
  /** Makes the named inputs of one micro-batch: [rows, length] each. */
  inputs(batch: WindowBatch, draw: Generator): NamedArrays;
  /**
   * Where the targets of those inputs lie in the batch, for an objective whose rows are not the windows themselves.
   * `draw` begins where it began for `inputs`.
   */
  targetPlaces?(batch: WindowBatch, draw: Generator): Int32Array;
  /** Adds the loss to the graph. `inverseWeight` is the scalar 1 / (sum of loss weights over the step). */
  loss(parts: ModelParts, inputs: Readonly<Record<string, Tensor>>, inverseWeight: Tensor): LossOutputs;
}

export function targetPlacesOf(
  objective: Pick<Objective, 'kind' | 'targetPlaces'>,
  batch: WindowBatch,
  draw: Generator,
): TargetPlaces {
  return objective.targetPlaces?.(batch, draw) ?? targetOffset(objective.kind);
}
