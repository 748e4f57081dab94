import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { InputError } from '../core/errors.ts';
import { endOfTextOf } from './special-tokens.ts';
import { TokenBuffer } from './token-buffer.ts';
import type { Tokenizer } from './tokenizer.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

interface Added {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
}

interface Model {
  readonly type?: string;
  readonly unk_token?: string;
  readonly vocab: Readonly<Record<string, number>> | readonly (readonly [name: string, score: number])[];
}

/** No text decodes to a lone surrogate. */
const HIDDEN = '\ud800';

/** The same ids, with names that no text matches: Unigram and WordPiece would find special tokens in their vocabulary. */
function withoutTokens(model: Model, hidden: ReadonlySet<string>): Model {
  const { type, vocab, unk_token } = model;
  if (type === 'BPE' || type === undefined || typeof vocab !== 'object' || vocab === null) return model;
  const rename = (name: string) => (hidden.has(name) ? HIDDEN + name : name);
  return {
    ...model,
    ...(unk_token !== undefined && { unk_token: rename(unk_token) }),
    vocab: Array.isArray(vocab)
      ? vocab.map(([name, score]) => [rename(name), score] as const)
      : Object.fromEntries(Object.entries(vocab).map(([name, id]) => [rename(name), id as number])),
  };
}

/** WordPiece, Unigram and any other tokenizer.json, run by `@huggingface/tokenizers`. Decoding need not give the text back. */
export class ForeignTokenizer implements Tokenizer {
  readonly vocabularySize: number;
  readonly digest: string;
  readonly specialTokens: ReadonlyMap<string, number>;
  readonly endOfText: number | undefined;
  /** Without the special tokens, so that they are text in a text. */
  readonly #encoder: HuggingFaceTokenizer;
  readonly #decoder: HuggingFaceTokenizer;

  constructor(json: Record<string, unknown>, digest: string, where: string) {
    this.digest = digest;
    const added = (json.added_tokens ?? []) as Added[];
    this.specialTokens = new Map(added.filter((t) => t.special).map((t) => [t.content, t.id]));
    this.endOfText = endOfTextOf(this.specialTokens);
    try {
      const plain = {
        ...json,
        model: withoutTokens(json.model as Model, new Set(this.specialTokens.keys())),
        added_tokens: added.filter((t) => !t.special),
        post_processor: null,
      };
      this.#encoder = new HuggingFaceTokenizer(plain, {});
      this.#decoder = new HuggingFaceTokenizer(json, {});
      let highest = -1;
      for (const id of this.#decoder.get_vocab().values()) highest = Math.max(highest, id);
      this.vocabularySize = highest + 1;
    } catch (cause) {
      throw new InputError(`@huggingface/tokenizers cannot read it: ${(cause as Error).message}`, {
        file: where,
        cause,
      });
    }
  }

  encodeInto(utf8: Uint8Array, out: TokenBuffer): number {
    const { ids } = this.#encoder.encode(decoder.decode(utf8), { add_special_tokens: false });
    out.reserve(ids.length);
    for (const id of ids) out.data[out.length++] = id;
    return ids.length;
  }

  encode(text: string | Uint8Array): Uint32Array {
    const out = new TokenBuffer();
    this.encodeInto(typeof text === 'string' ? encoder.encode(text) : text, out);
    return out.data.slice(0, out.length);
  }

  decode(ids: ArrayLike<number>): string {
    for (let i = 0; i < ids.length; i++) this.#check(ids[i]!);
    return this.#decoder.decode(Array.from(ids), {
      skip_special_tokens: false,
      clean_up_tokenization_spaces: false,
    });
  }

  decodeBytes(ids: ArrayLike<number>): Uint8Array {
    return encoder.encode(this.decode(ids));
  }

  tokenBytes(id: number): Uint8Array {
    return encoder.encode(this.#check(id));
  }

  #check(id: number): string {
    const token = this.#decoder.id_to_token(id);
    if (token === undefined)
      throw new InputError('the vocabulary has no such id', {
        expected: `0 to ${this.vocabularySize - 1}`,
        found: String(id),
      });
    return token;
  }
}
