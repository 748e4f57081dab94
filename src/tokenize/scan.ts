import { classAt, LETTER, LOWER, MARK, NEWLINE, NUMBER, OTHER, SPACE, UPPER } from './unicode-classes.ts';

// Each scanner does what its published expression (pre-tokenizers.ts) matches at one position, alternative by
// alternative in their order, without backtracking over more than one code point or one run.

const isLetter = (cls: number) => cls >= UPPER && cls <= LETTER;
const isSymbol = (cls: number) => cls === OTHER || cls === MARK;
/** [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}] */
const isUpperish = (cls: number) => cls === UPPER || cls === LETTER || cls === MARK;
/** [\p{Ll}\p{Lm}\p{Lo}\p{M}] */
const isLowerish = (cls: number) => cls >= LOWER && cls <= MARK;

function skipLetters(b: Uint8Array, p: number, end: number): number {
  while (p < end) {
    const at = classAt(b, p, end);
    if (!isLetter(at & 7)) break;
    p += at >> 3;
  }
  return p;
}

function skipNumbers(b: Uint8Array, p: number, end: number, most: number): number {
  for (let n = 0; n < most && p < end; n++) {
    const at = classAt(b, p, end);
    if ((at & 7) !== NUMBER) break;
    p += at >> 3;
  }
  return p;
}

function skipSymbols(b: Uint8Array, p: number, end: number): number {
  while (p < end) {
    const at = classAt(b, p, end);
    if (!isSymbol(at & 7)) break;
    p += at >> 3;
  }
  return p;
}

/** Length of one of 's 't 'm 'd 're 've 'll in lower case, at an apostrophe; 0 where there is none. */
function contraction(b: Uint8Array, p: number, end: number): number {
  if (p + 1 >= end) return 0;
  const c = b[p + 1]!;
  if (c === 0x73 || c === 0x74 || c === 0x6d || c === 0x64) return 2;
  if (p + 2 >= end) return 0;
  const d = b[p + 2]!;
  return ((c === 0x72 || c === 0x76) && d === 0x65) || (c === 0x6c && d === 0x6c) ? 3 : 0;
}

/** The same in any case; (?i:s) also matches U+017F, the long s. */
function contractionAnyCase(b: Uint8Array, p: number, end: number): number {
  if (p + 1 >= end) return 0;
  const c = b[p + 1]! | 0x20;
  if (c === 0x73 || c === 0x74 || c === 0x6d || c === 0x64) return 2;
  if (p + 2 >= end) return 0;
  if (b[p + 1] === 0xc5 && b[p + 2] === 0xbf) return 3;
  const d = b[p + 2]! | 0x20;
  return ((c === 0x72 || c === 0x76) && d === 0x65) || (c === 0x6c && d === 0x6c) ? 3 : 0;
}

/**
 * `\s+(?!\S)|\s+` from white space at `p`: the run without its last code point where something follows it, else all of
 * it. With `newlines`, first `\s*[\r\n]+`: up to the last newline of the run; with `whole`, before that `\s+$`.
 */
function scanSpace(b: Uint8Array, p: number, end: number, newlines: boolean, whole: boolean): number {
  let q = p;
  let last = p;
  let afterNewline = p;
  while (q < end) {
    const at = classAt(b, q, end);
    if ((at & 7) < SPACE) break;
    last = q;
    q += at >> 3;
    if ((at & 7) === NEWLINE) afterNewline = q;
  }
  if (whole && q === end) return end;
  if (newlines && afterNewline > p) return afterNewline;
  return q === end || last === p ? q : last;
}

/** `spaced`: numbers take a leading space; `digits`: most numbers in a pre-token. */
export function scanGpt2(b: Uint8Array, p: number, end: number, digits: number, spaced: boolean): number {
  const first = b[p]!;
  if (first === 0x27) {
    const n = contraction(b, p, end);
    if (n > 0) return p + n;
  }
  const at = classAt(b, p, end);
  let q = p + (at >> 3);
  let cls = at & 7;
  if (first === 0x20 && q < end) {
    const next = classAt(b, q, end);
    if ((next & 7) < SPACE && (spaced || (next & 7) !== NUMBER)) {
      cls = next & 7;
      q += next >> 3;
    }
  }
  if (cls >= SPACE) return scanSpace(b, p, end, false, false);
  if (isLetter(cls)) return skipLetters(b, q, end);
  if (cls === NUMBER) return skipNumbers(b, q, end, digits - 1);
  return skipSymbols(b, q, end);
}

function skipNewlines(b: Uint8Array, p: number, end: number): number {
  while (p < end && (b[p] === 0x0a || b[p] === 0x0d)) p++;
  return p;
}

/** `digits`: most numbers in a pre-token; `whole`: white space at the end of the text stays whole (tiktoken). */
export function scanCl100k(b: Uint8Array, p: number, end: number, digits: number, whole: boolean): number {
  const first = b[p]!;
  if (first === 0x27) {
    const n = contractionAnyCase(b, p, end);
    if (n > 0) return p + n;
  }
  const at = classAt(b, p, end);
  const cls = at & 7;
  const q = p + (at >> 3);
  if (isLetter(cls)) return skipLetters(b, q, end);
  if (cls === NUMBER) return skipNumbers(b, q, end, digits - 1);
  const next = q < end ? classAt(b, q, end) : NEWLINE;
  if (cls !== NEWLINE && isLetter(next & 7)) return skipLetters(b, q + (next >> 3), end);
  if (isSymbol(cls)) return skipNewlines(b, skipSymbols(b, q, end), end);
  if (first === 0x20 && q < end && isSymbol(next & 7)) return skipNewlines(b, skipSymbols(b, q, end), end);
  return scanSpace(b, p, end, true, whole);
}

/**
 * The two word alternatives of o200k without their prefix and suffix: `U*L+`, or else `U+L*`, where a letter of \p{Lm},
 * \p{Lo} or \p{M} is in both U and L. Returns `p` where neither matches. `secondToo` false tries only the first.
 */
function scanCased(b: Uint8Array, p: number, end: number, secondToo: boolean): number {
  let q = p;
  let afterShared = p;
  while (q < end) {
    const at = classAt(b, q, end);
    if (!isUpperish(at & 7)) break;
    q += at >> 3;
    if ((at & 7) !== UPPER) afterShared = q;
  }
  const upperEnd = q;
  while (q < end) {
    const at = classAt(b, q, end);
    if (!isLowerish(at & 7)) break;
    q += at >> 3;
  }
  if (q > upperEnd) return q;
  // L+ found nothing after U*: U* gives back until L+ can start on a shared letter, and ends right after it.
  if (afterShared > p) return afterShared;
  return secondToo ? upperEnd : p;
}

function scanO200kWord(b: Uint8Array, p: number, end: number, cls: number, q: number): number {
  const prefixed = !isLetter(cls) && cls !== NUMBER && cls !== NEWLINE;
  if (prefixed) {
    const word = scanCased(b, q, end, false);
    if (word > q) return word;
  }
  const bare = scanCased(b, p, end, false);
  if (bare > p) return bare;
  if (prefixed) {
    const word = scanCased(b, q, end, true);
    if (word > q) return word;
  }
  return scanCased(b, p, end, true);
}

export function scanO200k(b: Uint8Array, p: number, end: number): number {
  const first = b[p]!;
  const at = classAt(b, p, end);
  const cls = at & 7;
  const q = p + (at >> 3);
  const word = scanO200kWord(b, p, end, cls, q);
  if (word > p) return word < end && b[word] === 0x27 ? word + contractionAnyCase(b, word, end) : word;
  if (cls === NUMBER) return skipNumbers(b, q, end, 2);
  const spaced = first === 0x20 && q < end && isSymbol(classAt(b, q, end) & 7);
  if (isSymbol(cls) || spaced) {
    let e = skipSymbols(b, q, end);
    while (e < end && (b[e] === 0x0a || b[e] === 0x0d || b[e] === 0x2f)) e++;
    return e;
  }
  return scanSpace(b, p, end, true, false);
}

/** Whether U+2581 (e2 96 81) starts at p. */
export function isMetaspace(b: Uint8Array, p: number, end: number): boolean {
  return p + 2 < end && b[p] === 0xe2 && b[p + 1] === 0x96 && b[p + 2] === 0x81;
}

/** Up to the next U+2581 beyond the first character; with `runs`, beyond the run that starts here. */
export function scanMetaspace(b: Uint8Array, p: number, end: number, runs: boolean): number {
  let q = p;
  if (isMetaspace(b, q, end)) {
    q += 3;
    if (runs) while (isMetaspace(b, q, end)) q += 3;
  } else q++;
  while (q < end && !isMetaspace(b, q, end)) q++;
  return q;
}
