import { InvariantError } from '../core/errors.ts';
import type { ShardDocument, WindowBatch } from './batch.ts';

export interface LoaderOptions {
  readonly split: 'train' | 'held-out';
  /** Tokens that the model sees at once; a window holds one more, so that inputs and shifted targets both fit. */
  readonly context: number;
  /** Windows a batch, for this rank. */
  readonly rows: number;
  /** Seeds the order of the windows; every epoch has a permutation of its own. */
  readonly orderSeed: number;
  /** This process among `ranks` (default 0 of 1): step s takes rows [rank * rows, (rank + 1) * rows) of the global batch. */
  readonly rank?: number;
  readonly ranks?: number;
}

export interface LoaderTokenizer {
  readonly digest: string;
  readonly vocabularySize: number;
  /** The id appended to every document, undefined where none was. */
  readonly endOfText: number | undefined;
}

/**
 * Gives batches of windows from finished shards: (order seed, step) -> batch, without state.
 *
 * The shards of a split are one sequence of `tokens` tokens. Window w is [w * context, (w + 1) * context] of it, both
 * ends included, so consecutive windows overlap by one token and every token but the first is a target exactly once.
 * Global row g (= step * rows * ranks + rank * rows + row) is window P_e(g mod windows) in epoch e = floor(g / windows).
 */
export class ShardLoader {
  /** Tokens of the split, end-of-text tokens included. */
  readonly tokens: number = 0;
  readonly windows: number = 0;
  /** Steps after which every window has been given: ceil(windows / (rows * ranks)). */
  readonly stepsPerEpoch: number = 0;
  /** Digest of the shard set: a checkpoint keeps it, a resume compares it. */
  readonly digest: string = '';
  readonly tokenizer: LoaderTokenizer = { digest: '', vocabularySize: 0, endOfText: undefined };

  /** Opens the folder that the step `shard` left. Throws IntegrityError for a damaged set, ConfigurationError where the split has less than one window. */
  static async open(folder: string, options: LoaderOptions): Promise<ShardLoader> {
    throw new InvariantError(`loader of ${folder} (${options.split}) is being written`);
  }

  /** The batch of step `step` (from 0). Synchronous: what it needs is in memory or in the page cache. */
  batch(step: number): WindowBatch {
    throw new InvariantError(`batch ${step} is being written`);
  }

  /** Every document of the split in shard order, with its tokens (the appended end-of-text token included). */
  // biome-ignore lint/correctness/useYield: skeleton
  async *documents(): AsyncGenerator<{ document: ShardDocument; tokens: Int32Array }> {
    throw new InvariantError('documents are being written');
  }

  async close(): Promise<void> {}
}
