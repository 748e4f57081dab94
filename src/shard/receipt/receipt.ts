import { digestOf } from '../../core/hash.ts';
import { bySplit, type ShardSplit } from '../format.ts';
import { type Counts, readShardIndex, type ShardIndex, splitsOf } from '../shard-set.ts';
import { countShards, ofSplits, type ShardContents, type SplitCounts } from './count-shards.ts';

/** Where a corpus comes from, by its card. */
export interface CorpusTerms {
  readonly title: string;
  readonly origin: string;
  readonly licence: string;
  /** SHA-256 of its files, from the card. */
  readonly digest: string;
}

/** Documents that a step took out, for one reason. */
export interface Refusals {
  readonly step: string;
  readonly reason: string;
  readonly documents: number;
  /** UTF-8 bytes of their texts; of a record that was never a document, its bytes. */
  readonly bytes: number;
}

/** What a run knows of the shards that it made. */
export interface RunFacts {
  readonly name: string;
  /** Digest of the pipeline: its steps with all their options, and its seed. */
  readonly pipeline: string;
  readonly seed: number;
  readonly corpora: ReadonlyMap<string, CorpusTerms>;
  readonly read: { readonly documents: number; readonly bytes: number };
  readonly refused: readonly Refusals[];
  readonly units: readonly { readonly unit: string; readonly outputDigest: string }[];
}

/** What went into a set of shards, what did not, and under which terms. Neither a time nor a path of the machine is in it. */
export interface Receipt {
  readonly format: 'provender-receipt';
  readonly version: 1;
  readonly name: string;
  readonly splits: SplitCounts;
  readonly corpora: readonly (SplitCounts & { readonly name: string; readonly terms: CorpusTerms | null })[];
  readonly contents: ShardContents;
  readonly mixture: unknown;
  /** What was read, and what steps took out, with why; null for shards that no run here made. */
  readonly pipeline: Omit<RunFacts, 'name' | 'corpora'> | null;
  /** Documents taken out of the finished shards. */
  readonly removals: NonNullable<ShardIndex['removals']>;
  readonly digests: {
    readonly shards: string;
    readonly tokenizer: string;
    readonly files: readonly { readonly file: string; readonly digest: string; readonly tokens: number }[];
  };
  /** SHA-256 of the canonical JSON of all other members. */
  readonly digest: string;
}

/** The receipt of the shards in `folder`; `facts` where a run made them. */
export async function makeReceipt(folder: string, facts?: RunFacts): Promise<Receipt> {
  const index = await readShardIndex(folder);
  const splits = splitsOf(index);
  const counts = (split: ShardSplit): Counts => {
    const { documents, tokens, bytes } = index.splits[split];
    return { documents, tokens, bytes };
  };
  const { name, corpora, ...pipeline } = facts ?? { name: 'shards', corpora: new Map<string, CorpusTerms>() };
  const rest = {
    format: 'provender-receipt',
    version: 1,
    name,
    splits: ofSplits(splits, bySplit(counts)),
    corpora: index.corpora.map((corpus) => ({
      name: corpus.name,
      ...ofSplits(splits, corpus.splits),
      terms: corpora.get(corpus.name) ?? null,
    })),
    contents: countShards(folder, index),
    mixture: index.build.mixture ?? null,
    pipeline: facts ? (pipeline as Receipt['pipeline']) : null,
    removals: index.removals ?? [],
    digests: {
      shards: index.digest,
      tokenizer: index.tokenizer.digest,
      files: splits.flatMap((split) =>
        index.splits[split].shards.map(({ file, digest, tokens }) => ({ file, digest, tokens })),
      ),
    },
  } as const;
  return { ...rest, digest: digestOf(rest) };
}

export const RECEIPT_FILE = 'receipt.json';
export const CARD_FILE = 'README.md';
