/** Which documents a step was made of, and what the model made of each: for an error or a warning. */

import type { ShardDocument, WindowBatch } from '../shard/batch.ts';
import { placeOf, type TargetPlaces } from './loss-groups.ts';

/** A micro-batch with its losses. */
export interface ScoredBatch {
  readonly batch: WindowBatch;
  readonly tokenLoss: Float32Array;
  readonly lossWeight: ArrayLike<number>;
  readonly places: TargetPlaces;
}

export interface BatchDocument {
  readonly corpus: string;
  readonly id: string;
  readonly source: string;
  /** Half-open byte range in the (decompressed) source. */
  readonly bytes: readonly [number, number];
  /** Targets in the step. */
  readonly tokens: number;
  /** Nats per token; null where it is not finite. */
  readonly loss: number | null;
  readonly shard: number;
  /** Number of the token with the highest loss among those of the shard. */
  readonly token: number;
}

/** Every document that has a target in the step, the highest loss first; what is not finite is higher than all. */
export function batchDocuments(batches: readonly ScoredBatch[]): BatchDocument[] {
  const sums = new Map<string, Sum>();
  for (const { batch, tokenLoss, lossWeight, places } of batches) {
    const length = tokenLoss.length / batch.rows;
    const keys = batch.documents.map(keyOf);
    for (let at = 0; at < tokenLoss.length; at++) {
      if (lossWeight[at] === 0) continue;
      const row = Math.floor(at / length);
      const place = placeOf(places, batch.width, length, row, at - row * length);
      const index = batch.documentIndex[place]!;
      const document = batch.documents[index]!;
      const sum = sums.get(keys[index]!) ?? { document, nats: 0, tokens: 0, highest: -1, position: 0 };
      sums.set(keys[index]!, sum);
      const loss = tokenLoss[at]!;
      const height = Number.isFinite(loss) ? loss : Number.POSITIVE_INFINITY;
      if (height > sum.highest) {
        sum.highest = height;
        sum.position = batch.positions[place]!;
      }
      sum.nats += loss;
      sum.tokens += 1;
    }
  }
  return [...sums.values()].map(described).sort(higherFirst);
}

interface Sum {
  readonly document: ShardDocument;
  nats: number;
  tokens: number;
  highest: number;
  /** Of the token with the highest loss, in its document. */
  position: number;
}

/** The same document may be in several micro-batches, and an upsampled one several times in a shard. */
function keyOf({ corpus, id, shard, tokenRange }: ShardDocument): string {
  return JSON.stringify([corpus, id, shard, tokenRange[0]]);
}

function described({ document, nats, tokens, position }: Sum): BatchDocument {
  const { corpus, id, source, sourceRange, shard, tokenRange } = document;
  const mean = nats / tokens;
  return {
    ...{ corpus, id, source, bytes: sourceRange, tokens },
    loss: Number.isFinite(mean) ? mean : null,
    ...{ shard, token: tokenRange[0] + position },
  };
}

function higherFirst(a: BatchDocument, b: BatchDocument): number {
  const height = ({ loss }: BatchDocument) => loss ?? Number.MAX_VALUE;
  return height(b) - height(a) || b.tokens - a.tokens || (a.id < b.id ? -1 : 1);
}

/** Documents that are named; the others are counted. */
const NAMED = 8;

/** Lines that name the documents, and the command that tells where the worst token comes from. */
export function documentLines(
  documents: readonly BatchDocument[],
  trace: (place: { readonly shard: number; readonly token: number }) => string = defaultTrace,
): string[] {
  const lines = documents.slice(0, NAMED).map(({ corpus, id, source, bytes, tokens, loss }) => {
    const nats = loss === null ? 'loss not finite' : `${loss.toFixed(2)} nats a token`;
    return `  ${corpus}: ${id}, ${nats} over ${tokens} tokens; ${source}, bytes ${bytes[0]} to ${bytes[1]}`;
  });
  const more = documents.length - lines.length;
  const [worst] = documents;
  return [
    ...lines,
    ...(more > 0 ? [`  and ${more} more`] : []),
    ...(worst ? [`  where the first one comes from: ${trace(worst)}`] : []),
  ];
}

function defaultTrace({ shard, token }: { readonly shard: number; readonly token: number }): string {
  return `provender trace RUN --shard ${shard} --token ${token}`;
}
