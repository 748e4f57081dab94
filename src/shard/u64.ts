/** Unsigned 64-bit integers that fit 53 bits, as two little-endian 32-bit words. */

const TWO_32 = 0x100000000;

export function getU64(words: Uint32Array, at: number): number {
  return words[at + 1]! * TWO_32 + words[at]!;
}

export function setU64(words: Uint32Array, at: number, value: number): void {
  words[at] = value >>> 0;
  words[at + 1] = Math.floor(value / TWO_32);
}

const wide = new BigUint64Array(1);
const halves = new Uint32Array(wide.buffer);

/** Puts all 64 bits of `value` at words[at], words[at + 1]. */
export function setBig(words: Uint32Array, at: number, value: bigint): void {
  wide[0] = value;
  words[at] = halves[0]!;
  words[at + 1] = halves[1]!;
}

export function getBig(words: Uint32Array, at: number): bigint {
  halves[0] = words[at]!;
  halves[1] = words[at + 1]!;
  return wide[0]!;
}

/** A view of aligned bytes as 32-bit words, or of a copy where they are not aligned. */
export function asWords(bytes: Uint8Array): Uint32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >>> 2);
}

/** The bytes that lie under a typed array. */
export function asBytes(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
