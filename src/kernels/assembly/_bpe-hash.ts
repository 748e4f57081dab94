// Keys of at most 32 bytes as four words, zero beyond their length. Memory is readable 32 bytes past any key.

export let word0: u64 = 0;
export let word1: u64 = 0;
export let word2: u64 = 0;
export let word3: u64 = 0;

const K0: u64 = 0x9e3779b97f4a7c15;
const K1: u64 = 0xc2b2ae3d27d4eb4f;

/** The first `bytes` (0 to 8) bytes at p. */
// @ts-ignore: decorator
@inline
function partWord(p: usize, bytes: u32): u64 {
  if (bytes == 0) return 0;
  return load<u64>(p) & (<u64>-1 >> ((8 - bytes) << 3));
}

/** Loads the words of a key of 1 to 32 bytes and returns their hash. */
// @ts-ignore: decorator
@inline
export function loadKey(p: usize, length: u32): u64 {
  let h: u64;
  if (length <= 8) {
    word0 = partWord(p, length);
    h = word0 * K0;
    return (h ^ (h >> 32)) * K1;
  }
  word0 = load<u64>(p);
  if (length <= 16) {
    word1 = partWord(p + 8, length - 8);
    h = (word0 * K0) ^ rotl(word1 * K1, 29);
    h *= K0;
    return (h ^ (h >> 32)) * K1;
  }
  word1 = load<u64>(p, 8);
  if (length <= 24) {
    word2 = partWord(p + 16, length - 16);
    word3 = 0;
  } else {
    word2 = load<u64>(p, 16);
    word3 = partWord(p + 24, length - 24);
  }
  h = (word0 * K0) ^ rotl(word1 * K1, 29) ^ rotl(word2 * K0, 41) ^ rotl(word3 * K1, 17);
  h *= K0;
  return (h ^ (h >> 32)) * K1;
}
