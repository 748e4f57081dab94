import { type CountColumns, type CountTable, type TrainingNormalizer, writeCountFile } from './count-file.ts';
import { CountKernel } from './count-kernel.ts';
import { normalizeNfc } from './normalize.ts';
import type { PreTokenizerName } from './pre-tokenizers.ts';

export interface CounterOptions {
  readonly preTokenizer: PreTokenizerName;
  /** Default 'none'. */
  readonly normalizer?: TrainingNormalizer;
  /** Bytes of memory after which the counts so far go to `onSpill`; without `onSpill` there is no limit. */
  readonly memoryLimit?: number;
  /** Takes a counts file like that of `serialize`, to be given to `mergeCounts` with the last one. */
  readonly onSpill?: (file: Uint8Array) => void;
}

/** Distinct pre-tokens of a corpus with their counts, ascending by bytes. */
export interface PreTokenCounts extends CountColumns {
  readonly preTokenizer: PreTokenizerName;
  readonly normalizer: TrainingNormalizer;
  /** Sum of the counts. */
  readonly preTokens: number;
  /** Bytes of text that were counted. */
  readonly bytes: number;
}

const DEFAULT_MEMORY_LIMIT = 1 << 30;

/** Counts pre-tokens of documents; one for each worker. */
export class PreTokenCounter {
  readonly #options: CounterOptions;
  readonly #table: CountTable;
  #preTokens = 0;
  #bytes = 0;

  constructor(options: CounterOptions, table?: CountTable) {
    this.#options = options;
    this.#table = table ?? new CountKernel(options.preTokenizer);
  }

  /** Counts one document; special tokens in it are text. */
  add(utf8: Uint8Array): void {
    const text = this.#options.normalizer === 'nfc' ? normalizeNfc(utf8) : utf8;
    this.#preTokens += this.#table.add(text);
    this.#bytes += text.length;
    const { onSpill, memoryLimit = DEFAULT_MEMORY_LIMIT } = this.#options;
    if (onSpill && this.#table.memory > memoryLimit) {
      onSpill(this.serialize());
      this.#table.clear();
      this.#preTokens = 0;
      this.#bytes = 0;
    }
  }

  /** What was counted since the last spill, as a counts file (see count-file.ts). */
  serialize(): Uint8Array {
    const { preTokenizer, normalizer = 'none' } = this.#options;
    return writeCountFile(
      { preTokenizer, normalizer, preTokens: this.#preTokens, bytes: this.#bytes },
      this.#table.columns(),
    );
  }
}
