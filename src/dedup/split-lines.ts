const NEWLINE = 10;

/** Half-open ranges of bytes: the text of a line or paragraph, and where the next begins. */
export interface ByteUnit {
  readonly start: number;
  readonly end: number;
  /** With the newlines after it: what goes with it when it goes. */
  readonly next: number;
}

/** Lines, or paragraphs with at least two newlines between them, that are not white space only. */
export function* byteUnits(text: Uint8Array, unit: 'line' | 'paragraph'): Generator<ByteUnit> {
  const least = unit === 'line' ? 1 : 2;
  let start = 0;
  for (let at = text.indexOf(NEWLINE); ; ) {
    let run = at;
    while (run >= 0 && run < text.length && text[run] === NEWLINE) run++;
    if (at >= 0 && run - at < least && run < text.length) {
      at = text.indexOf(NEWLINE, run);
      continue;
    }
    const end = at < 0 ? text.length : at;
    const next = at < 0 ? text.length : run;
    const [from, to] = trimmed(text, start, end);
    if (from < to) yield { start: from, end: to, next };
    if (next >= text.length) return;
    start = next;
    at = text.indexOf(NEWLINE, next);
  }
}

/** Without ASCII white space at both ends. */
function trimmed(text: Uint8Array, start: number, end: number): [number, number] {
  let from = start;
  let to = end;
  while (from < to && isSpace(text[from]!)) from++;
  while (to > from && isSpace(text[to - 1]!)) to--;
  return [from, to];
}

function isSpace(byte: number): boolean {
  return byte === 32 || (byte >= 9 && byte <= 13);
}
