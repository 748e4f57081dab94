import type { Found } from './find.ts';

const WORD = /^[\p{L}\p{N}_]$/u;
const ADDRESS_LITERAL =
  /\[(?:(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)\.){3}(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?|[A-Za-z0-9-]{0,255}[A-Za-z0-9]:)\]/y;

/**
 * E-mail addresses as datatrove's PIIFormatter finds them (formatters/pii.py), read outwards from each "@" so that the
 * time is linear: its pattern tries every word boundary.
 */
export function findEmails(text: string): Found[] {
  const found: Found[] = [];
  let least = 0;
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    const start = localStart(text, at, least);
    if (start < 0) continue;
    const end = domainEnd(text, at + 1);
    if (end < 0) continue;
    found.push({ kind: 'email', start, end });
    least = end;
  }
  return found;
}

/** Where the part before the "@" starts, not before `least`: atoms parted by single full stops, at a word boundary. */
function localStart(text: string, at: number, least: number): number {
  let start = at;
  while (start > least) {
    const c = text.charCodeAt(start - 1);
    if (!isAtom(c) && !(c === 46 && start < at && text.charCodeAt(start) !== 46)) break;
    start--;
  }
  for (let i = start; i < at; i++)
    if (text.charCodeAt(i) !== 46 && isWordAt(text, i - 1) !== isWordAt(text, i)) return i;
  return -1;
}

function isAtom(c: number): boolean {
  return isAlphanumeric(c) || (c < 128 && "!#$%&'*+/=?^_`{|}~-".includes(String.fromCharCode(c)));
}

function isAlphanumeric(c: number): boolean {
  return (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 57);
}

function isWordAt(text: string, i: number): boolean {
  const c = text.charCodeAt(i);
  if (c < 128) return isAlphanumeric(c) || c === 95;
  // Out of range is NaN, which is no word; a pair is looked at as a whole.
  if ((c & 0xfc00) === 0xdc00) return WORD.test(text.slice(i - 1, i + 1));
  return c >= 128 && WORD.test(text.charAt(i));
}

/** The end of at least two labels parted by full stops, or of an address in brackets; -1 where there is none. */
function domainEnd(text: string, from: number): number {
  if (text.charCodeAt(from) === 91) {
    ADDRESS_LITERAL.lastIndex = from;
    return ADDRESS_LITERAL.test(text) ? ADDRESS_LITERAL.lastIndex : -1;
  }
  let end = -1;
  for (let at = from, labels = 0; isAlphanumeric(text.charCodeAt(at)); labels++) {
    let i = at;
    let last = at;
    for (; isAlphanumeric(text.charCodeAt(i)) || text.charCodeAt(i) === 45; i++)
      if (text.charCodeAt(i) !== 45) last = i + 1;
    if (labels > 0) end = last;
    if (last !== i || text.charCodeAt(i) !== 46) break;
    at = i + 1;
  }
  return end;
}
