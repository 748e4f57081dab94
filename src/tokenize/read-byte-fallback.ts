import { InputError } from '../core/errors.ts';
import {
  type ByteFallbackVocabulary,
  byteFallbackSettings,
  bytesOfName,
  byteTokenIds,
} from './byte-fallback.ts';
import { ByteFallbackTokenizer, type EncoderMaker } from './byte-fallback-tokenizer.ts';
import { type Json, readAddedTokens, readMerges, readVocabulary, show } from './read-parts.ts';
import type { Tokenizer } from './tokenizer.ts';

const encoder = new TextEncoder();

/**
 * A BPE over characters that falls back on bytes, or undefined where the file is of another kind. Throws InputError that
 * says what is wrong with it. `make`: another encoder than the kernel.
 */
export function readByteFallback(
  json: Json,
  digest: string,
  where: string,
  make?: EncoderMaker,
): Tokenizer | undefined {
  const settings = byteFallbackSettings(json);
  const added = readAddedTokens(json, where);
  const plain = added.filter((token) => !token.special);
  if (!settings || plain.some((token) => token.awkward || token.normalized)) return undefined;
  const model = json.model as Json;
  const ids = readVocabulary(model.vocab, where);
  const byteIds = byteTokenIds(ids);
  if (!byteIds) return undefined;
  const names: (string | undefined)[] = [];
  for (const [name, id] of ids) putToken(names, id, name, where);
  for (const { id, content } of added) {
    if (names[id] !== content) putToken(names, id, content, where);
  }
  for (let id = 0; id < names.length; id++) names[id] ??= undefined;
  const apart = new Set(added.map(({ id }) => id));
  const vocabulary: ByteFallbackVocabulary = {
    ...settings,
    names,
    tokens: names.map((name, id) =>
      name === undefined
        ? undefined
        : apart.has(id)
          ? encoder.encode(name)
          : bytesOfName(name, settings.metaspace),
    ),
    byteIds,
    pairs: readMerges(model.merges, ids, where),
    specialTokens: new Map(added.filter((token) => token.special).map((token) => [token.content, token.id])),
    addedTokens: plain,
  };
  return new ByteFallbackTokenizer(vocabulary, digest, where, make);
}

function putToken(names: (string | undefined)[], id: number, name: string, where: string): void {
  if (names[id] !== undefined)
    throw new InputError(`two entries of the vocabulary have the id ${id}`, {
      file: where,
      found: show(name),
    });
  names[id] = name;
}
