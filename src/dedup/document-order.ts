import { blocksOf, META_SECTION, MetaBlock, type Side } from './document-columns.ts';
import type { Pace } from './side-files.ts';

/** The order in which documents count as first, whatever the order of the input. */
export interface DocumentOrder {
  /** [documents] place of each document: 0 is the one whose text stays before all others'. */
  readonly rank: Uint32Array;
  /** Held-out documents have the ranks below this number. */
  readonly heldOut: number;
}

const KEY_WORDS = 5;

/**
 * Held-out documents come first, then the higher preference, then the smaller hash of corpus and id (`earliest`: the
 * smaller number).
 */
export async function orderDocuments(
  sides: readonly Side[],
  documents: number,
  earliest: boolean,
  pace: Pace,
): Promise<DocumentOrder> {
  const columns = Array.from({ length: KEY_WORDS }, () => new Uint32Array(documents));
  const [training, high, low, idHigh, idLow] = columns as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  const float = new Float64Array(1);
  const words = new Uint32Array(float.buffer);
  let heldOut = 0;
  for (const { side, entry, first } of blocksOf(sides, META_SECTION)) {
    const meta = new MetaBlock(side.reader.read(entry));
    for (let i = 0; i < meta.length; i++) {
      const at = first + i;
      training[at] = meta.heldOut(i) ? 0 : 1;
      if (meta.heldOut(i)) heldOut++;
      // A negative zero must not differ from zero. Descending: the bits of the negated number, made to ascend.
      float[0] = -meta.preference(i) || 0;
      const negative = words[1]! >>> 31 === 1;
      high[at] = (negative ? ~words[1]! : words[1]! | 0x80000000) >>> 0;
      low[at] = (negative ? ~words[0]! : words[0]!) >>> 0;
      if (earliest) continue;
      idHigh[at] = meta.idHigh(i);
      idLow[at] = meta.idLow(i);
    }
    await pace.step('order');
  }
  const order = sortByColumns(columns, documents);
  const rank = new Uint32Array(documents);
  for (let i = 0; i < documents; i++) rank[order[i]!] = i;
  return { rank, heldOut };
}

/** Row numbers in the order of the columns, the first one first; a stable radix sort from the last digit on. */
export function sortByColumns(columns: readonly Uint32Array[], n: number): Uint32Array {
  let order = new Uint32Array(n);
  let other = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  const counts = new Uint32Array(0x10000);
  for (const column of [...columns].reverse()) {
    for (const shift of [0, 16]) {
      counts.fill(0);
      for (let i = 0; i < n; i++) counts[(column[i]! >>> shift) & 0xffff]!++;
      if (n === 0 || counts[(column[0]! >>> shift) & 0xffff] === n) continue;
      let sum = 0;
      for (let digit = 0; digit < counts.length; digit++) {
        const count = counts[digit]!;
        counts[digit] = sum;
        sum += count;
      }
      for (let i = 0; i < n; i++) {
        const row = order[i]!;
        other[counts[(column[row]! >>> shift) & 0xffff]!++] = row;
      }
      [order, other] = [other, order];
    }
  }
  return order;
}
