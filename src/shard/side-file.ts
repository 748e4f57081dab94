import { IntegrityError } from '../core/errors.ts';
import { BlockFile, type BlockFormat, FIELDS_AT, HEADER_BYTES } from './block-file.ts';
import { SHARD_SPLITS, type ShardSplit } from './format.ts';
import type { Counts } from './shard-set.ts';
import { asWords, getBig, getU64 } from './u64.ts';

/**
 * What the global shuffle reads of one part: the part's documents with their tokens, dealt into buckets by the first bits
 * of their shuffle keys, so that the shuffle reads one range of keys from all parts in large pieces. FORMAT.md gives the
 * bytes.
 */
export const SIDE_FORMAT: BlockFormat = { magic: 'PVDSIDE\0', version: 4, blockBytes: 1 << 14 };

/** Words of a side record, and what is where in it. */
export const SIDE_WORDS = 16;
export const SIDE_RECORD_BYTES = SIDE_WORDS * 4;
export const SIDE = {
  /** u64 shuffle key: XXH64 of corpus, zero byte and id, seeded. */
  key: 0,
  /** u64 XXH64 of the same, unseeded. */
  hash: 2,
  /** Tokens, the appended end-of-text token included. */
  tokens: 4,
  /** Index into the file's corpora; bit 31 is set for held-out documents, bit 30 for validation. */
  corpus: 5,
  idBytes: 6,
  /** Without those that it begins with of the extent's first source. */
  sourceBytes: 7,
  sourceStart: 8,
  sourceEnd: 10,
  textBytes: 12,
  /** Which shape the signals have, and in the upper 8 bits how many bytes the source begins with of the extent's first. */
  signals: 14,
  copy: 15,
} as const;
const HELD_OUT_BIT = 0x80000000;
const VALIDATION_BIT = 0x40000000;

/** The corpus word of a document: its corpus's index and its side. */
export function packCorpus(index: number, split: ShardSplit): number {
  return (index | (split === 'held-out' ? HELD_OUT_BIT : split === 'validation' ? VALIDATION_BIT : 0)) >>> 0;
}

/** The corpus's index in a corpus word. */
export function corpusOf(word: number): number {
  return word & ~(HELD_OUT_BIT | VALIDATION_BIT);
}

/** Whether the document of a corpus word is trained on; the word then is the corpus's index. */
export function isTraining(word: number): boolean {
  return (word & (HELD_OUT_BIT | VALIDATION_BIT)) === 0;
}

export function sideOf(word: number): ShardSplit {
  if (word & HELD_OUT_BIT) return 'held-out';
  return word & VALIDATION_BIT ? 'validation' : 'train';
}
/** Bytes of one signal in a document's body: f64. */
export const SIGNAL_BYTES = 8;
/** Which signals a document has, and in which order, is its shape; so many there can be. */
export const MOST_SHAPES = 1 << 24;
export const MOST_SHARED = 255;

/** The signals word of a record. */
export function packSignals(shape: number, shared: number): number {
  return (shape | (shared << 24)) >>> 0;
}

export function shapeOf(word: number): number {
  return word & (MOST_SHAPES - 1);
}

/** Bytes of the source that are those of the extent's first source. */
export function sharedOf(word: number): number {
  return word >>> 24;
}

const BUCKET_BITS = 8;
const KEY_BUCKETS = 1 << BUCKET_BITS;
/** Those of one split after those of another. */
export const BUCKETS = SHARD_SPLITS.length * KEY_BUCKETS;
/** A bucket that is too large is dealt out again by the next bits of the key, at most so often. */
export const LAST_LEVEL = 3;

/** Buckets [from, to). */
export interface BucketRange {
  readonly from: number;
  readonly to: number;
}

export const ALL_BUCKETS: BucketRange = { from: 0, to: BUCKETS };

/** The splits lie apart, so that a shard is a range of keys of whatever is read for it. */
export function bucketsOf(split: ShardSplit): BucketRange {
  const from = SHARD_SPLITS.indexOf(split) * KEY_BUCKETS;
  return { from, to: from + KEY_BUCKETS };
}

/** Whether a split begins with this bucket. */
export function isFirstBucket(bucket: number): boolean {
  return bucket % KEY_BUCKETS === 0;
}

/** The bucket of a document, by the high word of its key: the buckets of a split ascend as keys do. */
export function bucketOf(keyHigh: number, level: number, split: ShardSplit): number {
  const bucket = (keyHigh >>> (32 - BUCKET_BITS * (level + 1))) & (KEY_BUCKETS - 1);
  return SHARD_SPLITS.indexOf(split) * KEY_BUCKETS + bucket;
}

/** Documents of one bucket that lie together: their records, then their bodies, each padded to 4 bytes. */
export interface SideExtent {
  readonly bucket: number;
  /** Where in the body of the file it begins. */
  readonly at: number;
  readonly documents: number;
  readonly tokens: number;
  readonly bytes: number;
}

export interface SideFooter {
  readonly tokenizer: string;
  /** In the order in which they lie in the file. */
  readonly extents: readonly SideExtent[];
  readonly corpora: readonly string[];
  readonly signals: readonly string[];
  /** Indexes into `signals` of those that a document of the shape has, in their order. */
  readonly shapes: readonly (readonly number[])[];
  /** By split, then by index into `corpora`. */
  readonly counts: Readonly<Record<'train' | 'held-out', readonly Counts[]>> & {
    /** Where the file has such documents. */
    readonly validation?: readonly Counts[];
  };
}

/** What a side file's records do not say of themselves. */
export interface BodyLayout {
  readonly tokenWidth: number;
  /** Signals of a document of each shape. */
  readonly shapeSizes: Uint32Array;
}

/** Where in one document's body its source begins: after tokens, signals, id. */
export function sourceIn(words: Uint32Array, at: number, { tokenWidth, shapeSizes }: BodyLayout): number {
  const signals = shapeSizes[shapeOf(words[at + SIDE.signals]!)]!;
  return words[at + SIDE.tokens]! * tokenWidth + signals * SIGNAL_BYTES + words[at + SIDE.idBytes]!;
}

/** Bytes of one document's body: tokens, signals, id, source. */
export function bodyBytesOf(words: Uint32Array, at: number, layout: BodyLayout): number {
  return sourceIn(words, at, layout) + words[at + SIDE.sourceBytes]!;
}

/** Order of two side records by (key, hash, copy). */
export function compareKeys(a: Uint32Array, i: number, b: Uint32Array, j: number): number {
  return (
    a[i + 1]! - b[j + 1]! ||
    a[i]! - b[j]! ||
    a[i + SIDE.hash + 1]! - b[j + SIDE.hash + 1]! ||
    a[i + SIDE.hash]! - b[j + SIDE.hash]! ||
    a[i + SIDE.copy]! - b[j + SIDE.copy]!
  );
}

/** An open side file. */
export class SideFile {
  readonly path: string;
  readonly file: BlockFile;
  readonly footer: SideFooter;
  readonly tokenWidth: 2 | 4;
  readonly shapeSizes: Uint32Array;
  readonly endOfTextAppended: boolean;
  readonly keySeed: bigint;
  readonly documents: number;

  constructor(path: string) {
    this.path = path;
    this.file = new BlockFile(path, SIDE_FORMAT);
    try {
      const words = this.file.header;
      this.tokenWidth = words[FIELDS_AT] as 2 | 4;
      this.endOfTextAppended = words[FIELDS_AT + 1] === 1;
      this.keySeed = getBig(words, FIELDS_AT + 2);
      this.documents = getU64(words, FIELDS_AT + 4);
      const bytes = Buffer.alloc(getU64(words, FIELDS_AT + 8));
      this.file.read(getU64(words, FIELDS_AT + 6), bytes);
      this.footer = JSON.parse(bytes.toString('utf8')) as SideFooter;
      this.shapeSizes = Uint32Array.from(this.footer.shapes, ({ length }) => length);
      this.checkExtents();
    } catch (error) {
      this.file.close();
      throw error;
    }
  }

  close(): void {
    this.file.close();
  }

  /** The records of an extent, without the bodies. */
  records(extent: SideExtent): Uint32Array {
    return asWords(this.file.readRange(extent.at, extent.documents * SIDE_RECORD_BYTES));
  }

  /** A whole extent. */
  extent(extent: SideExtent): Uint8Array {
    return this.file.readRange(extent.at, extent.bytes);
  }

  private checkExtents(): void {
    const found = this.footer.extents.reduce((sum, extent) => sum + extent.documents, 0);
    if (found !== this.documents) {
      throw new IntegrityError('the extents do not add up', {
        file: this.path,
        offset: HEADER_BYTES,
        expected: `${this.documents} documents`,
        found: `${found}`,
      });
    }
  }
}
