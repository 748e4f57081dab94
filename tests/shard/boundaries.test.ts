import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { xxh64 } from '../../src/core/hash.ts';
import { Random } from '../../src/core/random.ts';
import { BLOCK_BYTES, encodeHeader, HEADER_BYTES } from '../../src/shard/block-file.ts';
import { encodeShardHeader, RECORD_BYTES, SHARD_FORMAT, tokenWidthOf } from '../../src/shard/format.ts';
import { Permutation } from '../../src/shard/permutation.ts';
import { ShardFile } from '../../src/shard/shard-file.ts';
import { TokenSequence } from '../../src/shard/token-sequence.ts';
import { asBytes, getBig, getU64, setBig, setU64 } from '../../src/shard/u64.ts';
import { newFolder, TOKENIZER } from './make-shards.ts';

/**
 * A sparse shard of 2^32 + 3 * 2^20 u16 tokens, written by hand from FORMAT.md: zeros (a hole) but for a few tokens
 * around 2^31 bytes, 2^32 bytes and 2^32 tokens. Documents end at the given places.
 */
function writeSparse(path: string, ends: number[], marks: [token: number, value: number][]): void {
  const tokens = ends.at(-1)!;
  const endsAt = Math.ceil((2 * tokens) / 8) * 8;
  const documents = ends.length;
  const names = Buffer.from(JSON.stringify({ corpora: ['c'], signals: [] }));
  const strings = Buffer.from('0123sparse');
  const index = Buffer.alloc(8 * documents + RECORD_BYTES * documents + 8 + 16);
  ends.forEach((end, i) => {
    index.writeBigUInt64LE(BigInt(end), 8 * i);
    const record = 8 * documents + RECORD_BYTES * i;
    index.writeBigUInt64LE(BigInt(i), record + 8);
    index.writeUInt32LE(1, record + 16);
    index.writeBigUInt64LE(BigInt(2 ** 33 + i), record + 32);
    index.writeBigUInt64LE(BigInt(2 ** 40 + i), record + 40);
  });
  const sources = (8 + RECORD_BYTES) * documents;
  index.writeBigUInt64LE(6n, sources);
  strings.copy(index, sources + 8);
  const stringsAt = endsAt + sources + 8;
  const namesAt = stringsAt + 16;
  const bodyBytes = namesAt + names.length;
  const pieces: [number, Uint8Array][] = [
    ...marks.map(([token, value]): [number, Uint8Array] => [
      2 * token,
      Uint8Array.of(value & 255, value >> 8),
    ]),
    [endsAt, index],
    [namesAt, names],
  ];
  const blocks = Math.ceil(bodyBytes / BLOCK_BYTES);
  const table = new BigUint64Array(blocks).fill(xxh64(new Uint8Array(BLOCK_BYTES)));
  for (let k = 0; k < blocks; k++) {
    const from = k * BLOCK_BYTES;
    const block = new Uint8Array(Math.min(BLOCK_BYTES, bodyBytes - from));
    const inside = pieces.filter(([at, bytes]) => at < from + block.length && at + bytes.length > from);
    if (inside.length === 0 && block.length === BLOCK_BYTES) continue;
    for (const [at, bytes] of inside) {
      const skip = Math.max(0, from - at);
      block.set(bytes.subarray(skip, skip + block.length - Math.max(0, at - from)), Math.max(0, at - from));
    }
    table[k] = xxh64(block);
  }
  const header = encodeHeader(SHARD_FORMAT, bodyBytes, xxh64(asBytes(table)), (words) =>
    encodeShardHeader(
      {
        shard: 0,
        split: 'train',
        tokenWidth: 2,
        tokens,
        documents,
        textBytes: 0,
        endOfText: undefined,
        vocabularySize: 65536,
        corpora: 1,
        signals: 0,
        sources: 1,
        tokenizerDigest: TOKENIZER,
        endsAt,
        recordsAt: endsAt + 8 * documents,
        sourcesAt: endsAt + sources,
        signalsAt: stringsAt,
        stringsAt,
        stringsBytes: strings.length,
        sourceStringsAt: stringsAt + 4,
        namesAt,
        namesBytes: names.length,
      },
      words,
    ),
  );
  const file = openSync(path, 'w');
  ftruncateSync(file, HEADER_BYTES + bodyBytes + 8 * blocks);
  writeSync(file, header, 0, header.length, 0);
  for (const [at, bytes] of pieces) writeSync(file, bytes, 0, bytes.length, HEADER_BYTES + at);
  writeSync(file, asBytes(table), 0, 8 * blocks, HEADER_BYTES + bodyBytes);
  closeSync(file);
}

describe('sizes past 2^32', () => {
  const T32 = 2 ** 32;
  const ends = [2 ** 31 - 1, T32 - 2, T32 + 2, T32 + 3 * 2 ** 20];
  const marks: [number, number][] = [
    [2 ** 30, 11],
    [2 ** 31 - 1, 21],
    [2 ** 31, 22],
    [T32 - 1, 31],
    [T32, 32],
    [T32 + 1, 33],
    [T32 + 2, 34],
    [T32 + 3 * 2 ** 20 - 1, 41],
  ];

  it('a sparse shard of more than 2^32 tokens is read, traced and windowed at its far end', () => {
    const path = join(newFolder(), 'train-00000.shard');
    writeSparse(path, ends, marks);
    const shard = new ShardFile(path, 'touch');
    expect(shard.header.tokens).toBe(T32 + 3 * 2 ** 20);
    expect([...shard.starts]).toEqual([0, ...ends]);
    const out = new Int32Array(8);
    for (const [token, value] of marks) {
      shard.copyTokens(token, 1, out, 3);
      expect(out[3]).toBe(value);
    }
    expect(shard.documentAt(T32 - 3)).toBe(1);
    expect(shard.documentAt(T32 - 2)).toBe(2);
    expect(shard.documentAt(T32 + 1)).toBe(2);
    expect(shard.documentAt(T32 + 2)).toBe(3);
    const document = shard.document(3);
    expect(document.sourceRange).toEqual([2 ** 33 + 3, 2 ** 40 + 3]);
    expect([document.id, document.source, document.corpus]).toEqual(['3', 'sparse', 'c']);
    expect(document.tokenRange).toEqual([T32 + 2, T32 + 3 * 2 ** 20]);
    const sequence = new TokenSequence([shard, shard]);
    expect(sequence.tokens).toBe(2 * T32 + 6 * 2 ** 20);
    const batch = sequence.windows([T32 - 3, T32 + shard.header.tokens - 2, shard.header.tokens - 1], 6);
    expect([...batch.tokens.subarray(0, 6)]).toEqual([0, 0, 31, 32, 33, 34]);
    expect([...batch.segments.subarray(0, 6)]).toEqual([0, 1, 1, 1, 1, 2]);
    expect([...batch.positions.subarray(0, 6)]).toEqual([T32 - 2 - 2 ** 31, 0, 1, 2, 3, 0]);
    expect([...batch.tokens.subarray(6, 12)]).toEqual([0, 31, 32, 33, 34, 0]);
    expect([...batch.tokens.subarray(12, 14)]).toEqual([41, 0]);
    expect([...batch.segments.subarray(12, 14)]).toEqual([0, 1]);
    shard.close();
  });

  it('a permutation of more than 2^32 windows stays exact', () => {
    const permutation = new Permutation(T32 + 17, new Random(4));
    for (const i of [0, 1, T32 - 1, T32, T32 + 16]) expect(permutation.inverse(permutation.at(i))).toBe(i);
  });

  it('64-bit words hold what doubles hold exactly', () => {
    const words = new Uint32Array(2);
    for (const value of [0, 1, T32 - 1, T32, T32 + 1, 2 ** 53 - 1]) {
      setU64(words, 0, value);
      expect(getU64(words, 0)).toBe(value);
      expect(new BigUint64Array(words.buffer)[0]).toBe(BigInt(value));
    }
    for (const value of [0n, 2n ** 64n - 1n, 0x0123456789abcdefn]) {
      setBig(words, 0, value);
      expect(getBig(words, 0)).toBe(value);
    }
  });

  it('a vocabulary of 65,536 still fits two bytes', () => {
    expect([65535, 65536, 65537].map(tokenWidthOf)).toEqual([2, 2, 4]);
  });
});
