import { InputError } from '../core/errors.ts';
import { type AddedToken, PairRanks } from './bpe-vocabulary.ts';

// The parts of a tokenizer.json that several kinds of it share.

export type Json = Record<string, unknown>;

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A value as an error shows it. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

export interface FullAddedToken extends AddedToken {
  readonly special: boolean;
  /** Takes the white space around it, or only stands as a word. */
  readonly awkward: boolean;
}

export function readAddedTokens(json: Json, where: string): FullAddedToken[] {
  const list = json.added_tokens ?? [];
  if (!Array.isArray(list))
    throw new InputError('added_tokens must be a list', { file: where, found: show(list) });
  return list.map((token: unknown, i) => {
    if (!isObject(token) || typeof token.content !== 'string' || token.content === '' || !isId(token.id))
      throw new InputError(`added_tokens[${i}] must have an id and a content`, {
        file: where,
        found: show(token),
      });
    return {
      id: token.id,
      content: token.content,
      normalized: token.normalized === true,
      special: token.special === true,
      awkward: token.lstrip === true || token.rstrip === true || token.single_word === true,
    };
  });
}

const isId = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < 1 << 24;

/** Throws InputError where an id is none. */
export function readVocabulary(vocab: unknown, where: string): Map<string, number> {
  if (!isObject(vocab))
    throw new InputError('model.vocab must be an object of tokens and ids', {
      file: where,
      found: show(vocab),
    });
  const ids = new Map<string, number>();
  for (const name in vocab) {
    const id = vocab[name];
    if (!isId(id))
      throw new InputError(`model.vocab: the id of ${show(name)} must be an integer from 0`, {
        file: where,
        found: show(id),
      });
    ids.set(name, id);
  }
  return ids;
}

/** Throws InputError on a merge that is none, or of tokens that the vocabulary lacks. */
export function readMerges(merges: unknown, ids: ReadonlyMap<string, number>, where: string): PairRanks {
  if (!Array.isArray(merges))
    throw new InputError('model.merges must be a list', { file: where, found: show(merges) });
  const pairs = new PairRanks(merges.length);
  for (let rank = 0; rank < merges.length; rank++) {
    const parts = partsOf(merges[rank]);
    if (!parts)
      throw new InputError(`model.merges[${rank}] must be two tokens`, {
        file: where,
        found: show(merges[rank]),
      });
    const [a, b] = parts;
    const left = ids.get(a);
    const right = ids.get(b);
    const made = ids.get(a + b);
    if (left === undefined || right === undefined || made === undefined) {
      const missing = left === undefined ? a : right === undefined ? b : a + b;
      throw new InputError(`model.merges[${rank}] names a token that the vocabulary lacks`, {
        file: where,
        found: show(missing),
      });
    }
    pairs.add(left, right, rank, made);
  }
  return pairs;
}

function partsOf(merge: unknown): readonly [string, string] | undefined {
  if (typeof merge === 'string') {
    const space = merge.indexOf(' ');
    if (space < 0 || merge.indexOf(' ', space + 1) >= 0) return undefined;
    return [merge.slice(0, space), merge.slice(space + 1)];
  }
  if (!Array.isArray(merge) || merge.length !== 2) return undefined;
  const [a, b] = merge as unknown[];
  return typeof a === 'string' && typeof b === 'string' ? [a, b] : undefined;
}
