// Lines or paragraphs of a text, with their hashes. The caller lays out the memory (src/dedup/unit-kernel.ts); byteUnits
// (src/dedup/split-lines.ts) is the plain twin.

import { xxh64 } from './_xxh64';

const NEWLINE: u8 = 10;

// The text under way: where it begins, ends, and where the next unit begins.
let origin: usize = 0;
let limit: usize = 0;
let start: usize = 0;
let leastNewlines: usize = 1;
let leastBytes: usize = 1;

/** Begins a text: `least` newlines in a row end a unit, and one shorter than `minBytes` is none. */
export function beginUnits(text: usize, length: i32, least: i32, minBytes: i32): void {
  origin = text;
  limit = text + length;
  start = text;
  leastNewlines = least;
  leastBytes = minBytes;
}

/**
 * Writes up to `most` further units to `to`, 16 bytes each: u32 start, u32 where the next one begins, u64 XXH64 of the bytes
 * without the white space at both ends. Returns how many; fewer than `most` at the end of the text.
 */
export function nextUnits(to: usize, most: i32): i32 {
  let count = 0;
  while (start < limit && count < most) {
    let end = newlineFrom(start);
    let next = afterNewlines(end);
    while (next - end < leastNewlines && next < limit) {
      end = newlineFrom(next);
      next = afterNewlines(end);
    }
    let from = start;
    start = next;
    while (from < end && isSpace(load<u8>(from))) from++;
    while (end > from && isSpace(load<u8>(end - 1))) end--;
    if (from == end || end - from < leastBytes) continue;
    store<u32>(to, <u32>(from - origin));
    store<u32>(to, <u32>(next - origin), 4);
    store<u64>(to, xxh64(from, <i32>(end - from)), 8);
    to += 16;
    count++;
  }
  return count;
}

/** The first newline at or behind `from`, or the end. */
function newlineFrom(from: usize): usize {
  for (let at = from; at < limit; at += 16) {
    const found = i8x16.bitmask(i8x16.eq(v128.load(at), i8x16.splat(NEWLINE)));
    if (found != 0) return min<usize>(limit, at + ctz<i32>(found));
  }
  return limit;
}

function afterNewlines(from: usize): usize {
  let at = from;
  while (at < limit && load<u8>(at) == NEWLINE) at++;
  return at;
}

// @ts-ignore: decorator
@inline
function isSpace(byte: u8): bool {
  return byte == 32 || (byte >= 9 && byte <= 13);
}
