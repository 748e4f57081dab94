import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InputError } from '../../core/errors.ts';
import type { ShardSplit } from '../format.ts';
import { filesEndingIn, type ImportedDocument, type ImportSource, splitsByName } from './source.ts';
import { splitDocuments, type TokenChunk } from './token-file.ts';

interface MdsShard {
  readonly column_names: readonly string[];
  readonly column_encodings: readonly string[];
  readonly column_sizes: readonly (number | null)[];
  readonly compression: string | null;
  readonly raw_data: { readonly basename: string };
}

const ARRAYS: Readonly<Record<string, (bytes: ArrayBuffer) => ArrayLike<number | bigint>>> = {
  uint8: (bytes) => new Uint8Array(bytes),
  uint16: (bytes) => new Uint16Array(bytes),
  uint32: (bytes) => new Uint32Array(bytes),
  int32: (bytes) => new Int32Array(bytes),
  int64: (bytes) => new BigInt64Array(bytes),
};

/**
 * MosaicML's MDS: samples with a column `tokens` or `input_ids` of type ndarray. Where its shape is fixed the samples are
 * windows of one stream, whose documents the end-of-text token parts; else a sample is a document, with its `id`,
 * `corpus` and `source` where there are such columns. Files must not be compressed.
 */
export function* importMds(source: ImportSource): Generator<ImportedDocument> {
  const { folder } = source;
  const names = filesEndingIn(folder, 'index.json');
  const splitOf = splitsByName(names);
  for (const name of names) {
    const path = join(folder, name);
    const { shards } = JSON.parse(readFileSync(path, 'utf8')) as { shards: MdsShard[] };
    if (!Array.isArray(shards)) throw new InputError('not an index of MDS', { file: path });
    const place = dirname(name);
    if (shards.some((shard) => /^ndarray:\w+:\d/.test(tokenColumn(shard, path).encoding))) {
      yield* splitDocuments(windows(folder, place, shards), source, 'after', splitOf);
      continue;
    }
    for (const shard of shards) yield* documents(folder, place, shard, splitOf);
  }
}

function tokenColumn({ column_names, column_encodings }: MdsShard, file: string) {
  const at = column_names.findIndex((name) => name === 'tokens' || name === 'input_ids');
  const encoding = column_encodings[at] ?? '';
  const type = /^ndarray:(\w+)/.exec(encoding)?.[1] ?? '';
  if (!Object.hasOwn(ARRAYS, type)) {
    throw new InputError('no column of tokens that can be read', {
      ...{ file, expected: `tokens or input_ids, ndarray:TYPE of ${Object.keys(ARRAYS).join(', ')}` },
      found: column_names.map((name, i) => `${name} (${column_encodings[i]})`).join(', '),
    });
  }
  return { at, encoding, type };
}

interface Sample {
  readonly data: readonly Uint8Array[];
  readonly range: readonly [number, number];
}

function* samples(folder: string, place: string, shard: MdsShard): Generator<Sample> {
  const name = join(place, shard.raw_data.basename);
  const path = join(folder, name);
  if (!existsSync(path)) {
    const hint = shard.compression === null ? '' : ` (the shards are compressed by ${shard.compression})`;
    throw new InputError(`no such file${hint}`, { file: path, expected: 'shards without compression' });
  }
  const bytes = readFileSync(path);
  const variable = shard.column_sizes.filter((size) => size === null).length;
  for (let i = 0; i < bytes.readUInt32LE(0); i++) {
    const range = [bytes.readUInt32LE(4 + 4 * i), bytes.readUInt32LE(8 + 4 * i)] as const;
    let size = range[0];
    let at = range[0] + 4 * variable;
    const data = shard.column_sizes.map((fixed) => {
      const length = fixed ?? bytes.readUInt32LE(size);
      if (fixed === null) size += 4;
      at += length;
      return bytes.subarray(at - length, at);
    });
    if (at !== range[1]) {
      throw new InputError('a sample ends elsewhere than its columns', {
        ...{ file: path, offset: range[0], record: i, expected: `${range[1]}`, found: `${at}` },
      });
    }
    yield { data, range };
  }
}

function* documents(
  folder: string,
  place: string,
  shard: MdsShard,
  splitOf: (name: string) => ShardSplit,
): Generator<ImportedDocument> {
  const file = join(place, shard.raw_data.basename);
  const column = tokenColumn(shard, join(folder, file));
  const text = (sample: Sample, name: string): string | undefined => {
    const at = shard.column_names.indexOf(name);
    return shard.column_encodings[at] === 'str' ? Buffer.from(sample.data[at]!).toString('utf8') : undefined;
  };
  let number = 0;
  for (const sample of samples(folder, place, shard)) {
    const { range } = sample;
    // (number of dimensions << 2) | code of the bytes a length takes, the lengths, the values.
    const stored = sample.data[column.at]!;
    const head = 1 + (stored[0]! >> 2) * 2 ** (stored[0]! & 3);
    yield {
      split: splitOf(file),
      id: text(sample, 'id') ?? `${file}#${number}`,
      corpus: text(sample, 'corpus'),
      source: text(sample, 'source') ?? file,
      range,
      tokens: values(stored.subarray(head), column.type),
    };
    number++;
  }
}

function* windows(folder: string, place: string, shards: readonly MdsShard[]): Generator<TokenChunk> {
  for (const shard of shards) {
    const source = join(place, shard.raw_data.basename);
    const { at, type } = tokenColumn(shard, join(folder, source));
    for (const { data, range } of samples(folder, place, shard)) {
      const tokens = values(data[at]!, type);
      yield { source, offset: range[0], width: data[at]!.length / Math.max(1, tokens.length), tokens };
    }
  }
}

function values(bytes: Uint8Array, type: string): Uint32Array {
  // A copy begins where its buffer does; a Buffer's own slice would be a view.
  const { buffer } = new Uint8Array(bytes);
  return Uint32Array.from(ARRAYS[type]!(buffer) as ArrayLike<number>, Number);
}
