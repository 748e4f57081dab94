import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { parquetWriteFile } from 'hyparquet-writer';
import { beforeAll, describe, expect, it } from 'vitest';
import { ConfigurationError, InputError } from '../../src/core/errors.ts';
import { type ExportFormat, exportShards } from '../../src/shard/exports/export.ts';
import type { ExportOptions } from '../../src/shard/exports/source.ts';
import { csvRows } from '../../src/shard/imports/dolma.ts';
import { type ImportOptions, importShards } from '../../src/shard/imports/import.ts';
import { ShardLoader } from '../../src/shard/loader.ts';
import { build, makeDocuments, newFolder, TOKENIZER } from './make-shards.ts';

/** Deflated, by pyarrow 26.0.1 (Apache-2.0): lists of int64 in two batches; large lists of u16, a dictionary of sources. */
const PYARROW = {
  'stream.arrow':
    'eNqNUjFuwzAMPNlu7QQaPBiFxwwZjCKPyJhfBEHdwUOLAHV/kYck7+jaoWOf0k0hGQoxiAgNAelE3YkmDw4hhF8ANTjm8HjEAyo6UbiCclBW0V7oDmS0Vno+0nsSNvy+0TuoZuiBH+K/LxrP/FI1TmvMWPe+/xy3Q/8hXCF8TdUq6qWUDmrtz2WMi8l3GIfx9Q3Sp6dVSp8sXtNGnw5/2huHx5NO6KUy8gItwQYx5pR7mZY9OKg3Ga5RIh1esTb3MW8VO8N3hl8r5hNNbvqwPG7wUZOb3tUj8X8aztTdfZ0E7/Wx+8dHd6ePlcHUfcrniAszV5zNJeZO5fHu2d3WvSgG+deBM2dfLes=',
  'file.arrow':
    'eNrtVL1OAzEMdtrc9agi1KGgGxg6MDCWrWO7dUACdWEsFVTiBP0Rd915DAYegLEPwMjAW5XPia9NwzEgMWLJcpLPsf05P4PR6PL6nGgDWSqiFrE0yVBMESUYQZQmDbOGD9s69AN6A20T70nhGVMDu1pYcTFUxFgP2oFqchJD88Xq6XZK2JNYJBH8FPF5I/s/Ynxv5+qo7cVAichGdADN5stVMc7ucoxf4fvi/Guc/8TLyTYrpjPOnmAWk+P56fwNxz/z4nehh9BJUUznRbaYj2eT/IFx1wfmWPLlmfC1eTuVeZmrgTYsV3YWa/v+Jn1kMRi5zhsbnWraYqng7kRcz8qzSuGpBbmQ9RrtpE4/ixHbEuvvU8G8aj0vdjyGyudxvM+jri2H/jbKft3vFXU3f1E3BfOScxrgaWC7Ad717inJ/fWltz2HnUQVfQp7/lu87HPpp5T6hvlxIlSsPWzj3pLth7tTiX2dRm7mMLjzQyngSgL3g1zPsr4O+vf/J/ztn7BGsoH9k78A6f94XA==',
};

interface Told {
  tokens: string;
  id: string;
  corpus: string;
  source: string;
  bytes: number;
}

async function dump(folder: string, split: 'train' | 'held-out'): Promise<Told[]> {
  const loader = await ShardLoader.open(folder, { split, context: 1, rows: 1, orderSeed: 0 });
  const all: Told[] = [];
  for await (const { document, tokens } of loader.documents()) {
    const { id, corpus, source, bytes } = document;
    all.push({ tokens: tokens.join(), id, corpus, source, bytes });
  }
  await loader.close();
  return all;
}

const options = (vocabulary: number, more: Partial<ImportOptions> = {}): ImportOptions => ({
  tokenizer: {
    digest: TOKENIZER,
    vocabularySize: vocabulary,
    endOfText: vocabulary - 1,
    specialTokens: new Map([['<|endoftext|>', vocabulary - 1]]),
  },
  corpus: 'brought',
  shardTokens: 700,
  ...more,
});

function filesOf(folder: string): [string, Buffer][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => [path.slice(folder.length), readFileSync(path)]);
}

describe('imports', () => {
  const sets = new Map<number, string>();
  beforeAll(async () => {
    for (const vocabulary of [300, 70_000]) {
      const documents = makeDocuments(150, 81, vocabulary);
      documents[3]!.row.source = 'a "quoted", strange\nname';
      sets.set(vocabulary, (await build(documents, { vocabulary, shardTokens: 900 })).folder);
    }
  });

  const formats: [ExportFormat, Partial<ExportOptions>][] = [
    ['megatron', {}],
    ['llm.c', { fileTokens: 500 }],
    ['nanogpt', {}],
    ['datatrove', {}],
    ['mds', {}],
    ['mds', { windowTokens: 1 }],
    ['dolma', {}],
    ['parquet', {}],
    ['arrow', {}],
  ];
  const cases = formats.flatMap(([format, more]) =>
    [300, 70_000].filter((v) => v === 300 || format !== 'nanogpt').map((v) => [format, v, more] as const),
  );

  it.each(cases)(
    '%s of a vocabulary of %i comes back as it went out (%o)',
    async (format, vocabulary, more) => {
      const set = sets.get(vocabulary)!;
      const out = newFolder();
      await exportShards(set, out, format, more);
      const back = newFolder();
      const index = await importShards(out, back, format, options(vocabulary));
      for (const split of ['train', 'held-out'] as const) {
        const [was, is] = [await dump(set, split), await dump(back, split)];
        expect(is.map(({ tokens }) => tokens)).toEqual(was.map(({ tokens }) => tokens));
        expect(index.splits[split]).toMatchObject({ documents: was.length });
        const table = format === 'parquet' || format === 'arrow';
        const named = table || (format === 'mds' && !more.windowTokens);
        const names = ({ id, corpus, source }: Told) => [id, corpus, source];
        if (named) expect(is.map(names)).toEqual(was.map(names));
        if (format === 'dolma') {
          expect(is.map(({ id, source }) => [id, source])).toEqual(was.map(({ id, source }) => [id, source]));
        }
        if (table) expect(is.map(({ bytes }) => bytes)).toEqual(was.map(({ bytes }) => bytes));
        if (!named) expect(new Set(is.map(({ corpus }) => corpus))).toEqual(new Set(['brought']));
        expect(new Set(is.map(({ corpus, id }) => `${corpus}/${id}`)).size).toBe(is.length);
      }
      // Out again: the same bytes, where files do not follow the cuts of the shards.
      if (['dolma', 'datatrove', 'parquet', 'arrow'].includes(format)) return;
      const again = newFolder();
      await exportShards(back, again, format, more);
      if (more.windowTokens || format !== 'mds') expect(filesOf(again)).toEqual(filesOf(out));
    },
  );

  it('what others write: sequences of several a document, rows with input_ids alone, a trailing document', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'x.bin'), Uint16Array.of(1, 2, 3, 4, 5, 6));
    const idx = Buffer.alloc(34 + 4 * 3 + 8 * 3 + 8 * 3);
    idx.write('MMIDIDX\0\0', 'latin1');
    idx.writeBigUInt64LE(1n, 9);
    idx[17] = 8;
    idx.writeBigUInt64LE(3n, 18);
    idx.writeBigUInt64LE(3n, 26);
    [2, 1, 3].forEach((length, i) => void idx.writeInt32LE(length, 34 + 4 * i));
    [0n, 4n, 6n].forEach((offset, i) => void idx.writeBigInt64LE(offset, 46 + 8 * i));
    [0n, 2n, 3n].forEach((boundary, i) => void idx.writeBigInt64LE(boundary, 70 + 8 * i));
    writeFileSync(join(folder, 'x.idx'), idx);
    const to = newFolder();
    await importShards(folder, to, 'megatron', options(300));
    expect((await dump(to, 'train')).map(({ tokens }) => tokens)).toEqual(['1,2,3,299', '4,5,6,299']);

    const rows = newFolder();
    mkdirSync(join(rows, 'data'));
    const column = (data: number[][]) => [{ name: 'input_ids', data, type: 'JSON' as const }];
    parquetWriteFile({ filename: join(rows, 'data/train-0.parquet'), columnData: column([[7, 8], [9]]) });
    parquetWriteFile({ filename: join(rows, 'data/validation-0.parquet'), columnData: column([[1]]) });
    const bare = newFolder();
    await importShards(rows, bare, 'parquet', options(300, { appendEndOfText: false }));
    expect((await dump(bare, 'train')).map(({ tokens, id }) => [tokens, id])).toEqual([
      ['7,8', 'data/train-0.parquet#0'],
      ['9', 'data/train-0.parquet#1'],
    ]);
    expect((await dump(bare, 'held-out')).length).toBe(1);

    const nano = newFolder();
    writeFileSync(join(nano, 'val.bin'), Uint16Array.of(5, 299, 299, 6));
    const tail = newFolder();
    await importShards(nano, tail, 'nanogpt', options(300));
    expect((await dump(tail, 'held-out')).map(({ tokens }) => tokens)).toEqual(['5,299', '299', '6,299']);
  });

  it('Arrow files as pyarrow writes them: streams and files, any width of tokens and of offsets, names from a dictionary', async () => {
    const folder = newFolder();
    for (const [name, packed] of Object.entries(PYARROW))
      writeFileSync(join(folder, name), inflateSync(Buffer.from(packed, 'base64')));
    const to = newFolder();
    await importShards(folder, to, 'arrow', options(300));
    const told = (await dump(to, 'train')).map(({ tokens, id, source }) => [tokens, id, source]);
    expect(told).toEqual([
      ['5,299', 'file.arrow#0', 's'],
      ['6,4,299', 'file.arrow#1', 't'],
      ['7,8,9,299', 'a', 'stream.arrow'],
      ['299', 'é', 'stream.arrow'],
      ['298,299', 'c', 'stream.arrow'],
    ]);
    const cut = newFolder();
    for (const [name, packed] of Object.entries(PYARROW)) {
      const whole = inflateSync(Buffer.from(packed, 'base64'));
      for (const bytes of [8, 9, 100, 300, whole.length - 3, whole.length]) {
        writeFileSync(join(cut, 'x.arrow'), whole.subarray(0, whole.length - bytes));
        const tried = importShards(cut, newFolder(), 'arrow', options(300));
        await expect(tried, `${name} but ${bytes} bytes`).rejects.toThrow(InputError);
      }
    }
  });

  it('reads the CSV of Python', () => {
    expect(csvRows('0,1,a,"b ""q"", c\nd",5\r\n1,2,x,,0\r\n')).toEqual([
      ['0', '1', 'a', 'b "q", c\nd', '5'],
      ['1', '2', 'x', '', '0'],
    ]);
  });

  it('say what is wrong, and leave nothing behind', async () => {
    const out = newFolder();
    await exportShards(sets.get(300)!, out, 'datatrove');
    const to = newFolder();
    await expect(importShards(out, to, 'datatrove', options(100))).rejects.toThrow('ids below 100');
    expect(readdirSync(to)).toEqual([]);
    await expect(importShards(out, to, 'nanogpt', options(300))).rejects.toThrow(InputError);
    const name = join(out, 'train/000_provender.ds');
    writeFileSync(name, readFileSync(name).subarray(2));
    await expect(importShards(out, to, 'datatrove', options(300))).rejects.toThrow('ends elsewhere');
    const bin = newFolder();
    writeFileSync(join(bin, 'train.bin'), new Uint8Array(1030));
    await expect(importShards(bin, to, 'llm.c', options(300))).rejects.toThrow('20240520');
    const set = newFolder();
    copyFileSync(join(sets.get(300)!, 'index.json'), join(set, 'index.json'));
    await expect(importShards(out, set, 'datatrove', options(300))).rejects.toThrow(ConfigurationError);
  });
});
