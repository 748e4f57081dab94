/** Windows-1252's characters that are not Latin-1's, and the bytes they stand for. */
const HIGH: ReadonlyMap<string, number> = new Map(
  [...'€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ'].map((char, i) => [char, 0x80 + i]),
);
const TAIL = `[\u0080-\u00bf${[...HIGH.keys()].join('')}]`;
/**
 * A character that, taken for bytes of windows-1252, is UTF-8 of a script that is much in use. `ß’` is no NKo, and
 * after a Latin letter `é’”` is no Chinese: of three bytes, only punctuation stands there.
 */
const SEQUENCE = new RegExp(
  `[\u00c2-\u00c5\u00ce-\u00d3\u00d7-\u00db]${TAIL}|\u00e2${TAIL}{2}|(?<![A-Za-z])[\u00e0-\u00ef]${TAIL}{2}|\u00f0${TAIL}{3}`,
  'gu',
);
/** UTF-8 that was read as windows-1252 twice: once more. Three times has not been seen. */
const MAX_ROUNDS = 2;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Text in which UTF-8 was read as windows-1252 or Latin-1 (`FranÃ§ais`, `donâ€™t`), as it was meant: the commonest
 * damage to text from the web. What is not valid UTF-8 stays as it is.
 */
export function repairMojibake(text: string): string {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const repaired = text.replace(SEQUENCE, repairOne);
    if (repaired === text) return text;
    text = repaired;
  }
  return text;
}

function repairOne(sequence: string): string {
  const bytes = Uint8Array.from(sequence, (char) => HIGH.get(char) ?? char.charCodeAt(0));
  try {
    return decoder.decode(bytes);
  } catch {
    return sequence;
  }
}
