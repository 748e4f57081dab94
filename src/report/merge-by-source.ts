import type { Document } from '../core/document.ts';

/**
 * Two streams of documents of one part as one, in the order in which they were read: the kept ones come in that order,
 * the refused ones step by step within each batch. A file of documents holds no ordinals, so the order is that of
 * `start` within a source; a source of which nothing was kept comes after all others.
 */
export async function* mergeBySource<T extends { readonly document: Document }>(
  kept: AsyncIterable<T>,
  refused: readonly T[],
): AsyncGenerator<T> {
  const waiting = new Map<string, T[]>();
  for (const one of refused) {
    const { source } = one.document;
    const list = waiting.get(source);
    if (list) list.push(one);
    else waiting.set(source, [one]);
  }
  // The last in the list is the next to go.
  for (const list of waiting.values()) list.sort((a, b) => b.document.start - a.document.start);
  let current: string | undefined;
  for await (const one of kept) {
    const { source, start } = one.document;
    if (current !== undefined && source !== current) yield* drain(waiting, current);
    current = source;
    const list = waiting.get(source);
    while (list?.length && list.at(-1)!.document.start < start) yield list.pop()!;
    yield one;
  }
  if (current !== undefined) yield* drain(waiting, current);
  for (const source of [...waiting.keys()]) yield* drain(waiting, source);
}

function* drain<T>(waiting: Map<string, T[]>, source: string): Generator<T> {
  const list = waiting.get(source);
  waiting.delete(source);
  while (list?.length) yield list.pop()!;
}
