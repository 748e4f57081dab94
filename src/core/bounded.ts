import pLimit from 'p-limit';

/** Items whose promises exist at once: p-limit's queue costs about 900 bytes an item, so it gets so many at a time. */
const QUEUED = 1024;

/** Maps in order with at most `concurrency` calls under way; the first error ends it. */
export async function mapBounded<T, R>(
  items: readonly T[],
  concurrency: number,
  map: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const limit = pLimit(concurrency);
  const results: R[] = [];
  for (let from = 0; from < items.length; from += QUEUED) {
    const chunk = items.slice(from, from + QUEUED);
    results.push(...(await Promise.all(chunk.map((item, i) => limit(() => map(item, from + i))))));
  }
  return results;
}
