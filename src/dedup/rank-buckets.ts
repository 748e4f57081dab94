import { ScratchBlocks } from './scratch-blocks.ts';

/** Bytes of a bucket, which is sorted in memory. */
const BUCKET_BYTES = 1 << 26;

/** Records that begin with the rank of a document, in buckets by rank, in a scratch file. */
export class RankBuckets {
  readonly count: number;
  private readonly scratch: ScratchBlocks;
  private readonly documents: number;
  private readonly open: { records: Uint32Array[]; words: number }[];
  private readonly blocks: { number: number; words: number }[][];
  private blockCount = 0;
  private readonly flushWords: number;

  constructor(path: string, documents: number, bytes: number) {
    this.scratch = new ScratchBlocks(path);
    this.documents = Math.max(1, documents);
    this.count = Math.max(1, Math.ceil(bytes / BUCKET_BYTES));
    this.open = Array.from({ length: this.count }, () => ({ records: [], words: 0 }));
    this.blocks = Array.from({ length: this.count }, () => []);
    // All open buckets together hold at most one bucket's bytes.
    this.flushWords = Math.max(1 << 12, BUCKET_BYTES / 4 / this.count);
  }

  add(record: Uint32Array): void {
    const bucket = Math.floor((record[0]! / this.documents) * this.count);
    const open = this.open[bucket]!;
    open.records.push(record);
    open.words += record.length + 1;
    if (open.words >= this.flushWords) this.flush(bucket);
  }

  /** The records of a bucket by rank. */
  sorted(bucket: number): Uint32Array[] {
    this.flush(bucket);
    const records: Uint32Array[] = [];
    for (const { number, words } of this.blocks[bucket]!) {
      const all = new Uint32Array(words);
      this.scratch.read(number, new Uint8Array(all.buffer));
      for (let at = 0; at < words; at += all[at]! + 1) records.push(all.subarray(at + 1, at + 1 + all[at]!));
    }
    return records.sort((a, b) => a[0]! - b[0]!);
  }

  dispose(): void {
    this.scratch.dispose();
  }

  private flush(bucket: number): void {
    const open = this.open[bucket]!;
    if (open.words === 0) return;
    const all = new Uint32Array(open.words);
    let at = 0;
    for (const record of open.records) {
      all[at++] = record.length;
      all.set(record, at);
      at += record.length;
    }
    const number = this.blockCount++;
    this.scratch.write(number, new Uint8Array(all.buffer));
    this.blocks[bucket]!.push({ number, words: all.length });
    open.records = [];
    open.words = 0;
  }
}
