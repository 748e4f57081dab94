import { SHARD_SPLITS } from '../format.ts';
import { filesEndingIn, type ImportedDocument, type ImportSource, splitsByName } from './source.ts';
import { chunksOf, openEach, splitDocuments, type TokenChunk } from './token-file.ts';

/** `*.bin` of u16 tokens without a header, each document ended by the end-of-text token. */
export function* importNanoGpt(source: ImportSource): Generator<ImportedDocument> {
  const names = filesEndingIn(source.folder, '.bin');
  const splitOf = splitsByName(names);
  for (const split of SHARD_SPLITS) {
    const mine = names.filter((name) => splitOf(name) === split);
    yield* splitDocuments(chunks(source.folder, mine), source, 'after', splitOf);
  }
}

function* chunks(folder: string, names: readonly string[]): Generator<TokenChunk> {
  for (const { name, file } of openEach(folder, names, 2)) yield* chunksOf(file, name);
}
