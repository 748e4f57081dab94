// Minima of datatrove's and text-dedup's permutations, h -> ((h a + b) mod 2^64) mod p, p = 2^61 - 1. Nearly every value is
// told to be no new minimum without the second modulus: with x = lo + 2^61 hi, x mod p is lo + hi but where that reaches p,
// which takes an lo within 8 of 2^61. What may be lower is computed exactly.

const MERSENNE: u64 = (1 << 61) - 1;
/** Shingles whose lowest value is looked at before any of them is. */
const BLOCK: usize = 32;
/** Of a block, of sixteen permutations: the least x + 8, or the least `near` of eight. */
const LEAST: usize = memory.data(64, 16);
/** `limit` of the minima of eight permutations. */
const LIMITS: usize = memory.data(32, 16);
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
 * product only the high half is computed, and that but for SLACK (`near`): as much tells of nearly every block of
 * shingles that it holds no new minimum, in 32-bit lanes.
 */
export function permuteMersenne(shingles: usize, count: i32, a: usize, b: usize, minima: usize, permutations: i32): void {
  const end = shingles + (<usize>count << 3);
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
    for (let k: usize = 0; k < 8; k++) store<u32>(LIMITS + (k << 2), limit(load<u64>(minima + o + (k << 3))));
    for (let from = shingles; from < end; from += BLOCK << 3) {
      const to = min<usize>(end, from + (BLOCK << 3));
      let m0 = i32x4.splat(-1);
      let m1 = m0;
      for (let at = from; at < to; at += 8) {
        const h0 = v128.load32_splat(at);
        const h1 = v128.load32_splat(at, 4);
        const h00 = i32x4.shr_u(h0, 16);
        m0 = i32x4.min_u(m0, near(h0, h1, h00, low0, high0, top0, b0));
        m1 = i32x4.min_u(m1, near(h0, h1, h00, low1, high1, top1, b1));
      }
      let lanes = i32x4.bitmask(i32x4.le_u(m0, v128.load(LIMITS)));
      lanes |= i32x4.bitmask(i32x4.le_u(m1, v128.load(LIMITS, 16))) << 4;
      if (lanes == 0) continue;
      v128.store(LEAST, m0);
      v128.store(LEAST, m1, 16);
      while (lanes != 0) {
        const number = <usize>ctz<i32>(lanes);
        const lane = o + (number << 3);
        lanes &= lanes - 1;
        lowerWide(from, to, load<u64>(a + lane), load<u64>(b + lane), minima + lane, number << 2);
      }
    }
  }
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
function limit(minimum: u64): u32 {
  return <u32>min<u64>((bound(minimum) >> 32) + SLACK, 0xffffffff);
}

/**
 * Takes the values of a block into a minimum, and its limit with it. The value where `near` is least in the block is the
 * block's lowest but for SLACK, unless `near` went round or the lo is within 8 of 2^61, which both make `near` at most
 * SLACK: nearly always one value is computed.
 */
function lowerWide(from: usize, to: usize, a: u64, b: u64, minimum: usize, number: usize): void {
  const low = i32x4.splat(<u32>(a << 3));
  const high = i32x4.splat(<u32>(a >> 29));
  const top = i32x4.shr_u(low, 16);
  const added = i32x4.splat(<u32>(((b << 3) + 64) >> 32) + SLACK);
  let least = load<u64>(minimum);
  const leastNear = load<u32>(LEAST + number);
  let most = load<u32>(LIMITS + number);
  if (leastNear > SLACK && leastNear < 0xffffffff - SLACK) most = min<u32>(most, leastNear + SLACK);
  for (let at = from; at < to; at += 32) {
    const h0 = lowWords(at);
    const values = near(h0, highWords(at), i32x4.shr_u(h0, 16), low, high, top, added);
    let found = i32x4.bitmask(i32x4.le_u(values, i32x4.splat(most)));
    const left = <i32>((to - at) >> 3);
    if (left < 4) found &= (1 << left) - 1;
    while (found != 0) {
      const h = load<u64>(at + (<usize>ctz<i32>(found) << 3));
      found &= found - 1;
      least = min<u64>(least, modMersenne(h * a + b));
    }
  }
  store<u64>(minimum, least);
  store<u32>(LIMITS + number, limit(least));
}

/**
 * The same & 0xffffffff, sixteen permutations at a time. The low 32 bits of the value are those of x and at most 8 more;
 * x + 8 is computed modulo 2^32.
 */
export function permuteLow32(shingles: usize, count: i32, a: usize, b: usize, minima: usize, permutations: i32): void {
  const end = shingles + (<usize>count << 3);
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
    for (let from = shingles; from < end; from += BLOCK << 3) {
      const to = min<usize>(end, from + (BLOCK << 3));
      let m0 = i32x4.splat(-1);
      let m1 = m0;
      let m2 = m0;
      let m3 = m0;
      for (let at = from; at < to; at += 8) {
        const h = v128.load32_splat(at);
        m0 = i32x4.min_u(m0, i32x4.add(i32x4.mul(h, a0), b0));
        m1 = i32x4.min_u(m1, i32x4.add(i32x4.mul(h, a1), b1));
        m2 = i32x4.min_u(m2, i32x4.add(i32x4.mul(h, a2), b2));
        m3 = i32x4.min_u(m3, i32x4.add(i32x4.mul(h, a3), b3));
      }
      let lanes = mayBeLower(m0, minima + o);
      lanes |= mayBeLower(m1, minima + o + 32) << 4;
      lanes |= mayBeLower(m2, minima + o + 64) << 8;
      lanes |= mayBeLower(m3, minima + o + 96) << 12;
      if (lanes == 0) continue;
      v128.store(LEAST, m0);
      v128.store(LEAST, m1, 16);
      v128.store(LEAST, m2, 32);
      v128.store(LEAST, m3, 48);
      while (lanes != 0) {
        const number = <usize>ctz<i32>(lanes);
        const lane = o + (number << 3);
        lanes &= lanes - 1;
        lowerOf(from, to, load<u64>(a + lane), load<u64>(b + lane), minima + lane, load<u32>(LEAST + (number << 2)));
      }
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

/** A bit for each of four permutations whose x + 8 is below its minimum + 8; of minima near 2^32, always. */
// @ts-ignore: decorator
@inline
function mayBeLower(values: v128, minima: usize): i32 {
  // Saturating: minimum + 7, or all ones.
  const bounds = v128.not(i32x4.sub(i32x4.max_u(v128.not(lowWords(minima)), i32x4.splat(7)), i32x4.splat(7)));
  return i32x4.bitmask(i32x4.le_u(values, bounds));
}

/** Above it, x + 8 modulo 2^32 is of no value below `minimum`. */
// @ts-ignore: decorator
@inline
function boundLow32(minimum: u64): u32 {
  return minimum > 0xfffffff8 ? 0xffffffff : <u32>minimum + 7;
}

/**
 * Takes the values of a block into a minimum. `leastNear` is the least x + 8 of the block: the value there is at most that,
 * unless x + 8 went round, so that one of more than 8 above is not the block's lowest. Nearly always one value is computed.
 */
function lowerOf(from: usize, to: usize, a: u64, b: u64, minimum: usize, leastNear: u32): void {
  const narrowA = i32x4.splat(<u32>a);
  const narrowB = i32x4.splat(<u32>b + 8);
  let least = load<u64>(minimum);
  let most = boundLow32(least);
  if (leastNear >= 8 && leastNear < 0xfffffff0) most = min<u32>(most, leastNear + 8);
  for (let at = from; at < to; at += 32) {
    const near = i32x4.add(i32x4.mul(lowWords(at), narrowA), narrowB);
    let found = i32x4.bitmask(i32x4.le_u(near, i32x4.splat(most)));
    const left = <i32>((to - at) >> 3);
    if (left < 4) found &= (1 << left) - 1;
    while (found != 0) {
      const h = load<u64>(at + (<usize>ctz<i32>(found) << 3));
      found &= found - 1;
      const value = modMersenne(h * a + b) & 0xffffffff;
      if (value >= least) continue;
      least = value;
      most = min<u32>(most, boundLow32(least));
    }
  }
  store<u64>(minimum, least);
}
