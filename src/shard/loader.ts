import { setImmediate } from 'node:timers/promises';
import { ConfigurationError } from '../core/errors.ts';
import type { ShardDocument, WindowBatch } from './batch.ts';
import type { ShardSplit } from './format.ts';
import type { Packing } from './packing.ts';
import { WindowOrder } from './permutation.ts';
import type { ShardFile, Verification } from './shard-file.ts';
import { openShard, readShardIndex, type ShardIndex } from './shard-set.ts';
import { WindowReader } from './window-reader.ts';

export interface LoaderOptions {
  readonly split: ShardSplit;
  /** Tokens that the model sees at once; a window holds one more, so that inputs and shifted targets both fit. */
  readonly context: number;
  /** Windows a batch, for this rank. */
  readonly rows: number;
  /** Seeds the order of the windows; every epoch has a permutation of its own. */
  readonly orderSeed: number;
  /** How documents fill windows (default: concatenate). */
  readonly packing?: Packing;
  /**
   * Epochs that read the windows in the order of the shards, before those that shuffle them (default 0): for a
   * curriculum, and to have the batches of a loader that followed the shards as they were written.
   */
  readonly epochsInOrder?: number;
  /** This process among `ranks` (default 0 of 1): it reads rows [rank * rows, (rank + 1) * rows) of the global batch. */
  readonly rank?: number;
  readonly ranks?: number;
  /** `open` (default) checks every byte on opening, `touch` each block before its first use, `none` nothing but headers. */
  readonly verify?: Verification;
  /** Shards of at most this many bytes together are held in memory (default 1 GiB); others are read window by window. */
  readonly memoryBytes?: number;
}

export interface LoaderTokenizer {
  readonly digest: string;
  readonly vocabularySize: number;
  /** The id appended to every document, undefined where none was. */
  readonly endOfText: number | undefined;
}

/** One document with its tokens. */
export interface LoadedDocument {
  readonly document: ShardDocument;
  /** The appended end-of-text token included, as the last one, where the set has it. */
  readonly tokens: Int32Array;
}

const DEFAULT_MEMORY = 1 << 30;

/**
 * Gives batches of windows from finished shards: (order seed, step) -> batch, without state.
 *
 * The shards of a split are one sequence of `tokens` tokens, cut into windows as `packing` says (window-plan.ts).
 * Global row g = step * rows * ranks + rank * rows + row is window P_e(g mod windows) of epoch e = floor(g / windows):
 * every window once an epoch, whatever the batch size.
 */
export class ShardLoader {
  /** Tokens of the split, end-of-text tokens included. */
  readonly tokens: number;
  readonly windows: number;
  /** Steps after which every window was given at least once: ceil(windows / (rows * ranks)). */
  readonly stepsPerEpoch: number;
  /** Digest of the shard set: a checkpoint keeps it, a resume compares it. */
  readonly digest: string;
  readonly tokenizer: LoaderTokenizer;
  readonly index: ShardIndex;
  private readonly options: LoaderOptions;
  private readonly reader: WindowReader;
  private readonly order: WindowOrder;

  private constructor(options: LoaderOptions, index: ShardIndex, shards: readonly ShardFile[]) {
    const { context, rows, ranks = 1, packing = 'concatenate' } = options;
    const { digest, vocabularySize, endOfText } = index.tokenizer;
    this.options = options;
    this.index = index;
    this.reader = new WindowReader({ context, packing, padding: endOfText ?? 0 }, shards);
    this.tokens = this.reader.sequence.tokens;
    this.windows = this.reader.plan.windows;
    this.stepsPerEpoch = Math.ceil(this.windows / (rows * ranks));
    this.digest = index.digest;
    this.tokenizer = { digest, vocabularySize, endOfText: endOfText ?? undefined };
    this.order = new WindowOrder(Math.max(1, this.windows), options.orderSeed, options.epochsInOrder);
  }

  /**
   * Opens the folder that the step `shard` left.
   * Throws InputError where there is none, IntegrityError for a damaged set (it names the shard and the byte),
   * ConfigurationError for options out of range.
   */
  static async open(folder: string, options: LoaderOptions): Promise<ShardLoader> {
    checkOptions(options);
    const index = await readShardIndex(folder);
    const entries = index.splits[options.split].shards;
    const width = index.tokenizer.vocabularySize <= 65536 ? 2 : 4;
    // With its index and its strings a document costs about 160 bytes beside its tokens.
    const bytes = entries.reduce((sum, e) => sum + e.tokens * width + e.documents * 160, 0);
    const resident = bytes <= (options.memoryBytes ?? DEFAULT_MEMORY);
    const shards: ShardFile[] = [];
    try {
      for (const entry of entries) {
        shards.push(openShard(folder, index, entry, options.verify ?? 'open', resident));
        await setImmediate();
      }
      return new ShardLoader(options, index, shards);
    } catch (error) {
      for (const shard of shards) shard.close();
      throw error;
    }
  }

  /**
   * The batch of step `step` (from 0). Throws ConfigurationError where the split is shorter than one window. `spent`: a
   * batch that nobody needs any more; its arrays are filled anew, which costs half as much as new ones.
   */
  batch(step: number, spent?: WindowBatch): WindowBatch {
    if (this.windows === 0) throw noWindow(this.options, this.tokens);
    const windows = placesOfStep(this.options, step).map((place) => this.order.at(place));
    return this.reader.read(windows, spent);
  }

  /** The window that row `row` of this rank's batch at `step` reads: its first token among the split's tokens. */
  windowStart(step: number, row: number): number {
    return this.reader.plan.pieces(this.order.at(placesOfStep(this.options, step)[row]!))[0]!.start;
  }

  /** Every document of the split in shard order. */
  async *documents(): AsyncGenerator<LoadedDocument> {
    for (const shard of this.reader.shards) {
      for (let i = 0; i < shard.header.documents; i++) {
        const start = shard.starts[i]!;
        const tokens = new Int32Array(shard.starts[i + 1]! - start);
        shard.copyTokens(start, tokens.length, tokens, 0);
        yield { document: shard.document(i), tokens };
      }
    }
  }

  async close(): Promise<void> {
    this.reader.close();
  }
}

/** Global rows, counted over all steps, of this rank's batch at `step`. */
export function placesOfStep(
  { rows, rank = 0, ranks = 1 }: Pick<LoaderOptions, 'rows' | 'rank' | 'ranks'>,
  step: number,
): number[] {
  if (!(Number.isSafeInteger(step) && step >= 0)) throw new RangeError(`step ${step}`);
  const first = (step * ranks + rank) * rows;
  return Array.from({ length: rows }, (_, row) => first + row);
}

export function noWindow(options: Pick<LoaderOptions, 'split' | 'context'>, tokens: number) {
  return new ConfigurationError(`the ${options.split} shards are shorter than one window`, {
    expected: `at least ${options.context + 1} tokens`,
    found: `${tokens}`,
  });
}

/** Throws ConfigurationError for what is out of range. */
export function checkOptions(options: LoaderOptions): void {
  const { context, rows, rank = 0, ranks = 1, epochsInOrder = 0 } = options;
  const whole = (name: string, value: number, least: number): void => {
    if (!Number.isSafeInteger(value) || value < least) {
      throw new ConfigurationError(`${name} is out of range`, {
        expected: `a whole number of at least ${least}`,
        found: `${value}`,
      });
    }
  };
  whole('context', context, 1);
  whole('rows', rows, 1);
  whole('ranks', ranks, 1);
  whole('rank', rank, 0);
  whole('epochsInOrder', epochsInOrder, 0);
  if (rank >= ranks)
    throw new ConfigurationError('rank is out of range', {
      expected: `less than ${ranks}`,
      found: `${rank}`,
    });
}
