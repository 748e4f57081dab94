import { z } from 'zod';
import { ConfigurationError } from '../core/errors.ts';
import { indexOptions } from './indexed-job.ts';
import { priorityOptions } from './priority.ts';

/** How a text becomes a set of hashed shingles and a signature: all that a signature depends on. */
export interface MinhashParameters {
  /** `words` and `characters` are provender's own; the others split as the systems of those names do (datatrove: English). */
  readonly splitter: 'words' | 'characters' | 'datatrove' | 'text-dedup';
  /** Words or characters a shingle. */
  readonly shingleSize: number;
  readonly bands: number;
  /** Minima a band; there are bands x rows permutations. */
  readonly rows: number;
  readonly bits: 32 | 64;
  /** `mix` is provender's own; the others are of the UTF-8 bytes of a shingle. */
  readonly hash: 'mix' | 'xxhash' | 'sha1';
  readonly seed: number;
  /** The least true Jaccard similarity of a pair of candidates; without it every candidate counts. */
  readonly minJaccard?: number | undefined;
}

type Preset = MinhashParameters;

/** Whether minima are computed in 64 bits: datatrove's arithmetic is so in both widths. */
export function isWide({ bits, hash }: MinhashParameters): boolean {
  return bits === 64 || hash !== 'mix';
}

/** datatrove's numbers: `reference`: huggingface/datatrove, pipeline/dedup/minhash.py; FineWeb hashes with SHA-1. */
const DATATROVE: Preset = {
  splitter: 'datatrove',
  shingleSize: 5,
  bands: 14,
  rows: 8,
  bits: 64,
  hash: 'xxhash',
  seed: 1,
};

export const MINHASH_PRESETS = {
  provender: {
    splitter: 'words',
    shingleSize: 5,
    bands: 16,
    rows: 8,
    bits: 32,
    hash: 'mix',
    seed: 1,
    minJaccard: 0.7,
  },
  datatrove: DATATROVE,
  fineweb: { ...DATATROVE, hash: 'sha1' },
  // text-dedup 0.4.0: 250 permutations at a threshold of 0.7, 25 bands of 10. Its 64 bits are the width of its columns:
  // hashes and minima have 32.
  'text-dedup': {
    splitter: 'text-dedup',
    shingleSize: 5,
    bands: 25,
    rows: 10,
    bits: 32,
    hash: 'sha1',
    seed: 42,
  },
} satisfies Record<string, Preset>;

const count = (least: number, most: number): z.ZodOptional<z.ZodNumber> =>
  z.number().int().min(least).max(most).optional();

export const minhashDedupOptions = z.strictObject({
  preset: z
    .enum(['provender', 'datatrove', 'fineweb', 'text-dedup'])
    .default('provender')
    .describe('Where the options below are not given, they are those of this system'),
  shingle: z
    .enum(['words', 'characters'])
    .optional()
    .describe('What shingles are made of (preset provender)'),
  shingleSize: count(1, 256).describe('Words or characters a shingle'),
  permutations: count(1, 1024).describe('With `threshold`: how many minima a signature has at most'),
  threshold: z
    .number()
    .gt(0)
    .lt(1)
    .optional()
    .describe('Derives bands and rows: the similarity at which pairs begin to be found'),
  bands: count(1, 1024).describe('Bands of a signature; two documents are candidates when they agree in one'),
  rows: count(1, 1024).describe('Minima a band'),
  bits: z
    .union([z.literal(32), z.literal(64)])
    .optional()
    .describe('Width of a minimum'),
  verify: z
    .boolean()
    .optional()
    .describe('Whether the true Jaccard similarity of candidates is computed (preset provender does)'),
  minJaccard: z
    .number()
    .gt(0)
    .max(1)
    .optional()
    .describe('With `verify`: the least similarity of a duplicate; else the threshold, else 0.7'),
  seed: count(0, 0xffffffff).describe('Of the permutations'),
  ...priorityOptions,
  ...indexOptions,
});
export type MinhashDedupOptions = z.infer<typeof minhashDedupOptions>;

const MOST_PERMUTATIONS = 1024;

/** The probability that two documents of Jaccard similarity `s` agree in a band: 1 - (1 - s^rows)^bands. */
export function foundWithProbability(s: number, bands: number, rows: number): number {
  return 1 - (1 - s ** rows) ** bands;
}

/**
 * Bands and rows of at most `permutations` minima whose curve errs least about the threshold: the areas of false
 * positives below it and of false negatives above it weigh the same (Leskovec, Rajaraman and Ullman, Mining of
 * Massive Datasets, 3.4).
 */
export function bandsFor(threshold: number, permutations: number): { bands: number; rows: number } {
  let best = { bands: 1, rows: permutations };
  let least = Infinity;
  const steps = 1000;
  for (let rows = 1; rows <= permutations; rows++) {
    const bands = Math.floor(permutations / rows);
    let error = 0;
    for (let i = 0; i < steps; i++) {
      const s = (i + 0.5) / steps;
      const p = foundWithProbability(s, bands, rows);
      error += s < threshold ? p : 1 - p;
    }
    if (error < least) {
      least = error;
      best = { bands, rows };
    }
  }
  return best;
}

/** Options with the preset's numbers filled in. @throws ConfigurationError where they contradict each other */
export function resolveMinhash(options: MinhashDedupOptions): MinhashParameters {
  const preset: Preset = MINHASH_PRESETS[options.preset];
  if (options.shingle !== undefined && preset.hash !== 'mix')
    throw new ConfigurationError(`minhash-dedup: preset ${options.preset} has no option \`shingle\``);
  const splitter = options.shingle ?? preset.splitter;
  const { bands, rows } = resolveBands(options, preset);
  if (bands * rows > MOST_PERMUTATIONS) {
    throw new ConfigurationError('minhash-dedup: too many permutations', {
      expected: `bands x rows <= ${MOST_PERMUTATIONS}`,
      found: `${bands} x ${rows}`,
    });
  }
  const verify = options.verify ?? (preset.minJaccard !== undefined || options.minJaccard !== undefined);
  return {
    splitter,
    shingleSize: options.shingleSize ?? (splitter === 'characters' ? 24 : preset.shingleSize),
    bands,
    rows,
    bits: options.bits ?? preset.bits,
    hash: preset.hash,
    seed: options.seed ?? preset.seed,
    minJaccard: verify ? (options.minJaccard ?? options.threshold ?? preset.minJaccard ?? 0.7) : undefined,
  };
}

function resolveBands(options: MinhashDedupOptions, preset: Preset): { bands: number; rows: number } {
  const { threshold, permutations } = options;
  if (threshold !== undefined) {
    if (options.bands !== undefined || options.rows !== undefined)
      throw new ConfigurationError(
        'minhash-dedup: `threshold` derives bands and rows; give one or the other',
      );
    return bandsFor(threshold, permutations ?? preset.bands * preset.rows);
  }
  if (permutations !== undefined)
    throw new ConfigurationError('minhash-dedup: `permutations` needs `threshold`; else give bands and rows');
  return { bands: options.bands ?? preset.bands, rows: options.rows ?? preset.rows };
}
