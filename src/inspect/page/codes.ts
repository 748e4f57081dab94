/**
 * Thresholds that a slider can take, and values as places among them: one byte a document and rule decides exactly what
 * the number itself would, at every place of the slider. Part of the page; imports nothing.
 */

export type Comparison = 'min' | 'max';

/** The code of a value that breaks no rule: not measured, or spared. */
export const BREAKS_NOTHING = 255;

/** Most thresholds of a slider: codes 0 to as many must stay below BREAKS_NOTHING. */
export const MOST_THRESHOLDS = 250;

/**
 * Where a value stands in an ascending grid: for a maximum the first threshold that it does not exceed, for a minimum
 * the number of thresholds that it reaches.
 */
export function codeOf(value: number, comparison: Comparison, grid: ArrayLike<number>): number {
  if (Number.isNaN(value)) return BREAKS_NOTHING;
  let low = 0;
  let high = grid.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (comparison === 'max' ? grid[middle]! < value : grid[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether a value of this code breaks the threshold `grid[at]`; at -1 the rule is off. */
export function breaksAt(code: number, comparison: Comparison, at: number): boolean {
  if (at < 0 || code === BREAKS_NOTHING) return false;
  return comparison === 'max' ? code > at : code <= at;
}
