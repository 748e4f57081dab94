import { FIELDS_AT } from './block-file.ts';
import { BlockFileWriter } from './block-writer.ts';
import { Bodies, BucketMemory, CHUNK_DOCUMENTS } from './bucket-memory.ts';
import { BUCKETS, SIDE, SIDE_FORMAT, SIDE_WORDS, type SideExtent, type SideFooter } from './side-file.ts';
import { asBytes, setBig, setU64 } from './u64.ts';

export interface SideSetting {
  readonly tokenizerDigest: string;
  readonly tokenWidth: 2 | 4;
  /** The id to append to every document. */
  readonly endOfText: number | undefined;
  readonly keySeed: bigint;
  /** Which bits of the key choose the bucket: 0 the first, more for what is dealt out again. */
  readonly level?: number;
}

const CHUNK_BYTES = 256 << 10;

/** Parts follow each other in a worker: the next takes over the memory of the last, some 70 MB where parts are large. */
let spareMemory: BucketMemory | undefined;

function takeMemory(chunkBytes: number, setting: SideSetting): BucketMemory {
  const memory = spareMemory?.chunkBytes === chunkBytes ? spareMemory : new BucketMemory(chunkBytes);
  spareMemory = undefined;
  memory.begin(setting);
  return memory;
}

/** Where a document goes: its record, its body, and how much of its source it need not have. */
export interface Place {
  readonly at: number;
  readonly bodies: Bodies;
  readonly body: number;
  readonly shared: number;
}

/** The buckets of a part, in memory, and the side file that each goes to in large pieces. */
export class BucketFile {
  readonly memory: BucketMemory;
  /** So many were added. */
  documents = 0;
  private readonly setting: SideSetting;
  private readonly file: BlockFileWriter;
  private readonly extents: SideExtent[] = [];

  /** `chunkBytes`: a multiple of 4, of bodies that a bucket collects before they are written. */
  constructor(path: string, setting: SideSetting, chunkBytes = CHUNK_BYTES) {
    this.file = new BlockFileWriter(path, SIDE_FORMAT);
    this.setting = setting;
    this.memory = takeMemory(chunkBytes, setting);
  }

  /** Makes room for a document in its bucket: `before` bytes of body and what of its source the bucket's first one has not. */
  begin(bucket: number, before: number, source: Uint8Array): Place {
    const { memory } = this;
    const { used, documents, chunkBytes, stride } = memory;
    const bytes = before + source.length;
    const isAlone = bytes > chunkBytes;
    let shared = isAlone ? 0 : memory.sharedBytes(bucket, source);
    if (used[bucket]! + bytes - shared > chunkBytes || documents[bucket]! >= CHUNK_DOCUMENTS) {
      this.flush(bucket);
      shared = 0;
    }
    const body = isAlone ? 0 : bucket * stride + used[bucket]!;
    if (!isAlone && documents[bucket] === 0) memory.setFirst(bucket, body + before, source.length);
    const at = (bucket * CHUNK_DOCUMENTS + documents[bucket]!) * SIDE_WORDS;
    return { at, bodies: isAlone ? Bodies.alone(bytes) : memory.bodies, body, shared };
  }

  /** A document of so many bytes of body is in its place. */
  end(bucket: number, { at, bodies, body }: Place, bodyBytes: number): void {
    this.documents++;
    const padded = (bodyBytes + 3) & ~3;
    bodies.bytes.fill(0, body + bodyBytes, body + padded);
    if (bodies !== this.memory.bodies) {
      const record = this.memory.records.subarray(at, at + SIDE_WORDS);
      this.write(bucket, record, bodies.bytes.subarray(0, padded), record[SIDE.tokens]!);
      return;
    }
    this.memory.documents[bucket]!++;
    this.memory.tokens[bucket]! += this.memory.records[at + SIDE.tokens]!;
    this.memory.used[bucket]! += padded;
  }

  /** Writes what a bucket holds. */
  flush(bucket: number): void {
    const { records, bodies, documents, tokens, used, stride } = this.memory;
    if (documents[bucket] === 0) return;
    const first = bucket * CHUNK_DOCUMENTS * SIDE_WORDS;
    const start = bucket * stride;
    this.write(
      bucket,
      records.subarray(first, first + documents[bucket]! * SIDE_WORDS),
      bodies.bytes.subarray(start, start + used[bucket]!),
      tokens[bucket]!,
    );
    documents[bucket] = 0;
    tokens[bucket] = 0;
    used[bucket] = 0;
  }

  private write(bucket: number, records: Uint32Array, bodies: Uint8Array, tokens: number): void {
    const { file, extents } = this;
    const bytes = records.byteLength + bodies.length;
    extents.push({ bucket, at: file.bodyBytes, documents: records.length / SIDE_WORDS, tokens, bytes });
    file.add(asBytes(records));
    file.add(bodies);
  }

  async finish(told: Omit<SideFooter, 'tokenizer' | 'extents'>): Promise<void> {
    const { file, setting } = this;
    for (let bucket = 0; bucket < BUCKETS; bucket++) this.flush(bucket);
    spareMemory = this.memory;
    file.align(8);
    const footerAt = file.bodyBytes;
    const footer: SideFooter = { tokenizer: setting.tokenizerDigest, extents: this.extents, ...told };
    const bytes = Buffer.from(JSON.stringify(footer));
    file.add(bytes);
    await file.finish((words) => {
      words[FIELDS_AT] = setting.tokenWidth;
      words[FIELDS_AT + 1] = setting.endOfText === undefined ? 0 : 1;
      setBig(words, FIELDS_AT + 2, setting.keySeed);
      setU64(words, FIELDS_AT + 4, this.documents);
      setU64(words, FIELDS_AT + 6, footerAt);
      setU64(words, FIELDS_AT + 8, bytes.length);
    });
  }

  abandon(): void {
    this.file.abandon();
  }
}
