/** A curve in braille characters, two by four dots each. */

/** Bit of the dot in column x and row y of a character (Unicode's block from U+2800 on). */
const DOTS = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;

/** `rows` lines of at most `columns` characters. The highest value is at the top, the lowest at the bottom. */
export function brailleCurve(values: readonly number[], columns: number, rows: number): string[] {
  const cells = Array.from({ length: rows }, () => new Uint8Array(columns));
  if (values.length > 0 && columns > 0 && rows > 0) draw(cells, resample(values, columns * 2), rows * 4);
  return cells.map(textOf);
}

/** Empty characters at the end are left out, those before are blank ones of the same width. */
function textOf(line: Uint8Array): string {
  let end = line.length;
  while (end > 0 && line[end - 1] === 0) end--;
  return String.fromCodePoint(...Array.from(line.subarray(0, end), (dots) => 0x2800 + dots));
}

function draw(cells: readonly Uint8Array[], points: readonly number[], height: number): void {
  const top = Math.max(...points);
  const range = top - Math.min(...points);
  const place = (value: number) =>
    range === 0 ? height - 1 : Math.round(((top - value) / range) * (height - 1));
  let before = place(points[0]!);
  for (const [x, value] of points.entries()) {
    const y = place(value);
    // Every row between two points has a dot: a steep fall is a line too.
    const from = y > before ? before + 1 : Math.min(y, Math.max(before - 1, y));
    const to = y > before ? y : Math.max(y, before - 1);
    for (let row = from; row <= to; row++) {
      cells[row >> 2]![x >> 1]! |= DOTS[x & 1]![row & 3]!;
    }
    before = y;
  }
}

/** Fewer points as means of equal shares; where there are fewer than wanted, they stay as they are. */
function resample(values: readonly number[], most: number): number[] {
  if (values.length <= most) return [...values];
  return Array.from({ length: most }, (_, i) => {
    const share = values.slice(
      Math.floor((i * values.length) / most),
      Math.floor(((i + 1) * values.length) / most),
    );
    return share.reduce((sum, value) => sum + value, 0) / share.length;
  });
}
