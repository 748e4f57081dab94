import { dirname } from 'node:path';
import { bySplit, RECORD, SHARD_SPLITS, type ShardSplit } from '../format.ts';
import { DATE_SIGNAL, dayName, LANGUAGE_SIGNAL, languageName, splitSource } from '../labels.ts';
import type { ShardFile } from '../shard-file.ts';
import { type Counts, eachShard, type ShardIndex, splitsOf } from '../shard-set.ts';
import { getU64 } from '../u64.ts';

/** Counts of training and held-out documents under one heading; of validation documents where the set has some. */
export type SplitCounts = Record<'train' | 'held-out', Counts> & { readonly validation?: Counts };

export interface Named extends SplitCounts {
  readonly name: string;
}

/** What the documents of a set of shards come from. Copies of an upsampled document count as often as they are there. */
export interface ShardContents {
  readonly languages: readonly Named[];
  readonly years: readonly Named[];
  /** Sites of URLs, folders of files: those with most tokens first, the rest under `others`. */
  readonly sources: readonly Named[];
  readonly others: SplitCounts & { readonly sources: number };
  /** Of all documents whose date is known, as YYYY-MM-DD. */
  readonly oldest: string | null;
  readonly newest: string | null;
}

export const UNKNOWN = 'unknown';
const MOST_SOURCES = 200;

type Counted = Record<ShardSplit, Counts>;

const none = (): Counted => bySplit(() => ({ documents: 0, tokens: 0, bytes: 0 }));

/** Those of the splits that a set has. */
export function ofSplits(
  splits: readonly ShardSplit[],
  counts: Readonly<Record<ShardSplit, Counts>>,
): SplitCounts {
  const { validation, ...rest } = counts;
  return splits.includes('validation') ? { ...rest, validation } : rest;
}

/** Reads the documents' records, not their tokens; what is read is checked. */
export function countShards(folder: string, index: ShardIndex): ShardContents {
  const languages = new Map<string, Counted>();
  const years = new Map<string, Counted>();
  const sources = new Map<string, Counted>();
  let oldest = Number.POSITIVE_INFINITY;
  let newest = Number.NEGATIVE_INFINITY;
  for (const { split, shard } of eachShard(folder, index, SHARD_SPLITS, 'touch')) {
    const days = columnOf(shard, DATE_SIGNAL);
    const tags = columnOf(shard, LANGUAGE_SIGNAL);
    const groups = new Map<number, string>();
    for (const { i, words, at } of shard.eachRecord()) {
      const tokens = shard.starts[i + 1]! - shard.starts[i]!;
      const bytes = getU64(words, at + RECORD.textBytes);
      const put = (into: Map<string, Counted>, name: string): void => {
        let counts = into.get(name);
        if (!counts) into.set(name, (counts = none()));
        counts[split].documents++;
        counts[split].tokens += tokens;
        counts[split].bytes += bytes;
      };
      const day = days?.[i] ?? Number.NaN;
      const tag = tags?.[i] ?? Number.NaN;
      put(languages, Number.isNaN(tag) ? UNKNOWN : languageName(tag));
      put(years, Number.isNaN(day) ? UNKNOWN : dayName(day).slice(0, -6));
      oldest = Math.min(oldest, Number.isNaN(day) ? oldest : day);
      newest = Math.max(newest, Number.isNaN(day) ? newest : day);
      const source = words[at + RECORD.source]!;
      let group = groups.get(source);
      if (group === undefined) groups.set(source, (group = groupOf(shard.source(source))));
      put(sources, group);
    }
  }
  const splits = splitsOf(index);
  const named = (counts: ReadonlyMap<string, Counted>): Named[] =>
    [...counts].map(([name, all]) => ({ name, ...ofSplits(splits, all) }));
  const ranked = named(sources).sort((a, b) => tokensOf(b) - tokensOf(a) || (a.name < b.name ? -1 : 1));
  return {
    languages: named(languages).sort((a, b) => tokensOf(b) - tokensOf(a) || (a.name < b.name ? -1 : 1)),
    years: named(years).sort((a, b) => (a.name < b.name ? -1 : 1)),
    sources: ranked.slice(0, MOST_SOURCES),
    others: {
      ...ofSplits(splits, sumOf(ranked.slice(MOST_SOURCES))),
      sources: Math.max(0, ranked.length - MOST_SOURCES),
    },
    oldest: Number.isFinite(oldest) ? dayName(oldest) : null,
    newest: Number.isFinite(newest) ? dayName(newest) : null,
  };
}

function columnOf(shard: ShardFile, name: string): Float64Array | undefined {
  const column = shard.signals.indexOf(name);
  return column < 0 ? undefined : shard.signalColumn(column);
}

/** The site of a URL, else the folder of a file: single sources may be as many as documents. */
function groupOf(stored: string): string {
  const { source, url } = splitSource(stored);
  const site = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#]+)/i.exec(url ?? '')?.[1];
  if (site !== undefined) return site.toLowerCase();
  const folder = dirname(source);
  return folder === '.' ? source : folder;
}

function tokensOf({ train, 'held-out': heldOut, validation }: SplitCounts): number {
  return train.tokens + heldOut.tokens + (validation?.tokens ?? 0);
}

function sumOf(all: readonly SplitCounts[]): Counted {
  const sum = none();
  for (const counts of all) {
    for (const split of SHARD_SPLITS) {
      sum[split].documents += counts[split]?.documents ?? 0;
      sum[split].tokens += counts[split]?.tokens ?? 0;
      sum[split].bytes += counts[split]?.bytes ?? 0;
    }
  }
  return sum;
}
