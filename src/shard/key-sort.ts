import { compareKeys, SIDE } from './side-file.ts';

/** High word of a key and a number below this fit one double's 53 bits. */
export const MAX_ROUGHLY_SORTED = 1 << 21;

/**
 * The numbers of the records at words[recordAt[i] ..) by key; equal keys by hash and copy, so that arrival does not count
 * (except among documents that have even those in common, which keep the order given).
 */
export function sortedByKey(words: Uint32Array, recordAt: Uint32Array): Uint32Array {
  const { length } = recordAt;
  const compare = (a: number, b: number): number => compareKeys(words, recordAt[a]!, words, recordAt[b]!);
  const order = new Uint32Array(length);
  if (length > MAX_ROUGHLY_SORTED) return order.map((_, i) => i).sort(compare);
  // A sort without a comparator is ten times as fast.
  const rough = new Float64Array(length);
  for (let i = 0; i < length; i++) rough[i] = words[recordAt[i]! + SIDE.key + 1]! * MAX_ROUGHLY_SORTED + i;
  rough.sort();
  // High words are told from these numbers: the records lie in another order, and hardly one of them in a cache.
  for (let from = 0; from < length; ) {
    const high = Math.floor(rough[from]! / MAX_ROUGHLY_SORTED);
    const base = high * MAX_ROUGHLY_SORTED;
    let to = from;
    for (; to < length && rough[to]! - base < MAX_ROUGHLY_SORTED; to++) order[to] = rough[to]! - base;
    if (to - from > 1) order.subarray(from, to).sort(compare);
    from = to;
  }
  return order;
}
