// The sources of a shard, each kept once and written by what it does not share with the first of its block. The plain twin
// is in tests/shard/source-table.test.ts; src/shard/source-table.ts lays the memory out. In the memory: a table of slots of
// 16 bytes, then the texts of all sources one after the other, and behind them those that are asked about.

const SLOT: usize = 16;
/** Sources of a block (src/shard/format.ts): the first is written whole. */
const BLOCK: u32 = 64;
const MOST_SHARED: u32 = 0xffff;
const SHARED_SHIFT: u64 = 40;
const PAGE: u64 = 1 << 16;
const MOST_MEMORY: u64 = 0xffff0000;

let table: usize = 0;
let slots: u32 = 0;
let texts: usize = 0;
let used: usize = 0;
let size: u32 = 0;
let first: usize = 0;
let firstBytes: u32 = 0;
let ended: u64 = 0;
let coded: usize = 0;

/** Forgets all sources; the table is at `at` and has `count` slots, a power of two. */
export function open(at: usize, count: u32): void {
  table = at;
  slots = count;
  texts = at + <usize>count * SLOT;
  used = 0;
  size = 0;
  ended = 0;
  memory.fill(at, 0, <usize>count * SLOT);
}

export function slotCount(): u32 {
  return slots;
}

/** Where the last call of `intern` put what was new, and how many bytes that is. */
export function codedAt(): usize {
  return coded;
}

/** Bytes of all that was new so far. */
export function codedBytes(): f64 {
  return <f64>ended;
}

function reaches(end: u64): bool {
  if (end > MOST_MEMORY) return false;
  const pages = <i32>((end + PAGE - 1) / PAGE) - memory.size();
  if (pages <= 0) return true;
  return memory.grow(pages + (memory.size() >> 3)) >= 0 || memory.grow(pages) >= 0;
}

/** Makes the table twice as large, in its place. */
function double(): bool {
  const bytes = <usize>slots * SLOT;
  if (!reaches(<u64>texts + <u64>bytes + <u64>used + <u64>bytes + 16)) return false;
  const aside = (texts + bytes + used + 15) & ~15;
  memory.copy(aside, table, bytes);
  memory.copy(texts + bytes, texts, used);
  texts += bytes;
  slots <<= 1;
  memory.fill(table, 0, 2 * bytes);
  for (let old = aside; old < aside + bytes; old += SLOT) {
    if (load<u32>(old, 4) == 0) continue;
    let slot = load<u32>(old) & (slots - 1);
    while (load<u32>(table + <usize>slot * SLOT, 4) != 0) slot = (slot + 1) & (slots - 1);
    v128.store(table + <usize>slot * SLOT, v128.load(old));
  }
  return true;
}

/** Where to put `n` texts of `bytes` bytes in all, one after the other; 0 where memory ends. It may have grown. */
export function place(n: u32, bytes: u32): usize {
  while (4 * <u64>(size + n) > 3 * <u64>slots) if (!double()) return 0;
  // The texts, and what is new of them.
  return reaches(<u64>texts + <u64>used + 2 * <u64>bytes + 64) ? texts + used : 0;
}

// @ts-ignore: decorator
@inline
function tail(at: usize, bytes: u32): u64 {
  return load<u64>(at) & (((<u64>1) << (<u64>bytes << 3)) - 1);
}

function hashOf(at: usize, bytes: u32): u32 {
  let hash: u64 = <u64>bytes * 0x9e3779b185ebca87;
  let left = bytes;
  for (; left >= 8; left -= 8, at += 8) {
    hash = (hash ^ load<u64>(at)) * 0xc2b2ae3d27d4eb4f;
    hash ^= hash >> 29;
  }
  if (left > 0) {
    hash = (hash ^ tail(at, left)) * 0xc2b2ae3d27d4eb4f;
    hash ^= hash >> 29;
  }
  return <u32>((hash * 0x9e3779b185ebca87) >> 32);
}

function equal(a: usize, b: usize, bytes: u32): bool {
  let left = bytes;
  for (; left >= 8; left -= 8, a += 8, b += 8) if (load<u64>(a) != load<u64>(b)) return false;
  return left == 0 || tail(a, left) == tail(b, left);
}

/** How many bytes two texts begin with in common, at most `most`, which neither is shorter than. */
function shared(a: usize, b: usize, most: u32): u32 {
  for (let k: u32 = 0; k < most; k += 8) {
    const differ = load<u64>(a + k) ^ load<u64>(b + k);
    if (differ != 0) return min(most, k + <u32>(ctz(differ) >> 3));
  }
  return most;
}

/**
 * Numbers the `n` texts that lie at the place, in order of appearance, to `out`; `lengths` says how many bytes each has.
 * Returns how many were new: their entries go to `entries`.
 */
export function intern(n: u32, lengths: usize, out: usize, entries: usize): u32 {
  const mask = slots - 1;
  const before = size;
  let from = texts + used;
  let total: usize = 0;
  for (let k: u32 = 0; k < n; k++) total += load<u32>(lengths + (<usize>k << 2));
  coded = from + total + 16;
  let to = coded;
  for (let k: u32 = 0; k < n; k++) {
    const bytes = load<u32>(lengths + (<usize>k << 2));
    const hash = hashOf(from, bytes);
    let slot = table + <usize>(hash & mask) * SLOT;
    let number: u32;
    for (;;) {
      number = load<u32>(slot, 4);
      if (number == 0) break;
      if (load<u32>(slot) == hash && load<u32>(slot, 12) == bytes && equal(texts + load<u32>(slot, 8), from, bytes)) break;
      slot += SLOT;
      if (slot == table + <usize>slots * SLOT) slot = table;
    }
    if (number == 0) {
      number = ++size;
      // Texts that were there already are closed up over.
      const at = texts + used;
      if (at != from) memory.copy(at, from, bytes);
      store<u32>(slot, hash);
      store<u32>(slot, number, 4);
      store<u32>(slot, <u32>used, 8);
      store<u32>(slot, bytes, 12);
      used += bytes;
      let prefix: u32 = 0;
      if ((number - 1) % BLOCK == 0) {
        first = at - texts;
        firstBytes = bytes;
      } else {
        prefix = shared(texts + first, at, min(min(bytes, firstBytes), MOST_SHARED));
      }
      const rest = bytes - prefix;
      for (let j: usize = 0; j < <usize>rest; j += 8) store<u64>(to + j, load<u64>(at + prefix + j));
      to += rest;
      ended += rest;
      store<u64>(entries + (<usize>(number - 1 - before) << 3), ended | (<u64>prefix << SHARED_SHIFT));
    }
    store<u32>(out + (<usize>k << 2), number - 1);
    from += bytes;
  }
  return size - before;
}
