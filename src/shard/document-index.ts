import { ByteInterner } from './byte-interner.ts';
import { RECORD, RECORD_WORDS } from './format.ts';
import { GrowingBytes, GrowingWords } from './growable.ts';
import type { ShardRow } from './shard-writer.ts';
import { setU64 } from './u64.ts';

/** What a shard knows of its documents, in memory while the shard is written. */
export class DocumentIndex {
  /** u64 a document: its end in tokens. */
  readonly ends = new GrowingWords();
  readonly records = new GrowingWords();
  readonly strings = new GrowingBytes();
  readonly sources = new ByteInterner(this.strings);
  columns: Float64Array[] = [];
  documents = 0;
  private capacity = 1024;

  /** Empties it for a shard with so many signals. */
  clear(signals: number): void {
    this.ends.length = 0;
    this.records.length = 0;
    this.strings.length = 0;
    this.sources.clear();
    this.documents = 0;
    for (const column of this.columns) column.fill(Number.NaN);
    while (this.columns.length < signals) this.columns.push(new Float64Array(this.capacity).fill(Number.NaN));
    this.columns.length = signals;
  }

  /** Bytes of memory it holds. */
  get memory(): number {
    const { ends, records, strings } = this;
    return 4 * (ends.data.length + records.data.length) + strings.data.length + this.sources.memory;
  }

  /** Adds a document that ends after `end` tokens of the shard. */
  add(row: ShardRow, end: number): void {
    const endAt = this.ends.grow(2);
    setU64(this.ends.data, endAt, end);
    // Strings first: they may grow the tables.
    const source = this.sources.index(row.source);
    const idAt = this.strings.add(row.id);
    const at = this.records.grow(RECORD_WORDS);
    const words = this.records.data;
    words[at + RECORD.hash] = row.hashLow;
    words[at + RECORD.hash + 1] = row.hashHigh;
    setU64(words, at + RECORD.idAt, idAt);
    words[at + RECORD.idBytes] = row.id.length;
    words[at + RECORD.source] = source;
    words[at + RECORD.corpus] = row.corpus;
    words[at + RECORD.copy] = row.copy;
    setU64(words, at + RECORD.sourceStart, row.start);
    setU64(words, at + RECORD.sourceEnd, row.end);
    setU64(words, at + RECORD.textBytes, row.textBytes);
    this.addSignals(row.signals, row.signalCount);
    this.documents++;
  }

  private addSignals(signals: Float64Array, count: number): void {
    if (this.documents >= this.capacity) {
      this.capacity *= 2;
      this.columns = this.columns.map((column) => {
        const grown = new Float64Array(this.capacity).fill(Number.NaN);
        grown.set(column);
        return grown;
      });
    }
    for (let i = 0; i < 2 * count; i += 2) this.columns[signals[i]!]![this.documents] = signals[i + 1]!;
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
