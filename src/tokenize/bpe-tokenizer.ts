import { createHash } from 'node:crypto';
import { InputError } from '../core/errors.ts';
import { AddedTokenFinder } from './added-tokens.ts';
import { BpeKernel } from './bpe-kernel.ts';
import type { BpeEncoder, BpeVocabulary, WholeTokens } from './bpe-vocabulary.ts';
import { normalizeNfc } from './normalize.ts';
import { replaceBytes } from './replace-bytes.ts';
import { endOfTextOf } from './special-tokens.ts';
import { TokenBuffer } from './token-buffer.ts';
import type { Tokenizer } from './tokenizer.ts';
import { vocabularyJson } from './write-json.ts';

const SPACE = Uint8Array.of(0x20);

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** A byte-level BPE. */
export class BpeTokenizer implements Tokenizer {
  readonly vocabulary: BpeVocabulary;
  #digest: string | undefined;
  /** The kernel is made for the first text: to decode, it is not needed. */
  #encoder: BpeEncoder | undefined;
  /** [256] 1 for the bytes that the vocabulary lacks; undefined where it has all. */
  readonly #missing: Uint8Array | undefined;
  readonly #rawTokens: AddedTokenFinder | undefined;
  readonly #normalizedTokens: AddedTokenFinder | undefined;

  /** Without a digest, that of the tokenizer.json it would be written to. */
  constructor(vocabulary: BpeVocabulary, digest?: string, encoder?: BpeEncoder) {
    this.vocabulary = vocabulary;
    this.#digest = digest;
    this.#encoder = encoder;
    if (vocabulary.byteIds.includes(-1))
      this.#missing = Uint8Array.from(vocabulary.byteIds, (id) => (id < 0 ? 1 : 0));
    this.#rawTokens = finder(vocabulary, false);
    this.#normalizedTokens = finder(vocabulary, true);
  }

  get digest(): string {
    this.#digest ??= createHash('sha256').update(vocabularyJson(this.vocabulary)).digest('hex');
    return this.#digest;
  }

  get vocabularySize(): number {
    return this.vocabulary.tokens.length;
  }

  get specialTokens(): ReadonlyMap<string, number> {
    return this.vocabulary.specialTokens;
  }

  get endOfText(): number | undefined {
    return endOfTextOf(this.vocabulary.specialTokens);
  }

  encodeInto(utf8: Uint8Array, out: TokenBuffer): number {
    const before = out.length;
    if (this.#rawTokens) this.#rawTokens.split(utf8, out, (part) => this.#encodeRaw(part, out));
    else this.#encodeRaw(utf8, out);
    return out.length - before;
  }

  encode(text: string | Uint8Array): Uint32Array {
    const utf8 = typeof text === 'string' ? encoder.encode(text) : text;
    const out = new TokenBuffer(utf8.length / 3 + 16);
    this.encodeInto(utf8, out);
    return out.data.slice(0, out.length);
  }

  decode(ids: ArrayLike<number>): string {
    return decoder.decode(this.decodeBytes(ids));
  }

  decodeBytes(ids: ArrayLike<number>): Uint8Array {
    let length = 0;
    for (let i = 0; i < ids.length; i++) length += this.tokenBytes(ids[i]!).length;
    const bytes = new Uint8Array(length);
    let at = 0;
    for (let i = 0; i < ids.length; i++) {
      const token = this.vocabulary.tokens[ids[i]!]!;
      bytes.set(token, at);
      at += token.length;
    }
    return bytes;
  }

  tokenBytes(id: number): Uint8Array {
    const bytes = this.vocabulary.tokens[id];
    if (bytes === undefined)
      throw new InputError('the vocabulary has no such id', {
        expected: `0 to ${this.vocabularySize - 1}`,
        found: String(id),
      });
    return bytes;
  }

  #encodeRaw(part: Uint8Array, out: TokenBuffer): void {
    const text = this.vocabulary.nfc ? normalizeNfc(part) : part;
    if (this.#normalizedTokens) this.#normalizedTokens.split(text, out, (p) => this.#encodePart(p, out));
    else this.#encodePart(text, out);
  }

  #encodePart(part: Uint8Array, out: TokenBuffer): void {
    let text = this.#missing ? replaceBytes(part, this.#missing) : part;
    if (this.vocabulary.prefixSpace && text.length > 0 && text[0] !== 0x20)
      text = Buffer.concat([SPACE, text]);
    this.#encoder ??= new BpeKernel(this.vocabulary, wholeTokens(this.vocabulary));
    this.#encoder.encode(text, out);
  }
}

/** The tokens that a pre-token may be as a whole, where the vocabulary wants that. */
export function wholeTokens(vocabulary: BpeVocabulary): WholeTokens | undefined {
  if (!vocabulary.wholeFirst) return undefined;
  const apart = new Set([...vocabulary.specialTokens.values(), ...vocabulary.addedTokens.map((t) => t.id)]);
  const whole = new Map<number, Uint8Array>();
  vocabulary.tokens.forEach((bytes, id) => {
    if (bytes && !apart.has(id)) whole.set(id, bytes);
  });
  return whole;
}

function finder(vocabulary: BpeVocabulary, normalized: boolean): AddedTokenFinder | undefined {
  const tokens = vocabulary.addedTokens
    .filter((token) => token.normalized === normalized)
    .map(({ content, id }) => ({
      bytes: encoder.encode(normalized && vocabulary.nfc ? content.normalize('NFC') : content),
      id,
    }));
  return tokens.length > 0 ? new AddedTokenFinder(tokens) : undefined;
}
