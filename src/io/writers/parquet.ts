import { gzipSync } from 'node:zlib';
import { ByteWriter, type ColumnSource, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer';
import type { DocumentBatch } from '../../core/batch.ts';
import { FileWriter } from '../../core/files.ts';
import type { Sink } from '../../core/stage.ts';

/** A row group ends here: readers hold one in memory. */
const GROUP_TEXT_BYTES = 32 << 20;
const GROUP_ROWS = 50_000;

export type ParquetCodec = 'UNCOMPRESSED' | 'SNAPPY' | 'GZIP';

type Columns = ReturnType<typeof emptyColumns>;

function emptyColumns() {
  return {
    id: [] as string[],
    text: [] as string[],
    corpus: [] as string[],
    source: [] as string[],
    start: [] as bigint[],
    end: [] as bigint[],
    split: [] as string[],
    group: [] as (string | undefined)[],
    metadata: [] as object[],
    signals: [] as object[],
  };
}

function columnData(columns: Columns): ColumnSource[] {
  const text = (name: 'id' | 'text' | 'corpus' | 'source' | 'split'): ColumnSource => ({
    name,
    data: columns[name],
    type: 'STRING',
    nullable: false,
  });
  return [
    text('id'),
    text('text'),
    text('corpus'),
    text('source'),
    { name: 'start', data: columns.start, type: 'INT64', nullable: false },
    { name: 'end', data: columns.end, type: 'INT64', nullable: false },
    text('split'),
    { name: 'group', data: columns.group, type: 'STRING', nullable: true },
    { name: 'metadata', data: columns.metadata, type: 'JSON', nullable: false },
    { name: 'signals', data: columns.signals, type: 'JSON', nullable: false },
  ];
}

/** Writes documents as Parquet; metadata and signals are JSON columns. Row groups depend on the documents alone. */
export class ParquetSink implements Sink<DocumentBatch> {
  private readonly file: FileWriter;
  private readonly bytes = new ByteWriter();
  private readonly parquet: ParquetWriter;
  private columns = emptyColumns();
  private textBytes = 0;
  private readonly groupRows: number;

  constructor(path: string, codec: ParquetCodec, groupRows = GROUP_ROWS) {
    this.groupRows = groupRows;
    this.file = new FileWriter(path);
    this.parquet = new ParquetWriter({
      writer: this.bytes,
      schema: schemaFromColumnData({ columnData: columnData(emptyColumns()) }),
      codec,
      compressors: { GZIP: (input: Uint8Array) => gzipSync(input) },
      createdBy: 'provender',
    });
  }

  add(batch: DocumentBatch): void {
    for (let i = 0; i < batch.length; i++) {
      const row = batch.rows[i]!;
      const { columns } = this;
      columns.id.push(row.id);
      columns.text.push(batch.text(i));
      columns.corpus.push(row.corpus);
      columns.source.push(row.source);
      columns.start.push(BigInt(row.start));
      columns.end.push(BigInt(row.end));
      columns.split.push(row.split);
      columns.group.push(row.group);
      columns.metadata.push(row.metadata);
      columns.signals.push({ ...row.signals });
      this.textBytes += batch.size(i);
      if (this.textBytes >= GROUP_TEXT_BYTES || columns.id.length >= this.groupRows) this.writeGroup();
    }
  }

  async finish(): Promise<void> {
    this.writeGroup();
    this.parquet.finish();
    this.drain();
    this.file.finish();
  }

  async abandon(): Promise<void> {
    this.file.abandon();
  }

  private writeGroup(): void {
    const rows = this.columns.id.length;
    if (rows === 0) return;
    this.parquet.write({ columnData: columnData(this.columns), rowGroupSize: rows });
    this.columns = emptyColumns();
    this.textBytes = 0;
    this.drain();
  }

  /** Hands what was encoded to the file: the writer's own count of bytes goes on. */
  private drain(): void {
    this.file.add(this.bytes.getBytes());
    this.bytes.index = 0;
  }
}
