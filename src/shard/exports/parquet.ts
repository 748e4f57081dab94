import { closeSync, fsyncSync, openSync } from 'node:fs';
import type { SchemaElement } from 'hyparquet';
import { fileWriter, ParquetWriter } from 'hyparquet-writer';
import type { ShardSplit } from '../format.ts';
import { publicFiles } from '../public-names.ts';
import type { ExportFolder, ExportOptions, ExportSource } from './source.ts';

/** Tokens a row group: some 4 MB before compression, so that readers can skip and split. */
const GROUP_TOKENS = 1_000_000;

const SCHEMA: SchemaElement[] = [
  { name: 'root', num_children: 7 },
  { name: 'id', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
  { name: 'corpus', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
  { name: 'source', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
  { name: 'source_start', type: 'INT64', repetition_type: 'REQUIRED' },
  { name: 'source_end', type: 'INT64', repetition_type: 'REQUIRED' },
  { name: 'bytes', type: 'INT64', repetition_type: 'REQUIRED' },
  { name: 'input_ids', converted_type: 'LIST', repetition_type: 'REQUIRED', num_children: 1 },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
  { name: 'element', type: 'INT32', repetition_type: 'REQUIRED' },
];

type Columns = Record<
  'id' | 'corpus' | 'source' | 'source_start' | 'source_end' | 'bytes' | 'input_ids',
  unknown[]
>;

const emptyColumns = (): Columns => ({
  id: [],
  corpus: [],
  source: [],
  source_start: [],
  source_end: [],
  bytes: [],
  input_ids: [],
});

/**
 * `data/train-00000-of-00002.parquet`, and the other splits under the names that `publicFiles` gives: what `datasets.load_dataset`
 * takes for splits of a data set. A row a document, with `input_ids`.
 */
export async function exportParquet(
  source: ExportSource,
  out: ExportFolder,
  _options: ExportOptions,
): Promise<void> {
  for (const { split, shard, name } of publicFiles(source.index, 'parquet')) {
    writeShard(source, split, shard, out.claimFile(name));
  }
}

function writeShard(source: ExportSource, split: ShardSplit, shard: number, path: string): void {
  const writer = new ParquetWriter({ writer: fileWriter(path), schema: SCHEMA });
  let columns = emptyColumns();
  let held = 0;
  const flush = (): void => {
    if (columns.id.length === 0) return;
    const columnData = Object.entries(columns).map(([name, data]) => ({ name, data }));
    writer.write({ columnData, rowGroupSize: columns.id.length });
    columns = emptyColumns();
    held = 0;
  };
  for (const { document, bytes, tokens } of source.shardDocuments(split, shard)) {
    const { id, corpus, source: from, sourceRange } = document;
    columns.id.push(id);
    columns.corpus.push(corpus);
    columns.source.push(from);
    columns.source_start.push(BigInt(sourceRange[0]));
    columns.source_end.push(BigInt(sourceRange[1]));
    columns.bytes.push(BigInt(document.bytes));
    columns.input_ids.push(tokenList(bytes, tokens, source.width));
    held += tokens;
    if (held >= GROUP_TOKENS) flush();
  }
  flush();
  writer.finish();
  const file = openSync(path, 'r+');
  fsyncSync(file);
  closeSync(file);
}

function tokenList(bytes: Uint8Array, n: number, width: 2 | 4): number[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const list = new Array<number>(n);
  for (let i = 0; i < n; i++) list[i] = width === 2 ? view.readUInt16LE(2 * i) : view.readInt32LE(4 * i);
  return list;
}
