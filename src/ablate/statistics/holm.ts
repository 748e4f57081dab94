/**
 * Holm's step-down adjustment (1979): the chance of one false finding in the whole family is at most what the adjusted
 * p is held against. `family` counts tests that could not be carried out, too; they count as 1.
 */
export function holm(p: readonly number[], family = p.length): number[] {
  const order = p.map((_, i) => i).sort((a, b) => p[a]! - p[b]!);
  const adjusted = new Array<number>(p.length);
  let largest = 0;
  for (const [rank, i] of order.entries()) {
    largest = Math.max(largest, Math.min(1, (family - rank) * p[i]!));
    adjusted[i] = largest;
  }
  return adjusted;
}
