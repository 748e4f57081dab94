import type { Split } from '../core/document.ts';
import { IntegrityError, InvariantError } from '../core/errors.ts';
import { BLOCK_BYTES, type BlockFile, type BlockFormat, FIELDS_AT, HEADER_BYTES } from './block-file.ts';
import { getU64, setU64 } from './u64.ts';

/** The layout of a shard; FORMAT.md says the same in prose. All integers are little-endian. */

export const SHARD_FORMAT: BlockFormat = {
  ...{ magic: 'PVDSHARD', version: 2, blockBytes: BLOCK_BYTES },
  /** Its sources lie whole in the strings. */
  older: [1],
};
/** Of so many sources the first is whole; the others may begin with bytes of it. The kernel of the sources knows the number too. */
export const SOURCE_BLOCK = 64;

export type ShardSplit = Split;
/** In the order of their codes in a shard's header. */
export const SHARD_SPLITS: readonly ShardSplit[] = ['train', 'held-out', 'validation'];

/** One value for each split. */
export function bySplit<T>(make: (split: ShardSplit) => T): Record<ShardSplit, T> {
  return { train: make('train'), 'held-out': make('held-out'), validation: make('validation') };
}

/** Where in the body each section begins (bytes), and what the header counts. */
export interface ShardHeader {
  readonly shard: number;
  readonly split: ShardSplit;
  /** Bytes a token: 2 where the vocabulary has at most 65,536 ids, else 4. */
  readonly tokenWidth: 2 | 4;
  readonly tokens: number;
  readonly documents: number;
  /** UTF-8 bytes of the documents' text. */
  readonly textBytes: number;
  /** The id that ends every document, undefined where none was appended. */
  readonly endOfText: number | undefined;
  readonly vocabularySize: number;
  readonly corpora: number;
  readonly signals: number;
  readonly sources: number;
  /** SHA-256 of the tokenizer.json, hex. */
  readonly tokenizerDigest: string;
  /** u64[documents]: end of each document, exclusive, in tokens of this shard. */
  readonly endsAt: number;
  /** RECORD_WORDS u32 a document. */
  readonly recordsAt: number;
  /** An entry for each source, of 8 bytes (`sourceEntry`); in version 1 (u64 offset in the strings, u64 bytes). */
  readonly sourcesAt: number;
  /** f64[signals][documents], NaN where a document lacks the signal. */
  readonly signalsAt: number;
  readonly stringsAt: number;
  readonly stringsBytes: number;
  /** Where in the body the sources' own bytes begin, behind the ids; undefined in version 1. */
  readonly sourceStringsAt: number | undefined;
  /** JSON: {"corpora": [...], "signals": [...]} */
  readonly namesAt: number;
  readonly namesBytes: number;
}

/** Words of a document's record, and what is where in it. With its end, a document costs 64 fixed bytes. */
export const RECORD_WORDS = 14;
export const RECORD_BYTES = RECORD_WORDS * 4;
export const RECORD = {
  /** u64 XXH64 of corpus, a zero byte, id. */
  hash: 0,
  /** u64 offset of the id in the strings. */
  idAt: 2,
  idBytes: 4,
  /** Index into the sources. */
  source: 5,
  /** Index into the corpora. */
  corpus: 6,
  /** Which copy of an upsampled document this is, from 0. */
  copy: 7,
  sourceStart: 8,
  sourceEnd: 10,
  textBytes: 12,
} as const;

/** The entry of a source, as words: where its own bytes end, and how many it begins with of the first source of its block. */
export function sourceEntry(words: Uint32Array, at: number): { end: number; shared: number } {
  const high = words[at + 1]!;
  return { end: words[at]! + (high & 0xff) * 2 ** 32, shared: high >>> 8 };
}

/** A source of which `shared` bytes are those that `first` begins with, and the others its own. */
export function wholeSource(first: Uint8Array, shared: number, own: Uint8Array): Uint8Array {
  return shared === 0 ? own : Buffer.concat([first.subarray(0, shared), own]);
}

const NO_TOKEN = 0xffffffff;
const FLAG_END_OF_TEXT = 1;

export function tokenWidthOf(vocabularySize: number): 2 | 4 {
  return vocabularySize <= 65536 ? 2 : 4;
}

/** Fills the words of a container's header that describe a shard. */
export function encodeShardHeader(header: ShardHeader, words: Uint32Array): void {
  const f = FIELDS_AT;
  if (!/^[0-9a-f]{64}$/.test(header.tokenizerDigest)) {
    throw new InvariantError('a tokenizer digest is not SHA-256 in hex', { found: header.tokenizerDigest });
  }
  words[f] = header.shard;
  words[f + 1] =
    header.tokenWidth |
    (SHARD_SPLITS.indexOf(header.split) << 8) |
    ((header.endOfText === undefined ? 0 : FLAG_END_OF_TEXT) << 16);
  setU64(words, f + 2, header.tokens);
  setU64(words, f + 4, header.documents);
  words[f + 6] = header.endOfText ?? NO_TOKEN;
  words[f + 7] = header.vocabularySize;
  words[f + 8] = header.corpora;
  words[f + 9] = header.signals;
  setU64(words, f + 10, header.sources);
  new Uint8Array(words.buffer, words.byteOffset + 4 * (f + 12), 32).set(
    Buffer.from(header.tokenizerDigest, 'hex'),
  );
  setU64(words, f + 20, header.textBytes);
  setU64(words, f + 22, header.endsAt);
  setU64(words, f + 24, header.recordsAt);
  setU64(words, f + 26, header.sourcesAt);
  setU64(words, f + 28, header.signalsAt);
  setU64(words, f + 30, header.stringsAt);
  setU64(words, f + 32, header.stringsBytes);
  setU64(words, f + 34, header.namesAt);
  setU64(words, f + 36, header.namesBytes);
  setU64(words, f + 38, header.sourceStringsAt!);
}

/** Reads and checks the header of an open shard: every section must lie where the counts say. */
export function decodeShardHeader(file: BlockFile): ShardHeader {
  const words = file.header;
  const f = FIELDS_AT;
  const kinds = words[f + 1]!;
  const header: ShardHeader = {
    shard: words[f]!,
    split: SHARD_SPLITS[(kinds >>> 8) & 0xff]!,
    tokenWidth: (kinds & 0xff) as 2 | 4,
    tokens: getU64(words, f + 2),
    documents: getU64(words, f + 4),
    endOfText: (kinds >>> 16) & FLAG_END_OF_TEXT ? words[f + 6]! : undefined,
    vocabularySize: words[f + 7]!,
    corpora: words[f + 8]!,
    signals: words[f + 9]!,
    sources: getU64(words, f + 10),
    tokenizerDigest: Buffer.from(words.buffer, words.byteOffset + 4 * (f + 12), 32).toString('hex'),
    textBytes: getU64(words, f + 20),
    endsAt: getU64(words, f + 22),
    recordsAt: getU64(words, f + 24),
    sourcesAt: getU64(words, f + 26),
    signalsAt: getU64(words, f + 28),
    stringsAt: getU64(words, f + 30),
    stringsBytes: getU64(words, f + 32),
    namesAt: getU64(words, f + 34),
    namesBytes: getU64(words, f + 36),
    sourceStringsAt: file.version === 1 ? undefined : getU64(words, f + 38),
  };
  checkLayout(file, header);
  return header;
}

/** Rounds up to the next multiple of 8, where sections begin. */
export function aligned(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

function checkLayout(file: BlockFile, h: ShardHeader): void {
  const must = (what: string, expected: unknown, found: unknown): void => {
    if (expected !== found) {
      throw new IntegrityError(`the header contradicts itself about ${what}`, {
        file: file.path,
        offset: HEADER_BYTES,
        expected: String(expected),
        found: String(found),
      });
    }
  };
  must('the token width', tokenWidthOf(h.vocabularySize), h.tokenWidth);
  must('the split', true, SHARD_SPLITS.includes(h.split));
  must('the ends', aligned(h.tokens * h.tokenWidth), h.endsAt);
  must('the records', h.endsAt + 8 * h.documents, h.recordsAt);
  must('the sources', h.recordsAt + RECORD_BYTES * h.documents, h.sourcesAt);
  must('the signals', h.sourcesAt + (h.sourceStringsAt === undefined ? 16 : 8) * h.sources, h.signalsAt);
  must('the strings', h.signalsAt + 8 * h.signals * h.documents, h.stringsAt);
  must('the names', aligned(h.stringsAt + h.stringsBytes), h.namesAt);
  must('the body', h.namesAt + h.namesBytes, file.bodyBytes);
}
