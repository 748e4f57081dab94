import { dirname } from 'node:path';
import { RECORD, SHARD_SPLITS, type ShardSplit } from '../format.ts';
import { DATE_SIGNAL, dayName, LANGUAGE_SIGNAL, languageName, splitSource } from '../labels.ts';
import type { ShardFile } from '../shard-file.ts';
import { type Counts, eachShard, type ShardIndex } from '../shard-set.ts';
import { getU64 } from '../u64.ts';

/** Counts of training and held-out documents under one heading. */
export type SplitCounts = Record<ShardSplit, Counts>;

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

const none = (): SplitCounts => ({
  train: { documents: 0, tokens: 0, bytes: 0 },
  'held-out': { documents: 0, tokens: 0, bytes: 0 },
});

/** Reads the documents' records, not their tokens; what is read is checked. */
export function countShards(folder: string, index: ShardIndex): ShardContents {
  const languages = new Map<string, SplitCounts>();
  const years = new Map<string, SplitCounts>();
  const sources = new Map<string, SplitCounts>();
  let oldest = Number.POSITIVE_INFINITY;
  let newest = Number.NEGATIVE_INFINITY;
  for (const { split, shard } of eachShard(folder, index, SHARD_SPLITS, 'touch')) {
    const days = columnOf(shard, DATE_SIGNAL);
    const tags = columnOf(shard, LANGUAGE_SIGNAL);
    const groups = new Map<number, string>();
    for (const { i, words, at } of shard.eachRecord()) {
      const tokens = shard.starts[i + 1]! - shard.starts[i]!;
      const bytes = getU64(words, at + RECORD.textBytes);
      const put = (into: Map<string, SplitCounts>, name: string): void => {
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
  const ranked = named(sources).sort((a, b) => tokensOf(b) - tokensOf(a) || (a.name < b.name ? -1 : 1));
  return {
    languages: named(languages).sort((a, b) => tokensOf(b) - tokensOf(a) || (a.name < b.name ? -1 : 1)),
    years: named(years).sort((a, b) => (a.name < b.name ? -1 : 1)),
    sources: ranked.slice(0, MOST_SOURCES),
    others: { ...sumOf(ranked.slice(MOST_SOURCES)), sources: Math.max(0, ranked.length - MOST_SOURCES) },
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

function named(counts: ReadonlyMap<string, SplitCounts>): Named[] {
  return [...counts].map(([name, splits]) => ({ name, ...splits }));
}

function tokensOf({ train, 'held-out': heldOut }: SplitCounts): number {
  return train.tokens + heldOut.tokens;
}

function sumOf(all: readonly SplitCounts[]): SplitCounts {
  const sum = none();
  for (const counts of all) {
    for (const split of SHARD_SPLITS) {
      sum[split].documents += counts[split].documents;
      sum[split].tokens += counts[split].tokens;
      sum[split].bytes += counts[split].bytes;
    }
  }
  return sum;
}
