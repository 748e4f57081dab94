// Minima of datatrove's and text-dedup's permutations, h -> ((h a + b) mod 2^64) mod p, p = 2^61 - 1. Nearly every value is
// told to be no new minimum without the second modulus: with x = lo + 2^61 hi, x mod p is lo + hi but where that reaches p,
// which takes an lo within 8 of 2^61. What may be lower is computed exactly.

const MERSENNE: u64 = (1 << 61) - 1;
/** Shingles whose lowest value is looked at before any of them is. */
const BLOCK: usize = 32;
/** Shingles taken at once, so that they stay in the nearest cache. */
const PART: usize = 1024;
/** Of sixteen permutations: the least `near` of each block of a part. */
const BLOCKS: usize = memory.data(2048, 16);
/** The least of all blocks, the least of all but the one that has it, and where that begins. */
const LEAST: usize = memory.data(64, 16);
const SECOND: usize = memory.data(64, 16);
const WHERE: usize = memory.data(64, 16);
/** More than `near` lacks, and than two values differ whose order it does not tell. */
const SLACK: u32 = (1 << 17) + 16;

// @ts-ignore: decorator
@inline
function modMersenne(x: u64): u64 {
  const y = (x & MERSENNE) + (x >> 61);
  return y >= MERSENNE ? y - MERSENNE : y;
}

/** Above it, 8 lo + 64 (modulo 2^64: the lo within 8 of 2^61 come to lie below 64) is of no value below `minimum`. */
// @ts-ignore: decorator
@inline
function bound(minimum: u64): u64 {
  return minimum >= MERSENNE - 7 ? 0xffffffffffffffff : (minimum << 3) + 64;
}

/**
 * minima[j] = min over shingles h of ((h * a[j] + b[j]) mod 2^64) mod (2^61 - 1), eight permutations at a time. Of the
 * product only the high half is computed, and that but for SLACK (`near`), in 32-bit lanes: as much tells nearly always
 * in which block of shingles the lowest value is.
 */
export function permuteMersenne(shingles: usize, count: i32, a: usize, b: usize, minima: usize, permutations: i32): void {
  const end = shingles + (<usize>count << 3);
  for (let from = shingles; from < end; from += PART << 3)
    partMersenne(from, min<usize>(end, from + (PART << 3)), a, b, minima, permutations);
}

function partMersenne(shingles: usize, end: usize, a: usize, b: usize, minima: usize, permutations: i32): void {
  for (let j = 0; j < permutations; j += 8) {
    const o = <usize>j << 3;
    const low0 = lowWordsTimes8(a + o);
    const low1 = lowWordsTimes8(a + o + 32);
    const high0 = highWordsTimes8(a + o);
    const high1 = highWordsTimes8(a + o + 32);
    const top0 = i32x4.shr_u(low0, 16);
    const top1 = i32x4.shr_u(low1, 16);
    const b0 = addend(b + o);
    const b1 = addend(b + o + 32);
    forgetBlocks();
    for (let from = shingles; from < end; from += BLOCK << 3) {
      const to = min<usize>(end, from + (BLOCK << 3));
      let m0 = i32x4.splat(-1);
      let m1 = m0;
      let h0: v128, h1: v128, h00: v128;
      let at = from;
      for (; at + 32 <= to; at += 32) {
        h0 = v128.load32_splat(at);
        h1 = v128.load32_splat(at, 4);
        h00 = i32x4.shr_u(h0, 16);
        m0 = i32x4.min_u(m0, near(h0, h1, h00, low0, high0, top0, b0));
        m1 = i32x4.min_u(m1, near(h0, h1, h00, low1, high1, top1, b1));
        h0 = v128.load32_splat(at, 8);
        h1 = v128.load32_splat(at, 12);
        h00 = i32x4.shr_u(h0, 16);
        m0 = i32x4.min_u(m0, near(h0, h1, h00, low0, high0, top0, b0));
        m1 = i32x4.min_u(m1, near(h0, h1, h00, low1, high1, top1, b1));
        h0 = v128.load32_splat(at, 16);
        h1 = v128.load32_splat(at, 20);
        h00 = i32x4.shr_u(h0, 16);
        m0 = i32x4.min_u(m0, near(h0, h1, h00, low0, high0, top0, b0));
        m1 = i32x4.min_u(m1, near(h0, h1, h00, low1, high1, top1, b1));
        h0 = v128.load32_splat(at, 24);
        h1 = v128.load32_splat(at, 28);
        h00 = i32x4.shr_u(h0, 16);
        m0 = i32x4.min_u(m0, near(h0, h1, h00, low0, high0, top0, b0));
        m1 = i32x4.min_u(m1, near(h0, h1, h00, low1, high1, top1, b1));
      }
      for (; at < to; at += 8) {
        h0 = v128.load32_splat(at);
        h1 = v128.load32_splat(at, 4);
        h00 = i32x4.shr_u(h0, 16);
        m0 = i32x4.min_u(m0, near(h0, h1, h00, low0, high0, top0, b0));
        m1 = i32x4.min_u(m1, near(h0, h1, h00, low1, high1, top1, b1));
      }
      const offset = from - shingles;
      rank(m0, offset, 0);
      rank(m1, offset, 16);
    }
    for (let k: usize = 0; k < 8; k++) {
      const lane = o + (k << 3);
      settle(shingles, end, k, load<u64>(a + lane), load<u64>(b + lane), minima + lane, true);
    }
  }
}

function forgetBlocks(): void {
  memory.fill(LEAST, 0xff, 64);
  memory.fill(SECOND, 0xff, 64);
  // Where no block has less than that, the first is as good as any.
  memory.fill(WHERE, 0, 64);
}

/** Takes the least `near` of the block that begins at `offset`, of four permutations, into what is known of all blocks. */
// @ts-ignore: decorator
@inline
function rank(values: v128, offset: usize, lanes: usize): void {
  const least = v128.load(LEAST + lanes);
  const where = v128.load(WHERE + lanes);
  v128.store(BLOCKS + (offset >> 2) + lanes, values);
  v128.store(SECOND + lanes, i32x4.min_u(v128.load(SECOND + lanes), i32x4.max_u(least, values)));
  v128.store(LEAST + lanes, i32x4.min_u(least, values));
  v128.store(WHERE + lanes, v128.bitselect(i32x4.splat(<u32>offset), where, i32x4.lt_u(values, least)));
}

/** Takes a part into the minimum of permutation k: the block where `near` is least, and others only if they may be lower. */
// @ts-ignore: decorator
@inline
function settle(shingles: usize, end: usize, k: usize, a: u64, b: u64, minimum: usize, wide: bool): void {
  const nearest = load<u32>(LEAST + (k << 2));
  if (nearest > limitOf(minimum, wide)) return;
  lower(shingles + load<u32>(WHERE + (k << 2)), end, a, b, minimum, nearest, wide);
  if (load<u32>(SECOND + (k << 2)) > limitOf(minimum, wide)) return;
  for (let at = shingles; at < end; at += BLOCK << 3) {
    const near = load<u32>(BLOCKS + ((at - shingles) >> 2) + (k << 2));
    if (near <= limitOf(minimum, wide)) lower(at, end, a, b, minimum, near, wide);
  }
}

// @ts-ignore: decorator
@inline
function limitOf(minimum: usize, wide: bool): u32 {
  return wide ? limitWide(load<u64>(minimum)) : limitLow32(load<u64>(minimum));
}

// @ts-ignore: decorator
@inline
function lower(from: usize, end: usize, a: u64, b: u64, minimum: usize, leastNear: u32, wide: bool): void {
  const to = min<usize>(end, from + (BLOCK << 3));
  if (wide) lowerWide(from, to, a, b, minimum, leastNear);
  else lowerLow32(from, to, a, b, minimum, leastNear);
}

/** The low halves of four 64-bit numbers times 8: what is left of the product modulo 2^64 is 8 lo. */
// @ts-ignore: decorator
@inline
function lowWordsTimes8(at: usize): v128 {
  return v128.shuffle<i32>(i64x2.shl(v128.load(at), 3), i64x2.shl(v128.load(at, 16), 3), 0, 2, 4, 6);
}

// @ts-ignore: decorator
@inline
function highWordsTimes8(at: usize): v128 {
  return v128.shuffle<i32>(i64x2.shl(v128.load(at), 3), i64x2.shl(v128.load(at, 16), 3), 1, 3, 5, 7);
}

/** The high halves of 8 b + 64, and SLACK. */
// @ts-ignore: decorator
@inline
function addend(at: usize): v128 {
  const sixtyFour = i64x2.splat(64);
  const first = i64x2.add(i64x2.shl(v128.load(at), 3), sixtyFour);
  const second = i64x2.add(i64x2.shl(v128.load(at, 16), 3), sixtyFour);
  return i32x4.add(v128.shuffle<i32>(first, second, 1, 3, 5, 7), i32x4.splat(SLACK));
}

/**
 * The high half of (h1 2^32 + h0) (high 2^32 + low) + b, and up to SLACK more, modulo 2^32: h0 low / 2^32 is taken as the
 * product of both's upper halves, h00 and top, which lacks less than 2^17, and two carries are left out.
 */
// @ts-ignore: decorator
@inline
function near(h0: v128, h1: v128, h00: v128, low: v128, high: v128, top: v128, b: v128): v128 {
  return i32x4.add(i32x4.add(i32x4.mul(h0, high), i32x4.mul(h1, low)), i32x4.add(i32x4.mul(h00, top), b));
}

/** Above it, `near` is of no value below `minimum`. */
// @ts-ignore: decorator
@inline
function limitWide(minimum: u64): u32 {
  return <u32>min<u64>((bound(minimum) >> 32) + SLACK, 0xffffffff);
}

/**
 * Takes the values of a block into a minimum. The value where `near` is least is the block's lowest but for SLACK,
 * unless `near` went round or the lo is within 8 of 2^61, which both make `near` at most SLACK: nearly always one value is
 * computed.
 */
function lowerWide(from: usize, to: usize, a: u64, b: u64, minimum: usize, leastNear: u32): void {
  const low = i32x4.splat(<u32>(a << 3));
  const high = i32x4.splat(<u32>(a >> 29));
  const top = i32x4.shr_u(low, 16);
  const added = i32x4.splat(<u32>(((b << 3) + 64) >> 32) + SLACK);
  let least = load<u64>(minimum);
  let most = limitWide(least);
  if (leastNear > SLACK && leastNear < 0xffffffff - SLACK) most = min<u32>(most, leastNear + SLACK);
  const bound = i32x4.splat(most);
  let found: u32 = 0;
  for (let k: usize = 0; k < BLOCK; k += 4) {
    const h0 = lowWords(from + (k << 3));
    const values = near(h0, highWords(from + (k << 3)), i32x4.shr_u(h0, 16), low, high, top, added);
    found |= <u32>i32x4.bitmask(i32x4.le_u(values, bound)) << <u32>k;
  }
  found &= lanesOf(from, to);
  while (found != 0) {
    const h = load<u64>(from + (<usize>ctz<u32>(found) << 3));
    found &= found - 1;
    least = min<u64>(least, modMersenne(h * a + b));
  }
  store<u64>(minimum, least);
}

/**
 * The same & 0xffffffff, sixteen permutations at a time. The low 32 bits of the value are those of x and at most 8 more;
 * x + 8 is computed modulo 2^32.
 */
export function permuteLow32(shingles: usize, count: i32, a: usize, b: usize, minima: usize, permutations: i32): void {
  const end = shingles + (<usize>count << 3);
  for (let from = shingles; from < end; from += PART << 3)
    partLow32(from, min<usize>(end, from + (PART << 3)), a, b, minima, permutations);
}

function partLow32(shingles: usize, end: usize, a: usize, b: usize, minima: usize, permutations: i32): void {
  const eight = i32x4.splat(8);
  for (let j = 0; j < permutations; j += 16) {
    const o = <usize>j << 3;
    const a0 = lowWords(a + o);
    const a1 = lowWords(a + o + 32);
    const a2 = lowWords(a + o + 64);
    const a3 = lowWords(a + o + 96);
    const b0 = i32x4.add(lowWords(b + o), eight);
    const b1 = i32x4.add(lowWords(b + o + 32), eight);
    const b2 = i32x4.add(lowWords(b + o + 64), eight);
    const b3 = i32x4.add(lowWords(b + o + 96), eight);
    forgetBlocks();
    for (let from = shingles; from < end; from += BLOCK << 3) {
      const to = min<usize>(end, from + (BLOCK << 3));
      let m0 = i32x4.splat(-1);
      let m1 = m0;
      let m2 = m0;
      let m3 = m0;
      let h: v128;
      let at = from;
      for (; at + 32 <= to; at += 32) {
        h = v128.load32_splat(at);
        m0 = i32x4.min_u(m0, i32x4.add(i32x4.mul(h, a0), b0));
        m1 = i32x4.min_u(m1, i32x4.add(i32x4.mul(h, a1), b1));
        m2 = i32x4.min_u(m2, i32x4.add(i32x4.mul(h, a2), b2));
        m3 = i32x4.min_u(m3, i32x4.add(i32x4.mul(h, a3), b3));
        h = v128.load32_splat(at, 8);
        m0 = i32x4.min_u(m0, i32x4.add(i32x4.mul(h, a0), b0));
        m1 = i32x4.min_u(m1, i32x4.add(i32x4.mul(h, a1), b1));
        m2 = i32x4.min_u(m2, i32x4.add(i32x4.mul(h, a2), b2));
        m3 = i32x4.min_u(m3, i32x4.add(i32x4.mul(h, a3), b3));
        h = v128.load32_splat(at, 16);
        m0 = i32x4.min_u(m0, i32x4.add(i32x4.mul(h, a0), b0));
        m1 = i32x4.min_u(m1, i32x4.add(i32x4.mul(h, a1), b1));
        m2 = i32x4.min_u(m2, i32x4.add(i32x4.mul(h, a2), b2));
        m3 = i32x4.min_u(m3, i32x4.add(i32x4.mul(h, a3), b3));
        h = v128.load32_splat(at, 24);
        m0 = i32x4.min_u(m0, i32x4.add(i32x4.mul(h, a0), b0));
        m1 = i32x4.min_u(m1, i32x4.add(i32x4.mul(h, a1), b1));
        m2 = i32x4.min_u(m2, i32x4.add(i32x4.mul(h, a2), b2));
        m3 = i32x4.min_u(m3, i32x4.add(i32x4.mul(h, a3), b3));
      }
      for (; at < to; at += 8) {
        h = v128.load32_splat(at);
        m0 = i32x4.min_u(m0, i32x4.add(i32x4.mul(h, a0), b0));
        m1 = i32x4.min_u(m1, i32x4.add(i32x4.mul(h, a1), b1));
        m2 = i32x4.min_u(m2, i32x4.add(i32x4.mul(h, a2), b2));
        m3 = i32x4.min_u(m3, i32x4.add(i32x4.mul(h, a3), b3));
      }
      const offset = from - shingles;
      rank(m0, offset, 0);
      rank(m1, offset, 16);
      rank(m2, offset, 32);
      rank(m3, offset, 48);
    }
    for (let k: usize = 0; k < 16; k++) {
      const lane = o + (k << 3);
      settle(shingles, end, k, load<u64>(a + lane), load<u64>(b + lane), minima + lane, false);
    }
  }
}

/** The low halves of four 64-bit numbers. */
// @ts-ignore: decorator
@inline
function lowWords(at: usize): v128 {
  return v128.shuffle<i32>(v128.load(at), v128.load(at, 16), 0, 2, 4, 6);
}

/** The high halves of four 64-bit numbers. */
// @ts-ignore: decorator
@inline
function highWords(at: usize): v128 {
  return v128.shuffle<i32>(v128.load(at), v128.load(at, 16), 1, 3, 5, 7);
}

/** Above it, x + 8 modulo 2^32 is of no value below `minimum`. */
// @ts-ignore: decorator
@inline
function limitLow32(minimum: u64): u32 {
  return minimum > 0xfffffff8 ? 0xffffffff : <u32>minimum + 7;
}

/**
 * Takes the values of a block into a minimum. `leastNear` is the least x + 8 of the block: the value there is at most that,
 * unless x + 8 went round, so that one of more than 8 above is not the block's lowest. Nearly always one value is computed.
 */
function lowerLow32(from: usize, to: usize, a: u64, b: u64, minimum: usize, leastNear: u32): void {
  const narrowA = i32x4.splat(<u32>a);
  const narrowB = i32x4.splat(<u32>b + 8);
  let least = load<u64>(minimum);
  let most = limitLow32(least);
  if (leastNear >= 8 && leastNear < 0xfffffff0) most = min<u32>(most, leastNear + 8);
  const bound = i32x4.splat(most);
  let found: u32 = 0;
  for (let k: usize = 0; k < BLOCK; k += 4) {
    const near = i32x4.add(i32x4.mul(lowWords(from + (k << 3)), narrowA), narrowB);
    found |= <u32>i32x4.bitmask(i32x4.le_u(near, bound)) << <u32>k;
  }
  found &= lanesOf(from, to);
  while (found != 0) {
    const h = load<u64>(from + (<usize>ctz<u32>(found) << 3));
    found &= found - 1;
    least = min<u64>(least, modMersenne(h * a + b) & 0xffffffff);
  }
  store<u64>(minimum, least);
}

/** A bit for each shingle of a block. */
// @ts-ignore: decorator
@inline
function lanesOf(from: usize, to: usize): u32 {
  const count = (to - from) >> 3;
  return count >= BLOCK ? 0xffffffff : (1 << <u32>count) - 1;
}
