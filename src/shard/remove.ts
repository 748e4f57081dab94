import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError } from '../core/errors.ts';
import { syncFolder, temporaryName, writeFileAtomic } from '../core/files.ts';
import { sha256, xxh64 } from '../core/hash.ts';
import { bySplit, RECORD, SHARD_SPLITS, type ShardSplit } from './format.ts';
import type { ShardFile } from './shard-file.ts';
import {
  type Counts,
  clearUnnamed,
  eachShard,
  openShard,
  readShardIndex,
  type ShardIndex,
  writeShardIndex,
} from './shard-set.ts';
import { type ShardEntry, ShardWriter } from './shard-writer.ts';
import { getBig, getU64 } from './u64.ts';

/** Which documents are to go. One that meets any of these does. */
export interface RemovalRequest {
  /** Ids, each in one corpus or in all. */
  readonly ids?: readonly { readonly id: string; readonly corpus?: string }[];
  /** Sources (paths or URLs) whose documents all go. */
  readonly sources?: readonly string[];
  /** Why; kept in the record. */
  readonly reason: string;
}

/** A document that is to go, or went: a line for each copy. */
export interface Removed {
  readonly corpus: string;
  readonly id: string;
  readonly source: string;
  readonly shard: string;
  readonly tokenRange: readonly [number, number];
}

export interface RemovalOutcome {
  readonly documents: number;
  readonly tokens: number;
  /** Names of the shards that were written anew, as they were called before. */
  readonly shards: readonly string[];
  readonly index: ShardIndex;
}

/** The documents of a set that a request names, copy by copy, in the order of the shards. Changes nothing. */
export async function findRemovals(folder: string, request: RemovalRequest): Promise<Removed[]> {
  const index = await readShardIndex(folder);
  const matcher = new Matcher(request);
  const found: Removed[] = [];
  for (const { entry, shard } of eachShard(folder, index, SHARD_SPLITS, 'touch')) {
    for (const i of matcher.in(shard)) found.push(describe(shard, i, entry.file));
  }
  return found;
}

/**
 * Takes documents out of a finished set in place. Only the shards that hold them are written anew, under new names;
 * then index.json changes over, with a record of what went; then the old shards are deleted. A kill in between leaves
 * a whole set, the old one or the new one, and the next removal clears away what was left. Other shards, and the order of what stays, are as they were; windows after
 * the first removed token shift, which a resumed training notices by the set's digest.
 * Throws ConfigurationError where nothing matches, IntegrityError for damaged shards.
 */
export async function removeDocuments(folder: string, request: RemovalRequest): Promise<RemovalOutcome> {
  const index = await readShardIndex(folder);
  await clearLeftovers(folder, index);
  const matcher = new Matcher(request);
  const removed: Removed[] = [];
  const replaced: string[] = [];
  const splits = bySplit((): ShardEntry[] => []);
  const loss = index.corpora.map(() => bySplit(noCounts));
  const round = (index.removals?.length ?? 0) + 1;
  for (const split of SHARD_SPLITS) {
    for (const [number, entry] of index.splits[split].shards.entries()) {
      const shard = openShard(folder, index, entry, 'touch');
      try {
        const gone = matcher.in(shard);
        if (gone.size > 0) {
          const file = `${split}-${String(number).padStart(5, '0')}.r${round}.shard`;
          splits[split].push({ file, ...(await rewrite(shard, gone, join(folder, file), loss)) });
          for (const i of gone) removed.push(describe(shard, i, entry.file));
          replaced.push(entry.file);
        } else splits[split].push(entry);
      } finally {
        shard.close();
      }
    }
  }
  if (removed.length === 0)
    throw new ConfigurationError('no document of the set matches what is to be removed');
  syncFolder(folder);
  const after = await record(folder, index, request, { removed, splits, loss, round });
  for (const file of replaced) await rm(join(folder, file));
  const tokens = tokensOf(removed);
  return { documents: removed.length, tokens, shards: replaced, index: after };
}

/** Deletes shards that the index does not name, or no more: of a removal that was cut off. */
export async function clearLeftovers(folder: string, known?: ShardIndex): Promise<void> {
  const { splits } = known ?? (await readShardIndex(folder));
  const named = SHARD_SPLITS.flatMap((split) => splits[split].shards.map(({ file }) => file));
  await clearUnnamed(folder, new Set(named));
}

const noCounts = (): Counts => ({ documents: 0, tokens: 0, bytes: 0 });
type Loss = Record<ShardSplit, Counts>[];

function tokensOf(removed: readonly Removed[]): number {
  return removed.reduce((sum, { tokenRange }) => sum + tokenRange[1] - tokenRange[0], 0);
}

function describe(shard: ShardFile, i: number, file: string): Removed {
  const { corpus, id, source, tokenRange } = shard.document(i);
  return { corpus, id, source, shard: file, tokenRange };
}

/** Finds the documents of a shard that a request names. */
class Matcher {
  private readonly request: RemovalRequest;

  constructor(request: RemovalRequest) {
    this.request = request;
  }

  in(shard: ShardFile): Set<number> {
    const { ids = [], sources = [] } = this.request;
    const wantedSources = new Set(sources.flatMap((source) => [...shard.sourcesOf(source)]));
    const wanted = new Map<bigint, Set<string>>();
    for (const { id, corpus } of ids) {
      for (const name of corpus === undefined ? shard.corpora : [corpus]) {
        const hash = xxh64(Buffer.from(`${name}\0${id}`, 'utf8'));
        wanted.set(hash, (wanted.get(hash) ?? new Set()).add(`${name}\0${id}`));
      }
    }
    const gone = new Set<number>();
    if (wantedSources.size === 0 && wanted.size === 0) return gone;
    for (const { i, words, at } of shard.eachRecord()) {
      if (wantedSources.has(words[at + RECORD.source]!)) gone.add(i);
      else {
        const names = wanted.size > 0 ? wanted.get(getBig(words, at + RECORD.hash)) : undefined;
        if (names?.has(`${shard.corpora[words[at + RECORD.corpus]!]!}\0${shard.document(i).id}`)) gone.add(i);
      }
    }
    return gone;
  }
}

/** Writes the documents of `shard` but `gone` to `path`, and adds what is lost to `loss`. */
async function rewrite(
  shard: ShardFile,
  gone: ReadonlySet<number>,
  path: string,
  loss: Loss,
): Promise<Omit<ShardEntry, 'file'>> {
  const { header, corpora, signals } = shard;
  const temporary = temporaryName(path);
  const writer = new ShardWriter(temporary, header.split, header.shard, {
    tokenizerDigest: header.tokenizerDigest,
    vocabularySize: header.vocabularySize,
    endOfText: header.endOfText,
    corpora,
    signals,
  });
  const columns = signals.map((_, column) => shard.signalColumn(column));
  try {
    for (let i = 0; i < header.documents; i++) {
      const words = shard.record(i);
      const start = shard.starts[i]!;
      const tokens = shard.starts[i + 1]! - start;
      const textBytes = getU64(words, RECORD.textBytes);
      if (gone.has(i)) {
        const lost = loss[words[RECORD.corpus]!]![header.split];
        lost.documents++;
        lost.tokens += tokens;
        lost.bytes += textBytes;
        continue;
      }
      writer.add({
        tokenBytes: shard.tokenBytes(start, tokens),
        tokens,
        hashLow: words[RECORD.hash]!,
        hashHigh: words[RECORD.hash + 1]!,
        id: shard.idBytes(words),
        source: shard.sourceBytes(words[RECORD.source]!),
        corpus: words[RECORD.corpus]!,
        copy: words[RECORD.copy]!,
        start: getU64(words, RECORD.sourceStart),
        end: getU64(words, RECORD.sourceEnd),
        textBytes,
        signals: Float64Array.from(columns.flatMap((column, k) => [k, column[i]!])),
        signalCount: columns.length,
      });
    }
    const entry = await writer.finish();
    await rename(temporary, path);
    return entry;
  } catch (error) {
    writer.abandon();
    await rm(temporary, { force: true });
    throw error;
  }
}

interface Change {
  readonly removed: readonly Removed[];
  readonly splits: Record<ShardSplit, ShardEntry[]>;
  readonly loss: Loss;
  readonly round: number;
}

/** Writes the record of the removal and the index that goes with it. */
async function record(
  folder: string,
  index: ShardIndex,
  request: RemovalRequest,
  { removed, splits, loss, round }: Change,
): Promise<ShardIndex> {
  const file = `removal-${String(round).padStart(5, '0')}.json`;
  const { ids = [], sources = [], reason } = request;
  const content = `${JSON.stringify({ reason, asked: { ids, sources }, documents: removed }, null, 1)}\n`;
  await writeFileAtomic(join(folder, file), content);
  const minus = (a: Counts, b: Counts): Counts => ({
    documents: a.documents - b.documents,
    tokens: a.tokens - b.tokens,
    bytes: a.bytes - b.bytes,
  });
  const sum = (split: ShardSplit): Counts => {
    const total = noCounts();
    for (const counts of loss) {
      total.documents += counts[split].documents;
      total.tokens += counts[split].tokens;
      total.bytes += counts[split].bytes;
    }
    return minus(index.splits[split], total);
  };
  const { format: _format, version: _version, digest: _digest, ...rest } = index;
  return writeShardIndex(folder, {
    ...rest,
    splits: bySplit((split) => ({ ...sum(split), shards: splits[split] })),
    corpora: index.corpora.map(({ name, splits: counts }, i) => ({
      name,
      splits: bySplit((split) => minus(counts[split], loss[i]![split])),
    })),
    removals: [
      ...(index.removals ?? []),
      { file, digest: sha256(content), documents: removed.length, tokens: tokensOf(removed), reason },
    ],
  });
}
