import { IntegrityError, InvariantError } from '../core/errors.ts';
import { CountReader, type CountSource } from './count-file.ts';
import type { PreTokenCounts } from './counts.ts';

function compare(a: CountReader, b: CountReader): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) if (a.bytes[i] !== b.bytes[i]) return a.bytes[i]! - b.bytes[i]!;
  return a.length - b.length;
}

/** Readers as a binary heap, least record first. */
class ReaderHeap {
  readonly #heap: CountReader[] = [];

  push(reader: CountReader): void {
    const heap = this.#heap;
    let i = heap.push(reader) - 1;
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (compare(heap[up]!, reader) <= 0) break;
      heap[i] = heap[up]!;
      i = up;
    }
    heap[i] = reader;
  }

  get first(): CountReader | undefined {
    return this.#heap[0];
  }

  /** Moves the first reader to its next record and back into order. */
  advanceFirst(): void {
    const heap = this.#heap;
    let reader = heap[0]!;
    if (!reader.next()) {
      const last = heap.pop()!;
      if (heap.length === 0) return;
      reader = last;
    }
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && compare(heap[child + 1]!, heap[child]!) < 0) child++;
      if (compare(reader, heap[child]!) <= 0) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = reader;
  }
}

class Columns {
  size = 0;
  length = 0;
  arena: Uint8Array;
  ends = new Uint32Array(1 << 12);
  counts = new Float64Array(1 << 12);

  constructor(capacity: number) {
    this.arena = new Uint8Array(capacity);
  }

  isLast(r: CountReader): boolean {
    if (this.size === 0) return false;
    const start = this.size === 1 ? 0 : this.ends[this.size - 2]!;
    if (this.length - start !== r.length) return false;
    for (let i = 0; i < r.length; i++) if (this.arena[start + i] !== r.bytes[i]) return false;
    return true;
  }

  push(r: CountReader): void {
    if (this.length + r.length > this.arena.length) {
      const grown = new Uint8Array(Math.max(this.arena.length * 2, this.length + r.length));
      grown.set(this.arena.subarray(0, this.length));
      this.arena = grown;
    }
    if (this.size === this.ends.length) {
      const ends = new Uint32Array(this.size * 2);
      ends.set(this.ends);
      this.ends = ends;
      const counts = new Float64Array(this.size * 2);
      counts.set(this.counts);
      this.counts = counts;
    }
    for (let i = 0; i < r.length; i++) this.arena[this.length + i] = r.bytes[i]!;
    this.length += r.length;
    this.ends[this.size] = this.length;
    this.counts[this.size++] = r.count;
  }
}

/**
 * Adds counts files up, in any order and partition: those on the disk piece by piece. Throws IntegrityError on a file that is damaged or was counted with
 * another pre-tokenizer or normalizer than the first.
 */
export function mergeCounts(files: Iterable<CountSource>): PreTokenCounts {
  const heap = new ReaderHeap();
  let first: CountReader | undefined;
  let preTokens = 0;
  let bytes = 0;
  let n = 0;
  for (const file of files) {
    const where = file instanceof Uint8Array ? `counts file ${n++}` : file.path;
    const reader = new CountReader(file, where);
    first ??= reader;
    for (const key of ['preTokenizer', 'normalizer'] as const)
      if (reader.header[key] !== first.header[key])
        throw new IntegrityError(`counted with another ${key}`, {
          file: where,
          expected: first.header[key],
          found: reader.header[key],
        });
    preTokens += reader.header.preTokens;
    bytes += reader.header.bytes;
    if (reader.next()) heap.push(reader);
  }
  if (!first) throw new IntegrityError('there are no counts files to merge');
  const columns = new Columns(1 << 16);
  for (let r = heap.first; r; r = heap.first) {
    if (columns.isLast(r)) columns.counts[columns.size - 1]! += r.count;
    else columns.push(r);
    heap.advanceFirst();
  }
  let total = 0;
  for (let i = 0; i < columns.size; i++) total += columns.counts[i]!;
  if (total !== preTokens)
    throw new InvariantError('pre-token counts do not add up', {
      expected: String(preTokens),
      found: String(total),
    });
  const { preTokenizer, normalizer } = first.header;
  const { size, arena, ends, counts } = columns;
  return { preTokenizer, normalizer, preTokens, bytes, size, arena, ends, counts };
}
