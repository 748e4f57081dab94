/** Sorts hashes ascending and removes repeats; returns the part of `hashes` that holds the result. */
export function sortedSet(hashes: Uint32Array): Uint32Array {
  hashes.sort();
  let n = 0;
  for (let i = 0; i < hashes.length; i++) {
    if (i === 0 || hashes[i] !== hashes[i - 1]) hashes[n++] = hashes[i]!;
  }
  return hashes.subarray(0, n);
}

/** Jaccard similarity of two sorted sets; of two empty ones 0. */
export function jaccard(a: Uint32Array, b: Uint32Array): number {
  const common = intersection(a, b);
  const union = a.length + b.length - common;
  return union === 0 ? 0 : common / union;
}

/** Whether the Jaccard similarity is at least `least`, without walking sets whose sizes say no. */
export function similar(a: Uint32Array, b: Uint32Array, least: number): boolean {
  const small = Math.min(a.length, b.length);
  const large = Math.max(a.length, b.length);
  if (small === 0 || small < least * large) return false;
  return jaccard(a, b) >= least;
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
