import type { LanguageIdentifier } from './model.ts';

const NEWLINE = 10;

/** Byte ranges of the paragraphs: parted by blank lines, white space lines counted as blank. */
export function paragraphRanges(text: Uint8Array): { start: number; end: number }[] {
  const ranges: { start: number; end: number }[] = [];
  let start = -1;
  let end = 0;
  for (let from = 0; from < text.length; ) {
    const found = text.indexOf(NEWLINE, from);
    const to = found < 0 ? text.length : found;
    if (isBlank(text, from, to)) {
      if (start >= 0) ranges.push({ start, end });
      start = -1;
    } else {
      if (start < 0) start = from;
      end = to;
    }
    from = to + 1;
  }
  if (start >= 0) ranges.push({ start, end });
  return ranges;
}

function isBlank(text: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const byte = text[i]!;
    if (byte !== 32 && (byte < 9 || byte > 13)) return false;
  }
  return true;
}

/**
 * The share of the paragraphs' bytes that each language has, by code. A paragraph of fewer than `minBytes` goes with
 * the one before it, or with the one after it at the beginning.
 */
export function languagesByParagraph(
  text: Uint8Array,
  identifier: LanguageIdentifier,
  minBytes: number,
): Readonly<Record<string, number>> {
  const joined: { start: number; end: number }[] = [];
  for (const { start, end } of paragraphRanges(text)) {
    const last = joined.at(-1);
    if (last && (end - start < minBytes || last.end - last.start < minBytes)) last.end = end;
    else joined.push({ start, end });
  }
  const bytes = new Map<string, number>();
  let total = 0;
  for (const { start, end } of joined) {
    const { code } = identifier.identify(text.subarray(start, end));
    bytes.set(code, (bytes.get(code) ?? 0) + end - start);
    total += end - start;
  }
  const shares = [...bytes].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return Object.fromEntries(shares.map(([code, n]) => [code, n / total]));
}
