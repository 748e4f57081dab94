import type { ShardSplit } from '../format.ts';
import type { ImportedDocument } from './source.ts';

/** Columns that a table of documents may have beside `input_ids`. */
export const OPTIONAL_COLUMNS = ['id', 'corpus', 'source', 'source_start', 'source_end', 'bytes'] as const;

export interface RowPlace {
  readonly split: ShardSplit;
  /** Of the file, from the folder of the import. */
  readonly name: string;
  /** Of the row, from 0, in the file. */
  readonly row: number;
}

/** The document of a row of a Hugging Face data set; `value` gives a column, undefined or null where there is none. */
export function documentOfRow(
  { split, name, row }: RowPlace,
  tokens: Uint32Array,
  value: (column: (typeof OPTIONAL_COLUMNS)[number]) => unknown,
): ImportedDocument {
  const text = (column: 'id' | 'corpus' | 'source'): string | undefined => {
    const found = value(column) ?? undefined;
    return found === undefined ? undefined : String(found);
  };
  const whole = (column: 'source_start' | 'source_end' | 'bytes'): number | undefined => {
    const found = value(column) ?? undefined;
    return found === undefined ? undefined : Number(found);
  };
  return {
    split,
    id: text('id') ?? `${name}#${row}`,
    corpus: text('corpus'),
    source: text('source') ?? name,
    range: [whole('source_start') ?? row, whole('source_end') ?? row + 1],
    tokens,
    textBytes: whole('bytes'),
  };
}
