// Raw DEFLATE (RFC 1951), a whole stream in one call. The input is readable 16 bytes past its end, the output writable
// SLACK bytes past its own. Bits are taken from a 64-bit buffer that is refilled eight bytes at a time; a table look-up
// decodes a code of up to 11 bits (literals and lengths) or 8 bits (distances), a second one the longer ones.

const LITERAL_BITS: u32 = 11;
const DISTANCE_BITS: u32 = 8;
/** No code needs more entries: 2,342 and 402 for 15 bits. */
const LITERAL_TABLE: usize = 4096;
const DISTANCE_TABLE: usize = LITERAL_TABLE + 4096 * 4;
const CODE_TABLE: usize = DISTANCE_TABLE + 1024 * 4;
const LENGTHS: usize = CODE_TABLE + 128 * 4;
const COUNTS: usize = LENGTHS + 512;
const NEXT: usize = COUNTS + 64;
const SUB_BITS: usize = NEXT + 64;
const ORDER: usize = SUB_BITS + 2048;
/** The first byte that the caller may use. */
const END: usize = ORDER + 64;

/** Entries of literals and lengths: flags, then what the code stands for, extra bits, bits of the code. */
const LITERAL: u32 = 0x80000000;
const END_OF_BLOCK: u32 = 0x40000000;
const SUBTABLE: u32 = 0x20000000;
/** Entries of distances have this flag for a second table: their bases take 15 bits. */
const FAR_SUBTABLE: u32 = 0x80000000;

const KIND_LITERAL: u32 = 0;
const KIND_DISTANCE: u32 = 1;
const KIND_CODE: u32 = 2;

export const DONE: u32 = 0;
export const TRUNCATED: u32 = 1;
export const OUTPUT_FULL: u32 = 2;
export const CORRUPT: u32 = 3;

let consumedBytes: u32 = 0;
let producedBytes: u32 = 0;

export function consumed(): u32 {
  return consumedBytes;
}

export function produced(): u32 {
  return producedBytes;
}

export function firstFree(): u32 {
  return <u32>END;
}

/** Base and extra bits of length symbol 257 + i (RFC 1951, 3.2.5); 0 where there is none. */
function lengthEntry(i: u32): u32 {
  if (i < 8) return (i + 3) << 16;
  if (i == 28) return 258 << 16;
  if (i > 28) return 0;
  const extra = (i >> 2) - 1;
  return ((((4 + (i & 3)) << extra) + 3) << 16) | (extra << 8);
}

function distanceEntry(i: u32): u32 {
  if (i < 4) return (i + 1) << 16;
  if (i > 29) return 0;
  const extra = (i >> 1) - 1;
  return ((((2 + (i & 1)) << extra) + 1) << 16) | (extra << 8);
}

function entryOf(kind: u32, symbol: u32): u32 {
  if (kind == KIND_CODE) return (symbol << 16) | LITERAL;
  if (kind == KIND_DISTANCE) return distanceEntry(symbol);
  if (symbol < 256) return LITERAL | (symbol << 16);
  return symbol == 256 ? END_OF_BLOCK : lengthEntry(symbol - 257);
}

function reverse(code: u32, bits: u32): u32 {
  let reversed: u32 = 0;
  for (let i: u32 = 0; i < bits; i++) {
    reversed = (reversed << 1) | (code & 1);
    code >>= 1;
  }
  return reversed;
}

/** Builds the table of a canonical code from LENGTHS. False where the lengths make no prefix code. */
function build(from: usize, symbols: u32, table: usize, bits: u32, kind: u32): bool {
  memory.fill(COUNTS, 0, 64);
  for (let i: u32 = 0; i < symbols; i++) {
    const length = <usize>load<u8>(from + i);
    store<u32>(COUNTS + (length << 2), load<u32>(COUNTS + (length << 2)) + 1);
  }
  store<u32>(COUNTS, 0);
  let left: i32 = 1;
  let code: u32 = 0;
  let longest: u32 = 0;
  for (let length: u32 = 1; length < 16; length++) {
    const count = load<u32>(COUNTS + (<usize>length << 2));
    if (count) longest = length;
    left = (left << 1) - <i32>count;
    if (left < 0) return false;
    code = (code + load<u32>(COUNTS + (<usize>(length - 1) << 2))) << 1;
    store<u32>(NEXT + (<usize>length << 2), code);
  }
  // Incomplete: only one code of one bit (RFC 1951, 3.2.7), or no distances at all.
  if (left > 0 && longest > 1) return false;
  const size: u32 = 1 << bits;
  memory.fill(table, 0, <usize>size << 2);
  if (longest > bits) {
    memory.fill(SUB_BITS, 0, 2048);
    for (let length: u32 = bits + 1; length <= longest; length++) {
      let next = load<u32>(NEXT + (<usize>length << 2));
      for (let i: u32 = load<u32>(COUNTS + (<usize>length << 2)); i > 0; i--) {
        const prefix = <usize>(reverse(next++, length) & (size - 1));
        // Lengths ascend: the last is the longest.
        store<u8>(SUB_BITS + prefix, <u8>(length - bits));
      }
    }
    let at = size;
    for (let prefix: u32 = 0; prefix < size; prefix++) {
      const sub = <u32>load<u8>(SUB_BITS + prefix);
      if (!sub) continue;
      const flag = kind == KIND_DISTANCE ? FAR_SUBTABLE : SUBTABLE;
      store<u32>(table + (<usize>prefix << 2), flag | (at << 16) | (sub << 8) | bits);
      memory.fill(table + (<usize>at << 2), 0, (<usize>1 << sub) << 2);
      at += 1 << sub;
    }
  }
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const length = <u32>load<u8>(from + symbol);
    if (!length) continue;
    const slot = NEXT + (<usize>length << 2);
    const reversed = reverse(load<u32>(slot), length);
    store<u32>(slot, load<u32>(slot) + 1);
    const entry = entryOf(kind, symbol);
    if (length <= bits) {
      // A symbol that stands for nothing stays 0: to meet it is an error.
      const filled = entry ? entry | length : 0;
      for (let i = reversed; i < size; i += 1 << length) store<u32>(table + (<usize>i << 2), filled);
    } else {
      const pointer = load<u32>(table + (<usize>(reversed & (size - 1)) << 2));
      const start = (pointer >> 16) & 0x1fff;
      const sub = (pointer >> 8) & 0xff;
      const filled = entry ? entry | (length - bits) : 0;
      for (let i = reversed >> bits; i < <u32>1 << sub; i += 1 << (length - bits))
        store<u32>(table + (<usize>(start + i) << 2), filled);
    }
  }
  return true;
}

/** The order in which the lengths of code lengths come (RFC 1951, 3.2.7). */
function storeOrder(): void {
  const order: StaticArray<u8> = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
  for (let i = 0; i < 19; i++) store<u8>(ORDER + i, order[i]);
}

function buildFixed(): void {
  memory.fill(LENGTHS, 8, 144);
  memory.fill(LENGTHS + 144, 9, 112);
  memory.fill(LENGTHS + 256, 7, 24);
  memory.fill(LENGTHS + 280, 8, 8);
  build(LENGTHS, 288, LITERAL_TABLE, LITERAL_BITS, KIND_LITERAL);
  memory.fill(LENGTHS, 5, 32);
  build(LENGTHS, 32, DISTANCE_TABLE, DISTANCE_BITS, KIND_DISTANCE);
}

/**
 * Inflates [input, input + inputLength) to [output, output + room). Gives DONE, TRUNCATED (the input ends first),
 * OUTPUT_FULL or CORRUPT; `consumed` and `produced` say how far it came where it is DONE.
 */
export function inflate(input: usize, inputLength: u32, output: usize, room: u32): u32 {
  const inputEnd = input + inputLength;
  const outputEnd = output + room;
  let at = input;
  let out = output;
  let bits: u64 = 0;
  let count: u32 = 0;
  let last: u32 = 0;
  if (load<u8>(ORDER) == 0) storeOrder();
  while (!last) {
    if (at > inputEnd + 8) return TRUNCATED;
    bits |= load<u64>(at) << count;
    at += (63 - count) >> 3;
    count |= 56;
    last = <u32>bits & 1;
    const type = <u32>(bits >> 1) & 3;
    bits >>= 3;
    count -= 3;
    if (type == 3) return CORRUPT;
    if (type == 0) {
      // Stored: from the next byte boundary on.
      at -= count >> 3;
      bits = 0;
      count = 0;
      if (at + 4 > inputEnd) return TRUNCATED;
      const length = <u32>load<u16>(at);
      if ((length ^ 0xffff) != <u32>load<u16>(at + 2)) return CORRUPT;
      at += 4;
      if (at + length > inputEnd) return TRUNCATED;
      if (out + length > outputEnd) return OUTPUT_FULL;
      memory.copy(out, at, length);
      at += length;
      out += length;
      continue;
    }
    if (type == 1) buildFixed();
    else {
      const literals = (<u32>bits & 31) + 257;
      const distances = (<u32>(bits >> 5) & 31) + 1;
      const codes = (<u32>(bits >> 10) & 15) + 4;
      bits >>= 14;
      count -= 14;
      if (literals > 286 || distances > 30) return CORRUPT;
      memory.fill(LENGTHS, 0, 19);
      for (let i: u32 = 0; i < codes; i++) {
        if (count < 3) {
          bits |= load<u64>(at) << count;
          at += (63 - count) >> 3;
          count |= 56;
        }
        store<u8>(LENGTHS + <usize>load<u8>(ORDER + i), <u8>(bits & 7));
        bits >>= 3;
        count -= 3;
      }
      if (!build(LENGTHS, 19, CODE_TABLE, 7, KIND_CODE)) return CORRUPT;
      const total = literals + distances;
      let before: u8 = 0;
      for (let i: u32 = 0; i < total; ) {
        if (at > inputEnd + 8) return TRUNCATED;
        bits |= load<u64>(at) << count;
        at += (63 - count) >> 3;
        count |= 56;
        const entry = load<u32>(CODE_TABLE + (<usize>(<u32>bits & 127) << 2));
        if (!entry) return CORRUPT;
        const width = entry & 0xff;
        bits >>= width;
        count -= width;
        const symbol = (entry >> 16) & 0xff;
        if (symbol < 16) {
          before = <u8>symbol;
          store<u8>(LENGTHS + i++, before);
          continue;
        }
        let times: u32;
        let value: u8 = 0;
        if (symbol == 16) {
          if (!i) return CORRUPT;
          value = before;
          times = 3 + (<u32>bits & 3);
          bits >>= 2;
          count -= 2;
        } else if (symbol == 17) {
          times = 3 + (<u32>bits & 7);
          bits >>= 3;
          count -= 3;
        } else {
          times = 11 + (<u32>bits & 127);
          bits >>= 7;
          count -= 7;
        }
        if (i + times > total) return CORRUPT;
        memory.fill(LENGTHS + i, value, times);
        before = value;
        i += times;
      }
      if (!load<u8>(LENGTHS + 256)) return CORRUPT;
      if (!build(LENGTHS + literals, distances, DISTANCE_TABLE, DISTANCE_BITS, KIND_DISTANCE)) return CORRUPT;
      if (!build(LENGTHS, literals, LITERAL_TABLE, LITERAL_BITS, KIND_LITERAL)) return CORRUPT;
    }
    while (true) {
      if (at > inputEnd + 8) return TRUNCATED;
      if (out > outputEnd) return OUTPUT_FULL;
      bits |= load<u64>(at) << count;
      at += (63 - count) >> 3;
      count |= 56;
      let entry = load<u32>(LITERAL_TABLE + (<usize>(<u32>bits & 2047) << 2));
      if (entry & LITERAL) {
        bits >>= entry;
        count -= entry & 0xff;
        store<u8>(out++, <u8>(entry >> 16));
        entry = load<u32>(LITERAL_TABLE + (<usize>(<u32>bits & 2047) << 2));
        if (entry & LITERAL) {
          bits >>= entry & 0xff;
          count -= entry & 0xff;
          store<u8>(out++, <u8>(entry >> 16));
          entry = load<u32>(LITERAL_TABLE + (<usize>(<u32>bits & 2047) << 2));
          if (entry & LITERAL) {
            bits >>= entry & 0xff;
            count -= entry & 0xff;
            store<u8>(out++, <u8>(entry >> 16));
            continue;
          }
        }
        // A length and a distance take up to 48 bits.
        bits |= load<u64>(at) << count;
        at += (63 - count) >> 3;
        count |= 56;
      }
      if (entry & SUBTABLE) {
        bits >>= LITERAL_BITS;
        count -= LITERAL_BITS;
        const mask = (<u32>1 << ((entry >> 8) & 0xff)) - 1;
        entry = load<u32>(LITERAL_TABLE + (<usize>(((entry >> 16) & 0x1fff) + (<u32>bits & mask)) << 2));
        if (entry & LITERAL) {
          bits >>= entry & 0xff;
          count -= entry & 0xff;
          store<u8>(out++, <u8>(entry >> 16));
          continue;
        }
      }
      if (!entry) return CORRUPT;
      let width = entry & 0xff;
      bits >>= width;
      count -= width;
      if (entry & END_OF_BLOCK) break;
      let extra = (entry >> 8) & 0xff;
      const length = ((entry >> 16) & 0x1ff) + (<u32>bits & ((<u32>1 << extra) - 1));
      bits >>= extra;
      count -= extra;
      entry = load<u32>(DISTANCE_TABLE + (<usize>(<u32>bits & 255) << 2));
      if (entry & FAR_SUBTABLE) {
        bits >>= DISTANCE_BITS;
        count -= DISTANCE_BITS;
        const mask = (<u32>1 << ((entry >> 8) & 0xff)) - 1;
        entry = load<u32>(DISTANCE_TABLE + (<usize>(((entry >> 16) & 0x1fff) + (<u32>bits & mask)) << 2));
      }
      if (!entry) return CORRUPT;
      width = entry & 0xff;
      bits >>= width;
      count -= width;
      extra = (entry >> 8) & 0xff;
      const distance = <usize>((entry >> 16) + (<u32>bits & ((<u32>1 << extra) - 1)));
      bits >>= extra;
      count -= extra;
      if (distance > out - output) return CORRUPT;
      let from = out - distance;
      const end = out + length;
      if (distance >= 16) {
        do {
          v128.store(out, v128.load(from));
          out += 16;
          from += 16;
        } while (out < end);
      } else if (distance >= 8) {
        do {
          store<u64>(out, load<u64>(from));
          out += 8;
          from += 8;
        } while (out < end);
      } else if (distance == 1) {
        memory.fill(out, load<u8>(from), length);
      } else {
        do store<u8>(out++, load<u8>(from++));
        while (out < end);
      }
      out = end;
    }
  }
  // Bytes that were taken into the buffer and not used.
  at -= count >> 3;
  if (at > inputEnd) return TRUNCATED;
  if (out > outputEnd) return OUTPUT_FULL;
  consumedBytes = <u32>(at - input);
  producedBytes = <u32>(out - output);
  return DONE;
}
