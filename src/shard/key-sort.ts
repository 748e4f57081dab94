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
  const high = (i: number): number => words[recordAt[i]! + SIDE.key + 1]!;
  // A sort without a comparator is ten times as fast.
  const rough = new Float64Array(length);
  for (let i = 0; i < length; i++) rough[i] = high(i) * MAX_ROUGHLY_SORTED + i;
  rough.sort();
  for (let i = 0; i < length; i++) order[i] = rough[i]! % MAX_ROUGHLY_SORTED;
  for (let from = 0; from < length; ) {
    let to = from + 1;
    while (to < length && high(order[to]!) === high(order[from]!)) to++;
    if (to - from > 1) order.subarray(from, to).sort(compare);
    from = to;
  }
  return order;
}
