import { createHash } from 'node:crypto';
import { InputError } from '../core/errors.ts';
import { BpeTokenizer } from './bpe-tokenizer.ts';
import type { BpeVocabulary } from './bpe-vocabulary.ts';
import { alphabetToBytes } from './byte-alphabet.ts';
import { ForeignTokenizer } from './foreign-tokenizer.ts';
import { PRE_TOKENIZER_NAMES, PRE_TOKENIZER_REGEX, type PreTokenizerName } from './pre-tokenizers.ts';
import { readByteFallback } from './read-byte-fallback.ts';
import {
  type FullAddedToken,
  isObject,
  type Json,
  readAddedTokens,
  readMerges,
  readVocabulary,
  show,
} from './read-parts.ts';
import { REPLACEMENT } from './replace-bytes.ts';
import type { Tokenizer } from './tokenizer.ts';

const encoder = new TextEncoder();
const MODEL_TYPES = ['BPE', 'WordPiece', 'Unigram'];

/** By digest, newest last: every partition opens its tokenizer anew, and reading 50,000 merges takes 0.4 s. */
const lately = new Map<string, Tokenizer>();
const MOST_KEPT = 2;

/**
 * Reads the text of a tokenizer.json. BPE, byte-level or with byte fallback, runs in provender's own encoder; all else
 * that is well-formed (WordPiece, Unigram, other BPE) in `@huggingface/tokenizers`. The same text gives the same object.
 * Throws InputError that says what is wrong and where.
 */
export function tokenizerFromJson(text: string, where: string): Tokenizer {
  const digest = createHash('sha256').update(text).digest('hex');
  const tokenizer = lately.get(digest) ?? read(text, digest, where);
  lately.delete(digest);
  lately.set(digest, tokenizer);
  for (const oldest of lately.keys()) {
    if (lately.size <= MOST_KEPT) break;
    lately.delete(oldest);
  }
  return tokenizer;
}

function read(text: string, digest: string, where: string): Tokenizer {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new InputError(`not JSON: ${(cause as Error).message}`, { file: where, cause });
  }
  if (!isObject(json))
    throw new InputError('a tokenizer.json must be an object', { file: where, found: show(json) });
  if (!isObject(json.model))
    throw new InputError('a tokenizer.json must have a model', {
      file: where,
      expected: 'an object',
      found: show(json.model),
    });
  const kind = json.model.type;
  if (kind !== undefined && !MODEL_TYPES.includes(kind as string))
    throw new InputError('model.type is none that is known', {
      file: where,
      expected: MODEL_TYPES.join(', '),
      found: show(kind),
    });
  const added = readAddedTokens(json, where);
  const fallback = readByteFallback(json, digest, where);
  if (fallback) return fallback;
  const settings = byteLevelSettings(json);
  if (!settings || added.some((token) => token.awkward && !token.special))
    return new ForeignTokenizer(json, digest, where);
  return new BpeTokenizer(readBpe(json.model, added, settings, where), digest);
}

interface ByteLevelSettings {
  readonly preTokenizer: PreTokenizerName;
  readonly nfc: boolean;
  readonly prefixSpace: boolean;
}

/** What our own encoder needs to know of a byte-level BPE, or undefined where the file is of another kind. */
function byteLevelSettings(json: Json): ByteLevelSettings | undefined {
  const model = json.model as Json;
  const nfc = isObject(json.normalizer) && json.normalizer.type === 'NFC';
  if (json.normalizer != null && !nfc) return undefined;
  if (model.type !== undefined && model.type !== 'BPE') return undefined;
  if (model.byte_fallback === true || model.dropout) return undefined;
  if (model.continuing_subword_prefix || model.end_of_word_suffix) return undefined;
  const cut = json.pre_tokenizer;
  if (!isObject(cut)) return undefined;
  if (cut.type === 'ByteLevel') {
    const preTokenizer = cut.use_regex === false ? 'none' : 'gpt2';
    return { preTokenizer, nfc, prefixSpace: cut.add_prefix_space === true };
  }
  if (cut.type !== 'Sequence' || !Array.isArray(cut.pretokenizers) || cut.pretokenizers.length !== 2)
    return undefined;
  const [split, level] = cut.pretokenizers as [unknown, unknown];
  if (
    !isObject(level) ||
    level.type !== 'ByteLevel' ||
    level.use_regex !== false ||
    level.add_prefix_space === true
  )
    return undefined;
  const preTokenizer = knownSplit(split);
  return preTokenizer && { preTokenizer, nfc, prefixSpace: false };
}

function knownSplit(split: unknown): PreTokenizerName | undefined {
  if (!isObject(split) || split.type !== 'Split' || split.invert === true || split.behavior !== 'Isolated')
    return undefined;
  const regex = isObject(split.pattern) ? split.pattern.Regex : undefined;
  return PRE_TOKENIZER_NAMES.find((name) => name !== 'none' && PRE_TOKENIZER_REGEX[name] === regex);
}

function readBpe(
  model: Json,
  added: FullAddedToken[],
  settings: ByteLevelSettings,
  where: string,
): BpeVocabulary {
  const ids = readVocabulary(model.vocab, where);
  const apart = new Set(added.map((token) => token.content));
  const tokens: (Uint8Array | undefined)[] = [];
  for (const [name, id] of ids) {
    const bytes = apart.has(name) ? encoder.encode(name) : alphabetToBytes(name);
    if (!bytes)
      throw new InputError(
        'an entry of the byte-level vocabulary holds a character that stands for no byte',
        {
          file: where,
          found: show(name),
        },
      );
    if (tokens[id] !== undefined)
      throw new InputError(`two entries of the vocabulary have the id ${id}`, {
        file: where,
        found: show(name),
      });
    tokens[id] = bytes;
  }
  for (const { id, content } of added) {
    if (ids.has(content) ? ids.get(content) !== id : tokens[id] !== undefined)
      throw new InputError(`the added token ${show(content)} takes the id ${id}, which is another token's`, {
        file: where,
      });
    tokens[id] = encoder.encode(content);
  }
  for (let id = 0; id < tokens.length; id++) tokens[id] ??= undefined; // No holes: a dense array is read faster.
  return {
    ...settings,
    wholeFirst: model.ignore_merges === true,
    tokens,
    byteIds: byteIds(ids, where),
    pairs: readMerges(model.merges, ids, where),
    specialTokens: new Map(added.filter((t) => t.special).map((t) => [t.content, t.id])),
    addedTokens: added.filter((t) => !t.special),
  };
}

/**
 * Many vocabularies lack the bytes that no UTF-8 text holds, and some lack rare ones; those are -1. (Hugging Face's drop
 * such bytes from a text without a word; here they become U+FFFD.)
 */
function byteIds(ids: ReadonlyMap<string, number>, where: string): Int32Array {
  const found = new Int32Array(256).fill(-1);
  for (const [name, id] of ids) {
    if (name.length !== 1) continue;
    const bytes = alphabetToBytes(name);
    if (bytes) found[bytes[0]!] = id;
  }
  for (const byte of REPLACEMENT)
    if (found[byte]! < 0)
      throw new InputError(
        'the byte-level vocabulary lacks a byte of U+FFFD, which stands in for other missing bytes',
        {
          file: where,
          found: `no 0x${byte.toString(16)}`,
        },
      );
  return found;
}
