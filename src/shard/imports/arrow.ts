import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { type RecordBatch, RecordBatchReader, type Vector } from 'apache-arrow';
import { InputError, ProvenderError } from '../../core/errors.ts';
import type { ShardSplit } from '../format.ts';
import { documentOfRow, OPTIONAL_COLUMNS } from './row-document.ts';
import { filesEndingIn, type ImportedDocument, type ImportSource, splitsByName } from './source.ts';

/**
 * Arrow files of a Hugging Face data set (what `save_to_disk` and its cache leave) with a column `input_ids`: IPC streams
 * and IPC files, a row a document, a record batch in memory at a time.
 */
export async function* importArrow({ folder }: ImportSource): AsyncGenerator<ImportedDocument> {
  const names = filesEndingIn(folder, '.arrow');
  const splitOf = splitsByName(names);
  for (const name of names) {
    const file = await open(join(folder, name));
    try {
      yield* documents(file, join(folder, name), name, splitOf(name));
    } catch (error) {
      if (error instanceof ProvenderError) throw error;
      throw new InputError('an Arrow file that cannot be read', {
        ...{ file: join(folder, name), found: error instanceof Error ? error.message : String(error) },
        cause: error,
      });
    } finally {
      await file.close();
    }
  }
}

async function* documents(
  file: FileHandle,
  path: string,
  name: string,
  split: ShardSplit,
): AsyncGenerator<ImportedDocument> {
  // From a file handle it reads record batch by record batch, of both formats; from a stream it would hold a whole IPC file.
  const reader = await (await RecordBatchReader.from(file)).open({ autoDestroy: false });
  if (!reader.schema)
    throw new InputError('no Arrow schema', { file: path, expected: 'an IPC stream or file' });
  const columns = reader.schema.names.map(String);
  if (!columns.includes('input_ids')) {
    const found = columns.join(', ');
    throw new InputError('no column input_ids', { file: path, expected: 'tokenized documents', found });
  }
  let row = 0;
  for await (const batch of reader as AsyncIterable<RecordBatch>) {
    const lists = batch.getChild('input_ids')!;
    const others = new Map(OPTIONAL_COLUMNS.map((column) => [column, batch.getChild(column)]));
    for (let i = 0; i < batch.numRows; i++, row++) {
      const tokens = tokensOf(lists.get(i), path, row);
      yield documentOfRow({ split, name, row }, tokens, (column) => others.get(column)?.get(i));
    }
  }
  if (!reader.isFile()) await checkEnd(file, path, row);
}

/** A list of whole numbers; what no token can be becomes one that no vocabulary has. */
function tokensOf(list: unknown, path: string, row: number): Uint32Array {
  if (list === null) return new Uint32Array(0);
  const bad = (found: string): never => {
    throw new InputError('input_ids is not a list of whole numbers', { file: path, record: row, found });
  };
  if (typeof list !== 'object' || !('toArray' in list)) return bad(typeof list);
  const { nullCount, type } = list as Vector;
  if (nullCount > 0) bad(`${nullCount} missing numbers`);
  const numbers: unknown = (list as Vector).toArray();
  if (numbers instanceof BigInt64Array || numbers instanceof BigUint64Array) return narrowed(numbers);
  const whole =
    numbers instanceof Int32Array ||
    numbers instanceof Uint32Array ||
    numbers instanceof Int16Array ||
    numbers instanceof Uint16Array ||
    numbers instanceof Int8Array ||
    numbers instanceof Uint8Array;
  return whole ? Uint32Array.from(numbers) : bad(String(type));
}

/** By halves: turning each into a bigint took ten times as long. */
function narrowed(numbers: BigInt64Array | BigUint64Array): Uint32Array {
  const halves = new Uint32Array(numbers.buffer, numbers.byteOffset, 2 * numbers.length);
  const out = new Uint32Array(numbers.length);
  for (let i = 0; i < out.length; i++) out[i] = halves[2 * i + 1] === 0 ? halves[2 * i]! : 0xffffffff;
  return out;
}

/** An unfinished stream ends at a record batch as a finished one does, but for the marker of eight bytes. */
async function checkEnd(file: FileHandle, path: string, rows: number): Promise<void> {
  const { size } = await file.stat();
  const tail = Buffer.alloc(8);
  await file.read(tail, 0, 8, Math.max(0, size - 8));
  if (tail.readBigUInt64LE(0) === 0xffffffffn) return;
  throw new InputError('the Arrow stream was cut off', {
    ...{ file: path, offset: size, expected: 'the marker of its end' },
    found: `the end of the file after ${rows} rows`,
  });
}
