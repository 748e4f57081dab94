const X64_1: u64 = 0x9e3779b185ebca87;
const X64_2: u64 = 0xc2b2ae3d27d4eb4f;
const X64_3: u64 = 0x165667b19e3779f9;
const X64_4: u64 = 0x85ebca77c2b2ae63;
const X64_5: u64 = 0x27d4eb2f165667c5;

// @ts-ignore: decorator
@inline
function round64(acc: u64, lane: u64): u64 {
  return rotl<u64>(acc + lane * X64_2, 31) * X64_1;
}

/** XXH64 of [from, from + length), after its specification (Collet). */
export function xxh64(from: usize, length: i32, seed: u64 = 0): u64 {
  let at = from;
  const end = from + length;
  let h: u64;
  if (length >= 32) {
    let v1: u64 = seed + X64_1 + X64_2;
    let v2: u64 = seed + X64_2;
    let v3: u64 = seed;
    let v4: u64 = seed - X64_1;
    const limit = end - 32;
    do {
      v1 = round64(v1, load<u64>(at));
      v2 = round64(v2, load<u64>(at, 8));
      v3 = round64(v3, load<u64>(at, 16));
      v4 = round64(v4, load<u64>(at, 24));
      at += 32;
    } while (at <= limit);
    h = rotl<u64>(v1, 1) + rotl<u64>(v2, 7) + rotl<u64>(v3, 12) + rotl<u64>(v4, 18);
    h = (h ^ round64(0, v1)) * X64_1 + X64_4;
    h = (h ^ round64(0, v2)) * X64_1 + X64_4;
    h = (h ^ round64(0, v3)) * X64_1 + X64_4;
    h = (h ^ round64(0, v4)) * X64_1 + X64_4;
  } else {
    h = seed + X64_5;
  }
  h += <u64>length;
  while (at + 8 <= end) {
    h = rotl<u64>(h ^ round64(0, load<u64>(at)), 27) * X64_1 + X64_4;
    at += 8;
  }
  if (at + 4 <= end) {
    h = rotl<u64>(h ^ (<u64>load<u32>(at) * X64_1), 23) * X64_2 + X64_3;
    at += 4;
  }
  while (at < end) {
    h = rotl<u64>(h ^ (<u64>load<u8>(at) * X64_5), 11) * X64_1;
    at++;
  }
  h ^= h >> 33;
  h *= X64_2;
  h ^= h >> 29;
  h *= X64_3;
  return h ^ (h >> 32);
}
