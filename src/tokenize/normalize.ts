const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** NFC of valid UTF-8; other bytes come back as they are, since no normal form is defined for them. */
export function normalizeNfc(utf8: Uint8Array): Uint8Array {
  let i = 0;
  while (i < utf8.length && utf8[i]! < 0xcc) i++; // Below U+0300 every text is in NFC.
  if (i === utf8.length) return utf8;
  let text: string;
  try {
    text = decoder.decode(utf8);
  } catch {
    return utf8;
  }
  const normal = text.normalize('NFC');
  return normal === text ? utf8 : encoder.encode(normal);
}
