// Pre-tokenizer scanners over UTF-8 in linear memory. The plain twin, with the reasons, is src/tokenize/scan.ts.

const OTHER: u32 = 0;
const UPPER: u32 = 1;
const LOWER: u32 = 2;
const LETTER: u32 = 3;
const MARK: u32 = 4;
const NUMBER: u32 = 5;
const SPACE: u32 = 6;
const NEWLINE: u32 = 7;

/** Two-stage class table: u16 block numbers, then blocks of 128 classes. Block 0 is ASCII. */
let classIndex: usize = 0;
let classBlocks: usize = 0;

export function setClassTable(index: usize, blocks: usize): void {
  classIndex = index;
  classBlocks = blocks;
}

// @ts-ignore: decorator
@inline
function classOfCodePoint(c: u32): u32 {
  const block = <usize>load<u16>(classIndex + ((<usize>c >> 7) << 1));
  return load<u8>(classBlocks + (block << 7) + (c & 127));
}

// @ts-ignore: decorator
@inline
function isContinuation(b: u32): bool {
  return (b & 0xc0) == 0x80;
}

function multibyte(p: usize, end: usize, b: u32): u32 {
  if (b >= 0xc2 && b < 0xe0) {
    if (p + 1 >= end) return 8;
    const b1: u32 = load<u8>(p, 1);
    if (!isContinuation(b1)) return 8;
    return 16 | classOfCodePoint(((b & 0x1f) << 6) | (b1 & 0x3f));
  }
  if (b >= 0xe0 && b < 0xf0) {
    if (p + 2 >= end) return 8;
    const b1: u32 = load<u8>(p, 1);
    const b2: u32 = load<u8>(p, 2);
    if (!isContinuation(b1) || !isContinuation(b2)) return 8;
    const c: u32 = ((b & 0x0f) << 12) | ((b1 & 0x3f) << 6) | (b2 & 0x3f);
    if (c < 0x800 || (c >= 0xd800 && c < 0xe000)) return 8;
    return 24 | classOfCodePoint(c);
  }
  if (b >= 0xf0 && b < 0xf5) {
    if (p + 3 >= end) return 8;
    const b1: u32 = load<u8>(p, 1);
    const b2: u32 = load<u8>(p, 2);
    const b3: u32 = load<u8>(p, 3);
    if (!isContinuation(b1) || !isContinuation(b2) || !isContinuation(b3)) return 8;
    const c: u32 = ((b & 0x07) << 18) | ((b1 & 0x3f) << 12) | ((b2 & 0x3f) << 6) | (b3 & 0x3f);
    if (c < 0x10000 || c > 0x10ffff) return 8;
    return 32 | classOfCodePoint(c);
  }
  return 8;
}

/** length << 3 | class of what starts at p. */
// @ts-ignore: decorator
@inline
function classAt(p: usize, end: usize): u32 {
  const b: u32 = load<u8>(p);
  if (b < 0x80) return 8 | load<u8>(classBlocks + b);
  return multibyte(p, end, b);
}

// @ts-ignore: decorator
@inline
function isLetter(cls: u32): bool {
  return cls - UPPER <= LETTER - UPPER;
}

// @ts-ignore: decorator
@inline
function isSymbol(cls: u32): bool {
  return cls == OTHER || cls == MARK;
}

// @ts-ignore: decorator
@inline
function skipLetters(p: usize, end: usize): usize {
  while (p < end) {
    const at = classAt(p, end);
    if (!isLetter(at & 7)) break;
    p += at >> 3;
  }
  return p;
}

function skipNumbers(p: usize, end: usize, most: u32): usize {
  for (let n: u32 = 0; n < most && p < end; n++) {
    const at = classAt(p, end);
    if ((at & 7) != NUMBER) break;
    p += at >> 3;
  }
  return p;
}

function skipSymbols(p: usize, end: usize): usize {
  while (p < end) {
    const at = classAt(p, end);
    if (!isSymbol(at & 7)) break;
    p += at >> 3;
  }
  return p;
}

function contraction(p: usize, end: usize): usize {
  if (p + 1 >= end) return 0;
  const c: u32 = load<u8>(p, 1);
  if (c == 0x73 || c == 0x74 || c == 0x6d || c == 0x64) return 2;
  if (p + 2 >= end) return 0;
  const d: u32 = load<u8>(p, 2);
  return ((c == 0x72 || c == 0x76) && d == 0x65) || (c == 0x6c && d == 0x6c) ? 3 : 0;
}

function contractionAnyCase(p: usize, end: usize): usize {
  if (p + 1 >= end) return 0;
  const raw: u32 = load<u8>(p, 1);
  const c = raw | 0x20;
  if (c == 0x73 || c == 0x74 || c == 0x6d || c == 0x64) return 2;
  if (p + 2 >= end) return 0;
  const second: u32 = load<u8>(p, 2);
  if (raw == 0xc5 && second == 0xbf) return 3;
  const d = second | 0x20;
  return ((c == 0x72 || c == 0x76) && d == 0x65) || (c == 0x6c && d == 0x6c) ? 3 : 0;
}

function scanSpace(p: usize, end: usize, newlines: bool, whole: bool): usize {
  let q = p;
  let last = p;
  let afterNewline = p;
  while (q < end) {
    const at = classAt(q, end);
    if ((at & 7) < SPACE) break;
    last = q;
    q += at >> 3;
    if ((at & 7) == NEWLINE) afterNewline = q;
  }
  if (whole && q == end) return end;
  if (newlines && afterNewline > p) return afterNewline;
  return q == end || last == p ? q : last;
}

// @ts-ignore: decorator
@inline
export function scanGpt2(p: usize, end: usize, digits: u32, spaced: bool): usize {
  const first: u32 = load<u8>(p);
  if (first == 0x27) {
    const n = contraction(p, end);
    if (n > 0) return p + n;
  }
  const at = classAt(p, end);
  let q = p + (at >> 3);
  let cls = at & 7;
  if (first == 0x20 && q < end) {
    const next = classAt(q, end);
    if ((next & 7) < SPACE && (spaced || (next & 7) != NUMBER)) {
      cls = next & 7;
      q += next >> 3;
    }
  }
  if (isLetter(cls)) return skipLetters(q, end);
  if (cls >= SPACE) return scanSpace(p, end, false, false);
  if (cls == NUMBER) return skipNumbers(q, end, digits - 1);
  return skipSymbols(q, end);
}

function skipNewlines(p: usize, end: usize): usize {
  while (p < end) {
    const b: u32 = load<u8>(p);
    if (b != 0x0a && b != 0x0d) break;
    p++;
  }
  return p;
}

// @ts-ignore: decorator
@inline
export function scanCl100k(p: usize, end: usize, digits: u32, whole: bool): usize {
  const first: u32 = load<u8>(p);
  if (first == 0x27) {
    const n = contractionAnyCase(p, end);
    if (n > 0) return p + n;
  }
  const at = classAt(p, end);
  const cls = at & 7;
  const q = p + (at >> 3);
  if (isLetter(cls)) return skipLetters(q, end);
  if (cls == NUMBER) return skipNumbers(q, end, digits - 1);
  const next = q < end ? classAt(q, end) : NEWLINE;
  if (cls != NEWLINE && isLetter(next & 7)) return skipLetters(q + (next >> 3), end);
  if (isSymbol(cls)) return skipNewlines(skipSymbols(q, end), end);
  if (first == 0x20 && q < end && isSymbol(next & 7)) return skipNewlines(skipSymbols(q, end), end);
  return scanSpace(p, end, true, whole);
}

function scanCased(p: usize, end: usize, secondToo: bool): usize {
  let q = p;
  let afterShared = p;
  while (q < end) {
    const at = classAt(q, end);
    const cls = at & 7;
    if (cls != UPPER && cls != LETTER && cls != MARK) break;
    q += at >> 3;
    if (cls != UPPER) afterShared = q;
  }
  const upperEnd = q;
  while (q < end) {
    const at = classAt(q, end);
    if ((at & 7) - LOWER > MARK - LOWER) break;
    q += at >> 3;
  }
  if (q > upperEnd) return q;
  if (afterShared > p) return afterShared;
  return secondToo ? upperEnd : p;
}

// @ts-ignore: decorator
@inline
function scanO200kWord(p: usize, end: usize, cls: u32, q: usize): usize {
  const prefixed = !isLetter(cls) && cls != NUMBER && cls != NEWLINE;
  if (prefixed) {
    const word = scanCased(q, end, false);
    if (word > q) return word;
  }
  const bare = scanCased(p, end, false);
  if (bare > p) return bare;
  if (prefixed) {
    const word = scanCased(q, end, true);
    if (word > q) return word;
  }
  return scanCased(p, end, true);
}

// @ts-ignore: decorator
@inline
export function scanO200k(p: usize, end: usize): usize {
  const first: u32 = load<u8>(p);
  const at = classAt(p, end);
  const cls = at & 7;
  const q = p + (at >> 3);
  if (cls == NUMBER) return skipNumbers(q, end, 2);
  const word = scanO200kWord(p, end, cls, q);
  if (word > p) return word < end && load<u8>(word) == 0x27 ? word + contractionAnyCase(word, end) : word;
  if (isSymbol(cls) || (first == 0x20 && q < end && isSymbol(classAt(q, end) & 7))) {
    let e = skipSymbols(q, end);
    while (e < end) {
      const b: u32 = load<u8>(e);
      if (b != 0x0a && b != 0x0d && b != 0x2f) break;
      e++;
    }
    return e;
  }
  return scanSpace(p, end, true, false);
}

// @ts-ignore: decorator
@inline
function isMetaspace(p: usize, end: usize): bool {
  return p + 2 < end && load<u16>(p) == 0x96e2 && load<u8>(p, 2) == 0x81;
}

function scanMetaspace(p: usize, end: usize, runs: bool): usize {
  let q = p;
  if (isMetaspace(q, end)) {
    q += 3;
    if (runs) while (isMetaspace(q, end)) q += 3;
  } else q++;
  while (q < end && (load<u8>(q) != 0xe2 || !isMetaspace(q, end))) q++;
  return q;
}

/** The end of the pre-token at p < end. Numbers as in KERNEL_SCANNER of src/tokenize/pre-tokenizers.ts. */
// @ts-ignore: decorator
@inline
export function scan(kind: i32, p: usize, end: usize): usize {
  switch (kind) {
    case 0:
      return scanGpt2(p, end, 0x7fffffff, true);
    case 1:
      return scanGpt2(p, end, 1, false);
    case 2:
      return scanGpt2(p, end, 3, false);
    case 3:
      return scanCl100k(p, end, 3, true);
    case 4:
      return scanCl100k(p, end, 3, false);
    case 5:
      return scanCl100k(p, end, 1, false);
    case 6:
      return scanO200k(p, end);
    case 8:
      return scanMetaspace(p, end, false);
    case 9:
      return scanMetaspace(p, end, true);
    default:
      return end;
  }
}
