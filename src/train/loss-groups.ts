/** The loss by properties of the documents, from the per-token loss that a step computes anyway. */

import { InvariantError } from '../core/errors.ts';
import type { ShardDocument, WindowBatch } from '../shard/batch.ts';

/** Sum of losses and number of targets of one group of tokens. */
export interface GroupLoss {
  nats: number;
  tokens: number;
}

/** Puts every document into one group. */
export interface Slicing {
  readonly name: string;
  group(document: ShardDocument): string;
}

export const BY_CORPUS: Slicing = { name: 'corpus', group: ({ corpus }) => corpus };

/**
 * Where in a window the target of input position 0 lies. Objectives that predict the token itself have it at the
 * same place, those that predict the next one a place further.
 */
export function targetOffset(objective: string): 0 | 1 {
  return predictsHidden(objective) ? 0 : 1;
}

/** Whether an objective predicts tokens that it hid: such a model gives no likelihood of a text. */
export function predictsHidden(objective: string): boolean {
  return objective === 'masked' || objective === 'next-sentence';
}

/**
 * Where in a batch's windows the targets lie: so many places after their inputs, or, for rows that are no windows,
 * [rows * length] an index into the batch's tokens for each target, -1 for what stands in no window.
 */
export type TargetPlaces = 0 | 1 | Int32Array;

/** The place of the target of position `t` of row `row`. */
export function placeOf(places: TargetPlaces, width: number, length: number, row: number, t: number): number {
  return typeof places === 'number' ? row * width + t + places : places[row * length + t]!;
}

/** Sums of one micro-batch, [documents of the batch] each. */
export interface DocumentLosses {
  readonly nats: Float64Array;
  readonly tokens: Float64Array;
}

/**
 * Sums the per-token losses [rows * length] by the document that the target belongs to; positions whose weight is 0
 * are left out. Throws an InvariantError for a target that belongs to no document: each is counted once.
 */
export function lossByDocument(
  batch: WindowBatch,
  tokenLoss: Float32Array,
  lossWeight: ArrayLike<number>,
  places: TargetPlaces,
): DocumentLosses {
  const { rows, width, documentIndex } = batch;
  const length = tokenLoss.length / rows;
  const nats = new Float64Array(batch.documents.length);
  const tokens = new Float64Array(batch.documents.length);
  for (let row = 0; row < rows; row++) {
    for (let t = 0; t < length; t++) {
      const at = row * length + t;
      if (lossWeight[at] === 0) continue;
      const document = documentIndex[placeOf(places, width, length, row, t)] ?? -1;
      if (document < 0) {
        throw new InvariantError(`the target at row ${row}, position ${t} belongs to no document`);
      }
      nats[document]! += tokenLoss[at]!;
      tokens[document]! += 1;
    }
  }
  return { nats, tokens };
}

/** Adds a micro-batch's losses to the groups of its documents. */
export function addLossByGroup(
  into: Map<string, GroupLoss>,
  documents: readonly ShardDocument[],
  { nats, tokens }: DocumentLosses,
  group: Slicing['group'],
): void {
  for (const [i, document] of documents.entries()) {
    if (tokens[i] === 0) continue;
    const name = group(document);
    const sum = into.get(name) ?? { nats: 0, tokens: 0 };
    sum.nats += nats[i]!;
    sum.tokens += tokens[i]!;
    into.set(name, sum);
  }
}

/** Loss in nats per token, by group in order of names. */
export function meanLosses(
  sums: ReadonlyMap<string, GroupLoss>,
): Record<string, { loss: number; tokens: number }> {
  const sorted = [...sums].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    sorted.map(([name, { nats, tokens }]) => [name, { loss: nats / tokens, tokens }]),
  );
}

/**
 * Tokens of the windows' target side by corpus: each token of the data counts once however windows overlap, padding
 * does not. Gives their sum.
 */
export function addTokensByCorpus(into: Record<string, number>, batch: WindowBatch): number {
  const counts = new Float64Array(batch.documents.length);
  for (let row = 0; row < batch.rows; row++) {
    for (let t = 1; t < batch.width; t++) {
      const document = batch.documentIndex[row * batch.width + t]!;
      if (document >= 0) counts[document]! += 1;
    }
  }
  for (const [i, { corpus }] of batch.documents.entries()) {
    if (counts[i]! > 0) into[corpus] = (into[corpus] ?? 0) + counts[i]!;
  }
  return counts.reduce((sum, count) => sum + count, 0);
}
