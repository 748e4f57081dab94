import { RECORD, RECORD_WORDS } from './format.ts';
import { GrowingBytes, GrowingWords } from './growable.ts';
import type { IndexStage } from './index-stage.ts';
import type { ShardRow } from './shard-writer.ts';
import { SourceTable } from './source-table.ts';
import { setU64 } from './u64.ts';

/** What a shard knows of its documents, in memory while the shard is written. */
export class DocumentIndex {
  /** u64 a document: its end in tokens. */
  readonly ends = new GrowingWords();
  readonly records = new GrowingWords();
  /** Ids one after the other; in the shard the sources follow them. */
  readonly ids = new GrowingBytes();
  readonly sourceStrings = new GrowingBytes();
  readonly sources = new SourceTable(this.sourceStrings);
  columns: Float64Array[] = [];
  documents = 0;
  private capacity = 1024;

  /** Empties it for a shard with so many signals. */
  clear(signals: number): void {
    this.ends.length = 0;
    this.records.length = 0;
    this.ids.length = 0;
    this.sourceStrings.length = 0;
    this.sources.clear();
    this.documents = 0;
    while (this.columns.length < signals) this.columns.push(new Float64Array(this.capacity));
    this.columns.length = signals;
  }

  /** Bytes of memory it holds. */
  get memory(): number {
    const { ends, records, ids, sourceStrings } = this;
    const strings = ids.data.length + sourceStrings.data.length;
    return 4 * (ends.data.length + records.data.length) + strings + this.sources.memory;
  }

  /** Adds a document that ends after `end` tokens of the shard. */
  add(row: ShardRow, end: number): void {
    const endAt = this.ends.grow(2);
    setU64(this.ends.data, endAt, end);
    const at = this.records.grow(RECORD_WORDS);
    const words = this.records.data;
    words[at + RECORD.hash] = row.hashLow;
    words[at + RECORD.hash + 1] = row.hashHigh;
    setU64(words, at + RECORD.idAt, this.ids.add(row.id));
    words[at + RECORD.idBytes] = row.id.length;
    words[at + RECORD.source] = this.sources.index(row.source);
    words[at + RECORD.corpus] = row.corpus;
    words[at + RECORD.copy] = row.copy;
    setU64(words, at + RECORD.sourceStart, row.start);
    setU64(words, at + RECORD.sourceEnd, row.end);
    setU64(words, at + RECORD.textBytes, row.textBytes);
    this.reserve(1);
    for (const column of this.columns) column[this.documents] = Number.NaN;
    for (let i = 0; i < 2 * row.signalCount; i += 2)
      this.columns[row.signals[i]!]![this.documents] = row.signals[i + 1]!;
    this.documents++;
  }

  /** Adds the `n` documents that are on the stage. */
  append(stage: IndexStage, n: number): void {
    const { records } = stage;
    // First, so that the records are whole when they are copied.
    this.sources.indexAll(stage.texts, stage.sources, n, records, RECORD_WORDS, RECORD.source);
    this.ends.add(stage.ends.subarray(0, 2 * n));
    this.records.add(records.subarray(0, n * RECORD_WORDS));
    this.ids.add(stage.ids, 0, stage.idsUsed);
    this.reserve(n);
    for (const [k, column] of this.columns.entries()) column.set(stage.signals(k, n), this.documents);
    this.documents += n;
  }

  private reserve(n: number): void {
    if (this.documents + n <= this.capacity) return;
    this.capacity = Math.max(2 * this.capacity, this.documents + n);
    this.columns = this.columns.map((column) => {
      const grown = new Float64Array(this.capacity);
      grown.set(column.subarray(0, this.documents));
      return grown;
    });
  }
}

/** One shard follows the other: the next takes over the memory of the last, where that is not much. */
const WORTH_KEEPING = 64 << 20;
let spare: DocumentIndex | undefined;

export function takeIndex(signals: number): DocumentIndex {
  const index = spare ?? new DocumentIndex();
  spare = undefined;
  index.clear(signals);
  return index;
}

export function giveIndex(index: DocumentIndex): void {
  if (index.memory <= WORTH_KEEPING) spare = index;
}
