// Counts pre-tokens: an open-addressed table of addresses of entries, which follow each other in memory.
// The plain twin is src/tokenize/pre-token-table.ts; src/tokenize/count-kernel.ts lays the memory out.

import { loadKey, word0, word1, word2, word3 } from './_bpe-hash';
import { scan } from './_bpe-scan';

const LONGEST_KEY: u32 = 32;
/** Entry: u32 hash, u32 length, f64 count, bytes with zeros to a multiple of 8. */
const HEADER: usize = 16;

/** Slots of u32: an entry's address, or 0. */
let slots: usize = 0;
let slotMask: u32 = 0;
let entries: u32 = 0;
/** Where the next thing goes. */
let top: usize = 0;

export function countEntries(): u32 {
  return entries;
}

export function countSlots(): usize {
  return slots;
}

export function countSlotMask(): u32 {
  return slotMask;
}

export function countTop(): usize {
  return top;
}

/** Takes memory from the top, growing it where needed, and zeroes it. */
export function countTake(bytes: usize): usize {
  const at = (top + 7) & ~7;
  // The next key may be read 32 bytes beyond its end.
  const pages = <i32>((at + bytes + 65536 + 64) >> 16);
  if (pages > memory.size()) {
    // A sixteenth more at a time, so that growing does not happen often.
    const wanted = pages - memory.size();
    const ample = max(wanted, memory.size() >> 4);
    if (memory.grow(ample) < 0 && memory.grow(wanted) < 0) unreachable();
  }
  top = at + bytes;
  memory.fill(at, 0, bytes);
  return at;
}

/** Starts anew at `base`. */
export function countReset(base: usize, slotCount: u32): void {
  top = base;
  entries = 0;
  slotMask = slotCount - 1;
  slots = countTake(<usize>slotCount << 2);
}

function grow(): void {
  const old = slots;
  const oldCount = slotMask + 1;
  slotMask = oldCount * 2 - 1;
  slots = countTake(<usize>oldCount << 3);
  for (let i: u32 = 0; i < oldCount; i++) {
    const entry = load<u32>(old + (<usize>i << 2));
    if (entry == 0) continue;
    let slot = load<u32>(entry) & slotMask;
    while (load<u32>(slots + (<usize>slot << 2)) != 0) slot = (slot + 1) & slotMask;
    store<u32>(slots + (<usize>slot << 2), entry);
  }
}

function hashLong(p: usize, length: u32): u32 {
  let h: u64 = length;
  let i: u32 = 0;
  for (; i + 8 <= length; i += 8) h = rotl((h ^ load<u64>(p + i)) * 0x9e3779b97f4a7c15, 29);
  for (; i < length; i++) h = (h ^ load<u8>(p + i)) * 0xc2b2ae3d27d4eb4f;
  return <u32>((h ^ (h >> 29)) * 0x9e3779b97f4a7c15 >> 32);
}

// @ts-ignore: decorator
@inline
function holds(entry: usize, hash: u32, p: usize, length: u32): bool {
  if (load<u32>(entry) != hash || load<u32>(entry, 4) != length) return false;
  if (length > LONGEST_KEY) return memory.compare(entry + HEADER, p, length) == 0;
  if (load<u64>(entry, 16) != word0) return false;
  if (length <= 8) return true;
  if (load<u64>(entry, 24) != word1) return false;
  if (length <= 16) return true;
  return load<u64>(entry, 32) == word2 && (length <= 24 || load<u64>(entry, 40) == word3);
}

// @ts-ignore: decorator
@inline
function add(p: usize, length: u32): void {
  const hash = length <= LONGEST_KEY ? <u32>(loadKey(p, length) >> 32) : hashLong(p, length);
  let slot = hash & slotMask;
  while (true) {
    const entry = <usize>load<u32>(slots + (<usize>slot << 2));
    if (entry == 0) break;
    if (holds(entry, hash, p, length)) {
      store<f64>(entry, load<f64>(entry, 8) + 1, 8);
      return;
    }
    slot = (slot + 1) & slotMask;
  }
  const entry = countTake(HEADER + ((<usize>length + 7) & ~7));
  store<u32>(entry, hash);
  store<u32>(entry, length, 4);
  store<f64>(entry, 1, 8);
  memory.copy(entry + HEADER, p, length);
  store<u32>(slots + (<usize>slot << 2), <u32>entry);
  if (++entries > slotMask >> 1) grow();
}

/** Counts the pre-tokens of [start, end); returns how many they are. */
export function count(kind: i32, start: usize, end: usize): u32 {
  let n: u32 = 0;
  for (let p = start; p < end; ) {
    const q = scan(kind, p, end);
    add(p, <u32>(q - p));
    p = q;
    n++;
  }
  return n;
}
