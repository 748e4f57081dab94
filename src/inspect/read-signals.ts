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

/**
 * Reads what `measure` wrote, a row group at a time; for `labels` only what they need, all other columns are empty. Throws IntegrityError where a column is missing.
 */
export async function* readSignals(
  paths: readonly string[],
  steps: readonly MeasuredStep[],
  what: 'all' | 'labels' = 'all',
): AsyncGenerator<SignalBlock> {
  const labels = what === 'labels' ? ['corpus', 'split', 'language', ...refusalColumns(steps)] : undefined;
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
        columns: labels,
        onChunk: ({ columnName, columnData }) => {
          const chunks = columns.get(columnName);
          if (chunks) chunks.push(columnData);
          else columns.set(columnName, [columnData]);
        },
      });
      yield blockOf(path, rowEnd - rowStart, columns, steps, labels);
      rowStart = rowEnd;
    }
  }
}

function blockOf(
  file: string,
  length: number,
  columns: ReadonlyMap<string, readonly ArrayLike<unknown>[]>,
  steps: readonly MeasuredStep[],
  only: readonly string[] | undefined,
): SignalBlock {
  /** Calls with each value of a column; gives how many there are. */
  const each = (name: string, use: (value: unknown, i: number) => void): void => {
    if (only && !only.includes(name)) return;
    let i = 0;
    for (const chunk of columns.get(name) ?? [])
      for (let k = 0; k < chunk.length; k++) use(chunk[k] ?? undefined, i++);
    if (i !== length)
      throw new IntegrityError('not the signals of these filters', {
        file,
        expected: `${length} values in column ${name}`,
        found: `${i}`,
      });
  };
  const numbers = (name: string): Float64Array => {
    const list = new Float64Array(length);
    each(name, (value, i) => {
      list[i] = value === undefined ? Number.NaN : Number(value);
    });
    return list;
  };
  const optional = (name: string): (string | undefined)[] => {
    const list: (string | undefined)[] = [];
    each(name, (value) => list.push(value as string | undefined));
    return list;
  };
  const strings = (name: string): string[] => optional(name).map((value) => value ?? '');
  return {
    length,
    id: strings('id'),
    corpus: strings('corpus'),
    source: strings('source'),
    heldOut: Uint8Array.from(strings('split'), (split) => (split === 'train' ? 0 : 1)),
    language: strings('language'),
    bytes: numbers('bytes'),
    tokens: numbers('tokens'),
    excerpt: strings('excerpt'),
    values: signalColumns(steps).map(numbers),
    refusals: refusalColumns(steps).map(optional),
    sizes: sizeColumns(steps).map(numbers),
  };
}
