import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { classifySystemError, InputError } from '../core/errors.ts';
import { tokenizerFromJson } from './read-json.ts';
import type { TokenBuffer } from './token-buffer.ts';

export { PreTokenCounter, type PreTokenCounts } from './counts.ts';
export { mergeCounts } from './merge-counts.ts';
export type { PreTokenizerName } from './pre-tokenizers.ts';
export { tokenizerFromJson } from './read-json.ts';
export { TIKTOKEN_ENCODINGS, type TiktokenOptions, tokenizerFromTiktoken } from './read-tiktoken.ts';
export { TokenBuffer } from './token-buffer.ts';
export { type TrainedBpe, type TrainOptions, trainBpe } from './train.ts';
export { specialTokensMapJson, tokenizerConfigJson, tokenizerFiles, tokenizerJson } from './write-json.ts';

/** Text to ids and back, byte for byte. */
export interface Tokenizer {
  /** One more than the highest id. */
  readonly vocabularySize: number;
  /** SHA-256 in hex of the tokenizer.json it was read from or would be written to. */
  readonly digest: string;
  /** Content -> id. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** The id of `<|endoftext|>`, or of what ends a text in other vocabularies (`</s>`, `[SEP]`), where there is one. */
  readonly endOfText: number | undefined;
  /**
   * Appends the ids of `utf8` to `out`, growing it, and returns how many were written. Special tokens in the text are
   * text. Bytes that are not UTF-8 are encoded too.
   */
  encodeInto(utf8: Uint8Array, out: TokenBuffer): number;
  /** Lone surrogates of a string become U+FFFD first. */
  encode(text: string | Uint8Array): Uint32Array;
  /** Invalid UTF-8 becomes U+FFFD. Throws InputError on an id that the vocabulary lacks. */
  decode(ids: ArrayLike<number>): string;
  decodeBytes(ids: ArrayLike<number>): Uint8Array;
  /** The bytes of one token; throws InputError on an unknown id. */
  tokenBytes(id: number): Uint8Array;
}

/** Reads a tokenizer.json, plain or gzipped. Throws InputError that says what is wrong with it. */
export async function loadTokenizer(path: string): Promise<Tokenizer> {
  return tokenizerFromJson(await readTokenizerText(path), path);
}

/** The text of a tokenizer.json, plain or gzipped. */
export async function readTokenizerText(path: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes);
  } catch (error) {
    throw classifySystemError(error, { file: path });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new InputError('a tokenizer.json must be UTF-8', { file: path, cause });
  }
}
