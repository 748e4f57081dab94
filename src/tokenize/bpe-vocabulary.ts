import type { MetaspaceCut, PreTokenizerName } from './pre-tokenizers.ts';
import type { TokenBuffer } from './token-buffer.ts';

/** A byte-level BPE, ready to encode with. */
export interface BpeVocabulary {
  readonly preTokenizer: PreTokenizerName;
  readonly nfc: boolean;
  /** A space goes before a text that does not begin with one (RoBERTa and others). */
  readonly prefixSpace: boolean;
  /** A pre-token that is in the vocabulary is that token, whatever the merges say (Llama 3, tiktoken). */
  readonly wholeFirst: boolean;
  /** Bytes by id; undefined where an id is not taken. */
  readonly tokens: readonly (Uint8Array | undefined)[];
  /** [256] id of each byte, -1 where the vocabulary lacks it. */
  readonly byteIds: Int32Array;
  readonly pairs: PairRanks;
  readonly specialTokens: ReadonlyMap<string, number>;
  /** Not special: found in every text before it is cut. */
  readonly addedTokens: readonly AddedToken[];
}

/** What an encoder needs of a vocabulary. */
export interface EncoderVocabulary extends Pick<BpeVocabulary, 'tokens' | 'byteIds' | 'pairs'> {
  readonly preTokenizer: PreTokenizerName | MetaspaceCut;
}

/** Id -> bytes of the tokens that a pre-token may be as a whole. */
export type WholeTokens = ReadonlyMap<number, Uint8Array>;

/** Encodes text that holds no added tokens and only bytes of the vocabulary. */
export interface BpeEncoder {
  /** Appends the ids of `text`. */
  encode(text: Uint8Array, out: TokenBuffer): void;
}

export interface AddedToken {
  readonly content: string;
  readonly id: number;
  /** Looked for after normalization rather than before. */
  readonly normalized: boolean;
}

const STRIDE = 4;

/** (left, right) -> rank of the merge and id that it makes: open addressing over one array. */
export class PairRanks {
  /** left + 1 (0 where free), right, rank, id. */
  readonly slots: Int32Array;
  readonly mask: number;
  size = 0;

  constructor(capacity: number) {
    let slots = 16;
    while (slots < capacity * 2) slots *= 2;
    this.slots = new Int32Array(slots * STRIDE);
    this.mask = slots - 1;
  }

  /** Adds a merge; the first rank of a pair holds. Returns false where the pair was there. */
  add(left: number, right: number, rank: number, id: number): boolean {
    const at = this.#seek(left, right);
    if (this.slots[at] !== 0) return false;
    this.slots[at] = left + 1;
    this.slots[at + 1] = right;
    this.slots[at + 2] = rank;
    this.slots[at + 3] = id;
    this.size++;
    return true;
  }

  /** Where the rank and, after it, the id are in `slots`; -1 for a pair that does not merge. */
  find(left: number, right: number): number {
    const at = this.#seek(left, right);
    return this.slots[at] === 0 ? -1 : at + 2;
  }

  /** All pairs, left and right, by rank; pairs of one rank by left, then right. */
  byRank(): Uint32Array {
    const { slots } = this;
    const taken: number[] = [];
    for (let at = 0; at < slots.length; at += STRIDE) if (slots[at] !== 0) taken.push(at);
    taken.sort(
      (a, b) => slots[a + 2]! - slots[b + 2]! || slots[a]! - slots[b]! || slots[a + 1]! - slots[b + 1]!,
    );
    return Uint32Array.from(taken.flatMap((at) => [slots[at]! - 1, slots[at + 1]!]));
  }

  #seek(left: number, right: number): number {
    const { slots, mask } = this;
    let slot = pairHash(left, right) & mask;
    for (;;) {
      const at = slot * STRIDE;
      const found = slots[at]!;
      if (found === 0 || (found === left + 1 && slots[at + 1] === right)) return at;
      slot = (slot + 1) & mask;
    }
  }
}

/** The kernel uses the same. */
export function pairHash(left: number, right: number): number {
  const h = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
  return (h ^ (h >>> 15)) >>> 0;
}
