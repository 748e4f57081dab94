import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../core/errors.ts';
import { filesEndingIn, type ImportedDocument, type ImportSource, splitsByName } from './source.ts';
import { openEach } from './token-file.ts';

/** `*.ds` with the ends of its documents in `.ds.index`; the size of a token is in `.ds.metadata`, else by the vocabulary. */
export function* importDatatrove({ folder, tokenWidth }: ImportSource): Generator<ImportedDocument> {
  const names = filesEndingIn(folder, '.ds');
  const splitOf = splitsByName(names);
  for (const name of names) {
    const ends = readEnds(join(folder, `${name}.index`));
    const width = widthOf(join(folder, `${name}.metadata`)) ?? tokenWidth;
    for (const { file } of openEach(folder, [name], width)) {
      const end = ends.at(-1) ?? 0;
      if (end !== file.tokens) {
        throw new InputError('the index ends elsewhere than the tokens', {
          ...{ file: file.path, expected: `${end} tokens of ${width} bytes`, found: `${file.tokens}` },
        });
      }
      let from = 0;
      for (const [i, to] of ends.entries()) {
        yield {
          ...{ split: splitOf(name), id: `${name}#${i}`, source: name },
          ...{ range: [file.offset(from), file.offset(to)] as const, tokens: file.read(from, to) },
        };
        from = to;
      }
    }
  }
}

function readEnds(path: string): number[] {
  const bytes = readFileSync(path);
  const ends = new BigUint64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  return Array.from(ends, Number);
}

/** The first line is `tokenizer|bytes a token`. */
function widthOf(path: string): 2 | 4 | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const width = /\|(\d+)$/.exec(text.split('\n', 1)[0]!)?.[1];
  return width === '2' ? 2 : width === '4' ? 4 : undefined;
}
