// Byte-level BPE: pre-tokens are cut, looked up in a cache, and merged by rank where they are not in it.
// The plain twin is src/tokenize/bpe-tokenizer.ts with merge-ranks.ts; src/tokenize/bpe-kernel.ts lays the memory out.

import { loadKey, word0, word1, word2, word3 } from './_bpe-hash';
import { scan, setClassTable } from './_bpe-scan';

export { count, countEntries, countReset, countSlotMask, countSlots, countTake, countTop } from './_bpe-count';
export { setClassTable };

const NONE: i32 = 0x7fffffff;
/** Up to here a linear search for the least rank, four at a time, beats a heap. */
const SHORT: i32 = 160;
const LONGEST_KEY: u32 = 32;
/** Slot: 32 bytes of key, u8 length, u8 ids, 2 bytes free, 7 ids. */
const SLOT_BITS: usize = 6;
const MOST_IDS: u32 = 7;

/** [256] i32 */
let byteIds: usize = 0;
/** [256][256] of two i32: rank (NONE where the bytes do not merge) and id. Most look-ups are of these. */
let bytePairs: usize = 0;
/** Slots of four i32: left + 1, right, rank, id. */
let pairs: usize = 0;
let pairMask: u32 = 0;
let cache: usize = 0;
let cacheMask: u32 = 0;
/** Whole tokens: slots of two u32 (hash, id + 1); 0 where tokens are not looked up whole. */
let whole: usize = 0;
let wholeMask: u32 = 0;
/** [ids + 1] u32 offsets into tokenBytes. */
let tokenOffsets: usize = 0;
let tokenBytes: usize = 0;

export function setUp(
  index: usize,
  blocks: usize,
  byteIdsAt: usize,
  bytePairsAt: usize,
  pairsAt: usize,
  pairMaskIs: u32,
  cacheAt: usize,
  cacheMaskIs: u32,
): void {
  setClassTable(index, blocks);
  byteIds = byteIdsAt;
  bytePairs = bytePairsAt;
  pairs = pairsAt;
  pairMask = pairMaskIs;
  cache = cacheAt;
  cacheMask = cacheMaskIs;
  for (let left: usize = 0; left < 256; left++)
    for (let right: usize = 0; right < 256; right++) {
      const pair = findPair(load<i32>(byteIds + (left << 2)), load<i32>(byteIds + (right << 2)));
      const at = bytePairs + (((left << 8) | right) << 3);
      store<i32>(at, pair == 0 ? NONE : load<i32>(pair, 8));
      store<i32>(at, pair == 0 ? 0 : load<i32>(pair, 12), 4);
    }
}

export function setUpWhole(wholeAt: usize, wholeMaskIs: u32, offsets: usize, bytes: usize): void {
  whole = wholeAt;
  wholeMask = wholeMaskIs;
  tokenOffsets = offsets;
  tokenBytes = bytes;
}

// @ts-ignore: decorator
@inline
function findPair(left: i32, right: i32): usize {
  const h = (<u32>left * 0x9e3779b1) ^ (<u32>right * 0x85ebca6b);
  let slot = (h ^ (h >> 15)) & pairMask;
  while (true) {
    const at = pairs + (<usize>slot << 4);
    const found = load<i32>(at);
    if (found == 0) return 0;
    if (found == left + 1 && load<i32>(at, 4) == right) return at;
    slot = (slot + 1) & pairMask;
  }
}

/** FNV-1a with a final mix: hashBytes of src/tokenize/pre-token-table.ts. */
function hashBytes(p: usize, length: usize): u32 {
  let h: u32 = 0x811c9dc5;
  for (let i: usize = 0; i < length; i++) h = (h ^ load<u8>(p + i)) * 0x01000193;
  h ^= h >> 15;
  h *= 0x2c1b3c6d;
  return h ^ (h >> 13);
}

function findWhole(p: usize, length: usize): i32 {
  const hash = hashBytes(p, length);
  let slot = hash & wholeMask;
  while (true) {
    const at = whole + (<usize>slot << 3);
    const id = <i32>load<u32>(at, 4) - 1;
    if (id < 0) return -1;
    if (load<u32>(at) == hash) {
      const start = load<u32>(tokenOffsets + (<usize>id << 2));
      const end = load<u32>(tokenOffsets + (<usize>id << 2), 4);
      if (<usize>(end - start) == length && memory.compare(tokenBytes + start, p, length) == 0) return id;
    }
    slot = (slot + 1) & wholeMask;
  }
}

// Scratch of a short merge: symbols, ranks and made ids of SHORT places each, and room for four more behind.
const symbols = memory.data((SHORT + 4) * 4, 16);
const ranks = memory.data((SHORT + 4) * 4, 16);
const made = memory.data((SHORT + 4) * 4, 16);

// @ts-ignore: decorator
@inline
function entry(base: usize, i: i32): usize {
  return base + (<usize>i << 2);
}

// @ts-ignore: decorator
@inline
function rankShort(i: i32, left: i32, right: i32): void {
  const pair = findPair(left, right);
  if (pair == 0) {
    store<i32>(entry(ranks, i), NONE);
  } else {
    store<i32>(entry(ranks, i), load<i32>(pair, 8));
    store<i32>(entry(made, i), load<i32>(pair, 12));
  }
}

/** The least of the first `n` ranks, which are followed by NONE up to a multiple of four. */
// @ts-ignore: decorator
@inline
function leastRank(n: i32): i32 {
  let least = v128.load(ranks);
  for (let i = 4; i < n; i += 4) least = i32x4.min_s(least, v128.load(entry(ranks, i)));
  least = i32x4.min_s(least, i32x4.shuffle(least, least, 2, 3, 0, 1));
  least = i32x4.min_s(least, i32x4.shuffle(least, least, 1, 0, 3, 2));
  return i32x4.extract_lane(least, 0);
}

/** Where it is for the first time. */
// @ts-ignore: decorator
@inline
function placeOf(least: i32): i32 {
  const wanted = i32x4.splat(least);
  let i = 0;
  let found = i32x4.bitmask(i32x4.eq(wanted, v128.load(ranks)));
  while (found == 0) {
    i += 4;
    found = i32x4.bitmask(i32x4.eq(wanted, v128.load(entry(ranks, i))));
  }
  return i + ctz(found);
}

/** Moves entries [from + 1, end) down by one; up to three behind `end` move with them. */
// @ts-ignore: decorator
@inline
function moveDown(base: usize, from: i32, end: i32): void {
  for (let i = from; i < end; i += 4) v128.store(entry(base, i), v128.load(entry(base, i), 4));
}

/** Merges `n` <= SHORT bytes at p; returns how many ids went to `out`. */
function mergeShort(p: usize, n: i32, out: usize): i32 {
  let left = <i32>load<u8>(p);
  store<i32>(symbols, load<i32>(byteIds + (<usize>left << 2)));
  for (let i = 1; i < n; i++) {
    const right = <i32>load<u8>(p + i);
    store<i32>(entry(symbols, i), load<i32>(byteIds + (<usize>right << 2)));
    const pair = bytePairs + (<usize>((left << 8) | right) << 3);
    store<i32>(entry(ranks, i - 1), load<i32>(pair));
    store<i32>(entry(made, i - 1), load<i32>(pair, 4));
    left = right;
  }
  v128.store(entry(ranks, n - 1), i32x4.splat(NONE));
  for (;;) {
    const least = leastRank(n);
    if (least == NONE) break;
    const best = placeOf(least);
    store<i32>(entry(symbols, best), load<i32>(entry(made, best)));
    n--;
    moveDown(symbols, best + 1, n);
    moveDown(ranks, best + 1, n);
    moveDown(made, best + 1, n);
    // What moved down from behind the last rank may be of an earlier, longer state.
    v128.store(entry(ranks, n - 1), i32x4.splat(NONE));
    if (best + 1 < n) rankShort(best, load<i32>(entry(symbols, best)), load<i32>(entry(symbols, best + 1)));
    if (best > 0) rankShort(best - 1, load<i32>(entry(symbols, best - 1)), load<i32>(entry(symbols, best)));
  }
  memory.copy(out, symbols, <usize>n << 2);
  return n;
}

// A long merge: a linked list of places and a heap of rank << 32 | place.
let heap: usize = 0;
let heapSize: i32 = 0;
/** Places of 20 bytes: symbol, rank, made, next, previous. */
let places: usize = 0;

// @ts-ignore: decorator
@inline
function place(i: i32): usize {
  return places + <usize>i * 20;
}

function offer(i: i32, left: i32, right: i32): void {
  const pair = findPair(left, right);
  if (pair == 0) {
    store<i32>(place(i), NONE, 4);
    return;
  }
  const rank = load<i32>(pair, 8);
  store<i32>(place(i), rank, 4);
  store<i32>(place(i), load<i32>(pair, 12), 8);
  const key = (<u64>rank << 32) | <u64>i;
  let slot = heapSize++;
  while (slot > 0) {
    const up = (slot - 1) >> 1;
    const above = load<u64>(heap + (<usize>up << 3));
    if (above <= key) break;
    store<u64>(heap + (<usize>slot << 3), above);
    slot = up;
  }
  store<u64>(heap + (<usize>slot << 3), key);
}

function popLeast(): u64 {
  const least = load<u64>(heap);
  const size = --heapSize;
  const key = load<u64>(heap + (<usize>size << 3));
  let slot = 0;
  for (;;) {
    let child = 2 * slot + 1;
    if (child >= size) break;
    let below = load<u64>(heap + (<usize>child << 3));
    if (child + 1 < size) {
      const other = load<u64>(heap + (<usize>(child + 1) << 3));
      if (other < below) {
        below = other;
        child++;
      }
    }
    if (key <= below) break;
    store<u64>(heap + (<usize>slot << 3), below);
    slot = child;
  }
  store<u64>(heap + (<usize>slot << 3), key);
  return least;
}

/** Merges `n` bytes at p with 44 bytes of scratch a byte, growing the memory for it; returns how many ids went to `out`. */
function mergeLong(p: usize, n: i32, out: usize, scratch: usize): i32 {
  const pages = <i32>((scratch + <usize>n * 44 + 65543) >> 16);
  if (pages > memory.size() && memory.grow(pages - memory.size()) < 0) unreachable();
  places = scratch;
  heap = scratch + ((<usize>n * 20 + 7) & ~7);
  heapSize = 0;
  for (let i = 0; i < n; i++) {
    store<i32>(place(i), load<i32>(byteIds + (<usize>load<u8>(p + i) << 2)));
    store<i32>(place(i), i + 1, 12);
    store<i32>(place(i), i - 1, 16);
    if (i > 0) offer(i - 1, load<i32>(place(i - 1)), load<i32>(place(i)));
  }
  store<i32>(place(n - 1), NONE, 4);
  while (heapSize > 0) {
    const key = popLeast();
    const i = <i32>key;
    if (load<i32>(place(i), 4) != <i32>(key >> 32)) continue;
    const j = load<i32>(place(i), 12);
    const after = load<i32>(place(j), 12);
    const id = load<i32>(place(i), 8);
    store<i32>(place(i), id);
    store<i32>(place(j), NONE, 4);
    store<i32>(place(i), after, 12);
    if (after < n) {
      store<i32>(place(after), i, 16);
      offer(i, id, load<i32>(place(after)));
    } else store<i32>(place(i), NONE, 4);
    if (i > 0) {
      const before = load<i32>(place(i), 16);
      offer(before, load<i32>(place(before)), id);
    }
  }
  let count = 0;
  for (let i = 0; i < n; i = load<i32>(place(i), 12)) {
    store<i32>(out + (<usize>count << 2), load<i32>(place(i)));
    count++;
  }
  return count;
}

function merge(p: usize, length: u32, out: usize, scratch: usize): u32 {
  if (whole != 0) {
    const id = findWhole(p, length);
    if (id >= 0) {
      store<i32>(out, id);
      return 1;
    }
  }
  return length <= <u32>SHORT ? mergeShort(p, length, out) : mergeLong(p, length, out, scratch);
}

// @ts-ignore: decorator
@inline
function slotHolds(slot: usize, length: u32): bool {
  if (load<u64>(slot) != word0 || <u32>load<u8>(slot, 32) != length) return false;
  if (length <= 8) return true;
  if (load<u64>(slot, 8) != word1) return false;
  if (length <= 16) return true;
  return load<u64>(slot, 16) == word2 && load<u64>(slot, 24) == word3;
}

function fillSlot(slot: usize, length: u32, out: usize, count: u32): void {
  if (count > MOST_IDS) return;
  store<u64>(slot, word0);
  store<u64>(slot, word1, 8);
  store<u64>(slot, word2, 16);
  store<u64>(slot, word3, 24);
  store<u8>(slot, length, 32);
  store<u8>(slot, count, 33);
  memory.copy(slot + 36, out, count << 2);
}

// @ts-ignore: decorator
@inline
function encodeWith(kind: i32, start: usize, end: usize, out: usize, scratch: usize): usize {
  const first = out;
  let p = start;
  while (p < end) {
    const q = scan(kind, p, end);
    const length = <u32>(q - p);
    if (length <= LONGEST_KEY) {
      const hash = loadKey(p, length);
      const slot = cache + (<usize>(<u32>(hash >> 32) & cacheMask) << SLOT_BITS);
      if (slotHolds(slot, length)) {
        const count = <usize>load<u8>(slot, 33);
        // Room for seven ids is always there: fewer are copied than would cost a branch.
        v128.store(out, v128.load(slot, 36));
        if (count > 4) {
          store<u64>(out, load<u64>(slot, 52), 16);
          store<u32>(out, load<u32>(slot, 60), 24);
        }
        out += count << 2;
      } else {
        const count = merge(p, length, out, scratch);
        fillSlot(slot, length, out, count);
        out += <usize>count << 2;
      }
    } else out += <usize>merge(p, length, out, scratch) << 2;
    p = q;
  }
  return (out - first) >> 2;
}

/**
 * Encodes [start, end) to u32 ids at `out`, which has room for end - start + 7 of them. What lies from `scratch` on is
 * free, and grows where a long pre-token needs it. Returns how many ids there are.
 */
export function encode(kind: i32, start: usize, end: usize, out: usize, scratch: usize): usize {
  switch (kind) {
    case 0:
      return encodeWith(0, start, end, out, scratch);
    case 3:
      return encodeWith(3, start, end, out, scratch);
    case 4:
      return encodeWith(4, start, end, out, scratch);
    case 6:
      return encodeWith(6, start, end, out, scratch);
    case 9:
      return encodeWith(9, start, end, out, scratch);
    default:
      return encodeWith(kind, start, end, out, scratch);
  }
}

/** Writes the end of each pre-token of [start, end), as an offset from `start`, to `out`; returns how many. */
export function cut(kind: i32, start: usize, end: usize, out: usize): usize {
  const first = out;
  for (let p = start; p < end; ) {
    p = scan(kind, p, end);
    store<u32>(out, <u32>(p - start));
    out += 4;
  }
  return (out - first) >> 2;
}
