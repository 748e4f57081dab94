import { isUtf8 } from 'node:buffer';

export { isUtf8 };

/**
 * Offset of the first byte that is not part of a well-formed UTF-8 sequence (Unicode 16, table 3-7), or -1.
 * Only called once a fast check has failed: to say where.
 */
export function firstInvalidUtf8(bytes: Uint8Array): number {
  const n = bytes.length;
  let i = 0;
  while (i < n) {
    const lead = bytes[i]!;
    if (lead < 0x80) {
      i++;
      continue;
    }
    let more: number;
    let low = 0x80;
    let high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) more = 1;
    else if (lead >= 0xe0 && lead <= 0xef) {
      more = 2;
      if (lead === 0xe0) low = 0xa0;
      if (lead === 0xed) high = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3;
      if (lead === 0xf0) low = 0x90;
      if (lead === 0xf4) high = 0x8f;
    } else return i;
    if (i + more >= n) return i;
    const second = bytes[i + 1]!;
    if (second < low || second > high) return i;
    for (let k = 2; k <= more; k++) if ((bytes[i + k]! & 0xc0) !== 0x80) return i;
    i += more + 1;
  }
  return -1;
}

const lenient = new TextDecoder('utf-8', { ignoreBOM: true });

/** Valid UTF-8 from any bytes: each maximal ill-formed sequence becomes U+FFFD, as the Encoding Standard does. */
export function replaceInvalidUtf8(bytes: Uint8Array): Buffer {
  return Buffer.from(lenient.decode(bytes), 'utf8');
}

/** Where a view of a Uint8Array as a Buffer is needed: no copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
