import type { Found } from './find.ts';

const IP = /(?:(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)\.){3}(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)/g;
/** Networks that are not global: IANA's special-purpose registry (RFC 6890), as [first address, bits]. */
const RESERVED: readonly (readonly [number, number])[] = (
  [
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.168.0.0', 16],
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['240.0.0.0', 4],
  ] as const
).map(([address, bits]) => [toNumber(address.split('.').map(Number)), bits]);
/** Anycast addresses inside 192.0.0.0/24 that are global all the same. */
const GLOBAL_ANYCAST = new Set(['192.0.0.9', '192.0.0.10']);

function toNumber(octets: readonly number[]): number {
  return octets.reduce((sum, octet) => sum * 256 + octet, 0);
}

/** IPv4 addresses as datatrove finds them; a leading zero makes none, as in Python's ipaddress. */
export function findIps(text: string, publicOnly: boolean): Found[] {
  const found: Found[] = [];
  for (const match of text.matchAll(IP)) {
    const octets = match[0].split('.');
    if (octets.some((octet) => octet.length > 1 && octet.startsWith('0'))) continue;
    if (publicOnly && !isGlobal(match[0], toNumber(octets.map(Number)))) continue;
    found.push({ kind: 'ip', start: match.index, end: match.index + match[0].length });
  }
  return found;
}

function isGlobal(address: string, value: number): boolean {
  if (GLOBAL_ANYCAST.has(address)) return true;
  return !RESERVED.some(([first, bits]) => Math.floor(value / 2 ** (32 - bits)) === first / 2 ** (32 - bits));
}

/** Digits with single blanks, full stops or hyphens between groups; every quantifier is bounded. */
const PHONE =
  /(?<![\p{L}\p{N}.+-])(?:\+[1-9][0-9]{0,2}(?:[ .-]?\(0?[0-9]{1,4}\))?(?:[ .-]?[0-9]{1,4}){2,6}|\([2-9][0-9]{2}\) ?[2-9][0-9]{2}[ .-][0-9]{4}|(?:1[ .-])?[2-9][0-9]{2}([ .-])[2-9][0-9]{2}\1[0-9]{4})(?![\p{L}\p{N}]|[.-][0-9])/gu;

/**
 * Telephone numbers: international with a plus (E.164: 8 to 15 digits), and North American ones written with
 * brackets or the same separator twice.
 */
export function findPhones(text: string): Found[] {
  const found: Found[] = [];
  for (const match of text.matchAll(PHONE)) {
    const digits = match[0].replace(/[^0-9]/g, '').length;
    if (digits >= 8 && digits <= 15)
      found.push({ kind: 'phone', start: match.index, end: match.index + match[0].length });
  }
  return found;
}

const CARD =
  /(?<![\p{L}\p{N}.-])(?:[3-6][0-9]{12,18}(?![\p{L}\p{N}]|[.-][0-9])|(?:[3-6][0-9]{3}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{3})?|3[0-9]{3}([ -])[0-9]{6}\2[0-9]{4,5})(?![\p{L}\p{N}]|[ .-][0-9]))/gu;

/**
 * Payment card numbers: 13 to 19 digits that begin with 3 to 6, in one run or in groups of 4-4-4-4(-3) or 4-6-4(5),
 * whose Luhn checksum (ISO/IEC 7812-1) is right. After groups no further group may follow; after one run other numbers may.
 */
export function findCards(text: string): Found[] {
  const found: Found[] = [];
  for (const match of text.matchAll(CARD))
    if (luhn(match[0].replace(/[^0-9]/g, '')))
      found.push({ kind: 'credit-card', start: match.index, end: match.index + match[0].length });
  return found;
}

export function luhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48;
    const doubled = digit * 2;
    sum += i % 2 === 0 ? digit : doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

const IBAN = /(?<![\p{L}\p{N}])[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}(?![\p{L}\p{N}])/gu;
/** Lengths by country: the IBAN registry (SWIFT, ISO 13616). */
const IBAN_LENGTHS = new Map(
  'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SD18 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20'
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

/** Bank account numbers with the right length for their country and the right checksum (ISO 13616, mod 97). */
export function findIbans(text: string): Found[] {
  const found: Found[] = [];
  for (const match of text.matchAll(IBAN)) {
    const length = IBAN_LENGTHS.get(match[0].slice(0, 2));
    if (length === undefined) continue;
    // Words in capitals may follow the number: take as many characters as its country has.
    let end = 0;
    for (let taken = 0; end < match[0].length && taken < length; end++) if (match[0][end] !== ' ') taken++;
    const after = match[0][end];
    const iban = match[0].slice(0, end).replaceAll(' ', '');
    if (iban.length === length && (after === undefined || after === ' ') && mod97(iban))
      found.push({ kind: 'iban', start: match.index, end: match.index + end });
  }
  return found;
}

export function mod97(iban: string): boolean {
  let rest = 0;
  for (const c of iban.slice(4) + iban.slice(0, 4)) {
    const value = Number.parseInt(c, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}
