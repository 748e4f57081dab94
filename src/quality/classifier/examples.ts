import { closeSync, openSync, readSync } from 'node:fs';
import type { DocumentBatch } from '../../core/batch.ts';
import { DocumentFileWriter, type DocumentFrame, readDocumentFile } from '../../core/document-file.ts';
import { CancelledError, classifySystemError } from '../../core/errors.ts';
import { FileWriter } from '../../core/files.ts';
import { xxh64 } from '../../core/hash.ts';
import type { JobContext, SideFile, Sink } from '../../core/stage.ts';
import type { TrainClassifierOptions } from './options.ts';

/** 1 for a good example, 0 for a bad one, undefined for neither. */
export function classOf(options: TrainClassifierOptions, corpus: string): 0 | 1 | undefined {
  if (options.positive.includes(corpus)) return 1;
  return options.negative.includes(corpus) ? 0 : undefined;
}

/** The documents of one part that are examples, as a file of documents. Held-out documents teach nothing. */
export class ExampleSink implements Sink<DocumentBatch> {
  private readonly options: TrainClassifierOptions;
  private readonly writer: DocumentFileWriter;

  constructor(options: TrainClassifierOptions, path: string) {
    this.options = options;
    this.writer = new DocumentFileWriter(path);
  }

  add(batch: DocumentBatch): void {
    const chosen: number[] = [];
    for (let i = 0; i < batch.length; i++) {
      const { split, corpus } = batch.rows[i]!;
      if (split === 'train' && classOf(this.options, corpus) !== undefined) chosen.push(i);
    }
    if (chosen.length > 0) this.writer.add(batch.select(chosen));
  }

  finish(): Promise<void> {
    return this.writer.finish();
  }

  abandon(): Promise<void> {
    return this.writer.abandon();
  }
}

export type Role = 'train' | 'calibrate' | 'test';

export interface ExampleText {
  readonly label: 0 | 1;
  readonly role: Role;
  /** Of corpus and id: orders the examples whatever the order of the input. */
  readonly key: bigint;
  readonly text: Uint8Array;
}

const encoder = new TextEncoder();
const keyOf = (corpus: string, id: string): bigint => xxh64(encoder.encode(`${corpus}\0${id}`));

/** The head of a text of UTF-8, cut before a code point. */
function head(text: Uint8Array, most: number): Uint8Array {
  if (text.length <= most) return text;
  let end = most;
  while (end > 0 && (text[end]! & 0xc0) === 0x80) end--;
  return text.subarray(0, end);
}

async function* frames(sides: readonly SideFile[], context: JobContext): AsyncGenerator<DocumentFrame> {
  for (const { path } of sides)
    for await (const frame of readDocumentFile(path)) {
      if (context.signal.aborted) throw new CancelledError();
      yield frame;
    }
}

/** The examples that are learnt from and measured on, streamed in the order of the side files. */
export class Examples {
  private readonly options: TrainClassifierOptions;
  private readonly sides: readonly SideFile[];
  private readonly context: JobContext;
  /** Largest key that is chosen, by class. */
  private readonly limits: [bigint, bigint] = [0n, 0n];
  /** Documents there are, and those chosen, by class. */
  readonly found: [number, number] = [0, 0];
  readonly chosen: [number, number] = [0, 0];

  private constructor(options: TrainClassifierOptions, sides: readonly SideFile[], context: JobContext) {
    this.options = options;
    this.sides = sides;
    this.context = context;
  }

  static async choose(
    options: TrainClassifierOptions,
    sides: readonly SideFile[],
    context: JobContext,
  ): Promise<Examples> {
    const examples = new Examples(options, sides, context);
    const keys: [bigint[], bigint[]] = [[], []];
    for await (const { batch } of frames(sides, context))
      for (const { corpus, id } of batch.rows) keys[classOf(options, corpus)!].push(keyOf(corpus, id));
    for (const label of [0, 1] as const) {
      const sorted = BigUint64Array.from(keys[label]).sort();
      examples.found[label] = sorted.length;
      examples.chosen[label] = Math.min(sorted.length, options.maxDocuments);
      examples.limits[label] = sorted[examples.chosen[label] - 1] ?? 0n;
    }
    return examples;
  }

  async *read(): AsyncGenerator<ExampleText> {
    const { options, limits } = this;
    for await (const { batch } of frames(this.sides, this.context)) {
      for (let i = 0; i < batch.length; i++) {
        const { corpus, id } = batch.rows[i]!;
        const label = classOf(options, corpus)!;
        const key = keyOf(corpus, id);
        if (key > limits[label]) continue;
        // Other bits than those that chose it: the smallest keys are all alike in the upper ones.
        const place = Number(BigInt.asUintN(32, key)) / 2 ** 32;
        const role =
          place < options.testFraction ? 'test' : place < 2 * options.testFraction ? 'calibrate' : 'train';
        yield { label, role, key, text: head(batch.bytes(i), options.maxBytes) };
      }
    }
  }
}

/** Where the rows of an example lie in the scratch file. */
interface ExampleEntry {
  readonly label: 0 | 1;
  readonly role: Role;
  readonly key: bigint;
  readonly offset: number;
  readonly count: number;
}

/** Rows of examples on disk: in memory each takes its entry only. */
export class ExampleRows {
  private readonly writer: FileWriter;
  private readonly path: string;
  private readonly entries: ExampleEntry[] = [];
  private descriptor: number | undefined;
  private buffer = new Uint32Array(1 << 14);

  constructor(path: string) {
    this.path = path;
    this.writer = new FileWriter(path);
  }

  add({ label, role, key }: ExampleText, rows: Uint32Array): void {
    this.entries.push({ label, role, key, offset: this.writer.size, count: rows.length });
    this.writer.add(new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength));
  }

  /** Ends the writing; entries are in the order of their keys from here on. */
  finish(): void {
    this.writer.finish();
    this.entries.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    try {
      this.descriptor = openSync(this.path, 'r');
    } catch (error) {
      throw classifySystemError(error, { file: this.path });
    }
  }

  of(role: Role): readonly ExampleEntry[] {
    return this.entries.filter((entry) => entry.role === role);
  }

  /** The rows of an example: a view that is valid until the next call. */
  rows({ offset, count }: ExampleEntry): Uint32Array {
    if (this.buffer.length < count) this.buffer = new Uint32Array(count * 2);
    const bytes = new Uint8Array(this.buffer.buffer, 0, count * 4);
    for (let got = 0; got < bytes.length; ) {
      const n = readSync(this.descriptor!, bytes, got, bytes.length - got, offset + got);
      if (n === 0) throw classifySystemError(new Error('file of rows ends early'), { file: this.path });
      got += n;
    }
    return this.buffer.subarray(0, count);
  }

  close(): void {
    this.writer.abandon();
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }
}
