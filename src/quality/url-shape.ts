import { codePointFrom, FLAGS, LOWER } from './char-classes.ts';

const SCHEME = /^[\p{L}\p{N}_+.-]+$/u;
const MAX_LABEL = 64;
const MAX_TOP = 63;
/** An address outside the private networks, then what may follow it. */
const ADDRESS =
  /(?!(?:10|127)(?:\.\p{Nd}{1,3}){3})(?!(?:169\.254|192\.168)(?:\.\p{Nd}{1,3}){2})(?!172\.(?:1[6-9]|2\p{Nd}|3[01])(?:\.\p{Nd}{1,3}){2})(?:[1-9]\p{Nd}?|1\p{Nd}\p{Nd}|2[01]\p{Nd}|22[0-3])(?:\.(?:1?\p{Nd}{1,2}|2[0-4]\p{Nd}|25[0-5])){2}\.(?:[1-9]\p{Nd}?|1\p{Nd}\p{Nd}|2[0-4]\p{Nd}|25[0-4])(?=(?::\p{Nd}{2,5})?(?:[/?#]|$))/uy;
const DIGITS = /\p{Nd}{2,5}(?=[/?#]|$)/uy;

/**
 * Whether text[from..to), which has no white space, is a URL, a host name or an e-mail address for spaCy 3.8's
 * blank tokenizer (lang/tokenizer_exceptions.py, after Diego Perini's pattern, MIT). The pattern backtracks over
 * every `@` of every prefix; here each host candidate is read once, so the time is linear.
 */
export function isUrlShaped(text: string, from: number, to: number): boolean {
  if (hostAt(text, from, to)) return true;
  const afterScheme = skipScheme(text, from, to);
  if (afterScheme > from && hostAt(text, afterScheme, to)) return true;
  // User information is anything up to any "@", but at least one character.
  for (let at = text.indexOf('@', from + 1); at >= 0 && at < to; at = text.indexOf('@', at + 1))
    if (hostAt(text, at + 1, to)) return true;
  return false;
}

function skipScheme(text: string, from: number, to: number): number {
  const limit = Math.min(to, from + 65_536);
  let colon = from;
  while (colon < limit && text.charCodeAt(colon) !== 58) colon++;
  if (!text.startsWith('//', colon + 1) || colon + 3 > to) return from;
  const scheme = text.slice(from, colon);
  return [...scheme].length >= 2 && SCHEME.test(scheme) ? colon + 3 : from;
}

function hostAt(text: string, from: number, to: number): boolean {
  const first = text.charCodeAt(from);
  if (first >= 49 && first <= 57 && addressAt(text, from, to)) return true;
  let at = from;
  for (;;) {
    const next = labelEnd(text, at, to);
    if (next < 0) break;
    at = next;
  }
  return at > from && topAndTail(text, at, to);
}

function addressAt(text: string, from: number, to: number): boolean {
  // An address with its port has at most 21 digits and signs, each of at most two units.
  const window = text.slice(from, Math.min(to, from + 64));
  ADDRESS.lastIndex = 0;
  return ADDRESS.test(window);
}

/** The unit after the full stop that ends the label at `from`, or -1. */
function labelEnd(text: string, from: number, to: number): number {
  let i = from;
  const limit = Math.min(to, from + MAX_LABEL);
  while (i < limit && (isHostUnit(text.charCodeAt(i)) || isDash(text.charCodeAt(i)))) i++;
  if (i === from || i >= to || text.charCodeAt(i) !== 46) return -1;
  return isHostUnit(text.charCodeAt(from)) && isHostUnit(text.charCodeAt(i - 1)) ? i + 1 : -1;
}

function isHostUnit(c: number): boolean {
  return (
    (c >= 97 && c <= 122) ||
    (c >= 65 && c <= 90) ||
    (c >= 48 && c <= 57) ||
    (c >= 0xa1 && (c < 0xd800 || c > 0xdfff))
  );
}

function isDash(c: number): boolean {
  return c === 45 || c === 95;
}

function topAndTail(text: string, from: number, to: number): boolean {
  let i = from;
  let letters = 0;
  while (i < to && letters <= MAX_TOP) {
    const c = codePointFrom(text, i, to);
    if ((FLAGS[c]! & LOWER) === 0) break;
    letters++;
    i += c > 0xffff ? 2 : 1;
  }
  if (letters < 2 || letters > MAX_TOP) return false;
  if (i === to || isPathStart(text.charCodeAt(i))) return true;
  if (text.charCodeAt(i) !== 58) return false;
  const window = text.slice(i + 1, Math.min(to, i + 16));
  DIGITS.lastIndex = 0;
  return DIGITS.test(window);
}

/** "/", "?" or "#" */
function isPathStart(c: number): boolean {
  return c === 47 || c === 63 || c === 35;
}
