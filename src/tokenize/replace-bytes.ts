/** U+FFFD in UTF-8. */
export const REPLACEMENT = Uint8Array.of(0xef, 0xbf, 0xbd);

/** `text` with U+FFFD for every byte b where `missing[b]` is 1; `text` itself where there is none. */
export function replaceBytes(text: Uint8Array, missing: Uint8Array): Uint8Array {
  let count = 0;
  for (let i = 0; i < text.length; i++) count += missing[text[i]!]!;
  if (count === 0) return text;
  const replaced = new Uint8Array(text.length + 2 * count);
  let at = 0;
  for (const byte of text) {
    if (missing[byte] === 1) {
      replaced.set(REPLACEMENT, at);
      at += 3;
    } else replaced[at++] = byte;
  }
  return replaced;
}
