import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { classifySystemError, InputError } from '../../core/errors.ts';

/*
 * fastText's model files, versions 11 and 12, dense (.bin) and quantized (.ftz); the format is that of fastText's own
 * fasttext.cc, dictionary.cc, quantmatrix.cc and productquantizer.cc (MIT). Little-endian.
 */
export const FASTTEXT_MAGIC = 793712314;
export const FASTTEXT_VERSION = 12;
const CENTROIDS = 256;
const WINDOW = 1 << 20;

export type Loss = 'hierarchical-softmax' | 'negative-sampling' | 'softmax' | 'one-vs-all';
export const LOSSES: readonly (Loss | undefined)[] = [
  undefined,
  'hierarchical-softmax',
  'negative-sampling',
  'softmax',
  'one-vs-all',
];
const SUPERVISED = 3;

/** What decides which rows a text has. */
export interface Features {
  /** Shortest and longest character n-gram; 0: none. */
  readonly minn: number;
  readonly maxn: number;
  readonly wordNgrams: number;
  readonly buckets: number;
  /** [words] UTF-8, in the order of their rows. */
  readonly words: readonly Uint8Array[];
  /** Row of "</s>", -1 where it is no word. */
  readonly endOfLine: number;
  /** Buckets that have a row, ascending; undefined: all have. */
  readonly kept?: Uint32Array;
}

/** Rows of a matrix, read in runs: a dense one of gigabytes never lies in memory as it is. */
export interface RowReader {
  readonly rows: number;
  readonly width: number;
  /** Calls `each` with every row in order; the array is used again. */
  read(each: (row: number, values: Float32Array) => void): void;
}

export interface FastTextModel extends Features {
  readonly file: string;
  readonly loss: Loss;
  readonly dimension: number;
  readonly labels: readonly string[];
  readonly labelCounts: readonly number[];
  /** Rows of words, then of buckets in the file's order: `rowOfKept[i]` is that of `kept[i]`. */
  readonly input: RowReader;
  readonly rowOfKept?: Uint32Array;
  /** [labels][dimension] */
  readonly output: Float32Array;
  close(): void;
}

/** Sequential reads over a file through a window, and matrices by position. */
class ModelFile {
  readonly path: string;
  readonly size: number;
  private readonly descriptor: number;
  private window: Buffer = Buffer.alloc(0);
  private windowAt = 0;
  at = 0;

  constructor(path: string) {
    this.path = path;
    try {
      this.descriptor = openSync(path, 'r');
    } catch (error) {
      throw classifySystemError(error, { file: path });
    }
    this.size = fstatSync(this.descriptor).size;
  }

  close(): void {
    closeSync(this.descriptor);
  }

  fail(what: string, expected: string, found: string, offset = this.at): never {
    throw new InputError(what, { file: this.path, offset, expected, found });
  }

  /** The next `length` bytes; valid until the next call. */
  take(length: number): Buffer {
    const inside = this.at - this.windowAt;
    if (inside < 0 || inside + length > this.window.length) {
      this.window = this.range(this.at, Math.min(Math.max(length, WINDOW), this.size - this.at), length);
      this.windowAt = this.at;
    }
    const from = this.at - this.windowAt;
    this.at += length;
    return this.window.subarray(from, from + length);
  }

  range(offset: number, length: number, needed = length): Buffer {
    if (length < needed || offset + needed > this.size)
      this.fail('model file ends early', `${needed} bytes`, `${Math.max(0, this.size - offset)}`, offset);
    const bytes = Buffer.from(new ArrayBuffer(length));
    for (let got = 0; got < length; ) {
      const n = readSync(this.descriptor, bytes, got, length - got, offset + got);
      if (n === 0) this.fail('model file ends early', `${length} bytes`, `${got}`, offset);
      got += n;
    }
    return bytes;
  }

  i32(): number {
    return this.take(4).readInt32LE(0);
  }

  i64(): number {
    return Number(this.take(8).readBigInt64LE(0));
  }

  byte(): number {
    return this.take(1)[0]!;
  }

  /** Bytes up to the next zero. */
  zeroTerminated(): Uint8Array {
    const bytes: number[] = [];
    for (let byte = this.byte(); byte !== 0; byte = this.byte()) bytes.push(byte);
    return Uint8Array.from(bytes);
  }

  count(value: number, most: number, what: string): number {
    if (!(value >= 0 && value <= most)) this.fail(`wrong ${what}`, `0 to ${most}`, `${value}`);
    return value;
  }
}

interface Quantizer {
  readonly parts: number;
  readonly partWidth: number;
  readonly lastWidth: number;
  readonly centroids: Float32Array;
}

function floats(bytes: Buffer): Float32Array {
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

function readQuantizer(file: ModelFile): Quantizer {
  const width = file.count(file.i32(), 1 << 16, 'width of a quantizer');
  const parts = file.i32();
  const partWidth = file.i32();
  const lastWidth = file.i32();
  return { parts, partWidth, lastWidth, centroids: floats(file.take(width * CENTROIDS * 4)) };
}

/** Product quantization: a code a part of the row, and a code for its norm. */
function readQuantized(file: ModelFile): RowReader {
  const hasNorms = file.byte() !== 0;
  const rows = file.count(file.i64(), 2 ** 31, 'number of rows');
  const width = file.count(file.i64(), 1 << 16, 'width of a matrix');
  const codes = Uint8Array.from(file.take(file.count(file.i32(), file.size, 'number of codes')));
  const quantizer = readQuantizer(file);
  const normCodes = hasNorms ? Uint8Array.from(file.take(rows)) : undefined;
  const norms = hasNorms ? readQuantizer(file).centroids : undefined;
  const { parts, partWidth, lastWidth, centroids } = quantizer;
  return {
    rows,
    width,
    read(each) {
      const values = new Float32Array(width);
      for (let row = 0; row < rows; row++) {
        const norm = normCodes && norms ? norms[normCodes[row]!]! : 1;
        for (let part = 0; part < parts; part++) {
          const w = part === parts - 1 ? lastWidth : partWidth;
          const from = part * CENTROIDS * partWidth + codes[row * parts + part]! * w;
          for (let k = 0; k < w; k++) values[part * partWidth + k] = norm * centroids[from + k]!;
        }
        each(row, values);
      }
    },
  };
}

function readDense(file: ModelFile): RowReader {
  const rows = file.count(file.i64(), 2 ** 31, 'number of rows');
  const width = file.count(file.i64(), 1 << 16, 'width of a matrix');
  const start = file.at;
  file.at += rows * width * 4;
  if (file.at > file.size)
    file.fail('model file ends early', `${rows * width * 4} bytes`, `${file.size - start}`, start);
  return {
    rows,
    width,
    read(each) {
      const run = Math.max(1, Math.floor((1 << 22) / (width * 4)));
      for (let row = 0; row < rows; row += run) {
        const n = Math.min(run, rows - row);
        const block = new Float32Array(file.range(start + row * width * 4, n * width * 4).buffer);
        for (let k = 0; k < n; k++) each(row + k, block.subarray(k * width, (k + 1) * width));
      }
    },
  };
}

function readDictionary(file: ModelFile) {
  const size = file.count(file.i32(), 2 ** 31, 'size of the dictionary');
  const wordCount = file.count(file.i32(), size, 'number of words');
  file.count(file.i32(), size, 'number of labels');
  file.i64();
  const pruned = file.i64();
  const words: Uint8Array[] = [];
  const labels: string[] = [];
  const labelCounts: number[] = [];
  for (let i = 0; i < size; i++) {
    const entry = file.zeroTerminated();
    const count = file.i64();
    if (file.byte() === 0) words.push(entry);
    else {
      labels.push(Buffer.from(entry).toString('utf8'));
      labelCounts.push(count);
    }
  }
  if (words.length !== wordCount) file.fail('wrong dictionary', `${wordCount} words`, `${words.length}`);
  if (pruned < 0) return { words, labels, labelCounts };
  const pairs: [number, number][] = [];
  for (let i = 0; i < pruned; i++) pairs.push([file.i32(), file.i32()]);
  pairs.sort((a, b) => a[0] - b[0]);
  return {
    words,
    labels,
    labelCounts,
    kept: Uint32Array.from(pairs, ([id]) => id),
    rowOfKept: Uint32Array.from(pairs, ([, row]) => words.length + row),
  };
}

function readOutput(file: ModelFile, isQuantized: boolean, labels: number, dimension: number): Float32Array {
  const matrix = isQuantized ? readQuantized(file) : readDense(file);
  if (matrix.rows !== labels || matrix.width !== dimension)
    file.fail('wrong output matrix', `${labels} x ${dimension}`, `${matrix.rows} x ${matrix.width}`);
  const output = new Float32Array(labels * dimension);
  matrix.read((row, values) => output.set(values, row * dimension));
  return output;
}

/**
 * Opens a supervised fastText model. The input matrix stays on the disk until it is read; `close` ends that.
 * @throws InputError where the file is none, is cut short, or holds word vectors
 */
export function openFastTextModel(path: string): FastTextModel {
  const file = new ModelFile(path);
  try {
    return readModel(file);
  } catch (error) {
    file.close();
    throw error;
  }
}

function readModel(file: ModelFile): FastTextModel {
  const magic = file.size >= 8 ? file.i32() : 0;
  if (magic !== FASTTEXT_MAGIC) file.fail('not a fastText model', `magic ${FASTTEXT_MAGIC}`, `${magic}`, 0);
  const version = file.i32();
  if (version !== 11 && version !== 12)
    file.fail('unknown version of a fastText model', '11 or 12', `${version}`, 4);
  const [dimension, , , , , wordNgrams, lossCode, kind, buckets, minn, maxn] = Array.from(
    { length: 12 },
    () => file.i32(),
  ) as number[];
  file.take(8);
  if (kind !== SUPERVISED) file.fail('not a classifier', 'a supervised model', `model kind ${kind}`, 36);
  const loss = LOSSES[lossCode!];
  if (loss === undefined) file.fail('unknown loss', '1 to 4', `${lossCode}`, 32);
  const dictionary = readDictionary(file);
  const isQuantized = file.byte() !== 0;
  const input = isQuantized ? readQuantized(file) : readDense(file);
  const outputIsQuantized = file.byte() !== 0 && isQuantized;
  const output = readOutput(file, outputIsQuantized, dictionary.labels.length, dimension!);
  const expected = dictionary.words.length + (dictionary.kept?.length ?? buckets!);
  if (input.rows < expected || input.width !== dimension)
    file.fail('wrong input matrix', `${expected} x ${dimension}`, `${input.rows} x ${input.width}`);
  return {
    file: file.path,
    loss,
    dimension: dimension!,
    minn: minn!,
    // Classifiers of version 11 had no character n-grams, whatever they say.
    maxn: version === 11 ? 0 : maxn!,
    wordNgrams: wordNgrams!,
    buckets: buckets!,
    ...dictionary,
    endOfLine: dictionary.words.findIndex((word) => Buffer.from(word).toString('latin1') === '</s>'),
    input,
    output,
    close: () => file.close(),
  };
}
