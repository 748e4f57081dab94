// MinHash signatures from UTF-8 text: folding, splitting, shingling, permutations, band keys.
// The caller lays out the memory (src/dedup/signer.ts) and passes addresses; src/dedup/twin.ts is the plain twin.

import { permuteLow32, permuteMersenne } from './_permute-mersenne';
import { sha1Four, sha1Head, setShaScratch } from './_sha1';
import { xxh64 } from './_xxh64';

export { permuteLow32, permuteMersenne, setShaScratch, sha1Head, xxh64 };

const K1: u64 = 0x9e3779b97f4a7c15;
const K2: u64 = 0xc2b2ae3d27d4eb4f;
const POLYNOMIAL: u64 = 0xd6e8feb86659fd93;
const MAX_WORD: i32 = 1024;
const SPACE: i32 = 32;

// Tables, filled by the caller: class of a code point below 0x40000 (0 separator, 1 in a word, 2 a word of its own),
// and the folded code point of one below 0x10000.
let classes: usize = 0;
let folds: usize = 0;
let scratch: usize = 0;
let ring: usize = 0;

// State of the document under way.
let size: i32 = 5;
let characters: bool = false;
let wide: bool = false;
let power: u64 = 1;
let rolling: u64 = 0;
let slot: i32 = 0;
let items: i32 = 0;
let carried: i32 = 0;
let pendingSpace: bool = false;
let out: usize = 0;

export function layout(classTable: usize, foldTable: usize, ringAt: usize, scratchAt: usize): void {
  classes = classTable;
  folds = foldTable;
  ring = ringAt;
  scratch = scratchAt;
}

export function configure(shingleSize: i32, ofCharacters: bool, wideHashes: bool): void {
  size = shingleSize;
  characters = ofCharacters;
  wide = wideHashes;
  power = 1;
  for (let i = 0; i < shingleSize; i++) power *= POLYNOMIAL;
}

export function begin(): void {
  rolling = 0;
  slot = 0;
  items = 0;
  carried = 0;
  pendingSpace = false;
  memory.fill(ring, 0, size << 3);
}

/** The finalizer of MurmurHash3 (Appleby, public domain). */
// @ts-ignore: decorator
@inline
function mix(x: u64): u64 {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccd;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53;
  return x ^ (x >> 33);
}

// @ts-ignore: decorator
@inline
function emit(): void {
  const shingle = mix(rolling);
  if (wide) {
    store<u64>(out, shingle);
    out += 8;
  } else {
    store<u32>(out, <u32>(shingle >> 32));
    out += 4;
  }
}

// @ts-ignore: decorator
@inline
function push(item: u64): void {
  const at = ring + (<usize>slot << 3);
  rolling = rolling * POLYNOMIAL + item - load<u64>(at) * power;
  store<u64>(at, item);
  slot = slot + 1 == size ? 0 : slot + 1;
  if (++items >= size) emit();
}

/** Hash of [from, from + length): eight bytes at a time, the last ones padded with zeros. */
// @ts-ignore: decorator
@inline
export function hashBytes(from: usize, length: i32): u64 {
  let h: u64 = K2 ^ <u64>length;
  let at = from;
  let left = length;
  while (left > 8) {
    h = rotl<u64>(h ^ (load<u64>(at) * K1), 31) * K2;
    at += 8;
    left -= 8;
  }
  const last = load<u64>(at) & (0xffffffffffffffff >> <u64>((8 - left) << 3));
  h = rotl<u64>(h ^ (last * K1), 31) * K2;
  return mix(h);
}

// @ts-ignore: decorator
@inline
function put(to: usize, code: u32): usize {
  if (code < 0x80) {
    store<u8>(to, <u8>code);
    return to + 1;
  }
  if (code < 0x800) {
    store<u8>(to, <u8>(0xc0 | (code >> 6)));
    store<u8>(to + 1, <u8>(0x80 | (code & 63)));
    return to + 2;
  }
  if (code < 0x10000) {
    store<u8>(to, <u8>(0xe0 | (code >> 12)));
    store<u8>(to + 1, <u8>(0x80 | ((code >> 6) & 63)));
    store<u8>(to + 2, <u8>(0x80 | (code & 63)));
    return to + 3;
  }
  store<u8>(to, <u8>(0xf0 | (code >> 18)));
  store<u8>(to + 1, <u8>(0x80 | ((code >> 12) & 63)));
  store<u8>(to + 2, <u8>(0x80 | ((code >> 6) & 63)));
  store<u8>(to + 3, <u8>(0x80 | (code & 63)));
  return to + 4;
}

/** Folds [text, text + length) to `to`: letters, marks and digits folded, everything else a space. Returns the end. */
function fold(text: usize, length: i32, start: usize): usize {
  let to = start;
  let at = text;
  const end = text + length;
  while (at < end) {
    if (at + 16 <= end) {
      const bytes = v128.load(at);
      const high = i8x16.bitmask(bytes);
      // Written whole in any case; only the bytes before the first that is not ASCII count.
      const upper = i8x16.lt_u(i8x16.sub(bytes, i8x16.splat(65)), i8x16.splat(26));
      const folded = v128.or(bytes, v128.and(upper, i8x16.splat(32)));
      const letter = i8x16.lt_u(i8x16.sub(folded, i8x16.splat(97)), i8x16.splat(26));
      const digit = i8x16.lt_u(i8x16.sub(bytes, i8x16.splat(48)), i8x16.splat(10));
      v128.store(to, v128.bitselect(folded, i8x16.splat(32), v128.or(letter, digit)));
      if (high == 0) {
        at += 16;
        to += 16;
        continue;
      }
      const plain = ctz<i32>(high);
      at += plain;
      to += plain;
    }
    const byte = <u32>load<u8>(at);
    let code: u32;
    if (byte < 0x80) {
      code = byte;
      at += 1;
    } else if (byte < 0xe0) {
      code = ((byte & 31) << 6) | (load<u8>(at + 1) & 63);
      at += 2;
    } else if (byte < 0xf0) {
      code = ((byte & 15) << 12) | ((<u32>load<u8>(at + 1) & 63) << 6) | (load<u8>(at + 2) & 63);
      at += 3;
    } else {
      code = ((byte & 7) << 18) | ((<u32>load<u8>(at + 1) & 63) << 12) | ((<u32>load<u8>(at + 2) & 63) << 6) | (load<u8>(at + 3) & 63);
      at += 4;
    }
    const kind: i32 = code < 0x40000 ? <i32>load<u8>(classes + code) : 0;
    if (kind == 0) {
      store<u8>(to++, 32);
      continue;
    }
    if (code < 0x10000) code = load<u16>(folds + (<usize>code << 1));
    if (kind == 2 && !characters) {
      store<u8>(to, 32);
      to = put(to + 1, code);
      store<u8>(to++, 32);
    } else {
      to = put(to, code);
    }
  }
  return to;
}

/** A word of up to MAX_WORD bytes, or several of a longer run. */
function pushRun(from: usize, length: i32): void {
  let at = from;
  let left = length;
  while (left > MAX_WORD) {
    push(hashBytes(at, MAX_WORD));
    at += MAX_WORD;
    left -= MAX_WORD;
  }
  push(hashBytes(at, left));
}

/** Pushes the words of [from, to) that end in it; what follows the last space stays for the next call. */
function words(from: usize, to: usize): void {
  // Start of the word under way; a carried part is at the start of the scratch.
  let start = from;
  let at = from;
  while (at < to) {
    // A bit for each space among 16 bytes.
    let mask = <u32>i8x16.bitmask(i8x16.eq(v128.load(at), i8x16.splat(32)));
    const left = <i32>(to - at);
    if (left < 16) mask &= (1 << left) - 1;
    while (mask != 0) {
      const position = at + ctz<u32>(mask);
      mask &= mask - 1;
      const length = <i32>(position - start);
      if (length > 0) {
        if (length <= MAX_WORD) push(hashBytes(start, length));
        else pushRun(start, length);
      }
      start = position + 1;
    }
    at += 16;
  }
  let rest = <i32>(to - start);
  while (rest > MAX_WORD) {
    push(hashBytes(start, MAX_WORD));
    start += MAX_WORD;
    rest -= MAX_WORD;
  }
  memory.copy(scratch, start, rest);
  carried = rest;
}

/** Pushes the code points of [from, to), a run of spaces as one. */
function codePoints(from: usize, to: usize): void {
  let at = from;
  while (at < to) {
    const byte = <u32>load<u8>(at);
    let code: u32 = byte;
    if (byte < 0x80) at += 1;
    else if (byte < 0xe0) {
      code = ((byte & 31) << 6) | (load<u8>(at + 1) & 63);
      at += 2;
    } else if (byte < 0xf0) {
      code = ((byte & 15) << 12) | ((<u32>load<u8>(at + 1) & 63) << 6) | (load<u8>(at + 2) & 63);
      at += 3;
    } else {
      code = ((byte & 7) << 18) | ((<u32>load<u8>(at + 1) & 63) << 12) | ((<u32>load<u8>(at + 2) & 63) << 6) | (load<u8>(at + 3) & 63);
      at += 4;
    }
    if (code == SPACE) {
      pendingSpace = items > 0;
      continue;
    }
    if (pendingSpace) {
      pendingSpace = false;
      push(mix(SPACE + K1));
    }
    push(mix(code + K1));
  }
}

/**
 * Takes the next bytes of the document (whole code points) and writes the hashes of the shingles that they complete
 * to `to`, 4 or 8 bytes each. Returns how many.
 */
export function feed(text: usize, length: i32, to: usize): i32 {
  out = to;
  if (characters) codePoints(scratch, fold(text, length, scratch));
  else words(scratch, fold(text, length, scratch + carried));
  return <i32>((out - to) >> (wide ? 3 : 2));
}

/** Ends the document: the last word, and the one shingle of a document shorter than a shingle. */
export function end(to: usize): i32 {
  out = to;
  if (!characters && carried > 0) push(hashBytes(scratch, carried));
  if (items > 0 && items < size) emit();
  return <i32>((out - to) >> (wide ? 3 : 2));
}

export function itemCount(): i32 {
  return items;
}

/** minima[j] = min over shingles h of (h * a[j] + b[j]) mod 2^32, in blocks of 16 permutations. */
export function permute32(shingles: usize, count: i32, a: usize, b: usize, minima: usize, permutations: i32): void {
  const end = shingles + (<usize>count << 2);
  for (let j = 0; j < permutations; j += 16) {
    const o = <usize>j << 2;
    const a0 = v128.load(a + o);
    const a1 = v128.load(a + o, 16);
    const a2 = v128.load(a + o, 32);
    const a3 = v128.load(a + o, 48);
    const b0 = v128.load(b + o);
    const b1 = v128.load(b + o, 16);
    const b2 = v128.load(b + o, 32);
    const b3 = v128.load(b + o, 48);
    let m0 = v128.load(minima + o);
    let m1 = v128.load(minima + o, 16);
    let m2 = v128.load(minima + o, 32);
    let m3 = v128.load(minima + o, 48);
    for (let at = shingles; at < end; at += 4) {
      const h = v128.load32_splat(at);
      m0 = i32x4.min_u(m0, i32x4.add(i32x4.mul(h, a0), b0));
      m1 = i32x4.min_u(m1, i32x4.add(i32x4.mul(h, a1), b1));
      m2 = i32x4.min_u(m2, i32x4.add(i32x4.mul(h, a2), b2));
      m3 = i32x4.min_u(m3, i32x4.add(i32x4.mul(h, a3), b3));
    }
    v128.store(minima + o, m0);
    v128.store(minima + o, m1, 16);
    v128.store(minima + o, m2, 32);
    v128.store(minima + o, m3, 48);
  }
}

/**
 * keys[band] = hash of the band's rows; never all ones, which stands for "no signature".
 * sketch[j] = the lowest byte of minimum j (b-bit minwise hashing: Li and König, 2010).
 */
export function bandKeys(minima: usize, bands: i32, rows: i32, valueBytes: i32, keys: usize, sketch: usize): void {
  let at = minima;
  for (let band = 0; band < bands; band++) {
    let h: u64 = K2 ^ <u64>band;
    for (let row = 0; row < rows; row++) {
      const value = valueBytes == 8 ? load<u64>(at) : <u64>load<u32>(at);
      h = rotl<u64>(h ^ (value * K1), 31) * K2;
      store<u8>(sketch++, <u8>value);
      at += valueBytes;
    }
    h = mix(h);
    store<u64>(keys + (<usize>band << 3), h == 0xffffffffffffffff ? 0 : h);
  }
}

// ---- datatrove's preset ----

// What a code point beyond ASCII becomes, filled by the caller as such code points are met: kind in the top 8 bits, slot
// in the others. A slot is a length and up to 15 bytes.
const UNKNOWN: u32 = 0;
const LETTER: u32 = 1;
const BLANK: u32 = 2;
const NOTHING: u32 = 3;
const DIGIT: u32 = 4;
const SYMBOL: u32 = 5;

export const DONE: i32 = 0;
export const MEETS_UNKNOWN: i32 = 1;
export const MEETS_SYMBOL: i32 = 2;
export const TOO_HARD: i32 = 3;

let codes: usize = 0;
let slots: usize = 0;
let cuts: usize = 0;
let cutMask: i32 = 0;
let cutKeys: usize = 0;
let starts: usize = 0;
let wordBase: usize = 0;
let wordOut: usize = 0;
let wordCount: i32 = 0;
let chunk: usize = 0;
let lastDigit: usize = 0;
let hasSymbol: bool = false;
let readAt: usize = 0;
let readEnd: usize = 0;
let unknownCode: u32 = 0;
let codeSize: i32 = 0;

export function layoutEnglish(codeTable: usize, slotTable: usize, cutTable: usize, cutSlots: i32): void {
  codes = codeTable;
  slots = slotTable;
  cuts = cutTable;
  cutMask = cutSlots - 1;
  cutKeys = cutTable + (<usize>cutSlots << 4);
}

/** Begins a part of a text: its words are appended to the `words` words of `used` bytes at `to`, their starts to `startsAt`. */
export function beginPart(text: usize, length: i32, to: usize, used: i32, startsAt: usize, words: i32): void {
  readAt = text;
  readEnd = text + length;
  wordBase = to;
  starts = startsAt;
  resumeAt(used, words);
}

/** The next word will be number `words`, `used` bytes from the start. */
export function resumeAt(used: i32, words: i32): void {
  wordOut = wordBase + used;
  wordCount = words;
  chunk = wordOut;
  lastDigit = 0;
  hasSymbol = false;
}

export function unknown(): u32 {
  return unknownCode;
}
export function chunkFrom(): usize {
  return chunk;
}
export function chunkTo(): usize {
  return wordOut;
}
export function countedWords(): i32 {
  return wordCount;
}

function decode(at: usize): u32 {
  const byte = <u32>load<u8>(at);
  if (byte < 0x80) {
    codeSize = 1;
    return byte;
  }
  if (byte < 0xe0) {
    codeSize = 2;
    return ((byte & 31) << 6) | (load<u8>(at + 1) & 63);
  }
  if (byte < 0xf0) {
    codeSize = 3;
    return ((byte & 15) << 12) | ((<u32>load<u8>(at + 1) & 63) << 6) | (load<u8>(at + 2) & 63);
  }
  codeSize = 4;
  return ((byte & 7) << 18) | ((<u32>load<u8>(at + 1) & 63) << 12) | ((<u32>load<u8>(at + 2) & 63) << 6) | (load<u8>(at + 3) & 63);
}

/** Kind of the code point at `at`, its size in codeSize; an unknown one is left in unknownCode. */
function kindAt(at: usize): u32 {
  const code = decode(at);
  if (code < 0x80) return code >= 48 && code <= 57 ? DIGIT : LETTER;
  const kind = load<u32>(codes + (<usize>code << 2)) >> 24;
  if (kind == UNKNOWN) unknownCode = code;
  return kind;
}

let digitsEnd: usize = 0;
/** Whether the digits from `from` on could be told; their end goes to digitsEnd. */
function digitsFrom(from: usize): bool {
  let at = from;
  while (at < readEnd) {
    const kind = kindAt(at);
    if (kind == UNKNOWN) return false;
    if (kind != DIGIT) break;
    at += codeSize;
  }
  digitsEnd = at;
  return true;
}

/**
 * Simplifies the part and splits it as spaCy's blank English does, words and single spaces. Stops (and is called again)
 * where a code point is unknown, or where a word with a symbol is to be split by the caller: it is at chunkFrom() ..
 * chunkTo(). Contractions and units are cut by the table that the caller filled.
 */
export function splitPart(): i32 {
  while (readAt < readEnd) {
    if (readAt + 16 <= readEnd) {
      const lowered = v128.or(v128.load(readAt), i8x16.splat(32));
      const letters = i8x16.bitmask(i8x16.lt_u(i8x16.sub(lowered, i8x16.splat(97)), i8x16.splat(26)));
      const run = <usize>ctz<i32>(~letters);
      // Written whole in any case; only the letters count.
      v128.store(wordOut, lowered);
      wordOut += run;
      readAt += run;
      if (run == 16) continue;
    }
    const c = <i32>load<u8>(readAt);
    const lower = c | 32;
    if (lower >= 97 && lower <= 122 && c < 128) {
      store<u8>(wordOut++, <u8>lower);
      readAt++;
      continue;
    }
    let digit = c >= 48 && c <= 57;
    let blank = c < 128 && !digit;
    let step = 1;
    if (c >= 128) {
      const code = decode(readAt);
      const entry = load<u32>(codes + (<usize>code << 2));
      const kind = entry >> 24;
      step = codeSize;
      if (kind == LETTER || kind == SYMBOL) {
        const slot = slots + (<usize>(entry & 0xffffff) << 4);
        const bytes = v128.load(slot, 1);
        v128.store(wordOut, bytes);
        wordOut += load<u8>(slot);
        // After a digit it may be a unit, which only the caller knows.
        if (kind == SYMBOL || lastDigit != 0) hasSymbol = true;
      } else if (kind == BLANK) blank = true;
      else if (kind == DIGIT) digit = true;
      else if (kind == UNKNOWN) {
        unknownCode = code;
        return MEETS_UNKNOWN;
      } else if (kind != NOTHING) return TOO_HARD;
    }
    if (digit) {
      // A number: digits, and once a separator with digits behind it.
      if (!digitsFrom(readAt)) return MEETS_UNKNOWN;
      let end = digitsEnd;
      if (end < readEnd && (load<u8>(end) == 46 || load<u8>(end) == 44)) {
        if (!digitsFrom(end + 1)) return MEETS_UNKNOWN;
        if (digitsEnd > end + 1) end = digitsEnd;
      }
      lastDigit = wordOut;
      store<u8>(wordOut++, 48);
      readAt = end;
      continue;
    }
    readAt += step;
    if (!blank) continue;
    if (wordOut > chunk) {
      if (hasSymbol) return MEETS_SYMBOL;
      endWord();
    }
  }
  if (wordOut > chunk) {
    if (hasSymbol) return MEETS_SYMBOL;
    endWord();
  }
  // Where a word after the last one would begin.
  store<u32>(starts + (<usize>wordCount << 2), <u32>(wordOut - wordBase));
  return DONE;
}

/**
 * Splits the part at every character that is in no word, as text-dedup does: what the code points beyond ASCII become,
 * with a space for each that splits, is in the table. Stops where one is unknown, or depends on its neighbours.
 */
export function splitPlain(): i32 {
  while (readAt < readEnd) {
    if (readAt + 16 <= readEnd) {
      const bytes = v128.load(readAt);
      const high = i8x16.bitmask(bytes);
      const folded = foldAscii(bytes);
      // Written whole in any case; only the bytes before the first that is not ASCII count.
      v128.store(wordOut, folded);
      const plain = high == 0 ? 16 : ctz<i32>(high);
      let spaces = i8x16.bitmask(i8x16.eq(folded, i8x16.splat(32))) & ((1 << plain) - 1);
      while (spaces != 0) {
        markNext(wordOut + ctz<i32>(spaces));
        spaces &= spaces - 1;
      }
      readAt += plain;
      wordOut += plain;
      if (high == 0) continue;
    }
    const code = decode(readAt);
    if (code < 0x80) {
      const folded = <u8>i8x16.extract_lane_u(foldAscii(i8x16.splat(<i8>code)), 0);
      store<u8>(wordOut, folded);
      if (folded == 32) markNext(wordOut);
      wordOut++;
    } else {
      const entry = load<u32>(codes + (<usize>code << 2));
      if (entry >> 24 == UNKNOWN) {
        unknownCode = code;
        return MEETS_UNKNOWN;
      }
      if (entry >> 24 != LETTER) return TOO_HARD;
      const slot = slots + (<usize>(entry & 0xffffff) << 4);
      const length = <i32>load<u8>(slot);
      for (let i = 1; i <= length; i++) {
        const byte = load<u8>(slot + i);
        store<u8>(wordOut, byte);
        if (byte == 32) markNext(wordOut);
        wordOut++;
      }
    }
    readAt += codeSize;
  }
  return DONE;
}

/** Letters in lower case, digits and underscores; spaces for all others. */
// @ts-ignore: decorator
@inline
function foldAscii(bytes: v128): v128 {
  const upper = i8x16.lt_u(i8x16.sub(bytes, i8x16.splat(65)), i8x16.splat(26));
  const folded = v128.or(bytes, v128.and(upper, i8x16.splat(32)));
  const letter = i8x16.lt_u(i8x16.sub(folded, i8x16.splat(97)), i8x16.splat(26));
  const digit = i8x16.lt_u(i8x16.sub(bytes, i8x16.splat(48)), i8x16.splat(10));
  const word = v128.or(v128.or(letter, digit), i8x16.eq(bytes, i8x16.splat(95)));
  return v128.bitselect(folded, i8x16.splat(32), word);
}

/** A word ends in the space at `space`: the next begins behind it. */
// @ts-ignore: decorator
@inline
function markNext(space: usize): void {
  wordCount++;
  store<u32>(starts + (<usize>wordCount << 2), <u32>(space + 1 - wordBase));
}

/** Cuts the word under way where spaCy does, and begins the next. */
function endWord(): void {
  const size = <i32>(wordOut - chunk);
  let first: i32 = 0;
  let second: i32 = 0;
  if (lastDigit != 0) {
    const unit = <i32>(wordOut - lastDigit) - 1;
    if (unit > 0 && unit <= 6 && lookUp(lastDigit + 1, unit) == 255) first = size - unit;
  } else if (size <= 16 && mayBeCut(chunk, size)) {
    const found = lookUp(chunk, size);
    if (found != 255) {
      first = found & 0xff;
      second = found >> 8;
    }
  }
  mark(chunk);
  // From the back, as each cut moves what is behind it by a byte.
  if (second > 0) insertSpace(chunk + second);
  if (first > 0) {
    insertSpace(chunk + first);
    mark(chunk + first + 1);
    if (second > 0) mark(chunk + second + 2);
  }
  store<u8>(wordOut++, 32);
  chunk = wordOut;
  lastDigit = 0;
}

// @ts-ignore: decorator
@inline
function mark(at: usize): void {
  store<u32>(starts + (<usize>wordCount << 2), <u32>(at - wordBase));
  wordCount++;
}

function insertSpace(at: usize): void {
  memory.copy(at + 1, at, wordOut - at);
  store<u8>(at, 32);
  wordOut++;
}

/** A bit for each triple of first byte, last byte and length that words which are cut have: most words end here. */
// @ts-ignore: decorator
@inline
function mayBeCut(from: usize, length: i32): bool {
  const key = ((<i32>load<u8>(from) << 7) ^ (<i32>load<u8>(from + length - 1) << 3) ^ length) & 4095;
  return ((<i32>load<u8>(cutKeys + (key >> 3)) >> (key & 7)) & 1) != 0;
}

/** first cut | second cut << 8 of a word that is cut, 255 for a unit, 0 where there is none. */
function lookUp(from: usize, length: i32): i32 {
  const h = hashBytes(from, length);
  let slot = <i32>h & cutMask;
  while (true) {
    const entry = cuts + (<usize>slot << 4);
    const value = load<i32>(entry, 8);
    if (value == 0) return 0;
    if (load<u64>(entry) == h) return value;
    slot = (slot + 1) & cutMask;
  }
}

/**
 * Hashes the n-grams of `count` words at text + starts[i], separated by single spaces, to 8 bytes each.
 * kind 0: XXH64, 1: XXH32, 2: the first 8 bytes of SHA-1, 3: the first 4. Returns how many.
 */
export function hashNgrams(text: usize, starts: usize, count: i32, n: i32, kind: i32, to: usize): i32 {
  const grams = count - n + 1;
  if (grams <= 0) return 0;
  if (kind >= 2) {
    sha1Ngrams(text, starts, grams, n, to);
    if (kind == 3) for (let i = 0; i < grams; i++) store<u32>(to + (<usize>i << 3), 0, 4);
    return grams;
  }
  for (let i = 0; i < grams; i++) {
    const from = load<u32>(starts + (<usize>i << 2));
    const length = <i32>(load<u32>(starts + (<usize>(i + n) << 2)) - 1 - from);
    const at = text + from;
    store<u64>(to + (<usize>i << 3), kind == 0 ? xxh64(at, length) : <u64>xxh32(at, length));
  }
  return grams;
}

/** Four at a time where all four are short, as nearly all are. */
function sha1Ngrams(text: usize, starts: usize, grams: i32, n: i32, to: usize): void {
  let i = 0;
  for (; i + 4 <= grams; i += 4) sha1Four(text, starts + (<usize>i << 2), n, to + (<usize>i << 3));
  for (; i < grams; i++) {
    const from = load<u32>(starts + (<usize>i << 2));
    const length = <i32>(load<u32>(starts + (<usize>(i + n) << 2)) - 1 - from);
    store<u64>(to + (<usize>i << 3), sha1Head(text + from, length));
  }
}

const X32_1: u32 = 0x9e3779b1;
const X32_2: u32 = 0x85ebca77;
const X32_3: u32 = 0xc2b2ae3d;
const X32_4: u32 = 0x27d4eb2f;
const X32_5: u32 = 0x165667b1;

// @ts-ignore: decorator
@inline
function round32(acc: u32, lane: u32): u32 {
  return rotl<u32>(acc + lane * X32_2, 13) * X32_1;
}

/** XXH32 with seed 0, after its specification (Collet). */
export function xxh32(from: usize, length: i32): u32 {
  let at = from;
  const end = from + length;
  let h: u32;
  if (length >= 16) {
    let v1: u32 = X32_1 + X32_2;
    let v2: u32 = X32_2;
    let v3: u32 = 0;
    let v4: u32 = 0 - X32_1;
    const limit = end - 16;
    do {
      v1 = round32(v1, load<u32>(at));
      v2 = round32(v2, load<u32>(at, 4));
      v3 = round32(v3, load<u32>(at, 8));
      v4 = round32(v4, load<u32>(at, 12));
      at += 16;
    } while (at <= limit);
    h = rotl<u32>(v1, 1) + rotl<u32>(v2, 7) + rotl<u32>(v3, 12) + rotl<u32>(v4, 18);
  } else {
    h = X32_5;
  }
  h += <u32>length;
  while (at + 4 <= end) {
    h = rotl<u32>(h + load<u32>(at) * X32_3, 17) * X32_4;
    at += 4;
  }
  while (at < end) {
    h = rotl<u32>(h + <u32>load<u8>(at) * X32_5, 11) * X32_1;
    at++;
  }
  h ^= h >> 15;
  h *= X32_2;
  h ^= h >> 13;
  h *= X32_3;
  return h ^ (h >> 16);
}
