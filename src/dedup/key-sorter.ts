import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { classifySystemError } from '../core/errors.ts';
import {
  chunkWords,
  type EntryVisitor,
  Group,
  type GroupVisitor,
  type KeyStream,
  MemoryStream,
  mergeStreams,
  type Run,
  RunReader,
} from './key-streams.ts';

/** Entries that are sorted without the disk: with their order, 80 MB of keys of two words. */
export const SORTED_IN_MEMORY = 1 << 22;

/** What else takes part in a grouping. */
export interface GroupOptions {
  /** Sorted entries from elsewhere, of documents that were not added here; the caller closes them. */
  readonly others?: readonly KeyStream[];
  /** Called with every entry that was added here, in the order of (key, document). */
  readonly each?: EntryVisitor;
}

/**
 * Groups documents by key: keys of `keyWords` 32-bit words, added by ascending document. Sorts in memory up to
 * `budget` entries, beyond that in runs on the disk that are merged with large reads.
 */
export class KeySorter {
  private readonly keyWords: number;
  private readonly budget: number;
  private readonly folder: string;
  private keys: Uint32Array;
  private documents: Uint32Array;
  private used = 0;
  private readonly runs: Run[] = [];
  /** One more than the highest document added. */
  private bound = 0;

  /** @param expected entries that will be added, to size the buffers */
  constructor(keyWords: number, folder: string, expected: number, budget = SORTED_IN_MEMORY) {
    this.keyWords = keyWords;
    this.folder = folder;
    this.budget = Math.max(1, budget);
    const capacity = Math.max(1, Math.min(expected, this.budget));
    this.keys = new Uint32Array(capacity * keyWords);
    this.documents = new Uint32Array(capacity);
  }

  /** Adds the key in words [at, at + keyWords) of `words`. */
  add(words: Uint32Array, at: number, document: number): void {
    if (this.used === this.documents.length) this.makeRoom();
    const base = this.used * this.keyWords;
    for (let w = 0; w < this.keyWords; w++) this.keys[base + w] = words[at + w]!;
    this.documents[this.used++] = document;
    if (document >= this.bound) this.bound = document + 1;
  }

  /** Calls `visit` for each key that more than one document has. The sorter is empty afterwards. */
  groups(visit: GroupVisitor, { others = [], each }: GroupOptions = {}): void {
    if (this.runs.length === 0 && others.length === 0 && !each) {
      this.groupsInMemory(visit);
      this.used = 0;
      return;
    }
    const own: KeyStream[] = [];
    try {
      if (this.runs.length === 0) own.push(this.sorted());
      else {
        this.spill();
        for (const run of this.runs) own.push(new RunReader(run, this.keyWords + 1));
      }
      mergeStreams([...own, ...others], this.keyWords, visit, each && { visit: each, fresh: this.bound });
    } finally {
      for (const stream of own) stream.close();
      this.dispose();
    }
  }

  /** Removes what lies on the disk. */
  dispose(): void {
    for (const run of this.runs) rmSync(run.path, { force: true });
    this.runs.length = 0;
    this.used = 0;
    this.bound = 0;
  }

  private sorted(): MemoryStream {
    const { keys, documents, keyWords, used } = this;
    return new MemoryStream(keys, documents, sortedOrder(keys, keyWords, used), keyWords);
  }

  private makeRoom(): void {
    const capacity = this.documents.length;
    if (capacity >= this.budget) {
      this.spill();
      return;
    }
    const next = Math.min(this.budget, capacity * 2);
    const keys = new Uint32Array(next * this.keyWords);
    keys.set(this.keys);
    const documents = new Uint32Array(next);
    documents.set(this.documents);
    this.keys = keys;
    this.documents = documents;
  }

  private groupsInMemory(visit: GroupVisitor): void {
    const { keys, documents, keyWords } = this;
    const order = sortedOrder(keys, keyWords, this.used);
    let start = 0;
    const group = new Group();
    for (let i = 1; i <= this.used; i++) {
      if (i < this.used && compareKeys(keys, order[i]!, order[start]!, keyWords) === 0) continue;
      if (i - start > 1) {
        group.clear();
        for (let k = start; k < i; k++) group.push(documents[order[k]!]!);
        visit(group.view());
      }
      start = i;
    }
  }

  /** Writes what is in memory as a run, a chunk at a time. */
  private spill(): void {
    if (this.used === 0) return;
    const { keyWords, used } = this;
    const path = join(this.folder, `run-${this.runs.length}.tmp`);
    const checksums: number[] = [];
    this.runs.push({ path, entries: used, checksums });
    const stream = this.sorted();
    const chunk = new Uint32Array(Math.min(chunkWords(keyWords + 1), used * (keyWords + 1)));
    const bytes = Buffer.from(chunk.buffer);
    try {
      const file = openSync(path, 'w');
      const put = (length: number): void => {
        const part = bytes.subarray(0, length * 4);
        checksums.push(crc32(part));
        for (let done = 0; done < part.length; ) done += writeSync(file, part, done);
      };
      try {
        let filled = 0;
        while (stream.next()) {
          for (let w = 0; w <= keyWords; w++) chunk[filled++] = stream.words[w]!;
          if (filled === chunk.length) {
            put(filled);
            filled = 0;
          }
        }
        if (filled > 0) put(filled);
      } finally {
        closeSync(file);
      }
    } catch (error) {
      throw classifySystemError(error, { file: path });
    }
    this.used = 0;
  }
}

function compareKeys(keys: Uint32Array, a: number, b: number, keyWords: number): number {
  for (let w = 0; w < keyWords; w++) {
    const x = keys[a * keyWords + w]!;
    const y = keys[b * keyWords + w]!;
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

/**
 * Indexes of the first n keys in the order of (key, index): three stable radix passes over the first word, then a
 * comparison sort of the few runs that are equal in it.
 */
export function sortedOrder(keys: Uint32Array, keyWords: number, n: number): Uint32Array {
  let order = new Uint32Array(n);
  let other = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  const counts = new Uint32Array(2048);
  for (const shift of [0, 11, 22]) {
    counts.fill(0);
    for (let i = 0; i < n; i++) counts[(keys[i * keyWords]! >>> shift) & 2047]!++;
    let sum = 0;
    for (let digit = 0; digit < 2048; digit++) {
      const count = counts[digit]!;
      counts[digit] = sum;
      sum += count;
    }
    for (let i = 0; i < n; i++) {
      const index = order[i]!;
      other[counts[(keys[index * keyWords]! >>> shift) & 2047]!++] = index;
    }
    [order, other] = [other, order];
  }
  if (keyWords === 1) return order;
  for (let start = 0; start < n; ) {
    const first = keys[order[start]! * keyWords]!;
    let end = start + 1;
    let sorted = true;
    while (end < n && keys[order[end]! * keyWords] === first) {
      if (compareKeys(keys, order[end - 1]!, order[end]!, keyWords) > 0) sorted = false;
      end++;
    }
    // The passes were stable, so equal keys already stand by index: a run of copies needs no sort.
    if (!sorted) order.subarray(start, end).sort((a, b) => compareKeys(keys, a, b, keyWords) || a - b);
    start = end;
  }
  return order;
}
