import { randomInt } from 'node:crypto';
import type { Spans } from './spans.ts';
import { codePoints } from './text.ts';
import type { WordSpans } from './words.ts';

/**
 * A polynomial over UTF-16 units modulo 2^31 - 1. The base differs from process to process, so that no text can be
 * made to collide; equal hashes are always compared in full, so that no result depends on it.
 */
const PRIME = 2147483647;
const BASE = randomInt(65_537, 1 << 21);
const INVERSE = 1 / 2147483648;

/** x < 2^53 modulo the prime. */
function reduce(x: number): number {
  const high = Math.floor(x * INVERSE);
  const sum = x - high * 2147483648 + high;
  return sum >= PRIME ? sum - PRIME : sum;
}

function multiply(a: number, b: number): number {
  const high = reduce(a * (b >>> 16));
  return reduce(high * 65536 + a * (b & 65535));
}

function hashOn(hash: number, text: string, from: number, to: number): number {
  let h = hash;
  // BASE < 2^21 and h < 2^31: the product is exact in a double.
  for (let i = from; i < to; i++) h = reduce(h * BASE + text.charCodeAt(i));
  return h;
}

const POWERS = buildPowers(4096);

function buildPowers(n: number): Int32Array {
  const powers = new Int32Array(n);
  powers[0] = 1;
  for (let i = 1; i < n; i++) powers[i] = multiply(powers[i - 1]!, BASE);
  return powers;
}

/** BASE to the power of n. */
function power(n: number): number {
  if (n < POWERS.length) return POWERS[n]!;
  const root = power(n >>> 1);
  const square = multiply(root, root);
  return n & 1 ? multiply(square, BASE) : square;
}

function equalRanges(text: string, a: number, b: number, length: number): boolean {
  for (let k = 0; k < length; k++) if (text.charCodeAt(a + k) !== text.charCodeAt(b + k)) return false;
  return true;
}

/** A table of numbers by hash, open addressing. Scratch memory is kept from text to text while it is small. */
const KEEP_SLOTS = 1 << 20;
let keptSlots = new Int32Array(1 << 12);

function slotsFor(n: number): Int32Array {
  let size = 1 << 12;
  while (size < n * 2) size *= 2;
  if (size > keptSlots.length) {
    const slots = new Int32Array(size);
    if (size <= KEEP_SLOTS) keptSlots = slots;
    return slots;
  }
  const slots = keptSlots.subarray(0, size);
  slots.fill(0);
  return slots;
}

function scramble(hash: number): number {
  const h = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return h ^ (h >>> 13);
}

export interface Duplicates {
  /** Parts that occurred before, the first occurrence left out. */
  readonly count: number;
  /** Their code points together. */
  readonly characters: number;
}

/** How many of the parts of a text repeat an earlier one exactly. */
export function findDuplicates(text: string, parts: Spans, flat: boolean): Duplicates {
  const { starts, ends, length } = parts;
  const slots = slotsFor(length);
  const hashes = new Int32Array(length);
  const mask = slots.length - 1;
  let count = 0;
  let characters = 0;
  for (let i = 0; i < length; i++) {
    const start = starts[i]!;
    const size = ends[i]! - start;
    const hash = hashOn(1, text, start, ends[i]!);
    hashes[i] = hash;
    let at = scramble(hash) & mask;
    for (; slots[at] !== 0; at = (at + 1) & mask) {
      const j = slots[at]! - 1;
      if (hashes[j] === hash && ends[j]! - starts[j]! === size && equalRanges(text, start, starts[j]!, size))
        break;
    }
    if (slots[at] === 0) slots[at] = i + 1;
    else {
      count++;
      characters += flat ? size : codePoints(text, start, ends[i]!);
    }
  }
  return { count, characters };
}

/** How many parts occur more than once, every copy counted, and their code points. */
export function copies(text: string, parts: Spans, flat: boolean): Duplicates {
  const { starts, ends, length } = parts;
  const words = new WordRuns({ text, length, starts, ends }, flat);
  return words.copies(1);
}

/** No n-gram occurs so often. */
const UNIQUE = 0xffffffff;
/** From here on the tables do not fit into caches. */
const LONG_TEXT_WORDS = 1 << 18;

/**
 * Which hashes of a list may occur in it more than once, in 16 to 32 bits a hash: in a long text without repetition
 * nearly none does, and the large tables of exact look-ups stay small.
 */
class Twice {
  /** How many of the list's entries may have another like them. */
  readonly count: number;
  private readonly once: Uint32Array;
  private readonly more: Uint32Array;
  private readonly mask: number;

  constructor(hashes: Int32Array) {
    let words = 1 << 12;
    while (words < hashes.length / 4 && words < 1 << 26) words *= 2;
    this.once = new Uint32Array(words);
    this.more = new Uint32Array(words);
    this.mask = words - 1;
    for (const hash of hashes) {
      const at = scramble(hash);
      const word = (at >>> 5) & this.mask;
      const bit = 1 << (at & 31);
      if (this.once[word]! & bit) this.more[word]! |= bit;
      else this.once[word]! |= bit;
    }
    let count = 0;
    for (const hash of hashes) if (this.has(hash)) count++;
    this.count = count;
  }

  has(hash: number): boolean {
    const at = scramble(hash);
    return (this.more[(at >>> 5) & this.mask]! & (1 << (at & 31))) !== 0;
  }
}

/** The words of one text, numbered, with what is needed to compare runs of them in constant time. */
export class WordRuns {
  readonly words: WordSpans;
  /** [words] equal words have equal numbers. */
  private readonly ids: Int32Array;
  /** [words] how often the word at i occurs, at its first place. */
  private readonly often: Uint32Array;
  /** [words + 1] hash of all words before, written without a separator. */
  private readonly hashes: Int32Array;
  /** [words + 1] UTF-16 units and code points of all words before. */
  private readonly units: Uint32Array;
  private readonly points: Uint32Array;

  constructor(words: WordSpans, flat: boolean) {
    const { text, starts, ends, length } = words;
    this.words = words;
    this.ids = new Int32Array(length);
    this.often = new Uint32Array(length);
    this.hashes = new Int32Array(length + 1);
    this.units = new Uint32Array(length + 1);
    this.points = flat ? this.units : new Uint32Array(length + 1);
    const slots = slotsFor(length);
    const own = new Int32Array(length);
    const mask = slots.length - 1;
    for (let i = 0; i < length; i++) {
      const start = starts[i]!;
      const end = ends[i]!;
      const size = end - start;
      this.units[i + 1] = this.units[i]! + size;
      if (!flat) this.points[i + 1] = this.points[i]! + codePoints(text, start, end);
      const hash = hashOn(0, text, start, end);
      own[i] = hash;
      this.hashes[i + 1] = reduce(multiply(this.hashes[i]!, power(size)) + hash);
      let at = scramble(hash) & mask;
      for (; slots[at] !== 0; at = (at + 1) & mask) {
        const j = slots[at]! - 1;
        if (own[j] === hash && ends[j]! - starts[j]! === size && equalRanges(text, start, starts[j]!, size))
          break;
      }
      if (slots[at] === 0) slots[at] = i + 1;
      const first = slots[at]! - 1;
      this.ids[i] = first;
      this.often[first] = this.often[first]! + 1;
    }
  }

  /** Code points of all words. */
  get characters(): number {
    return this.points[this.words.length]!;
  }

  /** The median of the words' lengths in code points; 0 where there are none. */
  medianLength(): number {
    const n = this.words.length;
    if (n === 0) return 0;
    const lengths = new Uint32Array(n);
    for (let i = 0; i < n; i++) lengths[i] = this.points[i + 1]! - this.points[i]!;
    lengths.sort();
    const middle = n >>> 1;
    return n % 2 === 1 ? lengths[middle]! : (lengths[middle - 1]! + lengths[middle]!) / 2;
  }

  /**
   * Code points of the most frequent n-gram (its words joined by a blank) times its count; of several with the
   * highest count the first seen. 0 where the text has fewer than n words.
   */
  topNgramCharacters(n: number): number {
    const { characters, count } = this.topNgram(n);
    return count === 0 ? 0 : (characters + n - 1) * count;
  }

  /** The most frequent n-gram: the code points of its words, and how often it occurs. */
  topNgram(n: number): Duplicates {
    const last = this.words.length - n;
    if (last < 0) return { characters: 0, count: 0 };
    const counts = this.countNgrams(n);
    let top = 0;
    for (let i = 1; i <= last; i++) if (counts[i]! > counts[top]!) top = i;
    return { characters: this.points[top + n]! - this.points[top]!, count: counts[top]! };
  }

  /** As `topNgram`, but of several n-grams with the highest count the one with the most code points. */
  longestTopNgram(n: number): Duplicates {
    const counts = this.countNgrams(n);
    let count = 0;
    let characters = 0;
    for (let i = 0; i < counts.length; i++) {
      if (counts[i]! === 0 || counts[i]! < count) continue;
      const points = this.points[i + n]! - this.points[i]!;
      characters = counts[i]! > count ? points : Math.max(characters, points);
      count = counts[i]!;
    }
    return { characters, count };
  }

  /** Code points of the words that stand in n-grams occurring twice or more; a word in several of them counts once. */
  repeatedWordCharacters(n: number): number {
    const firsts = new Uint32Array(Math.max(this.words.length - n + 1, 0));
    const counts = this.countNgrams(n, firsts);
    let characters = 0;
    let from = 0;
    for (let i = 0; i < counts.length; i++) {
      if (counts[firsts[i]!]! < 2) continue;
      from = Math.max(from, i);
      characters += this.points[i + n]! - this.points[from]!;
      from = i + n;
    }
    return characters;
  }

  /** The n-grams that occur more than once, every copy counted, and the code points of their words. */
  copies(n: number): Duplicates {
    const counts = this.countNgrams(n);
    let count = 0;
    let characters = 0;
    for (let i = 0; i < counts.length; i++) {
      if (counts[i]! < 2) continue;
      count += counts[i]!;
      characters += counts[i]! * (this.points[i + n]! - this.points[i]!);
    }
    return { count, characters };
  }

  /** The share of the code points of all n-grams, each counted in full, that lies in n-grams occurring twice or more. */
  repeatedNgramShare(n: number): number {
    let all = 0;
    for (let i = 0; i + n <= this.words.length; i++) all += this.points[i + n]! - this.points[i]!;
    return this.copies(n).characters / Math.max(all, 1);
  }

  /**
   * [n-grams] how often the n-gram at i occurs, at its first place; 0 at its others. `firsts` takes the first place of
   * the n-gram at i.
   */
  private countNgrams(n: number, firsts?: Uint32Array): Uint32Array {
    const last = this.words.length - n;
    if (last < 0) return new Uint32Array(0);
    const { ids } = this;
    const counts = new Uint32Array(last + 1);
    const slots = slotsFor(last + 1 - this.countUnique(n, counts));
    const mask = slots.length - 1;
    for (let i = 0; i <= last; i++) {
      if (counts[i] === UNIQUE) {
        counts[i] = 1;
        if (firsts) firsts[i] = i;
        continue;
      }
      let hash = 0;
      for (let k = i; k < i + n; k++) hash = reduce(hash * BASE + ids[k]!);
      let at = scramble(hash) & mask;
      for (; slots[at] !== 0; at = (at + 1) & mask) if (this.sameIds(slots[at]! - 1, i, n)) break;
      if (slots[at] === 0) slots[at] = i + 1;
      const first = slots[at]! - 1;
      counts[first] = counts[first]! + 1;
      if (firsts) firsts[i] = first;
    }
    return counts;
  }

  /** Marks the n-grams with a word that the text has only once: they need no look-up, in most texts half of them. */
  private countUnique(n: number, counts: Uint32Array): number {
    const { ids, often } = this;
    let unique = 0;
    let lastOnce = -1;
    for (let i = 0; i < n - 1; i++) if (often[ids[i]!] === 1) lastOnce = i;
    for (let i = 0; i < counts.length; i++) {
      if (often[ids[i + n - 1]!] === 1) lastOnce = i + n - 1;
      if (lastOnce < i) continue;
      counts[i] = UNIQUE;
      unique++;
    }
    return unique;
  }

  /**
   * Code points in n-grams that occurred before, their words joined without a separator: after such a hit the
   * search goes on n words later, else one word later.
   */
  duplicateNgramCharacters(n: number): number {
    const last = this.words.length - n;
    if (last < 0) return 0;
    const { hashes, units, points } = this;
    const seen = new Int32Array(last + 1);
    for (let i = 0; i <= last; i++) {
      const size = units[i + n]! - units[i]!;
      seen[i] = reduce(hashes[i + n]! + PRIME - multiply(hashes[i]!, power(size)));
    }
    const twice = last < LONG_TEXT_WORDS ? undefined : new Twice(seen);
    const slots = slotsFor(twice ? twice.count : last + 1);
    const mask = slots.length - 1;
    let characters = 0;
    for (let i = 0; i <= last; ) {
      const hash = seen[i]!;
      if (twice && !twice.has(hash)) {
        i++;
        continue;
      }
      const size = units[i + n]! - units[i]!;
      let at = scramble(hash) & mask;
      for (; slots[at] !== 0; at = (at + 1) & mask) {
        const j = slots[at]! - 1;
        if (seen[j] === hash && units[j + n]! - units[j]! === size && this.sameLetters(j, i, n)) break;
      }
      if (slots[at] === 0) {
        slots[at] = i + 1;
        i++;
      } else {
        characters += points[i + n]! - points[i]!;
        i += n;
      }
    }
    return characters;
  }

  private sameIds(a: number, b: number, n: number): boolean {
    for (let k = 0; k < n; k++) if (this.ids[a + k] !== this.ids[b + k]) return false;
    return true;
  }

  /** Whether the n words from a and from b are the same letters, however they are cut into words. */
  private sameLetters(a: number, b: number, n: number): boolean {
    if (this.sameIds(a, b, n)) return true;
    const { text, starts, ends } = this.words;
    let i = a;
    let j = b;
    let p = starts[i]!;
    let q = starts[j]!;
    while (i < a + n && j < b + n) {
      if (text.charCodeAt(p++) !== text.charCodeAt(q++)) return false;
      if (p === ends[i]) p = starts[++i]!;
      if (q === ends[j]) q = starts[++j]!;
    }
    return true;
  }
}
