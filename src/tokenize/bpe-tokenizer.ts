import { InputError } from '../core/errors.ts';
import { AddedTokenFinder } from './added-tokens.ts';
import type { BpeVocabulary } from './bpe-vocabulary.ts';
import { Merger } from './merge-ranks.ts';
import { normalizeNfc } from './normalize.ts';
import { hashBytes } from './pre-token-table.ts';
import { type Scanner, scannerOf } from './pre-tokenizers.ts';
import { replaceBytes } from './replace-bytes.ts';
import { TokenBuffer } from './token-buffer.ts';
import type { Tokenizer } from './tokenizer.ts';

const SLOTS = 1 << 15;
const KEY = 32;
const IDS = 8;

const SPACE = Uint8Array.of(0x20);

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Pre-tokens met lately with their ids; a newer one takes the slot of an older with the same hash. */
class PreTokenCache {
  readonly #lengths = new Uint8Array(SLOTS);
  readonly #keys = new Uint8Array(SLOTS * KEY);
  readonly #idCounts = new Uint8Array(SLOTS);
  readonly #ids = new Uint32Array(SLOTS * IDS);

  /** Appends the ids of a pre-token of at most KEY bytes; false where it is not here. */
  get(slot: number, bytes: Uint8Array, start: number, end: number, out: TokenBuffer): boolean {
    if (this.#lengths[slot] !== end - start) return false;
    let at = slot * KEY;
    for (let i = start; i < end; i++) if (this.#keys[at++] !== bytes[i]) return false;
    const first = slot * IDS;
    const last = first + this.#idCounts[slot]!;
    out.reserve(IDS);
    for (let i = first; i < last; i++) out.data[out.length++] = this.#ids[i]!;
    return true;
  }

  put(slot: number, bytes: Uint8Array, start: number, end: number, ids: TokenBuffer, from: number): void {
    const count = ids.length - from;
    if (count > IDS) return;
    this.#lengths[slot] = end - start;
    for (let i = start; i < end; i++) this.#keys[slot * KEY + i - start] = bytes[i]!;
    this.#idCounts[slot] = count;
    for (let i = 0; i < count; i++) this.#ids[slot * IDS + i] = ids.data[from + i]!;
  }
}

/** Byte-level BPE in plain TypeScript. */
export class BpeTokenizer implements Tokenizer {
  readonly digest: string;
  readonly vocabulary: BpeVocabulary;
  readonly #scan: Scanner;
  readonly #merger: Merger;
  readonly #cache = new PreTokenCache();
  readonly #whole: ReadonlyMap<string, number> | undefined;
  /** [256] 1 for the bytes that the vocabulary lacks; undefined where it has all. */
  readonly #missing: Uint8Array | undefined;
  readonly #rawTokens: AddedTokenFinder | undefined;
  readonly #normalizedTokens: AddedTokenFinder | undefined;

  constructor(vocabulary: BpeVocabulary, digest: string) {
    this.vocabulary = vocabulary;
    this.digest = digest;
    this.#scan = scannerOf(vocabulary.preTokenizer);
    this.#merger = new Merger(vocabulary.pairs);
    if (vocabulary.wholeFirst) this.#whole = wholeTokens(vocabulary);
    if (vocabulary.byteIds.includes(-1))
      this.#missing = Uint8Array.from(vocabulary.byteIds, (id) => (id < 0 ? 1 : 0));
    this.#rawTokens = finder(vocabulary, false);
    this.#normalizedTokens = finder(vocabulary, true);
  }

  get vocabularySize(): number {
    return this.vocabulary.tokens.length;
  }

  get specialTokens(): ReadonlyMap<string, number> {
    return this.vocabulary.specialTokens;
  }

  get endOfText(): number | undefined {
    return this.vocabulary.specialTokens.get('<|endoftext|>');
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
    const scan = this.#scan;
    for (let p = 0; p < text.length; ) {
      const q = scan(text, p, text.length);
      this.#encodePreToken(text, p, q, out);
      p = q;
    }
  }

  #encodePreToken(bytes: Uint8Array, start: number, end: number, out: TokenBuffer): void {
    if (end - start > KEY) {
      this.#merge(bytes, start, end, out);
      return;
    }
    const slot = hashBytes(bytes, start, end) & (SLOTS - 1);
    if (this.#cache.get(slot, bytes, start, end, out)) return;
    const from = out.length;
    this.#merge(bytes, start, end, out);
    this.#cache.put(slot, bytes, start, end, out, from);
  }

  #merge(bytes: Uint8Array, start: number, end: number, out: TokenBuffer): void {
    if (this.#whole && end - start <= 512) {
      const id = this.#whole.get(latin1(bytes, start, end));
      if (id !== undefined) {
        out.push(id);
        return;
      }
    }
    const n = end - start;
    const symbols = this.#merger.symbols(n);
    const ids = this.vocabulary.byteIds;
    for (let i = 0; i < n; i++) symbols[i] = ids[bytes[start + i]!]!;
    this.#merger.run(n, out);
  }
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

function wholeTokens(vocabulary: BpeVocabulary): Map<string, number> {
  const whole = new Map<string, number>();
  const apart = new Set([...vocabulary.specialTokens.values(), ...vocabulary.addedTokens.map((t) => t.id)]);
  vocabulary.tokens.forEach((bytes, id) => {
    if (bytes && !apart.has(id)) whole.set(latin1(bytes, 0, bytes.length), id);
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
