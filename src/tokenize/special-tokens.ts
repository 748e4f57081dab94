import { AddedTokenFinder } from './added-tokens.ts';
import type { TokenBuffer } from './token-buffer.ts';
import type { Tokenizer } from './tokenizer.ts';

/** Of GPT-2, Llama 3, Llama 2 and RoBERTa, BERT. */
const ENDS_OF_TEXT = ['<|endoftext|>', '<|end_of_text|>', '</s>', '[SEP]'];

/** The id of the special token that ends a document, told by its usual content. */
export function endOfTextOf(specialTokens: ReadonlyMap<string, number>): number | undefined {
  const content = ENDS_OF_TEXT.find((token) => specialTokens.has(token));
  return content === undefined ? undefined : specialTokens.get(content);
}

/**
 * Encodes text in which special tokens stand for themselves: for prompts and templates, never for a corpus, where a
 * document could forge one. White space around a token stays text, whatever the token's `lstrip` and `rstrip` say.
 */
export class SpecialTokenEncoder {
  readonly #tokenizer: Tokenizer;
  readonly #finder: AddedTokenFinder;

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
    const encoder = new TextEncoder();
    this.#finder = new AddedTokenFinder(
      [...tokenizer.specialTokens].map(([content, id]) => ({ bytes: encoder.encode(content), id })),
    );
  }

  /** Appends the ids of `utf8` to `out`; returns how many. */
  encodeInto(utf8: Uint8Array, out: TokenBuffer): number {
    const before = out.length;
    this.#finder.split(utf8, out, (part) => this.#tokenizer.encodeInto(part, out));
    return out.length - before;
  }
}
