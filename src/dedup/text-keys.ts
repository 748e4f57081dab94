import { createHash, hash } from 'node:crypto';

const LETTERS_AND_DIGITS = /[^\p{L}\p{M}\p{N}]+/gu;

/** Lower case, NFKC, letters, marks and digits only. */
export function normalizedText(text: string): string {
  return text.normalize('NFKC').toLowerCase().replace(LETTERS_AND_DIGITS, '');
}

/** Bytes that are normalized at once: strings end at half a gigabyte, and normalizing takes several times the text. */
const PART_BYTES = 1 << 20;

/**
 * SHA-256 of a text's normalized form, a part at a time; undefined where no letter is left. A part ends after white space
 * that an ASCII character follows: neither composition nor the case of a letter reaches across it. Only where a text has
 * no such place for 16 parts is it cut between any two characters.
 */
export function normalizedDigest(text: Uint8Array, partBytes = PART_BYTES): Buffer | undefined {
  if (text.length <= partBytes) {
    const normalized = normalizedText(decode(text));
    return normalized === '' ? undefined : hash('sha256', normalized, 'buffer');
  }
  const digest = createHash('sha256');
  let empty = true;
  for (let from = 0; from < text.length; ) {
    const to = endOfPart(text, from, partBytes);
    const normalized = normalizedText(decode(text.subarray(from, to)));
    empty &&= normalized === '';
    digest.update(normalized);
    from = to;
  }
  return empty ? undefined : digest.digest();
}

function decode({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString('utf8');
}

function isBlank(byte: number): boolean {
  return byte === 32 || (byte >= 9 && byte <= 13);
}

function endOfPart(text: Uint8Array, from: number, partBytes: number): number {
  const limit = Math.min(text.length, from + 16 * partBytes);
  for (let at = from + partBytes; at < limit; at++) if (isBlank(text[at - 1]!) && text[at]! < 128) return at;
  let end = limit;
  while (end < text.length && (text[end]! & 0xc0) === 0x80) end--;
  return end;
}

/**
 * What two URLs of one page have in common: no scheme, no `www.`, no fragment, no slash at the end, host in lower case,
 * percent-encoding and default port as the URL standard has them. What is no URL is compared as it is.
 */
export function urlKey(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || parsed.host === '') return url;
  const host = parsed.host.replace(/^www\./, '');
  return `${host}${parsed.pathname.replace(/\/+$/, '')}${parsed.search}`;
}
