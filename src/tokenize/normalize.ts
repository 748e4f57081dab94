const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** By lead byte: 0 ask the engine, 1 stable whatever follows, or 2 the second (and third) byte decides. */
const STABILITY = new Uint8Array(256);
STABILITY.fill(1, 0x00, 0xcc); // Below U+0300, and continuation bytes.
STABILITY[0xce] = 2;
STABILITY.fill(1, 0xcf, 0xd2); // U+03C0 to U+047F
STABILITY[0xe2] = 2;
STABILITY.fill(1, 0xe4, 0xea); // U+4000 to U+9FFF
STABILITY[0xea] = 2;
STABILITY.fill(1, 0xeb, 0xed); // U+B000 to U+CFFF
STABILITY[0xf0] = 2;

/**
 * Whether a text holds only characters that are their own NFC and join with none before them, told from a few blocks
 * that make up most text: half the cost of asking the engine is decoding. False means nothing.
 */
export function isPlainlyNfc(utf8: Uint8Array): boolean {
  for (let i = 0; i < utf8.length; i++) {
    const lead = utf8[i]!;
    const stability = STABILITY[lead]!;
    if (stability === 1) continue;
    if (stability === 0) return false;
    const second = utf8[i + 1] ?? 0;
    if (lead === 0xce && second === 0x87) return false; // U+0387, which is U+00B7.
    if (lead === 0xe2 && (second !== 0x80 || (utf8[i + 2] ?? 0) < 0x82)) return false; // But U+2002 to U+203F.
    if (lead === 0xea && second < 0xb0) return false; // But Hangul from U+AC00.
    if (lead === 0xf0 && second !== 0x9f) return false; // But U+1F000 to U+1FFFF.
  }
  return true;
}

/** NFC of valid UTF-8; other bytes come back as they are, since no normal form is defined for them. */
export function normalizeNfc(utf8: Uint8Array): Uint8Array {
  if (isPlainlyNfc(utf8)) return utf8;
  let text: string;
  try {
    text = decoder.decode(utf8);
  } catch {
    return utf8;
  }
  const normal = text.normalize('NFC');
  return normal === text ? utf8 : encoder.encode(normal);
}
