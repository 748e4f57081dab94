import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { classifySystemError, IntegrityError } from '../core/errors.ts';

/** Bytes read at once from each run of a merge; small reads cost datatrove's second stage 65 minutes for 99 s. */
const READ_BYTES = 1 << 20;

/** Documents with the same key, ascending; valid only during the call. */
export type GroupVisitor = (documents: Uint32Array) => void;

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
  private readonly runs: { path: string; entries: number }[] = [];

  /** @param expected entries that will be added, to size the buffers */
  constructor(keyWords: number, folder: string, expected: number, budget = 1 << 23) {
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
  }

  /** Calls `visit` for each key that more than one document has. The sorter is empty afterwards. */
  groups(visit: GroupVisitor): void {
    if (this.runs.length === 0) {
      this.groupsInMemory(visit);
      this.used = 0;
      return;
    }
    try {
      this.spill();
      this.merge(visit);
    } finally {
      this.dispose();
    }
  }

  /** Removes what lies on the disk. */
  dispose(): void {
    for (const run of this.runs) rmSync(run.path, { force: true });
    this.runs.length = 0;
    this.used = 0;
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

  private spill(): void {
    if (this.used === 0) return;
    const { keys, documents, keyWords, used } = this;
    const order = sortedOrder(keys, keyWords, used);
    const words = keyWords + 1;
    const out = new Uint32Array(used * words);
    for (let i = 0, at = 0; i < used; i++) {
      const from = order[i]!;
      for (let w = 0; w < keyWords; w++) out[at++] = keys[from * keyWords + w]!;
      out[at++] = documents[from]!;
    }
    const path = join(this.folder, `run-${this.runs.length}.tmp`);
    this.runs.push({ path, entries: used });
    try {
      const file = openSync(path, 'w');
      try {
        const bytes = Buffer.from(out.buffer);
        let done = 0;
        while (done < bytes.length)
          done += writeSync(file, bytes, done, Math.min(1 << 26, bytes.length - done));
      } finally {
        closeSync(file);
      }
    } catch (error) {
      throw classifySystemError(error, { file: path });
    }
    this.used = 0;
  }

  private merge(visit: GroupVisitor): void {
    const words = this.keyWords + 1;
    const readers = this.runs.map((run) => new RunReader(run.path, run.entries, words));
    try {
      mergeRuns(readers, this.keyWords, visit);
    } finally {
      for (const reader of readers) reader.close();
    }
  }
}

/** Walks the runs in the order of (key, run); documents ascend with the runs, so each group comes out ascending. */
function mergeRuns(readers: RunReader[], keyWords: number, visit: GroupVisitor): void {
  const heap = readers.filter((reader) => reader.next());
  const before = (a: RunReader, b: RunReader): boolean => {
    for (let w = 0; w < keyWords; w++) {
      const x = a.words[a.at + w]!;
      const y = b.words[b.at + w]!;
      if (x !== y) return x < y;
    }
    return a.words[a.at + keyWords]! < b.words[b.at + keyWords]!;
  };
  const sift = (from: number): void => {
    let i = from;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) return;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, heap[i]!)) return;
      const swap = heap[i]!;
      heap[i] = heap[child]!;
      heap[child] = swap;
      i = child;
    }
  };
  for (let i = (heap.length >> 1) - 1; i >= 0; i--) sift(i);
  const key = new Uint32Array(keyWords);
  const group = new Group();
  while (heap.length > 0) {
    const top = heap[0]!;
    let same = group.length > 0;
    for (let w = 0; same && w < keyWords; w++) same = top.words[top.at + w] === key[w];
    if (!same) {
      if (group.length > 1) visit(group.view());
      group.clear();
      for (let w = 0; w < keyWords; w++) key[w] = top.words[top.at + w]!;
    }
    group.push(top.words[top.at + keyWords]!);
    if (!top.next()) {
      const last = heap.pop()!;
      if (heap.length > 0) heap[0] = last;
    }
    sift(0);
  }
  if (group.length > 1) visit(group.view());
}

class Group {
  length = 0;
  private items = new Uint32Array(1024);

  clear(): void {
    this.length = 0;
  }

  push(item: number): void {
    if (this.length === this.items.length) {
      const grown = new Uint32Array(this.length * 2);
      grown.set(this.items);
      this.items = grown;
    }
    this.items[this.length++] = item;
  }

  view(): Uint32Array {
    return this.items.subarray(0, this.length);
  }
}

/** Entries of one sorted run, a mebibyte at a time. */
class RunReader {
  words: Uint32Array;
  at: number;
  private readonly path: string;
  private readonly file: number;
  private readonly entryWords: number;
  private left: number;
  private filled = 0;
  private offset = 0;

  constructor(path: string, entries: number, entryWords: number) {
    this.path = path;
    this.entryWords = entryWords;
    this.left = entries;
    this.words = new Uint32Array(Math.floor(READ_BYTES / 4 / entryWords) * entryWords);
    this.at = -entryWords;
    this.file = openSync(path, 'r');
  }

  /** Steps to the next entry; false at the end. */
  next(): boolean {
    this.at += this.entryWords;
    if (this.at < this.filled) return true;
    if (this.left === 0) return false;
    const want = Math.min(this.words.length, this.left * this.entryWords) * 4;
    const bytes = Buffer.from(this.words.buffer, 0, want);
    let done = 0;
    while (done < want) {
      const n = readSync(this.file, bytes, done, want - done, this.offset + done);
      if (n === 0) {
        throw new IntegrityError('truncated run', {
          file: this.path,
          offset: this.offset + done,
          expected: `${want - done} more bytes`,
          found: 'the end',
        });
      }
      done += n;
    }
    this.offset += want;
    this.filled = want / 4;
    this.left -= this.filled / this.entryWords;
    this.at = 0;
    return true;
  }

  close(): void {
    closeSync(this.file);
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
