// Digests for shards and side files, where the bytes lie. The plain twin is core/hash.ts; src/shard/kernel.ts lays the
// memory out.

import { xxh64 } from './_xxh64';

/** XXH64 of each block of [from, from + bytes), the last one perhaps shorter, to `to`. Returns how many. */
export function digestBlocks(from: usize, bytes: u32, blockBytes: u32, to: usize): u32 {
  let blocks: u32 = 0;
  for (let at: u32 = 0; at < bytes; at += blockBytes) {
    store<u64>(to + (<usize>blocks << 3), xxh64(from + at, <i32>min(blockBytes, bytes - at)));
    blocks++;
  }
  return blocks;
}

/** XXH64 of [from, from + length) with the seed at `seed`, and without one, to `to`: a document's key and its hash. */
export function nameHashes(from: usize, length: u32, seed: usize, to: usize): void {
  store<u64>(to, xxh64(from, <i32>length, load<u64>(seed)));
  store<u64>(to, xxh64(from, <i32>length), 8);
}
