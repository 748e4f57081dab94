/**
 * The printable stand-ins that byte-level vocabularies write for bytes (openai/gpt-2 `bytes_to_unicode`): printable
 * Latin-1 stands for itself, the other 68 bytes for U+0100 onward in the order of their values.
 */
function buildCodePoints(): Uint16Array {
  const codePoints = new Uint16Array(256);
  let next = 0x100;
  for (let b = 0; b < 256; b++) {
    const printable = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
    codePoints[b] = printable ? b : next++;
  }
  return codePoints;
}

/** [256] code point that stands for each byte. */
export const BYTE_TO_CODE_POINT: Uint16Array = buildCodePoints();

/** The 256 bytes by their stand-in's code point: the order in which BpeTrainer gives them ids. */
export const BYTES_IN_ALPHABET_ORDER: Uint8Array = Uint8Array.from({ length: 256 }, (_, b) => b).sort(
  (a, b) => BYTE_TO_CODE_POINT[a]! - BYTE_TO_CODE_POINT[b]!,
);

const CODE_POINT_TO_BYTE = new Int16Array(0x144).fill(-1);
for (let b = 0; b < 256; b++) CODE_POINT_TO_BYTE[BYTE_TO_CODE_POINT[b]!] = b;

/** Bytes as a vocabulary writes them. */
export function bytesToAlphabet(bytes: Uint8Array): string {
  let text = '';
  for (const b of bytes) text += String.fromCharCode(BYTE_TO_CODE_POINT[b]!);
  return text;
}

/** The bytes that a vocabulary's entry stands for, or undefined where a character is no byte's stand-in. */
export function alphabetToBytes(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const b = CODE_POINT_TO_BYTE[text.charCodeAt(i)] ?? -1;
    if (b < 0) return undefined;
    bytes[i] = b;
  }
  return bytes;
}
