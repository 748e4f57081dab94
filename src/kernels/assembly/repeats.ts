// Keys that occur again: windows of `length` symbols of a text (bytes, or tokens of 32 bits), and keys that the caller
// brings. The caller lays out the memory (src/dedup/repeats-kernel.ts); src/dedup/repeats-twin.ts is the plain twin.

import { addKey, FLAG, FLAG_AGAIN, FLAG_APART, FLAG_NOTHING, findSlot, mix, openTable, tableKeys } from './_key-table';

export { openTable, tableKeys };

const POLYNOMIAL: u64 = 0xd6e8feb86659fd93;
const MIXER: u64 = 0x9e3779b97f4a7c15;
const MERSENNE_61: u64 = (1 << 61) - 1;
const MASK_30: u64 = (1 << 30) - 1;
const MASK_31: u64 = (1 << 31) - 1;
/** Codes of a window, two bits each: not a candidate, a candidate, occurs again, occurs in a held-out document. */
const NONE: u32 = 0;
const CANDIDATE: u32 = 1;
const REPEATED: u32 = 2;
const IN_HELD_OUT: u32 = 3;

// Windows have `windowLength` symbols; grams `gramLength` of them, so `grams` of them are in a window.
let windowLength: i32 = 0;
let gramLength: i32 = 0;
let grams: i32 = 0;
let gramPower: u64 = 1;
let base1: u64 = 0;
let base2: u64 = 0;
let power1: u64 = 0;
let power2: u64 = 0;
let ring: usize = 0;
let ringMask: i32 = 0;
// Cells of two bits that count the grams that were chosen, up to two.
let cells: usize = 0;
let cellCount: u64 = 0;
let lastChosen: i32 = -1;

/** `ringAt` has ringSlots x 8 bytes, ringSlots being a power of two that is at least length - gram + 1. */
export function configure(length: i32, gram: i32, b1: u64, b2: u64, ringAt: usize, ringSlots: i32): void {
  windowLength = length;
  gramLength = gram;
  grams = length - gram + 1;
  gramPower = 1;
  for (let i = 1; i < gram; i++) gramPower *= POLYNOMIAL;
  base1 = b1;
  base2 = b2;
  power1 = 1;
  power2 = 1;
  for (let i = 0; i < length; i++) {
    power1 = times(power1, b1);
    power2 = times(power2, b2);
  }
  ring = ringAt;
  ringMask = ringSlots - 1;
}

export function openCells(at: usize, bytes: u32): void {
  cells = at;
  cellCount = <u64>bytes * 4;
  memory.fill(at, 0, bytes);
}

/** a * b modulo 2^61 - 1, both below it. */
// @ts-ignore: decorator
@inline
function times(a: u64, b: u64): u64 {
  const aHigh = a >> 31;
  const aLow = a & MASK_31;
  const bHigh = b >> 31;
  const bLow = b & MASK_31;
  const middle = aLow * bHigh + aHigh * bLow;
  const sum = aHigh * bHigh * 2 + (middle >> 30) + ((middle & MASK_30) << 31) + aLow * bLow;
  return reduce(sum);
}

// @ts-ignore: decorator
@inline
function reduce(x: u64): u64 {
  const y = (x >> 61) + (x & MERSENNE_61);
  return y >= MERSENNE_61 ? y - MERSENNE_61 : y;
}

/** A symbol, plus one: runs of different lengths of the symbol 0 differ. */
// @ts-ignore: decorator
@inline
function symbol<T>(text: usize, i: i32): u64 {
  return <u64>load<T>(text + (<usize>i) * sizeof<T>()) + 1;
}

// @ts-ignore: decorator
@inline
function codeOf(codes: usize, i: i32): u32 {
  return (<u32>load<u8>(codes + (i >> 2)) >> ((i & 3) << 1)) & 3;
}

// @ts-ignore: decorator
@inline
function setCode(codes: usize, i: i32, code: u32): void {
  const at = codes + (i >> 2);
  const shift = (i & 3) << 1;
  store<u8>(at, (<u32>load<u8>(at) & ~(3 << shift)) | (code << shift));
}

// @ts-ignore: decorator
@inline
function cellOf(hash: u64): u64 {
  return ((mix(hash) >> 32) * cellCount) >> 32;
}

function countChosen(hash: u64): void {
  const cell = cellOf(hash);
  const at = cells + <usize>(cell >> 2);
  const shift = (<u32>cell & 3) << 1;
  const there = <u32>load<u8>(at);
  const count = (there >> shift) & 3;
  if (count < 2) store<u8>(at, there + (1 << shift));
}

function chosenTwice(hash: u64): bool {
  const cell = cellOf(hash);
  return ((<u32>load<u8>(cells + <usize>(cell >> 2)) >> ((<u32>cell & 3) << 1)) & 3) === 2;
}

/** A new document begins; or the same goes on in a text that begins `shift` symbols later. */
export function beginChosen(shift: i32): void {
  lastChosen = shift > 0 && lastChosen >= shift ? lastChosen - shift : -1;
}

/**
 * Each window chooses its gram of the smallest hash, the rightmost of equals: two equal windows choose equal grams, so
 * a window can occur twice only where its gram was chosen at two places (winnowing: Schleimer, Wilkerson, Aiken 2003).
 * With codes = 0 counts the places; otherwise marks the candidates among the windows and returns how many they are.
 */
// @ts-ignore: decorator
@inline
function choose<T>(text: usize, symbols: i32, codes: usize): u32 {
  // Globals are loaded anew in every turn; locals are not.
  const length = gramLength;
  const power = gramPower;
  const span = grams;
  const slots = ring;
  const mask = ringMask;
  let last = lastChosen;
  let hash: u64 = 0;
  let smallest: u64 = u64.MAX_VALUE;
  let chosen: i32 = -1;
  let looked: i32 = -1;
  let twice = false;
  let candidates: u32 = 0;
  for (let i = 0; i < length - 1; i++) hash = hash * POLYNOMIAL + symbol<T>(text, i);
  let gone: u64 = 0;
  const count = symbols - length + 1;
  for (let gram = 0; gram < count; gram++) {
    hash = (hash - power * gone) * POLYNOMIAL + symbol<T>(text, gram + length - 1);
    gone = symbol<T>(text, gram);
    const mixed = (hash ^ (hash >> 32)) * MIXER;
    store<u64>(slots + ((gram & mask) << 3), mixed);
    const window = gram - span + 1;
    if (mixed <= smallest) {
      smallest = mixed;
      chosen = gram;
    } else if (chosen < window) {
      smallest = u64.MAX_VALUE;
      for (let j = window; j <= gram; j++) {
        const other = load<u64>(slots + ((j & mask) << 3));
        if (other <= smallest) {
          smallest = other;
          chosen = j;
        }
      }
    }
    if (window < 0) continue;
    if (codes === 0) {
      if (chosen !== last) countChosen(smallest);
      last = chosen;
    } else {
      if (chosen !== looked) twice = chosenTwice(smallest);
      looked = chosen;
      if (twice) {
        setCode(codes, window, CANDIDATE);
        candidates++;
      }
    }
  }
  lastChosen = last;
  return candidates;
}

export function chooseBytes(text: usize, symbols: i32, codes: usize): u32 {
  return choose<u8>(text, symbols, codes);
}

export function chooseTokens(text: usize, symbols: i32, codes: usize): u32 {
  return choose<u32>(text, symbols, codes);
}

/** What the occurrence of a key says; flags the first one where `within` is wanted. */
// @ts-ignore: decorator
@inline
function judge(at: usize, order: u32, heldOut: u32, all: bool, within: bool): u32 {
  const key = load<u64>(at);
  if (key === 0) return NONE;
  const first = load<u32>(at, 8);
  let repeated = first < order;
  if (all) repeated = (key & FLAG) !== 0;
  else if (!repeated && within) {
    repeated = (key & FLAG) !== 0;
    if (!repeated) store<u64>(at, key | FLAG);
  }
  if (!repeated) return NONE;
  return first < heldOut && first < order ? IN_HELD_OUT : REPEATED;
}

/**
 * Goes through the candidates among the windows of a document whose hash is in part `part` of `parts`. With
 * `marks` false adds them to the table under the document's order; otherwise marks those that occur again: before
 * (in a document of a smaller order or, with `within`, earlier in this one), or with `all` anywhere else. Returns how
 * many were added or marked, or -1 where the table is full.
 */
// @ts-ignore: decorator
@inline
function visit<T>(
  text: usize,
  windows: i32,
  codes: usize,
  part: u32,
  parts: u32,
  order: u32,
  heldOut: u32,
  marks: bool,
  all: bool,
  within: bool,
): i32 {
  let hash1: u64 = 0;
  let hash2: u64 = 0;
  let hashed: i32 = -1;
  let visited: i32 = 0;
  // Where the first occurrence stays, the flag is free to say that it was passed.
  const flag = !all ? FLAG_NOTHING : within ? FLAG_AGAIN : FLAG_APART;
  for (let i = 0; i < windows; i++) {
    if (codeOf(codes, i) !== CANDIDATE) {
      // Four windows that are no candidates at once.
      if ((i & 3) === 0 && load<u8>(codes + (i >> 2)) === 0) i += 3;
      continue;
    }
    let from = hashed + windowLength;
    if (hashed < 0 || i - hashed >= windowLength) {
      hash1 = 0;
      hash2 = 0;
      for (let j = i; j < i + windowLength; j++) {
        const s = symbol<T>(text, j);
        hash1 = reduce(times(hash1, base1) + s);
        hash2 = reduce(times(hash2, base2) + s);
      }
    } else {
      for (; from < i + windowLength; from++) {
        const s = symbol<T>(text, from);
        const gone = symbol<T>(text, from - windowLength);
        hash1 = reduce(times(hash1, base1) + s + MERSENNE_61 - times(power1, gone));
        hash2 = reduce(times(hash2, base2) + s + MERSENNE_61 - times(power2, gone));
      }
    }
    hashed = i;
    const place = mix(hash1);
    if (<u32>(((place & 0xffffffff) * parts) >> 32) !== part) continue;
    const key = mix(hash2);
    if (!marks) {
      if (!addKey(place, key, order, flag)) return -1;
      visited++;
      continue;
    }
    const code = judge(findSlot(place, key), order, heldOut, all, within);
    if (code === NONE) continue;
    setCode(codes, i, code);
    visited++;
  }
  return visited;
}

export function visitBytes(
  text: usize,
  windows: i32,
  codes: usize,
  part: u32,
  parts: u32,
  order: u32,
  heldOut: u32,
  marks: bool,
  all: bool,
  within: bool,
): i32 {
  return visit<u8>(text, windows, codes, part, parts, order, heldOut, marks, all, within);
}

export function visitTokens(
  text: usize,
  windows: i32,
  codes: usize,
  part: u32,
  parts: u32,
  order: u32,
  heldOut: u32,
  marks: bool,
  all: bool,
  within: bool,
): i32 {
  return visit<u32>(text, windows, codes, part, parts, order, heldOut, marks, all, within);
}

/**
 * Adds `count` keys (two words each: the key, its place) of part `part` of `parts` with their orders, and returns how
 * many, or -1 where the table is full.
 */
export function addKeys(keys: usize, orders: usize, count: i32, part: u32, parts: u32): i32 {
  let added: i32 = 0;
  for (let i = 0; i < count; i++) {
    const key = load<u64>(keys + ((<usize>i) << 3));
    const place = mix(key ^ 0x9e3779b97f4a7c15);
    if (<u32>(((place & 0xffffffff) * parts) >> 32) !== part) continue;
    if (!addKey(place, key, load<u32>(orders + ((<usize>i) << 2)), FLAG_NOTHING)) return -1;
    added++;
  }
  return added;
}

/** Writes the first order of each key of part `part` of `parts` to `firsts`; the others stay as they are. */
export function lookUpKeys(keys: usize, firsts: usize, count: i32, part: u32, parts: u32): void {
  for (let i = 0; i < count; i++) {
    const key = load<u64>(keys + ((<usize>i) << 3));
    const place = mix(key ^ 0x9e3779b97f4a7c15);
    if (<u32>(((place & 0xffffffff) * parts) >> 32) !== part) continue;
    const at = findSlot(place, key);
    if (load<u64>(at) !== 0) store<u32>(firsts + ((<usize>i) << 2), load<u32>(at, 8));
  }
}
