import type { Json } from '../core/document.ts';

/**
 * JSON parsed as if its bytes were Latin-1. JSON's own characters are ASCII, so that the structure is the same; a
 * string comes out as one character a byte of its UTF-8. Decoding UTF-8 to UTF-16 and back costs as much as the
 * parsing (measured on web text: 2.2 of 6 s), and the text is wanted as bytes.
 * Holds only where no `\u` escape mixes real characters in: `isBinarySafe`.
 */
export function parseBinaryJson(bytes: Buffer): Json {
  return JSON.parse(bytes.toString('latin1')) as Json;
}

/** Whether strings of these bytes have no `\u` escape: a backslash and a `u`, be they an escape or not. */
export function isBinarySafe(bytes: Buffer): boolean {
  return !bytes.includes('\\u');
}

const NOT_ASCII = /[\x80-\xff]/;

/** A string of `parseBinaryJson` as it was meant. */
export function fromBinary(text: string): string {
  return NOT_ASCII.test(text) ? Buffer.from(text, 'latin1').toString('utf8') : text;
}

/** A value of `parseBinaryJson` as it was meant. */
export function decodeBinary(value: Json): Json {
  if (typeof value === 'string') return fromBinary(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(decodeBinary);
  const decoded: Record<string, Json> = {};
  for (const [key, inner] of Object.entries(value as Record<string, Json>))
    Object.defineProperty(decoded, fromBinary(key), {
      value: decodeBinary(inner),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  return decoded;
}
