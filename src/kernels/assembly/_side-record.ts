// What is where in a side record, in bytes (src/shard/side-file.ts, SIDE), and how its names are copied.

export const HASH: usize = 8;
export const TOKENS: usize = 16;
export const CORPUS: usize = 20;
export const ID_BYTES: usize = 24;
export const SOURCE_BYTES: usize = 28;
export const SIGNALS: usize = 56;
export const COPY: usize = 60;
export const SHARED_SHIFT: u32 = 24;
export const CORPUS_MASK: u32 = 0x3fffffff;

/** Names are short: a call to copy memory costs more than the copying. Up to seven bytes too many are written. */
// @ts-ignore: decorator
@inline
export function copyShort(to: usize, from: usize, bytes: u32): void {
  for (let k: usize = 0; k < <usize>bytes; k += 8) store<u64>(to + k, load<u64>(from + k));
}
