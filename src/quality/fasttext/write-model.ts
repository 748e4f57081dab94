import { commitFile, FileWriter, temporaryName } from '../../core/files.ts';
import { FASTTEXT_MAGIC, FASTTEXT_VERSION, type Features, LOSSES, type Loss } from './model-file.ts';

/** A dense supervised model, as it is written. */
export interface WrittenModel extends Features {
  readonly loss: Loss;
  readonly dimension: number;
  readonly labels: readonly string[];
  readonly labelCounts: readonly number[];
  /** [words] how often each came; for readers only. */
  readonly wordCounts: ArrayLike<number>;
  /** [words + buckets][dimension] */
  readonly rows: Float32Array;
  /** [labels][dimension] */
  readonly output: Float32Array;
  readonly epochs: number;
  readonly minCount: number;
}

const SUPERVISED = 3;

/** Writes a model that fastText itself loads (.bin, version 12): synced, and there whole or not at all. */
export async function writeFastTextModel(path: string, model: WrittenModel): Promise<void> {
  const temporary = temporaryName(path);
  const file = new FileWriter(temporary);
  const scratch = Buffer.alloc(8);
  const i32 = (value: number): void => {
    scratch.writeInt32LE(value, 0);
    file.add(scratch.subarray(0, 4));
  };
  const i64 = (value: number): void => {
    scratch.writeBigInt64LE(BigInt(value), 0);
    file.add(scratch);
  };
  const floats = (array: Float32Array): void =>
    file.add(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  const { words, labels, dimension } = model;
  const tokens = Array.from(words, (_, i) => model.wordCounts[i]!).reduce((a, b) => a + b, 0);
  try {
    for (const value of [FASTTEXT_MAGIC, FASTTEXT_VERSION, dimension, 5, model.epochs, model.minCount, 5])
      i32(value);
    for (const value of [model.wordNgrams, LOSSES.indexOf(model.loss), SUPERVISED]) i32(value);
    for (const value of [model.buckets, model.minn, model.maxn, 100]) i32(value);
    scratch.writeDoubleLE(1e-4, 0);
    file.add(scratch);
    for (const value of [words.length + labels.length, words.length, labels.length]) i32(value);
    i64(tokens);
    i64(-1);
    const entry = (bytes: Uint8Array, count: number, kind: number): void => {
      file.add(bytes);
      file.add(Uint8Array.of(0));
      i64(count);
      file.add(Uint8Array.of(kind));
    };
    words.forEach((word, i) => {
      entry(word, model.wordCounts[i]!, 0);
    });
    labels.forEach((label, i) => {
      entry(Buffer.from(label), model.labelCounts[i]!, 1);
    });
    for (const [rows, matrix] of [
      [words.length + model.buckets, model.rows],
      [labels.length, model.output],
    ] as const) {
      file.add(Uint8Array.of(0));
      i64(rows);
      i64(dimension);
      floats(matrix);
    }
    file.finish();
  } finally {
    file.abandon();
  }
  await commitFile(temporary, path);
}
