import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parquetMetadataAsync, parquetRead } from 'hyparquet';
import { asyncBufferFromFile } from 'hyparquet/src/node.js';
import { classifySystemError, IntegrityError } from '../core/errors.ts';
import type { MeasuredStep } from './measured-step.ts';
import { refusalColumns, signalColumns, sizeColumns } from './signal-file.ts';

/** Documents of one row group as columns; held-out ones are among them. */
export interface SignalBlock {
  readonly length: number;
  readonly id: readonly string[];
  readonly corpus: readonly string[];
  readonly source: readonly string[];
  readonly heldOut: Uint8Array;
  /** Empty where nobody said. */
  readonly language: readonly string[];
  readonly bytes: Float64Array;
  /** NaN where no tokenizer counted. */
  readonly tokens: Float64Array;
  readonly excerpt: readonly string[];
  /** In the order of `signalColumns`, `refusalColumns` and `sizeColumns`. */
  readonly values: readonly Float64Array[];
  readonly refusals: readonly (readonly (string | undefined)[])[];
  readonly sizes: readonly Float64Array[];
}

/** The files of signals in a folder, in order. */
export async function signalFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw classifySystemError(error, { file: folder });
  });
  return names
    .filter((name) => name.endsWith('.parquet'))
    .sort()
    .map((name) => join(folder, name));
}

/** Reads what `measure` wrote, a row group at a time. Throws IntegrityError where a column is missing. */
export async function* readSignals(
  paths: readonly string[],
  steps: readonly MeasuredStep[],
): AsyncGenerator<SignalBlock> {
  for (const path of paths) {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    let rowStart = 0;
    for (const group of metadata.row_groups) {
      const rowEnd = rowStart + Number(group.num_rows);
      const columns = new Map<string, ArrayLike<unknown>[]>();
      await parquetRead({
        file,
        metadata,
        rowStart,
        rowEnd,
        onChunk: ({ columnName, columnData }) => {
          const chunks = columns.get(columnName);
          if (chunks) chunks.push(columnData);
          else columns.set(columnName, [columnData]);
        },
      });
      yield blockOf(path, rowEnd - rowStart, columns, steps);
      rowStart = rowEnd;
    }
  }
}

function blockOf(
  file: string,
  length: number,
  columns: ReadonlyMap<string, readonly ArrayLike<unknown>[]>,
  steps: readonly MeasuredStep[],
): SignalBlock {
  const all = (name: string): unknown[] => {
    const values = (columns.get(name) ?? []).flatMap((chunk) => Array.from(chunk));
    if (values.length !== length)
      throw new IntegrityError('not the signals of these filters', {
        file,
        expected: `${length} values in column ${name}`,
        found: `${values.length}`,
      });
    return values;
  };
  const numbers = (name: string) =>
    Float64Array.from(all(name), (value) => (value == null ? NaN : Number(value)));
  const strings = (name: string) => all(name).map((value) => (value == null ? '' : String(value)));
  return {
    length,
    id: strings('id'),
    corpus: strings('corpus'),
    source: strings('source'),
    heldOut: Uint8Array.from(all('split'), (split) => (split === 'held-out' ? 1 : 0)),
    language: strings('language'),
    bytes: numbers('bytes'),
    tokens: numbers('tokens'),
    excerpt: strings('excerpt'),
    values: signalColumns(steps).map(numbers),
    refusals: refusalColumns(steps).map((name) =>
      all(name).map((value) => (value == null ? undefined : String(value))),
    ),
    sizes: sizeColumns(steps).map(numbers),
  };
}
