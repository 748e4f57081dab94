// One block of bzip2 (Seward's format, as bzip2 1.0.8 writes and reads it; there is no standard). Bits come from the
// highest on. `decode` undoes Huffman codes, run lengths of zeros and move-to-front, and links the bytes of the
// Burrows-Wheeler transform; `walk` follows the links and undoes the run lengths that were there first.

const MOST: u32 = 900000;
const FAST_BITS: u32 = 10;
const MOST_SELECTORS: u32 = 32768;
/** Symbols that one selector is for. */
const GROUP: u32 = 50;
const LONGEST: u32 = 20;

/** Eight tables of 256 entries, for eight bytes at once. */
const CRC: usize = 1024;
const MTF: usize = CRC + 8 * 256 * 4;
const SELECTORS: usize = MTF + 256;
const LENGTHS: usize = SELECTORS + MOST_SELECTORS;
const STARTS: usize = LENGTHS + 320;
/** A code of six: 2^10 entries of symbol and length, 32 limits and 32 bases of longer codes, 258 symbols by code. */
const FAST: usize = 0;
const LIMITS: usize = 2 << FAST_BITS;
const BASES: usize = LIMITS + 128;
const SYMBOLS: usize = BASES + 128;
const CODE_BYTES: usize = SYMBOLS + 640;
const CODES: usize = STARTS + 1024;
const LINKS: usize = CODES + 6 * CODE_BYTES;
/** The first byte that the caller may use. */
const END: usize = LINKS + <usize>MOST * 4 + 64;

export const DONE: u32 = 0;
export const TRUNCATED: u32 = 1;
export const CORRUPT: u32 = 2;
/** A block of bzip2 0.9.0 and before, whose bytes were shuffled against bad cases. */
export const RANDOMISED: u32 = 3;

let at: usize = 0;
let bits: u64 = 0;
let count: u32 = 0;
let length: u32 = 0;
let origin: u32 = 0;
let start: usize = 0;
// Where `walk` stands.
let link: u32 = 0;
let left: u32 = 0;
let equal: u32 = 0;
let last: u32 = 0;
let repeats: u32 = 0;

export function firstFree(): u32 {
  return <u32>END;
}

/** Must be called once, before `crc`. */
export function prepare(): void {
  for (let i: u32 = 0; i < 256; i++) {
    let value = i << 24;
    for (let k = 0; k < 8; k++) value = (value << 1) ^ (value >> 31 ? 0x04c11db7 : 0);
    store<u32>(CRC + (<usize>i << 2), value);
  }
  for (let table: usize = 1; table < 8; table++)
    for (let i: usize = 0; i < 256; i++) {
      const before = load<u32>(CRC + ((table - 1) << 10) + (i << 2));
      store<u32>(CRC + (table << 10) + (i << 2), (before << 8) ^ load<u32>(CRC + (<usize>(before >> 24) << 2)));
    }
}

/** At least 32 bits stand at the top of `bits` afterwards. */
// @ts-ignore: decorator
@inline
function fill(): void {
  if (count < 32) {
    bits |= <u64>bswap<u32>(load<u32>(at)) << (32 - count);
    at += 4;
    count += 32;
  }
}

function take(n: u32): u32 {
  fill();
  const value = <u32>(bits >> (64 - n));
  bits <<= n;
  count -= n;
  return value;
}

/** How far the last block went: bits from the start of its input. */
export function consumedBits(): u32 {
  return (<u32>(at - start) << 3) - count;
}

/** What looks wrong so near the end may be what lies behind it. */
function failure(inputLength: u32): u32 {
  return consumedBits() + LONGEST > inputLength << 3 ? TRUNCATED : CORRUPT;
}

/** Builds the canonical code of LENGTHS. False where the lengths make no prefix code. */
function build(code: usize, symbols: u32): bool {
  memory.fill(code, 0, CODE_BYTES);
  let next: u32 = 0;
  let index: u32 = 0;
  for (let width: u32 = 1; width <= LONGEST; width++) {
    const first = next;
    // A code of this width less its base is its place among the symbols.
    store<u32>(code + BASES + (<usize>width << 2), first - index);
    for (let symbol: u32 = 0; symbol < symbols; symbol++) {
      if (<u32>load<u8>(LENGTHS + symbol) != width) continue;
      store<u16>(code + SYMBOLS + (<usize>index << 1), <u16>symbol);
      if (width <= FAST_BITS) {
        const from = next << (FAST_BITS - width);
        const entry = <u16>((symbol << 5) | width);
        const entries = <u32>1 << (FAST_BITS - width);
        if (from + entries > <u32>1 << FAST_BITS) return false;
        for (let i: u32 = 0; i < entries; i++) store<u16>(code + (<usize>(from + i) << 1), entry);
      }
      next++;
      index++;
    }
    if (next > <u32>1 << width) return false;
    // Codes of this width are below their limit; 0 where there is none.
    store<u32>(code + LIMITS + (<usize>width << 2), next > first ? next : 0);
    next <<= 1;
  }
  return true;
}

/** The next symbol, or -1 where no code is. */
// @ts-ignore: decorator
@inline
function symbolOf(code: usize): i32 {
  fill();
  const entry = <u32>load<u16>(code + (<usize>(bits >> (64 - FAST_BITS)) << 1));
  if (entry) {
    const width = entry & 31;
    bits <<= width;
    count -= width;
    return <i32>(entry >> 5);
  }
  return longSymbol(code);
}

function longSymbol(code: usize): i32 {
  for (let width: u32 = FAST_BITS + 1; width <= LONGEST; width++) {
    const value = <u32>(bits >> (64 - width));
    if (value >= load<u32>(code + LIMITS + (<usize>width << 2))) continue;
    const place = value - load<u32>(code + BASES + (<usize>width << 2));
    if (place > 257) return -1;
    bits <<= width;
    count -= width;
    return <i32>load<u16>(code + SYMBOLS + (<usize>place << 1));
  }
  return -1;
}

/** Lengths of one code: each the one before, up or down by one for every two bits that begin with 1. */
function readLengths(symbols: u32): bool {
  let width = take(5);
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    while (true) {
      if (width < 1 || width > LONGEST) return false;
      if (!take(1)) break;
      width += take(1) ? -1 : 1;
    }
    store<u8>(LENGTHS + symbol, <u8>width);
  }
  return true;
}

/** Reads which bytes are there, to MTF; how many. */
function readBytes(): u32 {
  const rows = take(16);
  let bytes: u32 = 0;
  for (let row: u32 = 0; row < 16; row++) {
    if (!((rows >> (15 - row)) & 1)) continue;
    const present = take(16);
    for (let i: u32 = 0; i < 16; i++)
      if ((present >> (15 - i)) & 1) store<u8>(MTF + bytes++, <u8>((row << 4) | i));
  }
  return bytes;
}

/** Reads the list that says which code is for which group, itself moved to front; how many. */
function readSelectors(codes: u32, limit: usize): u32 {
  const selectors = take(15);
  // Six numbers in four bits each, the foremost lowest.
  let order: u32 = 0x543210;
  for (let i: u32 = 0; i < selectors; i++) {
    let place: u32 = 0;
    while (take(1)) {
      place++;
      if (place >= codes) return 0;
    }
    if (at > limit) return 0;
    const shift = place << 2;
    const chosen = (order >> shift) & 15;
    const before = order & ((1 << shift) - 1);
    order = (order & ~((1 << (shift + 4)) - 1)) | (before << 4) | chosen;
    store<u8>(SELECTORS + i, <u8>chosen);
  }
  return selectors;
}

/**
 * Decodes the block that begins, after its magic number and check sum, `skipBits` bits after `input`, of which
 * `inputLength` bytes are there; 16 more must be readable. At most `most` bytes (900,000 for level 9).
 */
export function decode(input: usize, inputLength: u32, skipBits: u32, most: u32): u32 {
  const limit = input + inputLength + 8;
  start = input;
  at = input + (skipBits >> 3);
  bits = 0;
  count = 0;
  fill();
  bits <<= skipBits & 7;
  count -= skipBits & 7;
  if (take(1)) return RANDOMISED;
  origin = take(24);
  const bytes = readBytes();
  const codes = take(3);
  if (!bytes || codes < 2 || codes > 6) return failure(inputLength);
  const selectors = readSelectors(codes, limit);
  if (at > limit) return TRUNCATED;
  if (!selectors) return failure(inputLength);
  const symbols = bytes + 2;
  for (let i: u32 = 0; i < codes; i++) {
    if (!readLengths(symbols) || !build(CODES + <usize>i * CODE_BYTES, symbols))
      return failure(inputLength);
  }
  memory.fill(STARTS, 0, 1024);
  const endOfBlock = <i32>(bytes + 1);
  let n: u32 = 0;
  let run: u32 = 0;
  let weight: u32 = 1;
  let selector: u32 = 0;
  let inGroup: u32 = 0;
  let code: usize = 0;
  while (true) {
    if (!inGroup) {
      if (at > limit) return TRUNCATED;
      if (selector >= selectors) return CORRUPT;
      code = CODES + <usize>load<u8>(SELECTORS + selector++) * CODE_BYTES;
      inGroup = GROUP;
    }
    inGroup--;
    const symbol = symbolOf(code);
    if (symbol < 0) return failure(inputLength);
    if (symbol <= 1) {
      // A number in base two with the digits 1 and 2, the lowest first.
      if (weight > most) return CORRUPT;
      run += weight << symbol;
      weight <<= 1;
      continue;
    }
    if (run) {
      if (run > most - n) return CORRUPT;
      const byte = <u32>load<u8>(MTF);
      store<u32>(STARTS + (<usize>byte << 2), load<u32>(STARTS + (<usize>byte << 2)) + run);
      for (let end = n + run; n < end; n++) store<u32>(LINKS + (<usize>n << 2), byte);
      run = 0;
      weight = 1;
    }
    if (symbol == endOfBlock) break;
    if (n >= most) return CORRUPT;
    const place = <usize>(symbol - 1);
    const byte = <u32>load<u8>(MTF + place);
    if (place < 16) for (let i = place; i > 0; i--) store<u8>(MTF + i, load<u8>(MTF + i - 1));
    else memory.copy(MTF + 1, MTF, place);
    store<u8>(MTF, <u8>byte);
    store<u32>(STARTS + (<usize>byte << 2), load<u32>(STARTS + (<usize>byte << 2)) + 1);
    store<u32>(LINKS + (<usize>n << 2), byte);
    n++;
  }
  if (consumedBits() > inputLength << 3) return TRUNCATED;
  if (origin >= n) return CORRUPT;
  length = n;
  connect();
  return DONE;
}

/** Makes every link lead from a byte to the one that follows it. */
function connect(): void {
  let sum: u32 = 0;
  for (let i: usize = 0; i < 1024; i += 4) {
    const occurrences = load<u32>(STARTS + i);
    store<u32>(STARTS + i, sum);
    sum += occurrences;
  }
  for (let i: u32 = 0; i < length; i++) {
    const slot = STARTS + (<usize>load<u8>(LINKS + (<usize>i << 2)) << 2);
    const target = load<u32>(slot);
    store<u32>(slot, target + 1);
    const address = LINKS + (<usize>target << 2);
    store<u32>(address, load<u32>(address) | (i << 8));
  }
  rewind();
}

/** Lets `walk` begin again at the first byte of the block. */
export function rewind(): void {
  link = load<u32>(LINKS + (<usize>origin << 2)) >> 8;
  left = length;
  equal = 0;
  last = 256;
  repeats = 0;
}

/** Writes the next bytes of the block to `output`, at most `room`, of which 16 more must be writable; how many. 0 at its end. */
export function walk(output: usize, room: u32): u32 {
  let out = output;
  const end = output + room;
  while (true) {
    if (repeats) {
      const now = min(repeats, <u32>(end - out));
      memory.fill(out, <u8>last, now);
      out += now;
      repeats -= now;
      if (!repeats) last = 256;
    }
    if (!left || out >= end) break;
    const entry = load<u32>(LINKS + (<usize>link << 2));
    link = entry >> 8;
    left--;
    const byte = entry & 0xff;
    if (equal == 4) {
      // After four equal bytes comes how often the byte is there again.
      equal = 0;
      repeats = byte;
      if (!byte) last = 256;
      continue;
    }
    equal = byte == last ? equal + 1 : 1;
    last = byte;
    store<u8>(out++, <u8>byte);
  }
  return <u32>(out - output);
}

/** The check sum of bytes that follow those of which `value` is the one (0xffffffff at first, inverted at last). */
export function crc(value: u32, from: usize, bytes: u32): u32 {
  let crc = value;
  let p = from;
  const end = from + bytes;
  for (; p + 8 <= end; p += 8) {
    const one = crc ^ bswap<u32>(load<u32>(p));
    const two = bswap<u32>(load<u32>(p, 4));
    crc =
      load<u32>(CRC + 7 * 1024 + (<usize>(one >> 24) << 2)) ^
      load<u32>(CRC + 6 * 1024 + (<usize>((one >> 16) & 0xff) << 2)) ^
      load<u32>(CRC + 5 * 1024 + (<usize>((one >> 8) & 0xff) << 2)) ^
      load<u32>(CRC + 4 * 1024 + (<usize>(one & 0xff) << 2)) ^
      load<u32>(CRC + 3 * 1024 + (<usize>(two >> 24) << 2)) ^
      load<u32>(CRC + 2 * 1024 + (<usize>((two >> 16) & 0xff) << 2)) ^
      load<u32>(CRC + 1024 + (<usize>((two >> 8) & 0xff) << 2)) ^
      load<u32>(CRC + (<usize>(two & 0xff) << 2));
  }
  for (; p < end; p++) crc = (crc << 8) ^ load<u32>(CRC + (<usize>((crc >> 24) ^ <u32>load<u8>(p)) << 2));
  return crc;
}
