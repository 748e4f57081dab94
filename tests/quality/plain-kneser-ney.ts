import { discountsOf } from '../../src/quality/ngram/estimate.ts';

/** The formulas of interpolated modified Kneser-Ney, as they are written: slow and obvious. */
export interface PlainModel {
  /** p(word | history), history from the last word back. */
  probability(word: number, history: readonly number[]): number;
  /** Contexts that were seen, from the last word back. */
  readonly contexts: ReadonlySet<string>;
}

export function plainKneserNey(sentences: readonly number[][], words: number, order: number): PlainModel {
  // counts[k]: n-grams of k words in reading order.
  const raw = Array.from({ length: order + 1 }, () => new Map<string, number>());
  for (const sentence of sentences) {
    const all = [1, ...sentence, 2];
    for (let i = 1; i < all.length; i++)
      for (let k = 1; k <= Math.min(order, i + 1); k++) {
        const key = all.slice(i - k + 1, i + 1).join(' ');
        raw[k]!.set(key, (raw[k]!.get(key) ?? 0) + 1);
      }
  }
  const adjusted = raw.map((counts, k) => {
    const out = new Map<string, number>();
    for (const [key, count] of counts) {
      const startsSentence = key === '1' || key.startsWith('1 ');
      if (k === order || startsSentence) out.set(key, count);
      else
        out.set(
          key,
          [...raw[k + 1]!.keys()].filter((longer) => longer.slice(longer.indexOf(' ') + 1) === key).length,
        );
    }
    return out;
  });
  const discounts = adjusted.map((counts) => {
    const n = [1, 2, 3, 4].map((c) => [...counts.values()].filter((count) => count === c).length);
    return discountsOf(n).values;
  });
  const discount = (k: number, count: number) => (count === 0 ? 0 : discounts[k]![Math.min(3, count) - 1]!);
  const groups = adjusted.map((counts) => {
    const byContext = new Map<string, Map<number, number>>();
    for (const [key, count] of counts) {
      const ids = key.split(' ');
      const context = ids.slice(0, -1).join(' ');
      if (!byContext.has(context)) byContext.set(context, new Map());
      byContext.get(context)!.set(Number(ids.at(-1)), count);
    }
    return byContext;
  });
  const p = (word: number, context: readonly number[]): number => {
    const k = context.length + 1;
    const lower = k === 1 ? 1 / (words - 1) : p(word, context.slice(1));
    const group = groups[k]!.get(context.join(' '));
    if (!group) return lower;
    let total = 0;
    let taken = 0;
    for (const count of group.values()) {
      total += count;
      taken += discount(k, count);
    }
    const count = group.get(word) ?? 0;
    return (count - discount(k, count)) / total + (taken / total) * lower;
  };
  const contexts = new Set<string>();
  for (const group of groups.slice(1))
    for (const context of group.keys()) contexts.add(context.split(' ').reverse().join(' '));
  return { contexts, probability: (word, history) => p(word, [...history].slice(0, order - 1).reverse()) };
}
