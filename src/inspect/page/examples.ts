import type { PageCheck } from './page-types.ts';

/** A corpus of at most so many documents is in the page with all its beginnings. */
const ALL = 2500;
const SAMPLE = 400;
/** Places to each side of the present threshold at which documents are wanted, and how many. */
const NEAR = 12;
const NEAR_EACH = 2;
/** Further away, one at every so-manieth place. */
const FAR_EVERY = 8;

/**
 * Which documents' beginnings the page holds, ascending: a random sample, and for each rule documents on both sides of
 * its present threshold and some at others. `draws`: a number for each document that says which is taken first.
 */
export function exampleRows(
  checks: readonly PageCheck[],
  codes: readonly Uint8Array[],
  draws: readonly number[],
): number[] {
  const order = [...draws.keys()].sort((a, b) => draws[a]! - draws[b]!);
  if (order.length <= ALL) return [...draws.keys()];
  const rows = new Set(order.slice(0, SAMPLE));
  checks.forEach(({ at, grid, comparison }, c) => {
    const taken = new Uint8Array(256);
    for (const row of order) {
      const code = codes[c]![row]!;
      if (taken[code]! >= wantedAt(code, comparison === 'max' ? at : at + 1, grid.length)) continue;
      taken[code]!++;
      rows.add(row);
    }
  });
  return [...rows].sort((a, b) => a - b);
}

function wantedAt(code: number, at: number, places: number): number {
  if (code > places) return 0;
  if (at >= 0 && Math.abs(code - at) <= NEAR) return NEAR_EACH;
  return code % FAR_EVERY === 0 ? 1 : 0;
}
