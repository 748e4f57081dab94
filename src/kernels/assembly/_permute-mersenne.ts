// Minima of datatrove's and text-dedup's permutations, h -> ((h a + b) mod 2^64) mod p, p = 2^61 - 1. Nearly every value is
// told to be no new minimum without the second modulus: with x = lo + 2^61 hi, x mod p is lo + hi but where that reaches p,
// which takes an lo within 8 of 2^61. What may be lower is computed exactly.

const MERSENNE: u64 = (1 << 61) - 1;
/** Shingles whose lowest value is looked at before any of them is. */
const BLOCK: usize = 32;
/** The least x + 8 of a block, of sixteen permutations. */
const LEAST: usize = memory.data(64, 16);

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

/** minima[j] = min over shingles h of ((h * a[j] + b[j]) mod 2^64) mod (2^61 - 1), four permutations at a time. */
export function permuteMersenne(shingles: usize, count: i32, a: usize, b: usize, minima: usize, permutations: i32): void {
  const end = shingles + (<usize>count << 3);
  for (let j = 0; j < permutations; j += 4) {
    const o = <usize>j << 3;
    // Times 8: what is left of the product modulo 2^64 is 8 lo.
    const a0 = load<u64>(a + o) << 3;
    const a1 = load<u64>(a + o, 8) << 3;
    const a2 = load<u64>(a + o, 16) << 3;
    const a3 = load<u64>(a + o, 24) << 3;
    const b0 = (load<u64>(b + o) << 3) + 64;
    const b1 = (load<u64>(b + o, 8) << 3) + 64;
    const b2 = (load<u64>(b + o, 16) << 3) + 64;
    const b3 = (load<u64>(b + o, 24) << 3) + 64;
    let t0 = bound(load<u64>(minima + o));
    let t1 = bound(load<u64>(minima + o, 8));
    let t2 = bound(load<u64>(minima + o, 16));
    let t3 = bound(load<u64>(minima + o, 24));
    let at = shingles;
    while (true) {
      // Nothing but this in the inner loop: it is where the time goes.
      for (; at < end; at += 8) {
        const h = load<u64>(at);
        if (h * a0 + b0 < t0) break;
        if (h * a1 + b1 < t1) break;
        if (h * a2 + b2 < t2) break;
        if (h * a3 + b3 < t3) break;
      }
      if (at >= end) break;
      const h = load<u64>(at);
      at += 8;
      if (h * a0 + b0 < t0) t0 = lower(h, a + o, b + o, minima + o);
      if (h * a1 + b1 < t1) t1 = lower(h, a + o + 8, b + o + 8, minima + o + 8);
      if (h * a2 + b2 < t2) t2 = lower(h, a + o + 16, b + o + 16, minima + o + 16);
      if (h * a3 + b3 < t3) t3 = lower(h, a + o + 24, b + o + 24, minima + o + 24);
    }
  }
}

/** Takes the exact value of `h` into the minimum; gives the bound from there on. */
function lower(h: u64, a: usize, b: usize, minimum: usize): u64 {
  const value = modMersenne(h * load<u64>(a) + load<u64>(b));
  const before = load<u64>(minimum);
  const least = value < before ? value : before;
  store<u64>(minimum, least);
  return bound(least);
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
