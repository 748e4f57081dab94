import { join } from 'node:path';
import { asyncBufferFromFile, type FileMetaData, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { InputError, ProvenderError } from '../../core/errors.ts';
import type { ShardSplit } from '../format.ts';
import { documentOfRow, OPTIONAL_COLUMNS } from './row-document.ts';
import { filesEndingIn, type ImportedDocument, type ImportSource, splitsByName } from './source.ts';

type Row = Record<string, unknown>;

/** Parquet files of a Hugging Face data set with a column `input_ids`: a row a document, a row group in memory at a time. */
export async function* importParquet({ folder }: ImportSource): AsyncGenerator<ImportedDocument> {
  const names = filesEndingIn(folder, '.parquet');
  const splitOf = splitsByName(names);
  for (const name of names) {
    const path = join(folder, name);
    try {
      yield* documents(path, name, splitOf(name));
    } catch (error) {
      if (error instanceof ProvenderError) throw error;
      throw new InputError('a Parquet file that cannot be read', {
        ...{ file: path, found: error instanceof Error ? error.message : String(error), cause: error },
      });
    }
  }
}

async function* documents(path: string, name: string, split: ShardSplit): AsyncGenerator<ImportedDocument> {
  const file = await asyncBufferFromFile(path);
  const metadata: FileMetaData = await parquetMetadataAsync(file);
  const there = new Set(metadata.schema.map((element) => element.name));
  if (!there.has('input_ids')) {
    const found = [...there].slice(1).join(', ');
    throw new InputError('no column input_ids', { file: path, expected: 'tokenized documents', found });
  }
  const columns = ['input_ids', ...OPTIONAL_COLUMNS.filter((column) => there.has(column))];
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const rows: Row[] = await parquetReadObjects({ file, metadata, columns, rowStart, rowEnd });
    for (const [i, row] of rows.entries()) {
      const tokens = Uint32Array.from((row.input_ids ?? []) as ArrayLike<number>, Number);
      yield documentOfRow({ split, name, row: rowStart + i }, tokens, (column) => row[column]);
    }
    rowStart = rowEnd;
  }
}
