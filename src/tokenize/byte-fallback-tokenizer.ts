import { InputError } from '../core/errors.ts';
import { AddedTokenFinder } from './added-tokens.ts';
import { BpeKernel } from './bpe-kernel.ts';
import type { BpeEncoder, EncoderVocabulary, WholeTokens } from './bpe-vocabulary.ts';
import { type ByteFallbackVocabulary, type ByteForm, byteForm, crossesMetaspace } from './byte-fallback.ts';
import { isMetaspace } from './scan.ts';
import { endOfTextOf } from './special-tokens.ts';
import { TokenBuffer } from './token-buffer.ts';
import type { Tokenizer } from './tokenizer.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export type EncoderMaker = (vocabulary: EncoderVocabulary, whole: WholeTokens | undefined) => BpeEncoder;

/** A BPE over characters with byte fallback, in provender's own encoder. */
export class ByteFallbackTokenizer implements Tokenizer {
  readonly digest: string;
  readonly #vocabulary: ByteFallbackVocabulary;
  readonly #form: ByteForm;
  readonly #encoder: BpeEncoder;
  readonly #finder: AddedTokenFinder | undefined;

  /** Throws InputError where the vocabulary contradicts itself. */
  constructor(
    vocabulary: ByteFallbackVocabulary,
    digest: string,
    where: string,
    make: EncoderMaker = (forEncoder, whole) => new BpeKernel(forEncoder, whole),
  ) {
    this.#vocabulary = vocabulary;
    this.digest = digest;
    this.#form = byteForm(vocabulary, where);
    const { names, tokens, wholeFirst, split, addedTokens } = vocabulary;
    // A whole text that is a token is that token: then nothing may be cut that the file does not cut.
    const cut = split ? 'metaspace' : wholeFirst || crossesMetaspace(names) ? 'none' : 'metaspace-runs';
    const { byteIds, pairs } = this.#form;
    this.#encoder = make({ preTokenizer: cut, tokens, byteIds, pairs }, wholeTokens(vocabulary));
    if (addedTokens.length > 0)
      this.#finder = new AddedTokenFinder(
        addedTokens.map(({ content, id }) => ({ bytes: encoder.encode(content), id })),
      );
  }

  get vocabularySize(): number {
    return this.#vocabulary.names.length;
  }

  get specialTokens(): ReadonlyMap<string, number> {
    return this.#vocabulary.specialTokens;
  }

  get endOfText(): number | undefined {
    return endOfTextOf(this.#vocabulary.specialTokens);
  }

  encodeInto(utf8: Uint8Array, out: TokenBuffer): number {
    const before = out.length;
    if (this.#finder)
      this.#finder.split(utf8, out, (part) =>
        this.#encodePart(part, part.byteOffset === utf8.byteOffset, out),
      );
    else if (utf8.length > 0) this.#encodePart(utf8, true, out);
    return out.length - before;
  }

  encode(text: string | Uint8Array): Uint32Array {
    const utf8 = typeof text === 'string' ? encoder.encode(text) : text;
    const out = new TokenBuffer(utf8.length / 2 + 16);
    this.encodeInto(utf8, out);
    return out.data.slice(0, out.length);
  }

  decode(ids: ArrayLike<number>): string {
    return decoder.decode(this.decodeBytes(ids));
  }

  decodeBytes(ids: ArrayLike<number>): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let i = 0; i < ids.length; i++) parts.push(this.tokenBytes(ids[i]!));
    const all = Buffer.concat(parts);
    return new Uint8Array(this.#vocabulary.stripsPrefix && all[0] === 0x20 ? all.subarray(1) : all);
  }

  tokenBytes(id: number): Uint8Array {
    const bytes = this.#vocabulary.tokens[id];
    if (bytes === undefined)
      throw new InputError('the vocabulary has no such id', {
        expected: `0 to ${this.vocabularySize - 1}`,
        found: String(id),
      });
    return bytes;
  }

  #encodePart(part: Uint8Array, isFirst: boolean, out: TokenBuffer): void {
    const before = out.length;
    this.#encoder.encode(normalize(part, isFirst, this.#vocabulary), out);
    if (this.#form.parts.length > 0) this.#expandParts(before, out);
  }

  /** Puts byte tokens where a character of no token has left its beginning. */
  #expandParts(from: number, out: TokenBuffer): void {
    const { firstPart, parts } = this.#form;
    let at = from;
    while (at < out.length && out.data[at]! < firstPart) at++;
    if (at === out.length) return;
    const rest = out.data.slice(at, out.length);
    out.length = at;
    for (const id of rest) {
      if (id < firstPart) out.push(id);
      else for (const byte of parts[id - firstPart]!) out.push(byte);
    }
  }
}

/** The text with U+2581 for spaces and before it, as the vocabulary wants. */
function normalize(
  text: Uint8Array,
  isFirst: boolean,
  { prefix, metaspace }: Pick<ByteFallbackVocabulary, 'prefix' | 'metaspace'>,
): Uint8Array {
  const beginsWithSpace = (metaspace && text[0] === 0x20) || isMetaspace(text, 0, text.length);
  const prefixed =
    prefix === 'prepend' ||
    (prefix === 'always' && !beginsWithSpace) ||
    (prefix === 'first' && isFirst && !beginsWithSpace);
  let spaces = prefixed ? 1 : 0;
  if (metaspace) for (let i = 0; i < text.length; i++) if (text[i] === 0x20) spaces++;
  if (spaces === 0) return text;
  const normal = new Uint8Array(text.length + 2 * spaces + (prefixed ? 1 : 0));
  let at = 0;
  const putSpace = (): void => {
    normal[at++] = 0xe2;
    normal[at++] = 0x96;
    normal[at++] = 0x81;
  };
  if (prefixed) putSpace();
  for (let i = 0; i < text.length; i++) {
    if (metaspace && text[i] === 0x20) putSpace();
    else normal[at++] = text[i]!;
  }
  return normal;
}

/** The tokens that a pre-token may be as a whole, by the vocabulary's own writing. */
function wholeTokens({ wholeFirst, names, specialTokens, addedTokens }: ByteFallbackVocabulary) {
  if (!wholeFirst) return undefined;
  const apart = new Set([...specialTokens.values(), ...addedTokens.map(({ id }) => id)]);
  const whole = new Map<number, Uint8Array>();
  names.forEach((name, id) => {
    if (name !== undefined && !apart.has(id)) whole.set(id, encoder.encode(name));
  });
  return whole;
}
