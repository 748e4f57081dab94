// An open-addressing table from keys to the first of the orders that they were added with, in 12 bytes a slot:
// a key of 62 bits, two flags, and the order. The place in the table comes from another 32 bits of the hash, so that
// two keys are taken for one only where about 62 + log2(slots) bits agree.

const USED: u64 = 1;
export const FLAG: u64 = 2;
export const SLOT_BYTES: usize = 12;

let table: usize = 0;
let slots: u64 = 0;
let used: u32 = 0;
let limit: u32 = 0;

/** Empties the table. `most` keys fit. */
export function openTable(at: usize, slotCount: u32, most: u32): void {
  table = at;
  slots = slotCount;
  used = 0;
  limit = most;
  memory.fill(at, 0, <usize>slotCount * SLOT_BYTES);
}

export function tableKeys(): u32 {
  return used;
}

/** The finalizer of MurmurHash3 (Appleby, public domain). */
// @ts-ignore: decorator
@inline
export function mix(x: u64): u64 {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccd;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53;
  return x ^ (x >> 33);
}

/** Address of the slot that has the key, or of the empty one where it would go. */
// @ts-ignore: decorator
@inline
export function findSlot(place: u64, key: u64): usize {
  const wanted = (key & ~3) | USED;
  let slot = ((place >> 32) * slots) >> 32;
  let at = table + <usize>slot * SLOT_BYTES;
  let there = load<u64>(at);
  while (there !== 0 && (there & ~FLAG) !== wanted) {
    if (++slot === slots) slot = 0;
    at = table + <usize>slot * SLOT_BYTES;
    there = load<u64>(at);
  }
  return at;
}

/** What the flag of a key says: nothing yet, that it came more than once, that it came with two different orders. */
export const FLAG_NOTHING: i32 = 0;
export const FLAG_AGAIN: i32 = 1;
export const FLAG_APART: i32 = 2;

/** Adds a key with an order: the smallest order of a key stays. False where the table is full. */
// @ts-ignore: decorator
@inline
export function addKey(place: u64, key: u64, order: u32, flag: i32): bool {
  const at = findSlot(place, key);
  if (load<u64>(at) === 0) {
    if (used === limit) return false;
    used++;
    store<u64>(at, (key & ~3) | USED);
    store<u32>(at, order, 8);
    return true;
  }
  const first = load<u32>(at, 8);
  if (flag === FLAG_AGAIN || (flag === FLAG_APART && first !== order)) store<u64>(at, load<u64>(at) | FLAG);
  if (order < first) store<u32>(at, order, 8);
  return true;
}
