/*
 * XXH64 and XXH32 with seed 0 after their specification (Y. Collet), in plain numbers: the twins of the kernel's.
 */
const P1 = 0x9e3779b185ebca87n;
const P2 = 0xc2b2ae3d27d4eb4fn;
const P3 = 0x165667b19e3779f9n;
const P4 = 0x85ebca77c2b2ae63n;
const P5 = 0x27d4eb2f165667c5n;

const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);
const rotl64 = (x: bigint, by: bigint): bigint => u64((x << by) | (x >> (64n - by)));
const round64 = (acc: bigint, lane: bigint): bigint => u64(rotl64(u64(acc + lane * P2), 31n) * P1);

export function xxh64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  let h = P5;
  if (bytes.length >= 32) {
    const v = [u64(P1 + P2), P2, 0n, u64(-P1)];
    for (; at + 32 <= bytes.length; at += 32)
      for (let k = 0; k < 4; k++) v[k] = round64(v[k]!, view.getBigUint64(at + 8 * k, true));
    h = u64(rotl64(v[0]!, 1n) + rotl64(v[1]!, 7n) + rotl64(v[2]!, 12n) + rotl64(v[3]!, 18n));
    for (const lane of v) h = u64((h ^ round64(0n, lane)) * P1 + P4);
  }
  h = u64(h + BigInt(bytes.length));
  for (; at + 8 <= bytes.length; at += 8)
    h = u64(rotl64(h ^ round64(0n, view.getBigUint64(at, true)), 27n) * P1 + P4);
  if (at + 4 <= bytes.length) {
    h = u64(rotl64(h ^ u64(BigInt(view.getUint32(at, true)) * P1), 23n) * P2 + P3);
    at += 4;
  }
  for (; at < bytes.length; at++) h = u64(rotl64(h ^ u64(BigInt(bytes[at]!) * P5), 11n) * P1);
  h = u64((h ^ (h >> 33n)) * P2);
  h = u64((h ^ (h >> 29n)) * P3);
  return h ^ (h >> 32n);
}

const Q1 = 0x9e3779b1;
const Q2 = 0x85ebca77;
const Q3 = 0xc2b2ae3d;
const Q4 = 0x27d4eb2f;
const Q5 = 0x165667b1;

const rotl32 = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

export function xxh32(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  let h = Q5;
  if (bytes.length >= 16) {
    const v = [(Q1 + Q2) | 0, Q2, 0, -Q1 | 0];
    for (; at + 16 <= bytes.length; at += 16) {
      for (let k = 0; k < 4; k++) {
        const sum = (v[k]! + Math.imul(view.getUint32(at + 4 * k, true), Q2)) | 0;
        v[k] = Math.imul(rotl32(sum, 13), Q1);
      }
    }
    h = rotl32(v[0]!, 1) + rotl32(v[1]!, 7) + rotl32(v[2]!, 12) + rotl32(v[3]!, 18);
  }
  h = (h + bytes.length) | 0;
  for (; at + 4 <= bytes.length; at += 4)
    h = Math.imul(rotl32((h + Math.imul(view.getUint32(at, true), Q3)) | 0, 17), Q4);
  for (; at < bytes.length; at++) h = Math.imul(rotl32((h + Math.imul(bytes[at]!, Q5)) | 0, 11), Q1);
  h = Math.imul(h ^ (h >>> 15), Q2);
  h = Math.imul(h ^ (h >>> 13), Q3);
  return (h ^ (h >>> 16)) >>> 0;
}
