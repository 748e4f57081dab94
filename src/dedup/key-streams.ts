import { closeSync, openSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { IntegrityError } from '../core/errors.ts';

/** Bytes read at once from each run of a merge; small reads cost datatrove's second stage 65 minutes for 99 s. */
export const CHUNK_BYTES = 1 << 20;

/** Entries in the order of (key, document): `words[at ..]` holds the key's words, then the document's number. */
export interface KeyStream {
  readonly words: Uint32Array;
  readonly at: number;
  /** Steps to the next entry; false at the end. */
  next(): boolean;
  close(): void;
}

/** Documents with the same key, ascending; valid only during the call. */
export type GroupVisitor = (documents: Uint32Array) => void;

/** Called with every entry that is below `GroupOptions.fresh`, in order. */
export type EntryVisitor = (words: Uint32Array, at: number) => void;

/** Calls `visit` for each key that more than one entry of the streams has, and `each` for every entry. */
export function mergeStreams(
  streams: readonly KeyStream[],
  keyWords: number,
  visit: GroupVisitor,
  each?: { visit: EntryVisitor; fresh: number },
): void {
  const heap = streams.filter((stream) => stream.next());
  const before = (a: KeyStream, b: KeyStream): boolean => {
    for (let w = 0; w <= keyWords; w++) {
      const x = a.words[a.at + w]!;
      const y = b.words[b.at + w]!;
      if (x !== y) return x < y;
    }
    return false;
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
    const document = top.words[top.at + keyWords]!;
    group.push(document);
    if (each && document < each.fresh) each.visit(top.words, top.at);
    if (!top.next()) {
      const last = heap.pop()!;
      if (heap.length > 0) heap[0] = last;
    }
    sift(0);
  }
  if (group.length > 1) visit(group.view());
}

/** A list of documents that grows and is used again. */
export class Group {
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

/** Sorted entries that lie in memory as keys, documents and an order. */
export class MemoryStream implements KeyStream {
  readonly words: Uint32Array;
  readonly at = 0;
  private readonly keys: Uint32Array;
  private readonly documents: Uint32Array;
  private readonly order: Uint32Array;
  private readonly keyWords: number;
  private place = 0;

  constructor(keys: Uint32Array, documents: Uint32Array, order: Uint32Array, keyWords: number) {
    this.keys = keys;
    this.documents = documents;
    this.order = order;
    this.keyWords = keyWords;
    this.words = new Uint32Array(keyWords + 1);
  }

  next(): boolean {
    if (this.place === this.order.length) return false;
    const { words, keys, keyWords } = this;
    const from = this.order[this.place++]!;
    for (let w = 0; w < keyWords; w++) words[w] = keys[from * keyWords + w]!;
    words[keyWords] = this.documents[from]!;
    return true;
  }

  close(): void {}
}

/** One sorted run on the disk: written and read by the same job, a chunk at a time, each chunk with its checksum. */
export interface Run {
  readonly path: string;
  readonly entries: number;
  readonly checksums: readonly number[];
}

/** Words a chunk: whole entries, about a mebibyte. */
export function chunkWords(entryWords: number): number {
  return Math.floor(CHUNK_BYTES / 4 / entryWords) * entryWords;
}

/** Entries of a run. @throws IntegrityError where the file is shorter than it was, or other bytes are in it */
export class RunReader implements KeyStream {
  readonly words: Uint32Array;
  at: number;
  private readonly run: Run;
  private readonly file: number;
  private readonly entryWords: number;
  private left: number;
  private filled = 0;
  private offset = 0;
  private chunk = 0;

  constructor(run: Run, entryWords: number) {
    this.run = run;
    this.entryWords = entryWords;
    this.left = run.entries;
    this.words = new Uint32Array(chunkWords(entryWords));
    this.at = -entryWords;
    this.file = openSync(run.path, 'r');
  }

  next(): boolean {
    this.at += this.entryWords;
    if (this.at < this.filled) return true;
    if (this.left === 0) return false;
    this.readChunk();
    return true;
  }

  close(): void {
    closeSync(this.file);
  }

  private readChunk(): void {
    const want = Math.min(this.words.length, this.left * this.entryWords) * 4;
    const bytes = Buffer.from(this.words.buffer, 0, want);
    for (let done = 0; done < want; ) {
      const n = readSync(this.file, bytes, done, want - done, this.offset + done);
      if (n === 0) throw this.damage('truncated run', done, `${want - done} more bytes`, 'the end');
      done += n;
    }
    const expected = this.run.checksums[this.chunk++]!;
    const found = crc32(bytes);
    if (found !== expected)
      throw this.damage('damaged run', 0, `checksum ${expected.toString(16)}`, found.toString(16));
    this.offset += want;
    this.filled = want / 4;
    this.left -= this.filled / this.entryWords;
    this.at = 0;
  }

  private damage(what: string, at: number, expected: string, found: string): IntegrityError {
    return new IntegrityError(what, { file: this.run.path, offset: this.offset + at, expected, found });
  }
}
