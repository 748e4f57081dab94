import { writeFileAtomic } from '../../core/files.ts';
import { xxh64 } from '../../core/hash.ts';
import { readSealedFile, type Seal } from '../sealed-file.ts';
import { TOKENIZATIONS, type Tokenization } from './ngrams.ts';

/*
 * An index of n-grams: 64 bytes of header (magic, version, n, tokenization, examples, n-grams, postings, bytes of the
 * labels, XXH64 of all the rest), then u64 hashes ascending, u32 start of each one's postings (one more than hashes), u32
 * examples, u32 n-grams of each example, labels as JSON. Little-endian.
 * In memory: 16 bytes an n-gram, 4 a posting (mostly one an n-gram), and 4 to 8 for the directory and 2 to 4 for the
 * filter: 28 MB for a million n-grams.
 */
const MAGIC = 'PVNGRAMS';
const VERSION = 1;
const HEADER = 64;
const SEAL: Seal = { magic: MAGIC, version: VERSION, header: HEADER };

/** One example of an evaluation set, or one held-out document. */
export interface Example {
  readonly set: string;
  readonly name: string;
}

interface IndexParts {
  readonly n: number;
  readonly tokenization: Tokenization;
  /** [2 * ngrams] hashes ascending, the low word first. */
  readonly hashes: Uint32Array;
  /** [ngrams + 1] */
  readonly starts: Uint32Array;
  /** Examples of each n-gram, ascending. */
  readonly postings: Uint32Array;
  /** [examples] different n-grams of each. */
  readonly sizes: Uint32Array;
  readonly examples: readonly Example[];
}

/** Looks n-grams up by hash. */
export class NgramIndex {
  readonly parts: IndexParts;
  readonly ngrams: number;
  /** Where the hashes begin whose upper bits are i. */
  private readonly directory: Uint32Array;
  private readonly shift: number;
  /** A bit a hash: nearly all n-grams of a clean text end here, in a table that the processor's cache holds. */
  private readonly filter: Uint32Array;
  private readonly filterMask: number;

  constructor(parts: IndexParts) {
    const { hashes } = parts;
    this.parts = parts;
    this.ngrams = hashes.length / 2;
    const bits = Math.min(26, Math.max(4, Math.ceil(Math.log2(this.ngrams + 1))));
    this.shift = 32 - bits;
    this.directory = new Uint32Array(2 ** bits + 1);
    const filterBits = Math.min(31, bits + 4);
    this.filter = new Uint32Array(2 ** (filterBits - 5));
    this.filterMask = 2 ** filterBits - 1;
    for (let i = 0; i < this.ngrams; i++) {
      const low = hashes[2 * i]! & this.filterMask;
      this.filter[low >>> 5]! |= 1 << (low & 31);
      this.directory[(hashes[2 * i + 1]! >>> this.shift) + 1]!++;
    }
    for (let i = 1; i < this.directory.length; i++) this.directory[i]! += this.directory[i - 1]!;
  }

  /** The number of the n-gram with this hash, -1 where the index has none. */
  find(low: number, high: number): number {
    const bit = low & this.filterMask;
    if (((this.filter[bit >>> 5]! >>> (bit & 31)) & 1) === 0) return -1;
    const { hashes } = this.parts;
    const top = high >>> this.shift;
    for (let i = this.directory[top]!; i < this.directory[top + 1]!; i++)
      if (hashes[2 * i] === low && hashes[2 * i + 1] === high) return i;
    return -1;
  }

  /** Examples that have n-gram i. */
  examplesOf(i: number): Uint32Array {
    const { starts, postings } = this.parts;
    return postings.subarray(starts[i]!, starts[i + 1]!);
  }

  get bytesInMemory(): number {
    const { hashes, starts, postings, sizes } = this.parts;
    const tables = [hashes, starts, postings, sizes, this.directory, this.filter];
    return tables.reduce((sum, table) => sum + table.byteLength, 0);
  }
}

/** XXH64 of the body, seeded with that of the header before the digest. */
function digestOf(header: Uint8Array, body: Uint8Array): bigint {
  return xxh64(body, xxh64(header.subarray(0, 48)));
}

function bytesOf(array: Uint32Array): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}

/** Writes the index whole, or not at all. */
export async function writeNgramIndex(path: string, parts: IndexParts): Promise<void> {
  const labels = Buffer.from(JSON.stringify(parts.examples.map(({ set, name }) => [set, name])));
  const { hashes, starts, postings, sizes } = parts;
  const body = Buffer.concat([...[hashes, starts, postings, sizes].map(bytesOf), labels]);
  const header = Buffer.alloc(HEADER);
  header.write(MAGIC, 'latin1');
  header.writeUInt32LE(VERSION, 8);
  header.writeUInt32LE(parts.n, 12);
  header.writeUInt32LE(TOKENIZATIONS.indexOf(parts.tokenization), 16);
  header.writeUInt32LE(parts.examples.length, 20);
  header.writeUIntLE(hashes.length / 2, 24, 6);
  header.writeUIntLE(postings.length, 32, 6);
  header.writeUIntLE(labels.length, 40, 6);
  header.writeBigUInt64LE(digestOf(header, body), 48);
  await writeFileAtomic(path, Buffer.concat([header, body]));
}

/** @throws IntegrityError where the file is damaged or none */
export function readNgramIndex(path: string): NgramIndex {
  const { file, fail } = readSealedFile(path, SEAL, 'not an index of n-grams');
  const examples = file.readUInt32LE(20);
  const ngrams = file.readUIntLE(24, 6);
  const postings = file.readUIntLE(32, 6);
  const labels = file.readUIntLE(40, 6);
  const size = HEADER + ngrams * 8 + (ngrams + 1 + postings + examples) * 4 + labels;
  if (size !== file.length) fail('index of another size', 24, `${size} bytes`, `${file.length}`);
  const digest = digestOf(file, file.subarray(HEADER));
  if (digest !== file.readBigUInt64LE(48))
    fail('damaged index', 8, `XXH64 ${file.readBigUInt64LE(48).toString(16)}`, digest.toString(16));
  let at = HEADER;
  const take = (count: number): Uint32Array => {
    const array = new Uint32Array(Uint8Array.prototype.slice.call(file, at, at + count * 4).buffer);
    at += count * 4;
    return array;
  };
  return new NgramIndex({
    n: file.readUInt32LE(12),
    tokenization:
      TOKENIZATIONS[file.readUInt32LE(16)] ?? fail('unknown tokenization', 16, '0 or 1', `${file[16]}`),
    hashes: take(ngrams * 2),
    starts: take(ngrams + 1),
    postings: take(postings),
    sizes: take(examples),
    examples: (JSON.parse(file.toString('utf8', at)) as [string, string][]).map(([set, name]) => ({
      set,
      name,
    })),
  });
}
