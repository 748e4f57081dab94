import { z } from 'zod';

/** A threshold that `null` switches off. */
export function threshold(value: number, description: string) {
  return z.number().nonnegative().nullable().default(value).describe(`${description}; null: no such rule`);
}

/** A share between 0 and 1 that `null` switches off. */
export function share(value: number | null, description: string) {
  return z.number().min(0).max(1).nullable().default(value).describe(`${description}; null: no such rule`);
}
