import { closeSync, openSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { classifySystemError, IntegrityError } from '../../core/errors.ts';
import { FileWriter } from '../../core/files.ts';

/** Below this many records a comparing sort is faster than radix passes over 65,536 counters. */
const RADIX_FROM = 1 << 14;
const READ_BYTES = 1 << 16;

/** Records of `width` 32-bit words, one after the other in a file. */
export class RecordWriter {
  private readonly file: FileWriter;

  constructor(path: string) {
    this.file = new FileWriter(path, 1 << 16);
  }

  add(record: Uint32Array): void {
    this.file.add(new Uint8Array(record.buffer, record.byteOffset, record.byteLength));
  }

  finish(): void {
    this.file.finish();
  }

  abandon(): void {
    this.file.abandon();
  }
}

/** Reads records in order; `record` is the one under way, `undefined` after the last. */
export class RecordReader {
  private readonly path: string;
  private readonly width: number;
  private readonly descriptor: number;
  private readonly block: Uint32Array;
  private filled = 0;
  private at = 0;
  private isClosed = false;
  record: Uint32Array | undefined;

  constructor(path: string, width: number) {
    this.path = path;
    this.width = width;
    this.block = new Uint32Array(Math.max(1, Math.floor(READ_BYTES / 4 / width)) * width);
    try {
      this.descriptor = openSync(path, 'r');
    } catch (error) {
      throw classifySystemError(error, { file: path });
    }
    this.next();
  }

  /** Moves to the next record: a view that is valid until the next call. */
  next(): void {
    if (this.at >= this.filled) this.fill();
    if (this.filled === 0) {
      this.record = undefined;
      this.close();
      return;
    }
    this.record = this.block.subarray(this.at, this.at + this.width);
    this.at += this.width;
  }

  close(): void {
    if (!this.isClosed) closeSync(this.descriptor);
    this.isClosed = true;
  }

  private fill(): void {
    this.at = 0;
    this.filled = 0;
    if (this.isClosed) return;
    const bytes = new Uint8Array(this.block.buffer);
    let got = 0;
    for (let n = 1; n > 0 && got < bytes.length; got += n)
      n = readSync(this.descriptor, bytes, got, bytes.length - got, null);
    if (got % (this.width * 4) !== 0)
      throw new IntegrityError('a file of records ends inside one', {
        file: this.path,
        expected: `a multiple of ${this.width * 4} bytes`,
        found: `${got} bytes in the last block`,
      });
    this.filled = got / 4;
  }
}

export interface SorterOptions {
  readonly folder: string;
  readonly name: string;
  /** 32-bit words of a record. */
  readonly width: number;
  /** Columns to sort by, the most important first. */
  readonly keys: readonly number[];
  /** A column that is added up where all keys are equal; without it equal records all stay. */
  readonly sum?: number;
  /** Records in memory before they are spilled to disk. */
  readonly capacity: number;
}

/** Sorts any number of records in bounded memory: sorted runs on disk, merged. */
export class RecordSorter {
  private readonly options: SorterOptions;
  private readonly buffer: Uint32Array;
  private used = 0;
  private readonly runs: string[] = [];

  constructor(options: SorterOptions) {
    this.options = options;
    this.buffer = new Uint32Array(options.capacity * options.width);
  }

  add(record: Uint32Array): void {
    const { width, capacity } = this.options;
    if (this.used === capacity) this.spill();
    this.buffer.set(record, this.used * width);
    this.used++;
  }

  /** The records in order, equal ones added up: each valid until the next. Called once. */
  *sorted(): Generator<Uint32Array> {
    if (this.runs.length === 0) {
      yield* this.fromMemory();
      return;
    }
    if (this.used > 0) this.spill();
    yield* this.merged();
  }

  dispose(): void {
    for (const path of this.runs) rmSync(path, { force: true });
  }

  private compare(a: Uint32Array, i: number, b: Uint32Array, j: number): number {
    for (const key of this.options.keys) {
      const x = a[i + key]!;
      const y = b[j + key]!;
      if (x !== y) return x < y ? -1 : 1;
    }
    return 0;
  }

  private spill(): void {
    const path = join(this.options.folder, `${this.options.name}-${this.runs.length}.run`);
    this.runs.push(path);
    const writer = new RecordWriter(path);
    try {
      for (const record of this.fromMemory()) writer.add(record);
      writer.finish();
    } finally {
      writer.abandon();
    }
    this.used = 0;
  }

  private *fromMemory(): Generator<Uint32Array> {
    const { width, sum } = this.options;
    const order = this.order();
    const record = new Uint32Array(width);
    for (let k = 0; k < order.length; ) {
      const at = order[k]! * width;
      record.set(this.buffer.subarray(at, at + width));
      k++;
      if (sum !== undefined)
        for (; k < order.length && this.compare(this.buffer, order[k]! * width, record, 0) === 0; k++)
          record[sum]! += this.buffer[order[k]! * width + sum]!;
      yield record;
    }
  }

  /** Indexes of the records in memory, sorted. */
  private order(): Uint32Array {
    const { width, keys } = this.options;
    const { buffer, used } = this;
    let order = Uint32Array.from({ length: used }, (_, i) => i);
    if (used < RADIX_FROM)
      return order.sort((a, b) => this.compare(buffer, a * width, buffer, b * width) || a - b);
    let other = new Uint32Array(used);
    const counts = new Uint32Array(1 << 16);
    for (const key of [...keys].reverse())
      for (const shift of [0, 16]) {
        counts.fill(0);
        for (let i = 0; i < used; i++) counts[(buffer[i * width + key]! >>> shift) & 0xffff]!++;
        if (counts[(buffer[key]! >>> shift) & 0xffff] === used) continue;
        for (let digit = 0, total = 0; digit < counts.length; digit++) {
          const count = counts[digit]!;
          counts[digit] = total;
          total += count;
        }
        for (let i = 0; i < used; i++) {
          const index = order[i]!;
          other[counts[(buffer[index * width + key]! >>> shift) & 0xffff]!++] = index;
        }
        [order, other] = [other, order];
      }
    return order;
  }

  private *merged(): Generator<Uint32Array> {
    const { width, sum } = this.options;
    const readers = this.runs.map((path) => new RecordReader(path, width));
    try {
      const heap = new RunHeap(readers, (a, b) => this.compare(a, 0, b, 0));
      const record = new Uint32Array(width);
      for (let top = heap.top(); top; ) {
        record.set(top);
        heap.advance();
        top = heap.top();
        if (sum !== undefined)
          for (; top && this.compare(top, 0, record, 0) === 0; top = heap.top()) {
            record[sum]! += top[sum]!;
            heap.advance();
          }
        yield record;
      }
    } finally {
      for (const reader of readers) reader.close();
    }
  }
}

/** The run with the smallest record on top; ties by the run's number. */
class RunHeap {
  private readonly readers: readonly RecordReader[];
  private readonly compare: (a: Uint32Array, b: Uint32Array) => number;
  private readonly heap: number[] = [];

  constructor(readers: readonly RecordReader[], compare: (a: Uint32Array, b: Uint32Array) => number) {
    this.readers = readers;
    this.compare = compare;
    readers.forEach((reader, i) => {
      if (reader.record) this.heap.push(i);
    });
    for (let i = (this.heap.length >> 1) - 1; i >= 0; i--) this.sink(i);
  }

  top(): Uint32Array | undefined {
    return this.heap.length > 0 ? this.readers[this.heap[0]!]!.record : undefined;
  }

  advance(): void {
    const reader = this.readers[this.heap[0]!]!;
    reader.next();
    if (!reader.record) {
      const last = this.heap.pop()!;
      if (this.heap.length === 0) return;
      this.heap[0] = last;
    }
    this.sink(0);
  }

  private isBefore(a: number, b: number): boolean {
    const x = this.heap[a]!;
    const y = this.heap[b]!;
    return (this.compare(this.readers[x]!.record!, this.readers[y]!.record!) || x - y) < 0;
  }

  private sink(from: number): void {
    const { heap } = this;
    for (let i = from; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2])
        if (child < heap.length && this.isBefore(child, least)) least = child;
      if (least === i) return;
      [heap[i], heap[least]] = [heap[least]!, heap[i]!];
      i = least;
    }
  }
}
