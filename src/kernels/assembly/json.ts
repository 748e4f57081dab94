// Text of JSON strings, 16 bytes at a time: escaped where lines are written, unescaped where they are read. The caller
// lays out the memory (src/io/json-kernel.ts). JSON.stringify and JSON.parse are the plain twins.

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
