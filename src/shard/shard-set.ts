import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError, IntegrityError } from '../core/errors.ts';
import { isTemporaryName, readJsonIfThere, writeJsonAtomic } from '../core/files.ts';
import { digestOf } from '../core/hash.ts';
import { hex } from './block-file.ts';
import { SHARD_SPLITS, type ShardSplit } from './format.ts';
import { ShardFile, type Verification } from './shard-file.ts';
import type { ShardEntry } from './shard-writer.ts';

export const INDEX_NAME = 'index.json';

/** Counts of documents, of tokens (end-of-text tokens included) and of UTF-8 bytes of text. */
export interface Counts {
  documents: number;
  tokens: number;
  bytes: number;
}

/** One removal of documents: what it took, and where the list of them is. */
export interface Removal {
  /** JSON beside the shards: which documents, and what was asked for. */
  readonly file: string;
  /** SHA-256 of that file. */
  readonly digest: string;
  readonly documents: number;
  readonly tokens: number;
  readonly reason: string;
}

/** index.json: what a folder of shards holds. It names no time and no path, so that equal shards have equal indexes. */
export interface ShardIndex {
  readonly format: 'provender-shards';
  readonly version: 1;
  readonly tokenizer: {
    readonly digest: string;
    readonly vocabularySize: number;
    /** The id that was appended to every document; null where none was. */
    readonly endOfText: number | null;
    readonly specialTokens: Readonly<Record<string, number>>;
  };
  readonly splits: Readonly<Record<ShardSplit, Counts & { readonly shards: readonly ShardEntry[] }>>;
  /** By corpus, in the order of their indexes in the shards. */
  readonly corpora: readonly {
    readonly name: string;
    readonly splits: Readonly<Record<ShardSplit, Counts>>;
  }[];
  readonly signals: readonly string[];
  /** Documents that were taken out after building, a member for each time. */
  readonly removals?: readonly Removal[];
  /** What the order and the mixture were made with. */
  readonly build: Readonly<Record<string, unknown>>;
  /** SHA-256 of the canonical JSON of all other members. */
  readonly digest: string;
}

export type ShardIndexContent = Omit<ShardIndex, 'format' | 'version' | 'digest'>;

/** index.json as it is stored: a set without validation documents does not name the split. */
interface StoredIndex extends Omit<ShardIndex, 'splits' | 'corpora'> {
  readonly splits: Stored<ShardIndex['splits']>;
  readonly corpora: readonly {
    readonly name: string;
    readonly splits: Stored<Readonly<Record<ShardSplit, Counts>>>;
  }[];
}

type Stored<T extends { readonly validation: unknown }> = Omit<T, 'validation'> & Partial<T>;

/** The splits that a set has: training and held-out documents always, be they none, and validation where there is some. */
export function splitsOf({ splits }: Pick<ShardIndex, 'splits'>): ShardSplit[] {
  return SHARD_SPLITS.filter((split) => split !== 'validation' || splits.validation.documents > 0);
}

/** The index as index.json has it, for printing. */
export function storedIndex(index: ShardIndex): object {
  return splitsOf(index).includes('validation')
    ? index
    : { ...withoutValidation(index), digest: index.digest };
}

/** Puts index.json into the folder, which makes the set complete. Returns it with its digest. */
export async function writeShardIndex(folder: string, content: ShardIndexContent): Promise<ShardIndex> {
  const whole = { format: 'provender-shards', version: 1, ...content } as const;
  const rest = splitsOf(content).includes('validation') ? whole : withoutValidation(whole);
  const digest = digestOf(rest);
  await writeJsonAtomic(join(folder, INDEX_NAME), { ...rest, digest });
  return { ...whole, digest };
}

function withoutValidation(index: Omit<ShardIndex, 'digest'>): Omit<StoredIndex, 'digest'> {
  const without = <T extends { readonly validation: unknown }>({ validation: _none, ...splits }: T) => splits;
  const corpora = index.corpora.map((corpus) => ({ ...corpus, splits: without(corpus.splits) }));
  return { ...index, splits: without(index.splits), corpora };
}

function withValidation(index: StoredIndex): ShardIndex {
  const { splits, corpora } = index;
  const none = { documents: 0, tokens: 0, bytes: 0 };
  return {
    ...index,
    splits: { ...splits, validation: splits.validation ?? { ...none, shards: [] } },
    corpora: corpora.map((corpus) => ({
      ...corpus,
      splits: { ...corpus.splits, validation: corpus.splits.validation ?? none },
    })),
  };
}

/** Reads index.json. Throws InputError where there is none, IntegrityError where its digest does not match. */
export async function readShardIndex(folder: string): Promise<ShardIndex> {
  const file = join(folder, INDEX_NAME);
  const index = await readJsonIfThere<StoredIndex>(file);
  if (index === undefined) throw new InputError('no shards here: the folder has no index.json', { file });
  if (index.format !== 'provender-shards' || index.version !== 1) {
    throw new IntegrityError('not an index of shards', {
      file,
      expected: 'format provender-shards, version 1',
      found: `${String(index.format)}, version ${String(index.version)}`,
    });
  }
  const { digest, ...rest } = index;
  const found = digestOf(rest);
  if (found !== digest) throw new IntegrityError('the index is damaged', { file, expected: digest, found });
  return withValidation(index);
}

/** Opens shard `entry` and holds it against its line in the index. */
export function openShard(
  folder: string,
  index: ShardIndex,
  entry: ShardEntry,
  verification: Verification = 'open',
  resident = false,
): ShardFile {
  const path = join(folder, entry.file);
  const shard = new ShardFile(path, verification, resident);
  const must = (what: string, expected: unknown, found: unknown): void => {
    if (expected === found) return;
    shard.close();
    throw new IntegrityError(`the shard is not the one that index.json lists: other ${what}`, {
      file: path,
      expected: String(expected),
      found: String(found),
    });
  };
  must('digest', entry.digest, hex(shard.digest));
  must('number of tokens', entry.tokens, shard.header.tokens);
  must('number of documents', entry.documents, shard.header.documents);
  must('tokenizer', index.tokenizer.digest, shard.header.tokenizerDigest);
  return shard;
}

/** Opens the shards of a split (or of all) one after the other; each is closed when the next is asked for. */
export function* eachShard(
  folder: string,
  index: ShardIndex,
  splits: readonly ShardSplit[] = SHARD_SPLITS,
  verification: Verification = 'open',
): Generator<{ split: ShardSplit; entry: ShardEntry; shard: ShardFile }> {
  for (const split of splits) {
    for (const entry of index.splits[split].shards) {
      const shard = openShard(folder, index, entry, verification);
      try {
        yield { split, entry, shard };
      } finally {
        shard.close();
      }
    }
  }
}

const SHARD_FILE = /^(train|held-out|validation)-\d+(\.r\d+)?\.shard$/;

/** Removes half-written files, and shards that no index names: what a killed build or removal left. */
export async function clearUnnamed(folder: string, named: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(folder)) {
    const stray = isTemporaryName(name) || (SHARD_FILE.test(name) && !named.has(name));
    if (stray) await rm(join(folder, name), { force: true });
  }
}
