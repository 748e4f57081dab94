import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { CancelledError, ConfigurationError, InputError } from '../../core/errors.ts';
import { ensureFolder, fileSize, syncFolder } from '../../core/files.ts';
import { xxh64 } from '../../core/hash.ts';
import { bySplit, SHARD_SPLITS, type ShardSplit, tokenWidthOf } from '../format.ts';
import { type Counts, clearUnnamed, INDEX_NAME, type ShardIndex, writeShardIndex } from '../shard-set.ts';
import { type ShardRow, type ShardSetting, ShardSetWriter } from '../shard-writer.ts';
import { asBytes, setBig } from '../u64.ts';
import { importDatatrove } from './datatrove.ts';
import { importDolma } from './dolma.ts';
import { importLlmC } from './llmc.ts';
import { importMds } from './mds.ts';
import { importMegatron } from './megatron.ts';
import { importNanoGpt } from './nanogpt.ts';
import { importParquet } from './parquet.ts';
import type { ImportedDocument, Importer } from './source.ts';

/** Formats of others that shards can be made of. */
export const IMPORTERS = {
  megatron: importMegatron,
  'llm.c': importLlmC,
  nanogpt: importNanoGpt,
  datatrove: importDatatrove,
  mds: importMds,
  dolma: importDolma,
  parquet: importParquet,
  // Loaded when asked for: the library takes longer to load than all else here.
  arrow: async function* (source) {
    yield* (await import('./arrow.ts')).importArrow(source);
  },
} as const satisfies Record<string, Importer>;

export type ImportFormat = keyof typeof IMPORTERS;

export interface ImportOptions {
  /** What the tokens were made with. */
  readonly tokenizer: {
    readonly digest: string;
    readonly vocabularySize: number;
    readonly endOfText: number | undefined;
    readonly specialTokens: ReadonlyMap<string, number>;
    /** Where given, the documents' sizes in bytes come from it. */
    decodeBytes?(ids: ArrayLike<number>): Uint8Array;
  };
  /** The corpus of documents that name none. */
  readonly corpus: string;
  /** Whether every document of the shards ends in the end-of-text token; default: where the tokenizer has it. */
  readonly appendEndOfText?: boolean;
  readonly shardTokens?: number;
  readonly signal?: AbortSignal;
  /** Documents read so far, now and then. */
  readonly progress?: (documents: number) => void;
}

/**
 * Makes a set of shards in `to` from the files of another project, in their order. index.json comes last, so that a
 * killed import leaves no set. Throws InputError for files that are not of the format, ConfigurationError where a set
 * lies in `to` already or the tokenizer cannot have made the tokens.
 */
export async function importShards(
  folder: string,
  to: string,
  format: ImportFormat,
  options: ImportOptions,
): Promise<ShardIndex> {
  await ensureFolder(to);
  if ((await fileSize(join(to, INDEX_NAME))) !== undefined) {
    throw new ConfigurationError('shards lie here already', { file: to, expected: 'another folder' });
  }
  await clearUnnamed(to, new Set());
  const { tokenizer, corpus, signal, progress } = options;
  const set = new ImportedSet(to, options);
  try {
    const source = {
      ...{ folder, corpus, endOfText: tokenizer.endOfText },
      tokenWidth: tokenWidthOf(tokenizer.vocabularySize),
    };
    let documents = 0;
    for await (const document of IMPORTERS[format](source)) {
      await set.add(document);
      if (++documents % 1024 > 0) continue;
      await setImmediate();
      progress?.(documents);
      if (signal?.aborted) throw new CancelledError();
    }
    return await set.finish(format);
  } catch (error) {
    set.abandon();
    await clearUnnamed(to, new Set());
    throw error;
  }
}

const noCounts = (): Counts => ({ documents: 0, tokens: 0, bytes: 0 });

class ImportedSet {
  private readonly folder: string;
  private readonly options: ImportOptions;
  private readonly endOfText: number | undefined;
  private readonly shardTokens: number;
  private readonly writers: Record<ShardSplit, ShardSetWriter>;
  private readonly corpora: { name: string; splits: Record<ShardSplit, Counts> }[] = [];
  private readonly names: string[] = [];

  constructor(folder: string, options: ImportOptions) {
    const { tokenizer, appendEndOfText = true, shardTokens = 100_000_000 } = options;
    this.folder = folder;
    this.options = options;
    this.shardTokens = shardTokens;
    this.endOfText = appendEndOfText ? tokenizer.endOfText : undefined;
    const setting: ShardSetting = {
      tokenizerDigest: tokenizer.digest,
      vocabularySize: tokenizer.vocabularySize,
      endOfText: this.endOfText,
      // Grows as corpora come up: a shard names those that came before its end.
      corpora: this.names,
      signals: [],
    };
    const writer = (split: ShardSplit) => new ShardSetWriter(folder, split, setting, shardTokens);
    this.writers = bySplit(writer);
  }

  async add(document: ImportedDocument): Promise<void> {
    const row = this.rowOf(document);
    const writer = this.writers[document.split];
    if (writer.needsRotation(row.tokens)) await writer.rotate();
    writer.add(row);
    const counts = this.corpora[row.corpus]!.splits[document.split];
    counts.documents++;
    counts.tokens += row.tokens;
    counts.bytes += row.textBytes;
  }

  async finish(format: ImportFormat): Promise<ShardIndex> {
    const train = await this.writers.train.finish();
    const heldOut = await this.writers['held-out'].finish();
    const validation = await this.writers.validation.finish();
    syncFolder(this.folder);
    const { digest, vocabularySize, specialTokens } = this.options.tokenizer;
    return writeShardIndex(this.folder, {
      tokenizer: {
        digest,
        vocabularySize,
        endOfText: this.endOfText ?? null,
        specialTokens: Object.fromEntries(specialTokens),
      },
      splits: {
        train: { ...this.sum('train'), shards: train },
        'held-out': { ...this.sum('held-out'), shards: heldOut },
        validation: { ...this.sum('validation'), shards: validation },
      },
      corpora: this.corpora,
      signals: [],
      build: { importedFrom: format, shardTokens: this.shardTokens },
    });
  }

  abandon(): void {
    for (const split of SHARD_SPLITS) this.writers[split].abandon();
  }

  private rowOf(document: ImportedDocument): ShardRow {
    const { tokenizer } = this.options;
    const { id, source, range, tokens } = document;
    const last = tokens.length > 0 && tokens.at(-1) === tokenizer.endOfText;
    const bare = last ? tokens.subarray(0, -1) : tokens;
    this.checkTokens(document);
    const kept = this.endOfText === undefined ? bare : new Uint32Array(bare.length + 1);
    if (kept !== bare) {
      kept.set(bare);
      kept[bare.length] = this.endOfText!;
    }
    const stored = tokenWidthOf(tokenizer.vocabularySize) === 2 ? Uint16Array.from(kept) : kept;
    const corpus = document.corpus ?? this.options.corpus;
    const hash = new Uint32Array(2);
    setBig(hash, 0, xxh64(Buffer.from(`${corpus}\0${id}`, 'utf8')));
    return {
      tokenBytes: asBytes(stored),
      tokens: kept.length,
      hashLow: hash[0]!,
      hashHigh: hash[1]!,
      id: Buffer.from(id, 'utf8'),
      source: Buffer.from(source, 'utf8'),
      corpus: this.corpusIndex(corpus),
      copy: 0,
      start: range[0],
      end: range[1],
      textBytes: document.textBytes ?? tokenizer.decodeBytes?.(bare).length ?? 0,
      signals: new Float64Array(0),
      signalCount: 0,
    };
  }

  private checkTokens({ tokens, source, range }: ImportedDocument): void {
    const { vocabularySize } = this.options.tokenizer;
    const wrong = tokens.findIndex((token) => token >= vocabularySize);
    if (wrong < 0) return;
    throw new InputError('a token that the tokenizer does not have', {
      ...{ file: source, offset: range[0], expected: `ids below ${vocabularySize}` },
      found: `${tokens[wrong]} as token ${wrong} of the document`,
    });
  }

  private corpusIndex(name: string): number {
    const known = this.names.indexOf(name);
    if (known >= 0) return known;
    this.corpora.push({ name, splits: bySplit(noCounts) });
    return this.names.push(name) - 1;
  }

  private sum(split: ShardSplit): Counts {
    const sum = noCounts();
    for (const { splits } of this.corpora) {
      sum.documents += splits[split].documents;
      sum.tokens += splits[split].tokens;
      sum.bytes += splits[split].bytes;
    }
    return sum;
  }
}
