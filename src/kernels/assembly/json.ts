// Texts of JSON strings, 16 bytes at a time: escaped where lines are written; found and unescaped where they are read. The
// caller lays out the memory (src/io/json-kernel.ts). JSON.stringify and JSON.parse are the plain twins.

const QUOTE: u8 = 0x22;
const BACKSLASH: u8 = 0x5c;

/** What stands behind the backslash where a control is escaped; u: `\u00` and two digits. */
const ESCAPES: usize = memory.data<u8>([
  0x75, 0x75, 0x75, 0x75, 0x75, 0x75, 0x75, 0x75, 0x62, 0x74, 0x6e, 0x75, 0x66, 0x72, 0x75, 0x75,
  0x75, 0x75, 0x75, 0x75, 0x75, 0x75, 0x75, 0x75, 0x75, 0x75, 0x75, 0x75, 0x75, 0x75, 0x75, 0x75,
]);

/** Which of 16 bytes cannot stand in a string for themselves: quotes, backslashes, controls. */
// @ts-ignore: decorator
@inline
function specials(bytes: v128): i32 {
  const quotes = i8x16.eq(bytes, i8x16.splat(QUOTE));
  const backslashes = i8x16.eq(bytes, i8x16.splat(BACKSLASH));
  const controls = i8x16.lt_u(bytes, i8x16.splat(0x20));
  return i8x16.bitmask(v128.or(v128.or(quotes, backslashes), controls));
}

// @ts-ignore: decorator
@inline
function isSpecial(byte: u8): bool {
  return byte < 0x20 || byte == QUOTE || byte == BACKSLASH;
}

// @ts-ignore: decorator
@inline
function hexDigit(value: u8): u8 {
  return value < 10 ? 0x30 + value : 0x57 + value;
}

/**
 * Writes `length` bytes of UTF-8 as the inside of a JSON string, as JSON.stringify does, and returns how many those are:
 * up to six for one. Reads and writes up to 16 bytes past the ends.
 */
export function escape(text: usize, length: i32, to: usize): i32 {
  const limit = text + length;
  const start = to;
  let from = text;
  while (from < limit) {
    const bytes = v128.load(from);
    v128.store(to, bytes);
    const found = specials(bytes);
    if (found == 0) {
      from += 16;
      to += 16;
      continue;
    }
    const before = ctz(found);
    from += before;
    to += before;
    if (from >= limit) break;
    let byte = load<u8>(from);
    // Often several in a row: quotes, newlines.
    do {
      const letter: u8 = byte < 0x20 ? load<u8>(ESCAPES + byte) : byte;
      store<u16>(to, <u16>BACKSLASH | (<u16>letter << 8));
      to += 2;
      if (letter == 0x75) {
        store<u16>(to, 0x3030);
        store<u8>(to, hexDigit(byte >> 4), 2);
        store<u8>(to, hexDigit(byte & 15), 3);
        to += 4;
      }
      byte = load<u8>(++from);
    } while (from < limit && isSpecial(byte));
  }
  // What was looked at past the end is not of the text.
  return <i32>(to - start - (from - limit));
}

const NONE: i32 = -1;
// src/io/json-kernel.ts, TAKEN.
const REST_BYTES: usize = 0;
const REST_KIND: usize = 4;

/** How many bytes the last text has that was unescaped. */
let textBytes: i32 = 0;
/** Where the last `\u` escape ended. */
let behind: usize = 0;

/**
 * Takes the string of the member `name` out of the object that a line holds: its text goes to `to`, and in the line
 * nothing is left of it but its quotes. Returns the bytes of the text, and leaves in `taken` those of the line and what
 * is in it; or returns -1, the line as it was: `name` is not there or twice, not a string or not a sound one, or another
 * name is written with escapes and might be it.
 *
 * Strings, brackets and names are told apart as in sound JSON, but only the text is checked: the rest must be parsed.
 * It is sound just where the line was, since then each string began where it seems to.
 *
 * Zeros are put behind the line, where neither a string nor white space goes on: no loop need ask for the end. Writes up to
 * 32 bytes behind the line and the text; a text is no longer than its escapes.
 */
export function takeText(line: usize, length: i32, name: usize, nameBytes: i32, to: usize, taken: usize): i32 {
  const limit = line + length;
  v128.store(limit, i8x16.splat(0));
  v128.store(limit, i8x16.splat(0), 16);
  let open: usize = 0;
  let close: usize = 0;
  let at = behindSpace(line);
  let next: u8 = 0x7b;
  if (load<u8>(at) != next) return NONE;
  do {
    at = behindSpace(at + 1);
    if (load<u8>(at) != QUOTE) return NONE;
    const key = at + 1;
    const keyEnd = plainEnd(key);
    if (keyEnd == 0) return NONE;
    at = behindSpace(keyEnd + 1);
    if (load<u8>(at) != 0x3a) return NONE;
    at = behindSpace(at + 1);
    if (keyEnd - key == nameBytes && memory.compare(key, name, nameBytes) == 0) {
      if (open != 0 || load<u8>(at) != QUOTE) return NONE;
      open = at + 1;
      close = unescape(open, to);
      at = close == 0 ? 0 : close + 1;
    } else at = behindValue(at);
    if (at == 0) return NONE;
    at = behindSpace(at);
    next = load<u8>(at);
  } while (next == 0x2c);
  if (next != 0x7d || open == 0 || behindSpace(at + 1) != limit) return NONE;
  const rest = <i32>(open - line) + <i32>(limit - close);
  memory.copy(open, close, limit - close);
  store<i32>(taken, rest, REST_BYTES);
  store<i32>(taken, kindOf(line, rest), REST_KIND);
  return textBytes;
}

/** 0: all ASCII; 1: no backslash before a `u`; 2: something of both. */
function kindOf(from: usize, length: i32): i32 {
  const limit = from + length;
  v128.store(limit, i8x16.splat(0));
  v128.store(limit, i8x16.splat(0), 16);
  let all = i8x16.splat(0);
  let escapes = i8x16.splat(0);
  for (let at = from; at < limit; at += 16) {
    const bytes = v128.load(at);
    const backslashes = i8x16.eq(bytes, i8x16.splat(BACKSLASH));
    all = v128.or(all, bytes);
    escapes = v128.or(escapes, v128.and(backslashes, i8x16.eq(v128.load(at, 1), i8x16.splat(0x75))));
  }
  if (i8x16.bitmask(all) == 0) return 0;
  return v128.any_true(escapes) ? 2 : 1;
}

// @ts-ignore: decorator
@inline
function behindSpace(from: usize): usize {
  let at = from;
  for (let byte = load<u8>(at); byte == 0x20 || byte == 9 || byte == 10 || byte == 13; byte = load<u8>(at)) at++;
  return at;
}

/** Where the quote is that ends a string whose inside begins at `from`; 0 where it has an escape, or no end. */
function plainEnd(from: usize): usize {
  for (let at = from; ; at += 16) {
    const found = specials(v128.load(at));
    if (found == 0) continue;
    at += ctz(found);
    return load<u8>(at) == QUOTE ? at : 0;
  }
}

/** Where the quote is that ends a string whose inside begins at `from`, or 0. */
function stringEnd(from: usize): usize {
  let at = from;
  while (true) {
    const found = specials(v128.load(at));
    if (found == 0) {
      at += 16;
      continue;
    }
    at += ctz(found);
    const byte = load<u8>(at);
    if (byte == QUOTE) return at;
    if (byte != BACKSLASH) return 0;
    at += 2;
  }
}

/** Behind any value, or 0. A number or a word ends where a member of an object does. */
function behindValue(from: usize): usize {
  const first = load<u8>(from);
  if (first == QUOTE) {
    const end = stringEnd(from + 1);
    return end == 0 ? 0 : end + 1;
  }
  if (first == 0x7b || first == 0x5b) return behindNested(from);
  let at = from;
  for (let byte = first; byte > 0x20 && byte != 0x2c && byte != 0x7d; byte = load<u8>(at)) at++;
  return at;
}

/** Behind an object or an array, or 0. That brackets pair is left to who parses it. */
function behindNested(from: usize): usize {
  let at = from;
  let depth = 0;
  while (true) {
    const bytes = v128.load(at);
    // [ and ] become { and }.
    const braces = v128.or(bytes, i8x16.splat(0x20));
    const opening = i8x16.eq(braces, i8x16.splat(0x7b));
    const closing = i8x16.eq(braces, i8x16.splat(0x7d));
    const ends = v128.or(i8x16.eq(bytes, i8x16.splat(QUOTE)), i8x16.eq(bytes, i8x16.splat(0)));
    const found = i8x16.bitmask(v128.or(v128.or(opening, closing), ends));
    if (found == 0) {
      at += 16;
      continue;
    }
    at += ctz(found);
    const byte = load<u8>(at++);
    if (byte == 0) return 0;
    if (byte == QUOTE) {
      at = stringEnd(at);
      if (at == 0) return 0;
      at++;
    } else if ((byte | 0x20) == 0x7b) depth++;
    else if (--depth == 0) return at;
  }
}

/** Unescapes the string whose inside begins at `from`; where the quote is that ends it, or 0 where it is not sound. */
function unescape(from: usize, to: usize): usize {
  const start = to;
  while (true) {
    const bytes = v128.load(from);
    v128.store(to, bytes);
    const found = specials(bytes);
    if (found == 0) {
      from += 16;
      to += 16;
      continue;
    }
    const before = ctz(found);
    from += before;
    to += before;
    let byte = load<u8>(from);
    for (; byte == BACKSLASH; byte = load<u8>(from)) {
      const letter = load<u8>(from, 1);
      if (letter == 0x75) {
        to = unescapeUnicode(from, to);
        if (to == 0) return 0;
        from = behind;
      } else {
        const meant = meantBy(letter);
        if (meant == 0) return 0;
        store<u8>(to++, meant);
        from += 2;
      }
    }
    if (byte == QUOTE) {
      textBytes = <i32>(to - start);
      return from;
    }
    if (byte < 0x20) return 0;
  }
}

// @ts-ignore: decorator
@inline
function meantBy(letter: u8): u8 {
  switch (letter) {
    case 0x6e:
      return 10;
    case 0x72:
      return 13;
    case 0x74:
      return 9;
    case 0x62:
      return 8;
    case 0x66:
      return 12;
    case QUOTE:
    case BACKSLASH:
    case 0x2f:
      return letter;
    default:
      return 0;
  }
}

/**
 * Writes what a `\u` escape means, with the one behind it where they are a pair of surrogates; a lone one is U+FFFD, as
 * where a string is encoded. Returns the end of what was written, or 0, and leaves in `behind` that of what was read.
 */
function unescapeUnicode(from: usize, to: usize): usize {
  let code = fourDigits(from + 2);
  if (code < 0) return 0;
  behind = from + 6;
  if ((code & 0xf800) == 0xd800) {
    const low = code < 0xdc00 && load<u16>(behind) == 0x755c ? fourDigits(behind + 2) : NONE;
    if ((low & ~0x3ff) == 0xdc00) {
      behind += 6;
      code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
      store<u8>(to, <u8>(0xf0 | (code >> 18)));
      store<u8>(to, <u8>(0x80 | ((code >> 12) & 0x3f)), 1);
      store<u8>(to, <u8>(0x80 | ((code >> 6) & 0x3f)), 2);
      store<u8>(to, <u8>(0x80 | (code & 0x3f)), 3);
      return to + 4;
    }
    code = 0xfffd;
  }
  if (code < 0x80) {
    store<u8>(to, <u8>code);
    return to + 1;
  }
  if (code < 0x800) {
    store<u8>(to, <u8>(0xc0 | (code >> 6)));
    store<u8>(to, <u8>(0x80 | (code & 0x3f)), 1);
    return to + 2;
  }
  store<u8>(to, <u8>(0xe0 | (code >> 12)));
  store<u8>(to, <u8>(0x80 | ((code >> 6) & 0x3f)), 1);
  store<u8>(to, <u8>(0x80 | (code & 0x3f)), 2);
  return to + 3;
}

/** Negative where not all are hexadecimal digits. */
function fourDigits(at: usize): i32 {
  return (digit(at) << 12) | (digit(at + 1) << 8) | (digit(at + 2) << 4) | digit(at + 3);
}

// @ts-ignore: decorator
@inline
function digit(at: usize): i32 {
  const byte = <i32>load<u8>(at);
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : NONE;
}
