import { InputError } from '../../core/errors.ts';
import { HEADER_WORDS, VERSIONS } from '../exports/llmc.ts';
import { SHARD_SPLITS } from '../format.ts';
import { filesEndingIn, type ImportedDocument, type ImportSource, splitsByName } from './source.ts';
import { chunksOf, openEach, splitDocuments, type TokenChunk } from './token-file.ts';

/** `*.bin` with llm.c's header of 256 i32: the end-of-text token comes before each document, which may run over files. */
export function* importLlmC(source: ImportSource): Generator<ImportedDocument> {
  const names = filesEndingIn(source.folder, '.bin');
  const splitOf = splitsByName(names);
  for (const split of SHARD_SPLITS) {
    const mine = names.filter((name) => splitOf(name) === split);
    yield* splitDocuments(chunks(source, mine), source, 'before', splitOf);
  }
}

function* chunks({ folder, tokenWidth }: ImportSource, names: readonly string[]): Generator<TokenChunk> {
  const { magic, version } = VERSIONS[tokenWidth];
  for (const { name, file } of openEach(folder, names, tokenWidth, 4 * HEADER_WORDS)) {
    const header = file.header();
    const found = [header.readInt32LE(0), header.readInt32LE(4), header.readInt32LE(8)];
    const expected = [magic, version, file.tokens];
    if (found.join() !== expected.join()) {
      throw new InputError('not an llm.c file of this vocabulary', {
        ...{ file: file.path, offset: 0, expected: `magic, version, tokens ${expected.join(', ')}` },
        found: found.join(', '),
      });
    }
    yield* chunksOf(file, name);
  }
}
