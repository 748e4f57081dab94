/** From this many numbers on, four radix passes beat the built-in sort on hashes that it has not seen before. */
const RADIX_FROM = 256;
const counts = new Uint32Array(4 * 256);
let other = new Uint32Array(4096);

/** Sorts 32-bit numbers ascending, in place. */
function sort(numbers: Uint32Array): void {
  const n = numbers.length;
  if (n < RADIX_FROM) {
    numbers.sort();
    return;
  }
  if (other.length < n) other = new Uint32Array(n + (n >> 2));
  counts.fill(0);
  for (let i = 0; i < n; i++) {
    const x = numbers[i]!;
    counts[x & 255]!++;
    counts[256 + ((x >>> 8) & 255)]!++;
    counts[512 + ((x >>> 16) & 255)]!++;
    counts[768 + (x >>> 24)]!++;
  }
  for (let pass = 0; pass < 1024; pass += 256) {
    for (let digit = pass, sum = 0; digit < pass + 256; digit++) {
      const count = counts[digit]!;
      counts[digit] = sum;
      sum += count;
    }
  }
  for (let i = 0; i < n; i++) other[counts[numbers[i]! & 255]!++] = numbers[i]!;
  for (let i = 0; i < n; i++) numbers[counts[256 + ((other[i]! >>> 8) & 255)]!++] = other[i]!;
  for (let i = 0; i < n; i++) other[counts[512 + ((numbers[i]! >>> 16) & 255)]!++] = numbers[i]!;
  for (let i = 0; i < n; i++) numbers[counts[768 + (other[i]! >>> 24)]!++] = other[i]!;
}

/**
 * Shingles that a set holds at most. Of a document with more the smallest are kept: a sample of each set by the same rule,
 * from which the similarity is estimated with a deviation below 0.0005 (bottom-k sketches: Broder, 1997).
 */
export const MOST_SHINGLES = 1 << 20;

/** Sorts hashes ascending and removes repeats; returns the part of `hashes` that holds the result. */
export function sortedSet(hashes: Uint32Array): Uint32Array {
  sort(hashes);
  let n = 0;
  for (let i = 0; i < hashes.length; i++) {
    if (i === 0 || hashes[i] !== hashes[i - 1]) hashes[n++] = hashes[i]!;
  }
  return hashes.subarray(0, n);
}

/** Jaccard similarity of two sorted sets; of two empty ones 0. */
export function jaccard(a: Uint32Array, b: Uint32Array): number {
  if (a.length >= MOST_SHINGLES || b.length >= MOST_SHINGLES) return sampledJaccard(a, b);
  const common = intersection(a, b);
  const union = a.length + b.length - common;
  return union === 0 ? 0 : common / union;
}

/** Whether the Jaccard similarity is at least `least`, without walking sets whose sizes say no. */
export function similar(a: Uint32Array, b: Uint32Array, least: number): boolean {
  const small = Math.min(a.length, b.length);
  const large = Math.max(a.length, b.length);
  if (small === 0 || (large < MOST_SHINGLES && small < least * large)) return false;
  return jaccard(a, b) >= least;
}

/** Of what both samples cover: up to the highest hash of the one that ends first. */
function sampledJaccard(a: Uint32Array, b: Uint32Array): number {
  const end = (set: Uint32Array): number =>
    set.length >= MOST_SHINGLES ? set[MOST_SHINGLES - 1]! : Infinity;
  const most = Math.min(end(a), end(b));
  const x = upTo(a, most);
  const y = upTo(b, most);
  const common = intersection(x, y);
  const union = x.length + y.length - common;
  return union === 0 ? 0 : common / union;
}

function upTo(set: Uint32Array, most: number): Uint32Array {
  let low = 0;
  let high = set.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (set[middle]! <= most) low = middle + 1;
    else high = middle;
  }
  return set.subarray(0, low);
}

function intersection(a: Uint32Array, b: Uint32Array): number {
  let common = 0;
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const x = a[i]!;
    const y = b[j]!;
    if (x === y) common++;
    if (x <= y) i++;
    if (y <= x) j++;
  }
  return common;
}
