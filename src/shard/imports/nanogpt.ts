import { filesEndingIn, type ImportedDocument, type ImportSource, splitOfName } from './source.ts';
import { chunksOf, openEach, splitDocuments, type TokenChunk } from './token-file.ts';

/** `*.bin` of u16 tokens without a header, each document ended by the end-of-text token. */
export function* importNanoGpt(source: ImportSource): Generator<ImportedDocument> {
  const names = filesEndingIn(source.folder, '.bin');
  for (const split of ['train', 'held-out'] as const) {
    const mine = names.filter((name) => splitOfName(name) === split);
    yield* splitDocuments(chunks(source.folder, mine), source, 'after');
  }
}

function* chunks(folder: string, names: readonly string[]): Generator<TokenChunk> {
  for (const { name, file } of openEach(folder, names, 2)) yield* chunksOf(file, name);
}
