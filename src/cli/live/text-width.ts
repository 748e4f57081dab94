/** How wide text is on a terminal, and text cut to a width. */

/** One of these takes two columns: East Asian wide and fullwidth characters, emoji shown as such. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
/** And one of these none. */
const NARROW = /[\p{Mn}\p{Me}\u200b-\u200f\u2060]/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: what colours are made of
const COLOUR = /\u001b\[[0-9;]*m/g;

/** Columns that a text takes, colours left out. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text.replace(COLOUR, '')) width += widthOf(character);
  return width;
}

function widthOf(character: string): number {
  if (character < '\u0300') return 1;
  if (NARROW.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** A stretch of plain text and how it is coloured. */
export type Piece = readonly [text: string, colour?: (text: string) => string];

/** The pieces side by side, cut to `width` columns with an ellipsis. */
export function clip(pieces: readonly Piece[], width: number): string {
  const whole = pieces.reduce((sum, [text]) => sum + displayWidth(text), 0);
  let left = whole <= width ? width : width - 1;
  let line = '';
  for (const [text, colour = (same: string) => same] of pieces) {
    const taken = prefix(text, left);
    left -= displayWidth(taken);
    if (taken !== '') line += colour(taken);
    if (taken !== text) break;
  }
  return whole <= width || width < 1 ? line : `${line}…`;
}

function prefix(text: string, width: number): string {
  let taken = '';
  let left = width;
  for (const character of text) {
    left -= widthOf(character);
    if (left < 0) break;
    taken += character;
  }
  return taken;
}
