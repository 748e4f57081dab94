import { readFileSync } from 'node:fs';

interface Fit {
  readonly difference: number;
  readonly p: number;
  readonly low: number;
  readonly high: number;
}

/** Written by tests/golden/ablate/generate.py. */
export const golden = JSON.parse(
  readFileSync(new URL('../../golden/ablate/statistics.json', import.meta.url), 'utf8'),
) as {
  readonly distributions: Readonly<Record<string, readonly (readonly number[])[]>>;
  readonly blocks: readonly {
    readonly rows: readonly (readonly [arm: string, block: number, value: number])[];
    readonly degrees: number;
    readonly spread: number;
    readonly comparisons: Readonly<Record<string, Fit & { readonly standardError: number }>>;
  }[];
  readonly welch: readonly (Fit & {
    readonly a: readonly number[];
    readonly b: readonly number[];
    readonly degrees: number;
  })[];
  readonly holm: readonly { readonly p: readonly number[]; readonly adjusted: readonly number[] }[];
  readonly power: readonly {
    readonly effect: number;
    readonly alpha: number;
    readonly power: number;
    readonly seeds: number;
  }[];
  readonly kendall: readonly {
    readonly a: readonly number[];
    readonly b: readonly number[];
    readonly tau: number;
  }[];
};
