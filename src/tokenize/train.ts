import { ConfigurationError } from '../core/errors.ts';
import { alphabetToBytes, BYTES_IN_ALPHABET_ORDER } from './byte-alphabet.ts';
import type { TrainingNormalizer } from './count-file.ts';
import type { PreTokenCounts } from './counts.ts';
import { MergeTrainer } from './merge-trainer.ts';
import type { PreTokenizerName } from './pre-tokenizers.ts';

export interface TrainOptions {
  /** Ids in all: special tokens, the 256 bytes, and the merges. Training may end with fewer. */
  readonly vocabularySize: number;
  /** A pair that comes less often is not merged. */
  readonly minFrequency: number;
  /** Their ids are 0, 1, ... in this order, as with BpeTrainer. */
  readonly specialTokens: readonly string[];
  /** Bytes of the longest token that a merge may make. */
  readonly maxTokenLength?: number;
  readonly onProgress?: (done: number, total: number) => void;
  /** Must be that of the counts. */
  readonly preTokenizer?: PreTokenizerName;
}

/** A byte-level BPE. Ids: special tokens, then the 256 bytes in the order of their stand-ins, then the merges. */
export interface TrainedBpe {
  readonly preTokenizer: PreTokenizerName;
  readonly normalizer: TrainingNormalizer;
  readonly specialTokens: readonly string[];
  /** Bytes of each id; those of a special token are its content's. */
  readonly tokens: readonly Uint8Array[];
  /** Ids of left and right, two a merge; merge i makes id `specialTokens.length + 256 + i`. */
  readonly merges: Uint32Array;
  /** How often each merge's pair came when it was merged. */
  readonly mergeCounts: Float64Array;
}

function checkOptions(counts: PreTokenCounts, o: TrainOptions): void {
  const least = o.specialTokens.length + 256;
  if (!Number.isInteger(o.vocabularySize) || o.vocabularySize < least)
    throw new ConfigurationError('vocabularySize is too small for the special tokens and the 256 bytes', {
      expected: `an integer of at least ${least}`,
      found: String(o.vocabularySize),
    });
  if (o.maxTokenLength !== undefined && !(o.maxTokenLength >= 1))
    throw new ConfigurationError('maxTokenLength must be at least 1', { found: String(o.maxTokenLength) });
  if (!(o.minFrequency >= 0))
    throw new ConfigurationError('minFrequency must be at least 0', { found: String(o.minFrequency) });
  const seen = new Set<string>();
  for (const token of o.specialTokens) {
    if (token === '' || seen.has(token))
      throw new ConfigurationError(
        token === '' ? 'a special token is empty' : 'a special token comes twice',
        {
          found: JSON.stringify(token),
        },
      );
    if (token.length === 1 && alphabetToBytes(token))
      throw new ConfigurationError('a special token is how the vocabulary writes a byte', {
        found: JSON.stringify(token),
      });
    seen.add(token);
  }
  if (o.preTokenizer !== undefined && o.preTokenizer !== counts.preTokenizer)
    throw new ConfigurationError('the counts were made with another pre-tokenizer', {
      expected: o.preTokenizer,
      found: counts.preTokenizer,
    });
}

/**
 * Trains byte-level BPE (Sennrich et al. 2016): merges the most frequent pair until the vocabulary is full. Among equals
 * the pair with the smaller left id, then the smaller right id, goes first: the order of Hugging Face's BpeTrainer. The
 * result depends on the counts alone, not on their order.
 *
 * One difference: BpeTrainer lets a merge whose text equals a special token's yield the special id, so that plain text
 * would encode to it. Here such a pair is never merged.
 */
export function trainBpe(counts: PreTokenCounts, options: TrainOptions): TrainedBpe {
  checkOptions(counts, options);
  const encoder = new TextEncoder();
  const tokens: Uint8Array[] = options.specialTokens.map((token) => encoder.encode(token));
  const firstByteId = tokens.length;
  for (const byte of BYTES_IN_ALPHABET_ORDER) tokens.push(Uint8Array.of(byte));
  const trainer = new MergeTrainer(counts, {
    tokens,
    firstByteId,
    reserved: new Set(options.specialTokens),
    minCount: Math.max(1, options.minFrequency),
    maxTokenLength: options.maxTokenLength ?? 0x7fffffff,
  });
  const total = options.vocabularySize - tokens.length;
  while (tokens.length < options.vocabularySize && trainer.mergeBest()) {
    const done = trainer.merges.length / 2;
    if (done % 256 === 0) options.onProgress?.(done, total);
  }
  options.onProgress?.(trainer.merges.length / 2, total);
  return {
    preTokenizer: counts.preTokenizer,
    normalizer: counts.normalizer,
    specialTokens: [...options.specialTokens],
    tokens,
    merges: Uint32Array.from(trainer.merges),
    mergeCounts: Float64Array.from(trainer.mergeCounts),
  };
}
