import { createHash } from 'node:crypto';
import { isWide, type MinhashParameters } from './minhash-options.ts';
import { MERSENNE_61, permutationsOf } from './permutations.ts';
import { textDedupWords } from './plain-splitter.ts';
import { datatroveWords } from './simplify.ts';
import { wordTables } from './word-tables.ts';
import { xxh32, xxh64 } from './xxhash.ts';

/*
 * The plain twin of src/kernels/assembly/minhash.ts: slow and obvious, for tests to hold the kernel to.
 */
const K1 = 0x9e3779b97f4a7c15n;
const K2 = 0xc2b2ae3d27d4eb4fn;
const POLYNOMIAL = 0xd6e8feb86659fd93n;
const MAX_WORD = 1024;
const encoder = new TextEncoder();

const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);
const rotl = (x: bigint, by: bigint): bigint => u64((x << by) | (x >> (64n - by)));

function mix(x: bigint): bigint {
  let h = x ^ (x >> 33n);
  h = u64(h * 0xff51afd7ed558ccdn);
  h ^= h >> 33n;
  h = u64(h * 0xc4ceb9fe1a85ec53n);
  return h ^ (h >> 33n);
}

function hashBytes(bytes: Uint8Array): bigint {
  let h = K2 ^ BigInt(bytes.length);
  for (let at = 0; at === 0 || at < bytes.length; at += 8) {
    let chunk = 0n;
    for (let k = Math.min(8, bytes.length - at) - 1; k >= 0; k--)
      chunk = (chunk << 8n) | BigInt(bytes[at + k]!);
    h = u64(rotl(h ^ u64(chunk * K1), 31n) * K2);
  }
  return mix(h);
}

/** Folded words: letters, marks and digits in lower case; a character of a script without spaces stands alone. */
export function foldedWords(text: string): string[] {
  const { classes, folds } = wordTables();
  const words: string[] = [];
  let word = '';
  const flush = (): void => {
    if (word !== '') words.push(word);
    word = '';
  };
  for (const character of text) {
    const code = character.codePointAt(0)!;
    const kind = code < classes.length ? classes[code]! : 0;
    const folded = code < folds.length ? String.fromCharCode(folds[code]!) : character;
    if (kind !== 1) flush();
    if (kind === 1) word += folded;
    if (kind === 2) words.push(folded);
  }
  flush();
  return words;
}

function itemsOf(text: string, splitter: MinhashParameters['splitter']): bigint[] {
  if (splitter === 'words') {
    return foldedWords(text).flatMap((word) => {
      const bytes = encoder.encode(word);
      const pieces: bigint[] = [];
      for (let at = 0; at < bytes.length; at += MAX_WORD)
        pieces.push(hashBytes(bytes.subarray(at, at + MAX_WORD)));
      return pieces;
    });
  }
  const { classes, folds } = wordTables();
  const codes: number[] = [];
  let space = false;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (code >= classes.length || classes[code] === 0) {
      space = codes.length > 0;
      continue;
    }
    if (space) codes.push(32);
    space = false;
    codes.push(code < folds.length ? folds[code]! : code);
  }
  return codes.map((code) => mix(u64(BigInt(code) + K1)));
}

/** The 64-bit hashes of a text's shingles, in order, repeats and all. */
export function shingleHashes(text: string, parameters: MinhashParameters): bigint[] {
  const { splitter, shingleSize: n } = parameters;
  if (splitter === 'datatrove') return hashedShingles(datatroveWords(text), parameters);
  if (splitter === 'text-dedup') return hashedShingles(textDedupWords(text), parameters);
  const items = itemsOf(text, splitter);
  const combine = (from: number, to: number): bigint => {
    let sum = 0n;
    for (let i = from; i < to; i++) sum = u64(sum * POLYNOMIAL + items[i]!);
    return mix(sum);
  };
  if (items.length < n) return items.length === 0 ? [] : [combine(0, items.length)];
  return Array.from({ length: items.length - n + 1 }, (_, i) => combine(i, i + n));
}

/** Hashes as datatrove and text-dedup take them, of words joined by spaces. */
function hashedShingles(
  words: readonly string[],
  { shingleSize: n, hash, bits }: MinhashParameters,
): bigint[] {
  const shingles: bigint[] = [];
  for (let i = 0; i + n <= words.length; i++) {
    const bytes = encoder.encode(words.slice(i, i + n).join(' '));
    if (hash === 'sha1') {
      const digest = createHash('sha1').update(bytes).digest();
      shingles.push(bits === 32 ? BigInt(digest.readUInt32LE(0)) : digest.readBigUInt64LE(0));
    } else {
      shingles.push(bits === 32 ? BigInt(xxh32(bytes)) : xxh64(bytes));
    }
  }
  return shingles;
}

/** What `Signer` computes, plainly: minima and shingles in 32 bits, or undefined where there is no signature. */
export function signPlainly(
  text: string,
  parameters: MinhashParameters,
): { minima: bigint[]; shingles: number[]; keys: bigint[] } | undefined {
  const hashes = shingleHashes(text, parameters);
  if (hashes.length === 0) return undefined;
  const { a, b } = permutationsOf(parameters);
  const wide = isWide(parameters);
  const minima: bigint[] = [];
  for (let j = 0; j < a.length; j++) {
    let least: bigint | undefined;
    for (const h of hashes) {
      let value: bigint;
      if (wide) {
        value = u64(h * a[j]! + b[j]!) % MERSENNE_61;
        if (parameters.bits === 32) value &= 0xffffffffn;
      } else {
        value = BigInt.asUintN(32, (h >> 32n) * a[j]! + b[j]!);
      }
      if (least === undefined || value < least) least = value;
    }
    minima.push(least!);
  }
  const narrow = hashes.map((h) => Number(wide ? (h & 0xffffffffn) ^ (h >> 32n) : h >> 32n));
  const shingles = [...new Set(narrow)].sort((x, y) => x - y);
  return { minima, shingles, keys: bandKeysOf(minima, parameters) };
}

function bandKeysOf(minima: readonly bigint[], { bands, rows }: MinhashParameters): bigint[] {
  return Array.from({ length: bands }, (_, band) => {
    let h = K2 ^ BigInt(band);
    for (let row = 0; row < rows; row++) h = u64(rotl(h ^ u64(minima[band * rows + row]! * K1), 31n) * K2);
    h = mix(h);
    return h === 0xffffffffffffffffn ? 0n : h;
  });
}
