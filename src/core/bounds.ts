/** Bounds that contradict each other, of options called `minX` and `maxX` by any step, a user's own included. */

import { ConfigurationError } from './errors.ts';

/**
 * Throws a ConfigurationError where a least value is above the largest one: nothing would be left. A largest value of 0
 * means "none of these" (the character n-grams of `train-classifier`).
 */
export function requireOrderedBounds(options: Readonly<Record<string, unknown>>): void {
  for (const [name, least] of Object.entries(options)) {
    if (!/^min[A-Z]/.test(name)) continue;
    const other = `max${name.slice(3)}`;
    const most = options[other];
    if (typeof least !== 'number' || typeof most !== 'number' || most === 0) continue;
    if (least <= most) continue;
    throw new ConfigurationError(`${name} is above ${other}: nothing lies between`, {
      expected: `${name} at most ${most}`,
      found: `${least}`,
    });
  }
}
