import type { ShardSplit } from './format.ts';
import { SHARD_SPLITS } from './format.ts';
import { GrowingWords } from './growable.ts';
import { eachDocument } from './key-order.ts';
import { sortedByKey } from './key-sort.ts';
import type { Selection } from './selection.ts';
import { MAX_DOCUMENTS } from './shard-writer.ts';
import { bucketsOf, SIDE, SIDE_WORDS, type SideExtent, type SideFile } from './side-file.ts';

/** A shard before it is written: which documents go into it, all of them consecutive in the order of the keys. */
export interface PlannedShard {
  readonly split: ShardSplit;
  /** Number of the shard in its split. */
  readonly shard: number;
  /** The bucket of its first document; so many documents that are taken come before that one in the bucket. */
  readonly bucket: number;
  readonly skip: number;
  /** One past the bucket of its last document. */
  endBucket: number;
  documents: number;
  tokens: number;
}

interface BucketPiece {
  readonly side: SideFile;
  readonly extent: SideExtent;
}

/** Records of a bucket that are sorted at a time: 64 MiB of them. */
const DOCUMENTS_AT_ONCE = 1 << 20;

/**
 * Plans all shards of the documents in side files: train first, then held-out, then validation. A shard is closed before the document that
 * would take it past `shardTokens` (or past MAX_DOCUMENTS). Records are read of those buckets alone in which a shard ends,
 * or of all where a selection leaves documents out; bodies only where it looks at quality. `rest` is called often.
 */
export async function planShards(
  sides: readonly SideFile[],
  shardTokens: number,
  selection: Selection,
  rest: () => Promise<void>,
  documentsAtOnce = DOCUMENTS_AT_ONCE,
): Promise<PlannedShard[]> {
  const buckets = new Map<number, BucketPiece[]>();
  for (const side of sides) {
    for (const extent of side.footer.extents) {
      const pieces = buckets.get(extent.bucket);
      if (pieces) pieces.push({ side, extent });
      else buckets.set(extent.bucket, [{ side, extent }]);
    }
  }
  const planner = new Planner(shardTokens);
  for (const split of SHARD_SPLITS) {
    planner.begin(split);
    const { from, to } = bucketsOf(split);
    for (let bucket = from; bucket < to; bucket++) {
      const pieces = buckets.get(bucket);
      if (!pieces) continue;
      if (!selection.sampler && planner.takeWhole(bucket, pieces)) continue;
      let skip = 0;
      const parts = Math.ceil(
        pieces.reduce((sum, { extent }) => sum + extent.documents, 0) / documentsAtOnce,
      );
      for (let part = 0; part < parts; part++) {
        const words = await recordsOf(pieces, selection, rest, part, parts);
        const recordAt = Uint32Array.from({ length: words.length / SIDE_WORDS }, (_, i) => i * SIDE_WORDS);
        for (const i of sortedByKey(words, recordAt)) {
          planner.take(bucket, skip++, words[recordAt[i]! + SIDE.tokens]!);
        }
      }
    }
  }
  return planner.shards;
}

/** Records of the bucket's documents that are taken, and have their key in that part of 0 .. parts - 1 of the bucket's keys. */
async function recordsOf(
  pieces: readonly BucketPiece[],
  selection: Selection,
  rest: () => Promise<void>,
  part: number,
  parts: number,
): Promise<Uint32Array> {
  const records = new GrowingWords();
  const none = new Uint8Array(0);
  for (const { side, extent } of pieces) {
    await rest();
    const see = (words: Uint32Array, at: number, body: Uint8Array): void => {
      // By the bits that follow those of the bucket: monotonous in the key.
      const fraction = ((words[at + SIDE.key + 1]! << 8) >>> 0) / 2 ** 32;
      if (Math.floor(fraction * parts) !== part || !selection.takes(words, at, side, body, 0)) return;
      const to = records.grow(SIDE_WORDS);
      for (let k = 0; k < SIDE_WORDS; k++) records.data[to + k] = words[at + k]!;
    };
    if (selection.quality) {
      eachDocument(side, extent, see);
      continue;
    }
    const words = side.records(extent);
    for (let at = 0; at < words.length; at += SIDE_WORDS) see(words, at, none);
  }
  return records.data.subarray(0, records.length);
}

/** Adds documents in the order of their keys to shards. */
class Planner {
  readonly shards: PlannedShard[] = [];
  private readonly shardTokens: number;
  private split: ShardSplit = 'train';
  private shard = 0;
  private open: PlannedShard | undefined;

  constructor(shardTokens: number) {
    this.shardTokens = shardTokens;
  }

  begin(split: ShardSplit): void {
    this.split = split;
    this.shard = 0;
    this.open = undefined;
  }

  /** Takes a bucket at once where no shard ends in it. */
  takeWhole(bucket: number, pieces: readonly BucketPiece[]): boolean {
    const tokens = pieces.reduce((sum, { extent }) => sum + extent.tokens, this.open?.tokens ?? 0);
    const documents = pieces.reduce((sum, { extent }) => sum + extent.documents, this.open?.documents ?? 0);
    if (tokens > this.shardTokens || documents > MAX_DOCUMENTS) return false;
    const open = this.open ?? this.next(bucket, 0);
    open.tokens = tokens;
    open.documents = documents;
    open.endBucket = bucket + 1;
    return true;
  }

  take(bucket: number, skip: number, tokens: number): void {
    let { open } = this;
    if (!open || open.tokens + tokens > this.shardTokens || open.documents >= MAX_DOCUMENTS)
      open = this.next(bucket, skip);
    open.tokens += tokens;
    open.documents++;
    open.endBucket = bucket + 1;
  }

  private next(bucket: number, skip: number): PlannedShard {
    const { split } = this;
    const shard = this.shard++;
    this.open = { split, shard, bucket, skip, endBucket: bucket, documents: 0, tokens: 0 };
    this.shards.push(this.open);
    return this.open;
  }
}

/** Consecutive shards of one split, which one thread writes. */
export type ShardRun = readonly PlannedShard[];

/** About `wanted` runs of about as many tokens each. A run reads the bucket it begins in once more than it had to. */
export function runsOf(shards: readonly PlannedShard[], wanted: number): ShardRun[] {
  const total = shards.reduce((sum, { tokens }) => sum + tokens, 0);
  const runs: PlannedShard[][] = [];
  let before = 0;
  let last = -1;
  for (const planned of shards) {
    const slot = Math.floor(((before + planned.tokens / 2) / Math.max(1, total)) * wanted);
    const run = runs.at(-1);
    if (run && slot === last && run[0]!.split === planned.split) run.push(planned);
    else runs.push([planned]);
    last = slot;
    before += planned.tokens;
  }
  return runs;
}
