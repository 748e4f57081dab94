/** What the loss is told apart by, beside the corpus: sources, sizes of duplicate clusters, deciles of signals. */

import { z } from 'zod';
import { ConfigurationError } from '../core/errors.ts';
import { DUPLICATE_COUNT } from '../dedup/document-columns.ts';
import { signalOf } from '../shard/batch.ts';
import { RECORD } from '../shard/format.ts';
import { splitSource } from '../shard/labels.ts';
import { eachShard, type ShardIndex } from '../shard/shard-set.ts';
import type { Slicing } from './loss-groups.ts';

/** The signal whose deciles are measured where nothing else is asked for and the shards have it. */
const QUALITY_SIGNAL = 'learned-quality.score';

export const measureOptions = z.strictObject({
  by: z
    .array(z.enum(['source', DUPLICATE_COUNT]))
    .optional()
    .describe(
      'the training loss by source file, and by the copies that a document stands for; default: what the shards know',
    ),
  deciles: z
    .array(z.string())
    .optional()
    .describe(`and by deciles of these signals; default: ${QUALITY_SIGNAL} where the shards have it`),
  sources: z
    .int()
    .min(1)
    .default(32)
    .describe('sources told apart, those with most tokens; the others are taken together'),
});

export type MeasureOptions = z.output<typeof measureOptions>;

/** Groups of documents without the signal. */
export const WITHOUT_SIGNAL = 'none';
export const OTHER_SOURCES = 'other sources';
export const DECILES_OF = 'deciles of ';

/** Groups of a whole set of shards. */
export interface Slicings {
  readonly all: readonly Slicing[];
  /** By signal: the 9 values from which on the next decile begins. */
  readonly edges: Readonly<Record<string, readonly number[]>>;
}

export const NO_SLICINGS: Slicings = { all: [], edges: {} };

/**
 * Reads from the training shards what their documents are grouped by. `index` is undefined while shards are still
 * being written: then no group is known. Throws a ConfigurationError where what was asked for is not there.
 */
export function openSlicings(
  { by, deciles, sources }: MeasureOptions,
  folder: string,
  index: ShardIndex | undefined,
): Slicings {
  if (index === undefined) {
    if (by?.length || deciles?.length) {
      throw new ConfigurationError('train.measure: groups are known once all shards are written', {
        expected: 'no measure.by and no measure.deciles beside follow',
      });
    }
    return NO_SLICINGS;
  }
  const has = (signal: string) => index.signals.includes(signal);
  const wanted = by ?? ['source', ...(has(DUPLICATE_COUNT) ? [DUPLICATE_COUNT] : [])];
  const signals = deciles ?? [QUALITY_SIGNAL].filter(has);
  if (wanted.includes(DUPLICATE_COUNT)) requireSignal('measure.by', DUPLICATE_COUNT, index);
  for (const signal of signals) requireSignal('measure.deciles', signal, index);
  const read = readGroups(folder, index, signals, wanted.includes('source') ? sources : 0);
  const all: Slicing[] = [];
  if (read.sources.size > 0) all.push(bySource(read.sources));
  if (wanted.includes(DUPLICATE_COUNT)) all.push(byDuplicates());
  for (const signal of signals) all.push(byDecile(signal, read.edges[signal]!));
  return { all, edges: read.edges };
}

function requireSignal(option: string, signal: string, { signals }: ShardIndex): void {
  if (signals.includes(signal)) return;
  throw new ConfigurationError(`train.${option}: no document of the shards has the signal ${signal}`, {
    expected: signals.join(', ') || 'shards that keep signals (shard.signals)',
    found: signal,
  });
}

function bySource(known: ReadonlySet<string>): Slicing {
  return { name: 'source', group: ({ source }) => (known.has(source) ? source : OTHER_SOURCES) };
}

/** 1, 2, 3-4, 5-8, ...: ranges that double. */
function byDuplicates(): Slicing {
  return {
    name: DUPLICATE_COUNT,
    group(document) {
      const copies = signalOf(document, DUPLICATE_COUNT);
      if (copies === undefined) return WITHOUT_SIGNAL;
      if (copies <= 2) return String(copies);
      const power = Math.ceil(Math.log2(copies));
      return `${2 ** (power - 1) + 1}-${2 ** power}`;
    },
  };
}

function byDecile(signal: string, edges: readonly number[]): Slicing {
  return {
    name: `${DECILES_OF}${signal}`,
    group(document) {
      const value = signalOf(document, signal);
      return value === undefined ? WITHOUT_SIGNAL : String(decileOf(value, edges));
    },
  };
}

/** 1 to 10, the highest values in 10. */
export function decileOf(value: number, edges: readonly number[]): number {
  let decile = 1;
  for (const edge of edges) if (value >= edge) decile += 1;
  return decile;
}

/** The value from which on each decile but the first begins; equal ones where many documents share a value. */
export function decileEdges(values: Float64Array): number[] {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort();
  if (sorted.length === 0) return [];
  return Array.from({ length: 9 }, (_, k) => sorted[Math.floor((sorted.length * (k + 1)) / 10)]!);
}

interface Groups {
  readonly sources: ReadonlySet<string>;
  readonly edges: Readonly<Record<string, readonly number[]>>;
}

function readGroups(
  folder: string,
  index: ShardIndex,
  signals: readonly string[],
  mostSources: number,
): Groups {
  const { documents } = index.splits.train;
  const columns = signals.map(() => new Float64Array(documents));
  const tokensBySource = new Map<string, number>();
  let first = 0;
  for (const { shard } of eachShard(folder, index, ['train'], 'touch')) {
    for (const [k, signal] of signals.entries()) {
      const column = shard.signals.indexOf(signal);
      if (column >= 0) columns[k]!.set(shard.signalColumn(column), first);
      else columns[k]!.fill(Number.NaN, first, first + shard.header.documents);
    }
    if (mostSources > 0) {
      const tokens = new Float64Array(shard.header.sources);
      for (const { i, words, at } of shard.eachRecord()) {
        tokens[words[at + RECORD.source]!]! += shard.starts[i + 1]! - shard.starts[i]!;
      }
      for (const [number, count] of tokens.entries()) {
        const { source } = splitSource(shard.source(number));
        tokensBySource.set(source, (tokensBySource.get(source) ?? 0) + count);
      }
    }
    first += shard.header.documents;
  }
  const largest = [...tokensBySource].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  return {
    sources: new Set(largest.slice(0, mostSources).map(([source]) => source)),
    edges: Object.fromEntries(signals.map((signal, k) => [signal, decileEdges(columns[k]!)])),
  };
}
