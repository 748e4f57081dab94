import type { ShardDocument, WindowBatch } from './batch.ts';
import { lastAtMost, type ShardFile } from './shard-file.ts';
import type { Piece } from './window-plan.ts';

/** 0, 1, 2, ...: positions are copied from here. */
const COUNTING = Int32Array.from({ length: 1 << 16 }, (_, i) => i);

function count(out: Int32Array, at: number, n: number, first: number): void {
  if (first + n <= COUNTING.length) out.set(COUNTING.subarray(first, first + n), at);
  else for (let i = 0; i < n; i++) out[at + i] = first + i;
}

/** The shards of one split as one sequence of tokens. */
export class TokenSequence {
  readonly shards: readonly ShardFile[];
  readonly tokens: number;
  /** [shards + 1] first token of each shard in the sequence. */
  readonly bases: Float64Array;

  constructor(shards: readonly ShardFile[]) {
    this.shards = shards;
    this.bases = new Float64Array(shards.length + 1);
    shards.forEach((shard, i) => {
      this.bases[i + 1] = this.bases[i]! + shard.header.tokens;
    });
    this.tokens = this.bases[shards.length]!;
  }

  /** Index of the shard that holds token `at` of the sequence. */
  shardAt(at: number): number {
    return lastAtMost(this.bases, this.shards.length, at);
  }

  /** Windows of `width` tokens from each of `starts`, with the documents that they touch. `spent`: gives its memory up. */
  windows(starts: readonly number[], width: number, spent?: WindowBatch): WindowBatch {
    const batch = emptyBatch(starts.length, width, spent);
    const known: Map<number, number>[] = [];
    for (let row = 0; row < starts.length; row++) {
      this.fill(batch, row * width, { start: starts[row]!, length: width }, 0, known);
    }
    return batch;
  }

  /** Windows that pieces fill from the left; what is left of a window is `padding`. */
  packed(
    rows: readonly (readonly Piece[])[],
    width: number,
    padding: number,
    spent?: WindowBatch,
  ): WindowBatch {
    const batch = emptyBatch(rows.length, width, spent);
    const known: Map<number, number>[] = [];
    for (const [row, pieces] of rows.entries()) {
      let at = row * width;
      let segment = 0;
      for (const piece of pieces) {
        segment = this.fill(batch, at, piece, segment, known);
        at += piece.length;
      }
      const end = (row + 1) * width;
      batch.tokens.fill(padding, at, end);
      batch.segments.fill(-1, at, end);
      batch.documentIndex.fill(-1, at, end);
      count(batch.positions, at, end - at, 0);
    }
    return batch;
  }

  /** Fills the columns from `at` on with a piece, segments counting from `segment`; gives the next segment. */
  private fill(
    batch: GrowingBatch,
    first: number,
    { start, length }: Piece,
    firstSegment: number,
    known: Map<number, number>[],
  ): number {
    const { tokens, segments, positions, documentIndex, documents } = batch;
    let at = first;
    const end = at + length;
    let s = this.shardAt(start);
    let from = start - this.bases[s]!;
    let segment = firstSegment;
    while (at < end) {
      const shard = this.shards[s]!;
      const { starts } = shard;
      // A map a shard keeps the keys small integers, which are not allocated.
      const seen = (known[s] ??= new Map());
      const stop = Math.min(shard.header.tokens, from + end - at);
      shard.copyTokens(from, stop - from, tokens, at);
      for (let d = shard.documentAt(from); from < stop; d++) {
        const documentStart = starts[d]!;
        const n = Math.min(stop, starts[d + 1]!) - from;
        if (n === 0) continue;
        let index = seen.get(d);
        if (index === undefined) {
          index = documents.length;
          seen.set(d, index);
          documents.push(shard.document(d));
        }
        segments.fill(segment++, at, at + n);
        documentIndex.fill(index, at, at + n);
        count(positions, at, n, from - documentStart);
        from += n;
        at += n;
      }
      s++;
      from = 0;
    }
    return segment;
  }
}

type GrowingBatch = WindowBatch & { documents: ShardDocument[] };

function emptyBatch(rows: number, width: number, spent: WindowBatch | undefined): GrowingBatch {
  const size = rows * width;
  if (spent?.tokens.length === size) {
    const { tokens, segments, positions, documentIndex } = spent;
    return { rows, width, tokens, segments, positions, documentIndex, documents: [] };
  }
  // One allocation for four arrays, and not cleared: whoever fills it writes every element.
  const memory = Buffer.allocUnsafeSlow(16 * size).buffer;
  return {
    rows,
    width,
    tokens: new Int32Array(memory, 0, size),
    segments: new Int32Array(memory, 4 * size, size),
    positions: new Int32Array(memory, 8 * size, size),
    documentIndex: new Int32Array(memory, 12 * size, size),
    documents: [],
  };
}
