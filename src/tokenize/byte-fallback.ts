import { InputError } from '../core/errors.ts';
import { type AddedToken, PairRanks } from './bpe-vocabulary.ts';
import { isObject, type Json } from './read-parts.ts';

/** U+2581, which stands for a space in SentencePiece's vocabularies. */
export const METASPACE = '\u2581';
/** `<0x0A>`: one byte, for what has no token of its own. */
const BYTE_TOKEN = /^<0x([0-9A-F]{2})>$/;

/**
 * When a space goes before a text: `prepend` always (the Prepend normalizer), `always` where it does not begin with one,
 * `first` the same at the beginning of a document only (Metaspace).
 */
export type PrefixPolicy = 'prepend' | 'always' | 'first' | 'never';

/** A BPE over characters that falls back on bytes (Llama 2, Mistral, Gemma). */
export interface ByteFallbackVocabulary {
  readonly prefix: PrefixPolicy;
  /** Spaces become U+2581 before anything is merged. */
  readonly metaspace: boolean;
  /** Pre-tokens begin at each U+2581. */
  readonly split: boolean;
  readonly wholeFirst: boolean;
  /** Decoding leaves out one space at the beginning. */
  readonly stripsPrefix: boolean;
  /** As the vocabulary writes them, by id; undefined where an id is not taken. */
  readonly names: readonly (string | undefined)[];
  /** Bytes by id, for decoding. */
  readonly tokens: readonly (Uint8Array | undefined)[];
  /** [256] */
  readonly byteIds: Int32Array;
  readonly pairs: PairRanks;
  readonly specialTokens: ReadonlyMap<string, number>;
  readonly addedTokens: readonly AddedToken[];
}

export type ByteFallbackSettings = Pick<
  ByteFallbackVocabulary,
  'prefix' | 'metaspace' | 'split' | 'wholeFirst' | 'stripsPrefix'
>;

/** What a tokenizer.json says of such a BPE, or undefined where it is of another kind. */
export function byteFallbackSettings(json: Json): ByteFallbackSettings | undefined {
  const model = json.model as Json;
  if (model.type !== undefined && model.type !== 'BPE') return undefined;
  if (model.byte_fallback !== true || model.dropout) return undefined;
  if (model.continuing_subword_prefix || model.end_of_word_suffix) return undefined;
  const normal = normalizerSettings(json.normalizer);
  const cut = preTokenizerSettings(json.pre_tokenizer, normal?.metaspace === true);
  if (!normal || !cut) return undefined;
  return {
    prefix: normal.prepends ? 'prepend' : cut.prefix,
    metaspace: normal.metaspace || cut.metaspace,
    split: cut.split,
    wholeFirst: model.ignore_merges === true,
    stripsPrefix: stripsPrefix(json.decoder),
  };
}

function normalizerSettings(normalizer: unknown): { prepends: boolean; metaspace: boolean } | undefined {
  const steps =
    normalizer == null
      ? []
      : isObject(normalizer) && normalizer.type === 'Sequence'
        ? (normalizer.normalizers as unknown[])
        : [normalizer];
  let prepends = false;
  let metaspace = false;
  for (const step of steps) {
    if (!isObject(step)) return undefined;
    if (step.type === 'Prepend' && step.prepend === METASPACE && !prepends) prepends = true;
    else if (step.type === 'Replace' && step.content === METASPACE && !metaspace) {
      if (!isObject(step.pattern) || step.pattern.String !== ' ') return undefined;
      metaspace = true;
    } else return undefined;
  }
  return { prepends, metaspace };
}

interface CutSettings {
  readonly prefix: PrefixPolicy;
  readonly metaspace: boolean;
  readonly split: boolean;
}

function preTokenizerSettings(cut: unknown, spacesAreGone: boolean): CutSettings | undefined {
  const nothing: CutSettings = { prefix: 'never', metaspace: false, split: false };
  if (cut == null) return nothing;
  if (!isObject(cut)) return undefined;
  // Gemma: cuts at spaces, of which the normalizer has left none.
  if (cut.type === 'Split' && isObject(cut.pattern) && cut.pattern.String === ' ')
    return spacesAreGone && cut.invert !== true ? nothing : undefined;
  if (cut.type !== 'Metaspace' || cut.replacement !== METASPACE) return undefined;
  const prefix = cut.add_prefix_space === false ? 'never' : (cut.prepend_scheme ?? 'always');
  if (prefix !== 'never' && prefix !== 'always' && prefix !== 'first') return undefined;
  return { prefix, metaspace: true, split: cut.split !== false };
}

function stripsPrefix(decoder: unknown): boolean {
  if (!isObject(decoder)) return false;
  if (decoder.type === 'Metaspace')
    return decoder.prepend_scheme !== 'never' && decoder.add_prefix_space !== false;
  if (decoder.type !== 'Sequence' || !Array.isArray(decoder.decoders)) return false;
  return decoder.decoders.some(
    (step: unknown) =>
      isObject(step) && step.type === 'Strip' && step.content === ' ' && Number(step.start) > 0,
  );
}

/** Ids of the 256 byte tokens; undefined where some are missing, so that there are texts which fall back on nothing. */
export function byteTokenIds(ids: ReadonlyMap<string, number>): Int32Array | undefined {
  const found = new Int32Array(256).fill(-1);
  for (const [name, id] of ids) {
    const match = BYTE_TOKEN.exec(name);
    if (match) found[Number.parseInt(match[1]!, 16)] = id;
  }
  return found.includes(-1) ? undefined : found;
}

/** Bytes that a token decodes to. */
export function bytesOfName(name: string, metaspace: boolean): Uint8Array {
  const match = BYTE_TOKEN.exec(name);
  if (match) return Uint8Array.of(Number.parseInt(match[1]!, 16));
  return new TextEncoder().encode(metaspace ? name.replaceAll(METASPACE, ' ') : name);
}

/** A vocabulary of characters as the kernel takes it, which knows bytes only. */
export interface ByteForm {
  /** [256] id of the first symbol that each byte is. */
  readonly byteIds: Int32Array;
  readonly pairs: PairRanks;
  /** Ids from `firstPart` on are beginnings of characters: the byte tokens that they stand for. */
  readonly firstPart: number;
  readonly parts: readonly Uint32Array[];
}

/**
 * Turns a BPE over characters into one over bytes that gives the same ids: merges of lower rank than all others build
 * each character of the vocabulary from its bytes. UTF-8 is prefix-free and a lead byte never follows one, so these
 * cannot go astray. Where a character is not in the vocabulary, its beginning may be left, and stands for its bytes.
 */
export function byteForm({ names, byteIds, pairs }: ByteFallbackVocabulary, where: string): ByteForm {
  const firstPart = names.length;
  const parts: Uint32Array[] = [];
  const ids = Int32Array.from(byteIds);
  const characters: { bytes: Uint8Array; id: number }[] = [];
  const encoder = new TextEncoder();
  names.forEach((name, id) => {
    if (name === undefined || [...name].length !== 1) return;
    const bytes = encoder.encode(name);
    if (bytes.length === 1) ids[bytes[0]!] = id;
    else characters.push({ bytes, id });
  });
  const built: number[] = [];
  /** Beginning of a character in hexadecimal -> its id. */
  const beginnings = new Map<string, number>();
  for (const { bytes, id } of characters) {
    let left = byteIds[bytes[0]!]!;
    for (let n = 2; n <= bytes.length; n++) {
      const right = byteIds[bytes[n - 1]!]!;
      const key = Buffer.from(bytes.subarray(0, n)).toString('hex');
      let made = n === bytes.length ? id : beginnings.get(key);
      if (made === undefined) {
        made = firstPart + parts.length;
        parts.push(Uint32Array.from(bytes.subarray(0, n), (b) => byteIds[b]!));
      }
      if (n === bytes.length || !beginnings.has(key)) built.push(left, right, made);
      beginnings.set(key, made);
      left = made;
    }
  }
  const merges = pairs.byRank();
  const all = new PairRanks(built.length / 3 + merges.length / 2);
  for (let i = 0; i < built.length; i += 3) all.add(built[i]!, built[i + 1]!, i / 3, built[i + 2]!);
  for (let i = 0; i < merges.length; i += 2) {
    const [left, right] = [merges[i]!, merges[i + 1]!];
    const at = pairs.find(left, right);
    if (!all.add(left, right, built.length / 3 + pairs.slots[at]!, pairs.slots[at + 1]!))
      throw new InputError('a merge of byte tokens makes a character that is a token already', {
        file: where,
        found: `${names[left]} ${names[right]}`,
      });
  }
  return { byteIds: ids, pairs: all, firstPart, parts };
}

/** Whether some token goes on from another character to U+2581: then a run of these is no place to cut. */
export function crossesMetaspace(names: readonly (string | undefined)[]): boolean {
  return names.some((name) => name !== undefined && /[^\u2581]\u2581/.test(name));
}
