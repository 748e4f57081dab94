// The first 8 bytes of SHA-1 (FIPS 180-4), read little-endian: of one message, and of four short ones side by side.

let scratch: usize = 0;
/** `SHA_SCRATCH` bytes (src/dedup/signer.ts): message schedules of four messages, and the last blocks of one. */
export function setShaScratch(at: usize): void {
  scratch = at;
}

let s0: u32 = 0;
let s1: u32 = 0;
let s2: u32 = 0;
let s3: u32 = 0;
let s4: u32 = 0;

export function sha1Head(from: usize, length: i32): u64 {
  s0 = 0x67452301;
  s1 = 0xefcdab89;
  s2 = 0x98badcfe;
  s3 = 0x10325476;
  s4 = 0xc3d2e1f0;
  let at = from;
  let left = length;
  while (left >= 64) {
    block(at);
    at += 64;
    left -= 64;
  }
  const tail = scratch + 320;
  memory.fill(tail, 0, 128);
  memory.copy(tail, at, left);
  store<u8>(tail + left, 0x80);
  const blocks: usize = left >= 56 ? 128 : 64;
  store<u64>(tail + blocks - 8, bswap<u64>(<u64>length << 3));
  block(tail);
  if (blocks == 128) block(tail + 64);
  return <u64>bswap<u32>(s0) | (<u64>bswap<u32>(s1) << 32);
}

function block(at: usize): void {
  const w = scratch;
  for (let t: usize = 0; t < 64; t += 4) store<u32>(w + t, bswap<u32>(load<u32>(at + t)));
  for (let t: usize = 64; t < 320; t += 4) {
    const x = load<u32>(w + t - 12) ^ load<u32>(w + t - 32) ^ load<u32>(w + t - 56) ^ load<u32>(w + t - 64);
    store<u32>(w + t, rotl<u32>(x, 1));
  }
  let a = s0;
  let b = s1;
  let c = s2;
  let d = s3;
  let e = s4;
  for (let t: usize = 0; t < 80; t++) {
    let f: u32;
    let k: u32;
    if (t < 20) {
      f = (b & c) | (~b & d);
      k = 0x5a827999;
    } else if (t < 40) {
      f = b ^ c ^ d;
      k = 0x6ed9eba1;
    } else if (t < 60) {
      f = (b & c) | (b & d) | (c & d);
      k = 0x8f1bbcdc;
    } else {
      f = b ^ c ^ d;
      k = 0xca62c1d6;
    }
    const next = rotl<u32>(a, 5) + f + e + k + load<u32>(w + (t << 2));
    e = d;
    d = c;
    c = rotl<u32>(b, 30);
    b = a;
    a = next;
  }
  s0 += a;
  s1 += b;
  s2 += c;
  s3 += d;
  s4 += e;
}

// A lane a message.
let v0: v128 = i32x4.splat(0);
let v1: v128 = i32x4.splat(0);
let v2: v128 = i32x4.splat(0);
let v3: v128 = i32x4.splat(0);
let v4: v128 = i32x4.splat(0);

/** Longest message of two blocks, and of one. */
const LONGEST: i32 = 119;
const ONE_BLOCK: i32 = 55;

/**
 * Hashes four n-grams that begin at text + starts[0..4] and end before the space in front of starts[n..n + 4], to 8 bytes
 * each. What lies up to 128 bytes behind a message is read, and masked.
 */
export function sha1Four(text: usize, starts: usize, n: i32, to: usize): void {
  const from = v128.load(starts);
  const ends = v128.load(starts + (<usize>n << 2));
  const lengths = i32x4.sub(i32x4.sub(ends, from), i32x4.splat(1));
  if (v128.any_true(i32x4.gt_s(lengths, i32x4.splat(LONGEST)))) {
    for (let i: usize = 0; i < 4; i++) {
      const at = load<u32>(starts + (i << 2));
      const length = <i32>(load<u32>(starts + ((i + n) << 2)) - 1 - at);
      store<u64>(to + (i << 3), sha1Head(text + at, length));
    }
    return;
  }
  v0 = i32x4.splat(0x67452301);
  v1 = i32x4.splat(<i32>0xefcdab89);
  v2 = i32x4.splat(<i32>0x98badcfe);
  v3 = i32x4.splat(0x10325476);
  v4 = i32x4.splat(<i32>0xc3d2e1f0);
  const long = i32x4.gt_s(lengths, i32x4.splat(ONE_BLOCK));
  const bits = i32x4.shl(lengths, 3);
  schedule(text, from, lengths, 0);
  // The length ends the last block of a message: of a short one the first.
  endBlock(v128.bitselect(v128.load(scratch, 224), i32x4.splat(0), long), v128.bitselect(v128.load(scratch, 240), bits, long));
  fourBlocks();
  let first = v0;
  let second = v1;
  if (v128.any_true(long)) {
    schedule(text, from, lengths, 64);
    endBlock(i32x4.splat(0), bits);
    fourBlocks();
    first = v128.bitselect(v0, first, long);
    second = v128.bitselect(v1, second, long);
  }
  first = swapBytes(first);
  second = swapBytes(second);
  v128.store(to, v128.shuffle<i32>(first, second, 0, 4, 1, 5));
  v128.store(to, v128.shuffle<i32>(first, second, 2, 6, 3, 7), 16);
}

// @ts-ignore: decorator
@inline
function endBlock(high: v128, low: v128): void {
  v128.store(scratch, high, 224);
  v128.store(scratch, low, 240);
}

// @ts-ignore: decorator
@inline
function swapBytes(x: v128): v128 {
  return i8x16.shuffle(x, x, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}

/** 16 bytes of a message from `offset` on: its bytes, then 0x80, then zeros. */
// @ts-ignore: decorator
@inline
function padded(at: usize, length: i32, offset: i32): v128 {
  const places = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const left = i8x16.splat(<i8>(length - offset));
  const bytes = v128.and(v128.load(at + offset), i8x16.lt_s(places, left));
  return swapBytes(v128.or(bytes, v128.and(i8x16.eq(places, left), i8x16.splat(-128))));
}

/** The first 16 words of four blocks that begin `offset` bytes into their messages: word t of all four at scratch + 16 t. */
function schedule(text: usize, from: v128, lengths: v128, offset: i32): void {
  const p0 = text + i32x4.extract_lane(from, 0);
  const p1 = text + i32x4.extract_lane(from, 1);
  const p2 = text + i32x4.extract_lane(from, 2);
  const p3 = text + i32x4.extract_lane(from, 3);
  const l0 = i32x4.extract_lane(lengths, 0);
  const l1 = i32x4.extract_lane(lengths, 1);
  const l2 = i32x4.extract_lane(lengths, 2);
  const l3 = i32x4.extract_lane(lengths, 3);
  for (let chunk = 0; chunk < 64; chunk += 16) {
    const at = offset + chunk;
    const to = scratch + (<usize>chunk << 2);
    if (!v128.any_true(i32x4.ge_s(lengths, i32x4.splat(at)))) {
      v128.store(to, i32x4.splat(0));
      v128.store(to, i32x4.splat(0), 16);
      v128.store(to, i32x4.splat(0), 32);
      v128.store(to, i32x4.splat(0), 48);
      continue;
    }
    let m0: v128, m1: v128, m2: v128, m3: v128;
    if (i32x4.all_true(i32x4.ge_s(lengths, i32x4.splat(at + 16)))) {
      m0 = swapBytes(v128.load(p0 + at));
      m1 = swapBytes(v128.load(p1 + at));
      m2 = swapBytes(v128.load(p2 + at));
      m3 = swapBytes(v128.load(p3 + at));
    } else {
      m0 = padded(p0, l0, at);
      m1 = padded(p1, l1, at);
      m2 = padded(p2, l2, at);
      m3 = padded(p3, l3, at);
    }
    const x0 = v128.shuffle<i32>(m0, m1, 0, 4, 1, 5);
    const x1 = v128.shuffle<i32>(m2, m3, 0, 4, 1, 5);
    const x2 = v128.shuffle<i32>(m0, m1, 2, 6, 3, 7);
    const x3 = v128.shuffle<i32>(m2, m3, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<i64>(x0, x1, 0, 2));
    v128.store(to, v128.shuffle<i64>(x0, x1, 1, 3), 16);
    v128.store(to, v128.shuffle<i64>(x2, x3, 0, 2), 32);
    v128.store(to, v128.shuffle<i64>(x2, x3, 1, 3), 48);
  }
}

// @ts-ignore: decorator
@inline
function rotate(x: v128, by: i32): v128 {
  return v128.or(i32x4.shl(x, by), i32x4.shr_u(x, 32 - by));
}

/** By one bit: additions go through more of a core's ports than shifts. */
// @ts-ignore: decorator
@inline
function rotateOne(x: v128): v128 {
  return v128.or(i32x4.add(x, x), i32x4.shr_u(x, 31));
}

/** Word t of the schedule, from words t - 3, t - 8, t - 14 and t - 16. */
// @ts-ignore: decorator
@inline
function mixed(w3: v128, w8: v128, w14: v128, w16: v128): v128 {
  return rotateOne(v128.xor(v128.xor(w3, w8), v128.xor(w14, w16)));
}

// @ts-ignore: decorator
@inline
function choose(b: v128, c: v128, d: v128): v128 {
  return v128.bitselect(c, d, b);
}

// @ts-ignore: decorator
@inline
function parity(b: v128, c: v128, d: v128): v128 {
  return v128.xor(v128.xor(b, c), d);
}

// @ts-ignore: decorator
@inline
function majority(b: v128, c: v128, d: v128): v128 {
  return v128.bitselect(d, b, v128.xor(b, c));
}

/** What a round makes of e; b is to be rotated behind it. */
// @ts-ignore: decorator
@inline
function round(a: v128, f: v128, e: v128, k: v128, w: v128): v128 {
  return i32x4.add(rotate(a, 5), i32x4.add(f, i32x4.add(i32x4.add(e, k), w)));
}

/**
 * Takes the blocks whose first 16 words are in the scratch into the four states. Five rounds a turn: no state is moved.
 * Beside a round goes the word of the schedule that is wanted 16 rounds later; x, y and z are the three before it.
 */
function fourBlocks(): void {
  let a = v0;
  let b = v1;
  let c = v2;
  let d = v3;
  let e = v4;
  let t = scratch;
  let x = v128.load(t, 208);
  let y = v128.load(t, 224);
  let z = v128.load(t, 240);
  let k = i32x4.splat(0x5a827999);
  for (const to = scratch + 320; t < to; t += 80) {
    x = mixed(x, v128.load(t, 128), v128.load(t, 32), v128.load(t));
    v128.store(t, x, 256);
    e = round(a, choose(b, c, d), e, k, v128.load(t));
    b = rotate(b, 30);
    y = mixed(y, v128.load(t, 144), v128.load(t, 48), v128.load(t, 16));
    v128.store(t, y, 272);
    d = round(e, choose(a, b, c), d, k, v128.load(t, 16));
    a = rotate(a, 30);
    z = mixed(z, v128.load(t, 160), v128.load(t, 64), v128.load(t, 32));
    v128.store(t, z, 288);
    c = round(d, choose(e, a, b), c, k, v128.load(t, 32));
    e = rotate(e, 30);
    x = mixed(x, v128.load(t, 176), v128.load(t, 80), v128.load(t, 48));
    v128.store(t, x, 304);
    b = round(c, choose(d, e, a), b, k, v128.load(t, 48));
    d = rotate(d, 30);
    y = mixed(y, v128.load(t, 192), v128.load(t, 96), v128.load(t, 64));
    v128.store(t, y, 320);
    a = round(b, choose(c, d, e), a, k, v128.load(t, 64));
    c = rotate(c, 30);
    const next = z;
    z = y;
    y = x;
    x = next;
  }
  k = i32x4.splat(0x6ed9eba1);
  for (const to = scratch + 640; t < to; t += 80) {
    x = mixed(x, v128.load(t, 128), v128.load(t, 32), v128.load(t));
    v128.store(t, x, 256);
    e = round(a, parity(b, c, d), e, k, v128.load(t));
    b = rotate(b, 30);
    y = mixed(y, v128.load(t, 144), v128.load(t, 48), v128.load(t, 16));
    v128.store(t, y, 272);
    d = round(e, parity(a, b, c), d, k, v128.load(t, 16));
    a = rotate(a, 30);
    z = mixed(z, v128.load(t, 160), v128.load(t, 64), v128.load(t, 32));
    v128.store(t, z, 288);
    c = round(d, parity(e, a, b), c, k, v128.load(t, 32));
    e = rotate(e, 30);
    x = mixed(x, v128.load(t, 176), v128.load(t, 80), v128.load(t, 48));
    v128.store(t, x, 304);
    b = round(c, parity(d, e, a), b, k, v128.load(t, 48));
    d = rotate(d, 30);
    y = mixed(y, v128.load(t, 192), v128.load(t, 96), v128.load(t, 64));
    v128.store(t, y, 320);
    a = round(b, parity(c, d, e), a, k, v128.load(t, 64));
    c = rotate(c, 30);
    const next = z;
    z = y;
    y = x;
    x = next;
  }
  k = i32x4.splat(<i32>0x8f1bbcdc);
  for (const to = scratch + 960; t < to; t += 80) {
    x = mixed(x, v128.load(t, 128), v128.load(t, 32), v128.load(t));
    v128.store(t, x, 256);
    e = round(a, majority(b, c, d), e, k, v128.load(t));
    b = rotate(b, 30);
    y = mixed(y, v128.load(t, 144), v128.load(t, 48), v128.load(t, 16));
    v128.store(t, y, 272);
    d = round(e, majority(a, b, c), d, k, v128.load(t, 16));
    a = rotate(a, 30);
    z = mixed(z, v128.load(t, 160), v128.load(t, 64), v128.load(t, 32));
    v128.store(t, z, 288);
    c = round(d, majority(e, a, b), c, k, v128.load(t, 32));
    e = rotate(e, 30);
    x = mixed(x, v128.load(t, 176), v128.load(t, 80), v128.load(t, 48));
    v128.store(t, x, 304);
    b = round(c, majority(d, e, a), b, k, v128.load(t, 48));
    d = rotate(d, 30);
    y = mixed(y, v128.load(t, 192), v128.load(t, 96), v128.load(t, 64));
    v128.store(t, y, 320);
    a = round(b, majority(c, d, e), a, k, v128.load(t, 64));
    c = rotate(c, 30);
    const next = z;
    z = y;
    y = x;
    x = next;
  }
  x = mixed(x, v128.load(t, 128), v128.load(t, 32), v128.load(t));
  v128.store(t, x, 256);
  y = mixed(y, v128.load(t, 144), v128.load(t, 48), v128.load(t, 16));
  v128.store(t, y, 272);
  z = mixed(z, v128.load(t, 160), v128.load(t, 64), v128.load(t, 32));
  v128.store(t, z, 288);
  v128.store(t, mixed(x, v128.load(t, 176), v128.load(t, 80), v128.load(t, 48)), 304);
  k = i32x4.splat(<i32>0xca62c1d6);
  for (const to = scratch + 1280; t < to; t += 80) {
    e = round(a, parity(b, c, d), e, k, v128.load(t));
    b = rotate(b, 30);
    d = round(e, parity(a, b, c), d, k, v128.load(t, 16));
    a = rotate(a, 30);
    c = round(d, parity(e, a, b), c, k, v128.load(t, 32));
    e = rotate(e, 30);
    b = round(c, parity(d, e, a), b, k, v128.load(t, 48));
    d = rotate(d, 30);
    a = round(b, parity(c, d, e), a, k, v128.load(t, 64));
    c = rotate(c, 30);
  }
  v0 = i32x4.add(v0, a);
  v1 = i32x4.add(v1, b);
  v2 = i32x4.add(v2, c);
  v3 = i32x4.add(v3, d);
  v4 = i32x4.add(v4, e);
}
