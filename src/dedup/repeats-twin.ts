/** A document of the plain twin: its symbols, its place in the order, and whether it is held out. */
export interface TwinDocument {
  readonly symbols: ArrayLike<number>;
  readonly rank: number;
  readonly heldOut: boolean;
}

/**
 * What RepeatFinder finds, by a map of all windows as strings: for each document the symbols that lie in a window that
 * occurred before (`first`) or occurs anywhere else (`none`), 2 where such a window's first occurrence is held out.
 */
export function coveredPlainly(
  documents: readonly TwinDocument[],
  length: number,
  keepCopies: 'first' | 'none',
  withinDocument: boolean,
): Uint8Array[] {
  const places = new Map<string, { document: number; at: number }[]>();
  const ordered = documents.map((_, i) => i).sort((a, b) => documents[a]!.rank - documents[b]!.rank);
  for (const document of ordered) {
    const symbols = Array.from(documents[document]!.symbols);
    for (let at = 0; at + length <= symbols.length; at++) {
      const key = symbols.slice(at, at + length).join(',');
      const list = places.get(key);
      if (list) list.push({ document, at });
      else places.set(key, [{ document, at }]);
    }
  }
  const covered = documents.map(({ symbols }) => new Uint8Array(symbols.length));
  for (const list of places.values()) {
    const first = list[0]!;
    list.forEach(({ document, at }, i) => {
      if (documents[document]!.heldOut) return;
      const others = keepCopies === 'first' ? list.slice(0, i) : list.filter((_, k) => k !== i);
      const counts = others.some((other) => withinDocument || other.document !== document);
      if (!counts) return;
      const code = documents[first.document]!.heldOut ? 2 : 1;
      const own = covered[document]!;
      for (let k = at; k < at + length; k++) own[k] = Math.max(own[k]!, code);
    });
  }
  return covered;
}
