import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../core/errors.ts';
import type { ShardSplit } from '../format.ts';
import { filesEndingIn, type ImportedDocument, type ImportSource, splitsByName } from './source.ts';
import { openEach, type TokenFile } from './token-file.ts';

/** Codes of the types that hold tokens, and their bytes. */
const WIDTHS: Readonly<Record<number, 2 | 4>> = { 4: 4, 8: 2 };

interface Boundaries {
  readonly width: 2 | 4;
  /** [documents] first and last token, exclusive. */
  readonly ranges: readonly (readonly [number, number])[];
}

/** `*.idx` with `.bin` beside it (`IndexedDataset`): the sequences of a document are one document. */
export function* importMegatron({ folder }: ImportSource): Generator<ImportedDocument> {
  const names = filesEndingIn(folder, '.idx');
  const splitOf = splitsByName(names);
  for (const index of names) {
    const { width, ranges } = readIndex(join(folder, index));
    const name = index.replace(/\.idx$/, '.bin');
    for (const { file } of openEach(folder, [name], width))
      yield* documents(file, name, splitOf(name), ranges);
  }
}

function* documents(
  file: TokenFile,
  name: string,
  split: ShardSplit,
  ranges: Boundaries['ranges'],
): Generator<ImportedDocument> {
  for (const [i, [from, to]] of ranges.entries()) {
    yield {
      ...{ split, id: `${name}#${i}`, source: name },
      ...{ range: [file.offset(from), file.offset(to)] as const, tokens: file.read(from, to) },
    };
  }
}

function readIndex(path: string): Boundaries {
  const bytes = readFileSync(path);
  const fail = (what: string, offset: number, expected: string, found: string): never => {
    throw new InputError(what, { file: path, offset, expected, found });
  };
  const magic = bytes.subarray(0, 9).toString('latin1');
  if (magic !== 'MMIDIDX\0\0') fail('not an index of Megatron', 0, 'MMIDIDX', JSON.stringify(magic));
  const version = bytes.readBigUInt64LE(9);
  if (version !== 1n) fail('unknown version', 9, '1', `${version}`);
  const width = WIDTHS[bytes[17]!];
  if (width === undefined) return fail('not a type of tokens', 17, 'int32 (4) or uint16 (8)', `${bytes[17]}`);
  const sequences = Number(bytes.readBigUInt64LE(18));
  const boundaries = Number(bytes.readBigUInt64LE(26));
  const offsetsAt = 34 + 4 * sequences;
  const boundariesAt = offsetsAt + 8 * sequences;
  const least = boundariesAt + 8 * boundaries;
  if (bytes.length < least) fail('the index ends early', bytes.length, `${least} bytes`, `${bytes.length}`);
  const at = (sequence: number): number => Number(bytes.readBigInt64LE(offsetsAt + 8 * sequence)) / width;
  const boundary = (i: number): number => Number(bytes.readBigInt64LE(boundariesAt + 8 * i));
  const ranges = Array.from({ length: Math.max(0, boundaries - 1) }, (_, i) => {
    const [first, end] = [boundary(i), boundary(i + 1)];
    if (first === end) return [0, 0] as const;
    return [at(first), at(end - 1) + bytes.readInt32LE(34 + 4 * (end - 1))] as const;
  });
  return { width, ranges };
}
