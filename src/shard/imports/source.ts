import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../core/errors.ts';
import type { ShardSplit } from '../format.ts';

/** What an importer reads from. */
export interface ImportSource {
  readonly folder: string;
  /** The corpus of documents that name none. */
  readonly corpus: string;
  /** Bytes a token of this vocabulary, where a format does not say. */
  readonly tokenWidth: 2 | 4;
  /** The token that parts documents, where a format has no other boundaries. */
  readonly endOfText: number | undefined;
}

/** One document on its way in. */
export interface ImportedDocument {
  readonly split: ShardSplit;
  readonly id: string;
  /** Default: the source's. */
  readonly corpus?: string;
  readonly source: string;
  /** Half-open byte range in the source. */
  readonly range: readonly [number, number];
  /** With or without the end-of-text token at the end. */
  readonly tokens: Uint32Array;
  /** UTF-8 bytes of the text, where the format tells. */
  readonly textBytes?: number;
}

export type Importer = (source: ImportSource) => Iterable<ImportedDocument> | AsyncIterable<ImportedDocument>;

/** Every file below `folder` whose name ends so, as paths from there, sorted. Throws InputError where there is none. */
export function filesEndingIn(folder: string, ending: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name).slice(join(folder, '/').length))
    .sort();
  if (names.length === 0) throw new InputError(`no files *${ending}`, { file: folder });
  return names;
}

const VALIDATION = /(^|[-_./\\])(val|valid|validation|eval)([-_./\\]|$)/i;
const HELD_OUT = /(^|[-_./\\])(held-out|test)([-_./\\]|$)/i;

/**
 * The side that each file's name tells. Where there are both, test files are held out and validation files are for
 * validation; where there is one of them, it is held out.
 */
export function splitsByName(names: readonly string[]): (name: string) => ShardSplit {
  const both = names.some((name) => HELD_OUT.test(name)) && names.some((name) => VALIDATION.test(name));
  return (name) => {
    if (HELD_OUT.test(name)) return 'held-out';
    if (!VALIDATION.test(name)) return 'train';
    return both ? 'validation' : 'held-out';
  };
}
