import { loadKernel } from '../core/wasm.ts';
import { BUCKETS, MOST_SHARED, SIDE_RECORD_BYTES, SIDE_WORDS } from './side-file.ts';
import { setBig } from './u64.ts';

/** Documents that a bucket collects at most before they are written. */
export const CHUNK_DOCUMENTS = 512;
/** What the stage has room for: documents, bytes of their ids and sources, signals. */
export const STAGE_DOCUMENTS = 512;
export const STAGE_TEXT = 1 << 18;
export const STAGE_SIGNALS = 1 << 14;
const MOST_CORPORA = 1024;
const PREFIX_BYTES = 1 << 15;
/** Copied eight bytes at a time, up to seven too many. */
const SLACK = 64;
const PAGE = 1 << 16;
const NONE = 0xffffffff;

/** Words of the fields that the kernel reads (src/kernels/assembly/side.ts). */
const FIELD = {
  seed: 0,
  recordsAt: 2,
  firstsAt: 3,
  valuesAt: 4,
  textAt: 5,
  placesAt: 6,
  prefixesAt: 7,
  nameAt: 8,
  bucketRecordsAt: 9,
  bodiesAt: 10,
  documentsAt: 11,
  usedAt: 12,
  tokensAt: 13,
  mostDocuments: 14,
  chunkBytes: 15,
  stride: 16,
  width: 17,
  endOfText: 18,
  level: 19,
  full: 20,
} as const;

/** What of a side file's setting decides where a document goes. */
export interface DealSetting {
  readonly tokenWidth: 2 | 4;
  readonly endOfText: number | undefined;
  readonly keySeed: bigint;
  readonly level?: number;
}

interface Exports {
  dealDocuments(from: number, to: number, fields: number): number;
}

/** Bytes that are also written as numbers: tokens and signals. */
export class Bodies {
  readonly bytes: Buffer;
  readonly narrow: Uint16Array;
  readonly wide: Uint32Array;
  readonly view: DataView;

  constructor(buffer: ArrayBuffer, at: number, bytes: number) {
    this.bytes = Buffer.from(buffer, at, bytes);
    this.narrow = new Uint16Array(buffer, at, bytes / 2);
    this.wide = new Uint32Array(buffer, at, bytes / 4);
    this.view = new DataView(buffer, at, bytes);
  }

  /** Of so many bytes, rounded up, outside the kernel's memory. */
  static alone(bytes: number): Bodies {
    const whole = Math.ceil(bytes / 4) * 4;
    return new Bodies(new ArrayBuffer(whole), 0, whole);
  }
}

/**
 * What the buckets of a part hold: bucket b has records from b * CHUNK_DOCUMENTS on, and bodies from b * stride on. In the
 * memory of a kernel, with a stage on which documents are put for it to deal them out.
 */
export class BucketMemory {
  readonly chunkBytes: number;
  readonly stride: number;
  readonly records: Uint32Array;
  readonly bodies: Bodies;
  readonly documents: Uint32Array;
  readonly tokens: Float64Array;
  readonly used: Uint32Array;
  /** The stage: records without key and hash, and with the number of signals for the copy; the signals; ids and sources by turns. */
  readonly staged: Uint32Array;
  readonly values: Float64Array;
  readonly texts: Uint8Array;
  /** Where in `bodies` the tokens of staged documents go, in bytes from its start. */
  private readonly places: Uint32Array;
  /** Where the source of a bucket's first document is, and its bytes. */
  private readonly firsts: Uint32Array;
  private readonly prefixes: Uint32Array;
  private readonly prefixText: Uint8Array;
  private prefixUsed = 0;
  private readonly fields: Uint32Array;
  private readonly kernel: Exports;
  private readonly memory: ArrayBuffer;
  private next = PAGE;

  constructor(chunkBytes: number) {
    this.chunkBytes = chunkBytes;
    this.stride = chunkBytes + SLACK;
    const stageBytes = STAGE_DOCUMENTS * (SIDE_RECORD_BYTES + 4) + 8 * STAGE_SIGNALS + STAGE_TEXT;
    const nameBytes = 8 * MOST_CORPORA + 2 * PREFIX_BYTES + STAGE_TEXT;
    const bucketBytes = CHUNK_DOCUMENTS * SIDE_RECORD_BYTES + this.stride + 24;
    const bytes = PAGE + stageBytes + nameBytes + BUCKETS * bucketBytes + 16 * SLACK;
    const { exports, memory } = loadKernel<Exports>('side', Math.ceil(bytes / PAGE));
    this.kernel = exports;
    this.memory = memory.buffer as ArrayBuffer;
    this.fields = this.words(Object.keys(FIELD).length + 1);
    this.staged = this.words(STAGE_DOCUMENTS * SIDE_WORDS);
    this.values = this.doubles(STAGE_SIGNALS);
    this.texts = this.bytes(STAGE_TEXT);
    this.places = this.words(STAGE_DOCUMENTS);
    this.prefixes = this.words(2 * MOST_CORPORA);
    this.prefixText = this.bytes(PREFIX_BYTES);
    const name = this.bytes(PREFIX_BYTES + STAGE_TEXT);
    this.documents = this.words(BUCKETS);
    this.used = this.words(BUCKETS);
    this.firsts = this.words(2 * BUCKETS);
    this.tokens = this.doubles(BUCKETS);
    this.records = this.words(BUCKETS * CHUNK_DOCUMENTS * SIDE_WORDS);
    this.bodies = new Bodies(this.memory, this.place(BUCKETS * this.stride), BUCKETS * this.stride);
    const { fields } = this;
    fields[FIELD.recordsAt] = this.staged.byteOffset;
    fields[FIELD.placesAt] = this.places.byteOffset;
    fields[FIELD.prefixesAt] = this.prefixes.byteOffset;
    fields[FIELD.nameAt] = name.byteOffset;
    fields[FIELD.bucketRecordsAt] = this.records.byteOffset;
    fields[FIELD.bodiesAt] = this.bodies.bytes.byteOffset;
    fields[FIELD.firstsAt] = this.firsts.byteOffset;
    fields[FIELD.documentsAt] = this.documents.byteOffset;
    fields[FIELD.usedAt] = this.used.byteOffset;
    fields[FIELD.tokensAt] = this.tokens.byteOffset;
    fields[FIELD.mostDocuments] = CHUNK_DOCUMENTS;
    fields[FIELD.chunkBytes] = chunkBytes;
    fields[FIELD.stride] = this.stride;
  }

  /** Empties all buckets for another file. */
  begin({ tokenWidth, endOfText, keySeed, level = 0 }: DealSetting): void {
    this.documents.fill(0);
    this.tokens.fill(0);
    this.used.fill(0);
    this.prefixUsed = 0;
    const { fields } = this;
    setBig(fields, FIELD.seed, keySeed);
    fields[FIELD.width] = tokenWidth;
    fields[FIELD.endOfText] = endOfText ?? NONE;
    fields[FIELD.level] = level;
  }

  /** Tells the kernel the name of the next corpus; says whether there was room. */
  addCorpus(index: number, name: string): boolean {
    const bytes = Buffer.from(`${name}\0`);
    if (index >= MOST_CORPORA || this.prefixUsed + bytes.length + SLACK > PREFIX_BYTES) return false;
    this.prefixText.set(bytes, this.prefixUsed);
    this.prefixes[2 * index] = this.prefixText.byteOffset + this.prefixUsed;
    this.prefixes[2 * index + 1] = bytes.length;
    this.prefixUsed += bytes.length;
    return true;
  }

  /** A stage full of documents is to be dealt out from its beginning. */
  beginStage(): void {
    const { fields } = this;
    fields[FIELD.valuesAt] = this.values.byteOffset;
    fields[FIELD.textAt] = this.texts.byteOffset;
  }

  /** Deals staged documents [from, to), all but their tokens, until a bucket is full; gives how far it came. */
  deal(from: number, to: number): number {
    return this.kernel.dealDocuments(from, to, this.fields.byteOffset);
  }

  /** How many bytes a source begins with of that of the first document in a bucket. */
  sharedBytes(bucket: number, source: Uint8Array): number {
    if (this.documents[bucket] === 0) return 0;
    const at = this.firsts[2 * bucket]! - this.bodies.bytes.byteOffset;
    const most = Math.min(source.length, this.firsts[2 * bucket + 1]!, MOST_SHARED);
    let n = 0;
    while (n < most && source[n] === this.bodies.bytes[at + n]) n++;
    return n;
  }

  /** The source of a bucket's first document is at bodies[at .. at + bytes). */
  setFirst(bucket: number, at: number, bytes: number): void {
    this.firsts[2 * bucket] = this.bodies.bytes.byteOffset + at;
    this.firsts[2 * bucket + 1] = bytes;
  }

  /** The bucket that was full. */
  get full(): number {
    return this.fields[FIELD.full]!;
  }

  /** Where in `bodies` the tokens of a staged document go, in bytes. */
  placeOf(k: number): number {
    return this.places[k]! - this.bodies.bytes.byteOffset;
  }

  private place(bytes: number): number {
    const at = this.next;
    this.next += Math.ceil((bytes + SLACK) / 16) * 16;
    return at;
  }

  private words(n: number): Uint32Array {
    return new Uint32Array(this.memory, this.place(4 * n), n);
  }

  private doubles(n: number): Float64Array {
    return new Float64Array(this.memory, this.place(8 * n), n);
  }

  private bytes(n: number): Uint8Array {
    return new Uint8Array(this.memory, this.place(n), n);
  }
}
