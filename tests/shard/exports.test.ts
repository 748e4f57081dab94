import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { beforeAll, describe, expect, it } from 'vitest';
import { ConfigurationError, IntegrityError } from '../../src/core/errors.ts';
import { metric } from '../../src/shard/exports/datatrove.ts';
import { exportShards } from '../../src/shard/exports/export.ts';
import { ShardLoader } from '../../src/shard/loader.ts';
import { build, makeDocuments, newFolder } from './make-shards.ts';

interface Plain {
  id: string;
  corpus: string;
  source: string;
  tokens: number[];
}

async function plainDocuments(folder: string, split: 'train' | 'held-out'): Promise<Plain[]> {
  const loader = await ShardLoader.open(folder, { split, context: 1, rows: 1, orderSeed: 0 });
  const plain: Plain[] = [];
  for await (const { document, tokens } of loader.documents()) {
    const { id, corpus, source } = document;
    plain.push({ id, corpus, source, tokens: [...tokens] });
  }
  await loader.close();
  return plain;
}

const u16 = (bytes: Uint8Array): number[] => [
  ...new Uint16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)),
];

describe('exports', () => {
  let folder: string;
  let train: Plain[];
  let held: Plain[];
  beforeAll(async () => {
    const documents = makeDocuments(200, 41);
    documents[3]!.row.source = 'a "quoted", strange\nname';
    ({ folder } = await build(documents, { shardTokens: 900 }));
    train = await plainDocuments(folder, 'train');
    held = await plainDocuments(folder, 'held-out');
  });
  const lastId = 299;

  it('megatron: 34 bytes of header, lengths, offsets, boundaries', async () => {
    const to = newFolder();
    const files = await exportShards(folder, to, 'megatron', { name: 'x' });
    expect([...files].sort()).toEqual(['x-held-out.bin', 'x-held-out.idx', 'x-train.bin', 'x-train.idx']);
    const bin = readFileSync(join(to, 'x-train.bin'));
    expect(u16(bin)).toEqual(train.flatMap(({ tokens }) => tokens));
    const idx = readFileSync(join(to, 'x-train.idx'));
    const n = train.length;
    expect(idx.subarray(0, 9).toString('latin1')).toBe('MMIDIDX\0\0');
    expect([idx.readBigUInt64LE(9), idx[17], idx.readBigUInt64LE(18), idx.readBigUInt64LE(26)]).toEqual([
      1n,
      8,
      BigInt(n),
      BigInt(n + 1),
    ]);
    expect(idx.length).toBe(34 + 4 * n + 8 * n + 8 * (n + 1));
    let offset = 0;
    train.forEach(({ tokens }, i) => {
      expect(idx.readInt32LE(34 + 4 * i)).toBe(tokens.length);
      expect(idx.readBigInt64LE(34 + 4 * n + 8 * i)).toBe(BigInt(offset));
      expect(idx.readBigInt64LE(34 + 12 * n + 8 * i)).toBe(BigInt(i));
      offset += 2 * tokens.length;
    });
    expect(idx.readBigInt64LE(34 + 20 * n)).toBe(BigInt(n));
  });

  it('megatron takes i32 from a vocabulary of 65,500 on', async () => {
    for (const [vocabulary, code, bytes] of [
      [65499, 8, 2],
      [65500, 4, 4],
      [65537, 4, 4],
    ] as const) {
      const set = await build(makeDocuments(20, 1, vocabulary), { vocabulary, shardTokens: 1e6 });
      const to = newFolder();
      await exportShards(set.folder, to, 'megatron');
      expect(readFileSync(join(to, 'provender-train.idx'))[17]).toBe(code);
      const bin = readFileSync(join(to, 'provender-train.bin'));
      const wanted = (await plainDocuments(set.folder, 'train')).flatMap(({ tokens }) => tokens);
      expect(bin.length).toBe(bytes * wanted.length);
      expect(wanted.map((_, i) => bin.readUIntLE(i * bytes, bytes))).toEqual(wanted);
    }
  });

  it('llm.c: a header of 1,024 bytes, the separator first, files filled to their size', async () => {
    const to = newFolder();
    const files = await exportShards(folder, to, 'llm.c', { name: 'fw', fileTokens: 1000 });
    expect(files[0]).toBe('fw_val_000000.bin');
    const wanted = (documents: Plain[]) =>
      documents.flatMap(({ tokens }) => [lastId, ...tokens.slice(0, -1)]);
    const read = (label: string): number[] =>
      readdirSync(to)
        .filter((name) => name.includes(label))
        .sort()
        .flatMap((name, i, all) => {
          const bytes = readFileSync(join(to, name));
          expect([bytes.readInt32LE(0), bytes.readInt32LE(4)]).toEqual([20240520, 1]);
          const count = bytes.readInt32LE(8);
          expect(bytes.length).toBe(1024 + 2 * count);
          if (i < all.length - 1) expect(count).toBe(1000);
          expect(bytes.subarray(12, 1024).every((byte) => byte === 0)).toBe(true);
          return u16(bytes.subarray(1024));
        });
    expect(read('_val_')).toEqual(wanted(held));
    expect(read('_train_')).toEqual(wanted(train));
    expect(readdirSync(to).filter((name) => name.includes('_train_')).length).toBeGreaterThan(2);
    const large = await build(makeDocuments(20, 1, 70000), { vocabulary: 70000 });
    await exportShards(large.folder, to, 'llm.c', { name: 'l3' });
    const header = readFileSync(join(to, 'l3_train_000001.bin'));
    expect([header.readInt32LE(0), header.readInt32LE(4)]).toEqual([20240801, 7]);
    expect(header.length).toBe(1024 + 4 * header.readInt32LE(8));
  });

  it('nanogpt: headerless 16 bits with the separator last; refuses what does not fit', async () => {
    const to = newFolder();
    expect(await exportShards(folder, to, 'nanogpt')).toEqual(['train.bin', 'val.bin']);
    expect(u16(readFileSync(join(to, 'train.bin')))).toEqual(train.flatMap(({ tokens }) => tokens));
    const bare = await build(makeDocuments(20, 1), { endOfText: undefined });
    await exportShards(bare.folder, to, 'nanogpt');
    const wanted = (await plainDocuments(bare.folder, 'train')).flatMap(({ tokens }) => [...tokens, lastId]);
    expect(u16(readFileSync(join(to, 'train.bin')))).toEqual(wanted);
    const large = await build(makeDocuments(20, 1, 70000), { vocabulary: 70000 });
    await expect(exportShards(large.folder, to, 'nanogpt')).rejects.toThrow(ConfigurationError);
  });

  it('datatrove: tokens, exclusive ends, metadata', async () => {
    const to = newFolder();
    await exportShards(folder, to, 'datatrove', { name: 'd' });
    const names = readdirSync(join(to, 'train')).filter((name) => name.endsWith('.ds'));
    expect(names[0]).toBe('000_d.ds');
    const tokens: number[][] = [];
    for (const name of names) {
      const all = u16(readFileSync(join(to, 'train', name)));
      const ends = new BigUint64Array(
        new Uint8Array(readFileSync(join(to, 'train', `${name}.index`))).buffer,
      );
      [...ends].reduce((from, end) => {
        tokens.push(all.slice(from, Number(end)));
        return Number(end);
      }, 0);
      const lines = readFileSync(join(to, 'train', `${name}.metadata`), 'utf8').split('\n');
      expect(lines.slice(1)).toEqual([`${all.length}`, metric(all.length)]);
      expect(lines[0]).toMatch(/^[0-9a-f]{64}\|2$/);
    }
    expect(tokens).toEqual(train.map((document) => document.tokens));
  });

  it('counts as datatrove writes them', () => {
    // From humanize.metric(n, unit='T') of humanize 4.17 (Python).
    const known: [number, string][] = [
      [0, '0.00 T'],
      [7, '7.00 T'],
      [999, '999 T'],
      [999_999, '1.00 MT'],
      [2775, '2.77 kT'],
      [12_250, '12.2 kT'],
      [1000, '1.00 kT'],
      [12345, '12.3 kT'],
      [1234567, '1.23 MT'],
      [100_000_000, '100 MT'],
      [2_500_000_000, '2.50 GT'],
    ];
    for (const [count, text] of known) expect(metric(count)).toBe(text);
  });

  it('dolma: raw tokens and a table of documents', async () => {
    const to = newFolder();
    await exportShards(folder, to, 'dolma');
    const names = readdirSync(join(to, 'train')).sort();
    const all = names
      .filter((name) => name.endsWith('.npy'))
      .flatMap((name) => u16(readFileSync(join(to, 'train', name))));
    expect(all).toEqual(train.flatMap(({ tokens }) => tokens));
    const csv = gunzipSync(readFileSync(join(to, 'train', names[0]!))).toString();
    const first = train[0]!;
    expect(csv.startsWith(`0,${first.tokens.length},${first.id},${first.source},`)).toBe(true);
    const texts = names.filter((name) => name.endsWith('.csv.gz')).map((name) => join(to, 'train', name));
    const everything = texts.map((path) => gunzipSync(readFileSync(path)).toString()).join('');
    expect(everything).toContain(',"a ""quoted"", strange\nname",');
  });

  it('parquet: a row a document', async () => {
    const to = newFolder();
    const files = await exportShards(folder, to, 'parquet');
    const rows: Record<string, unknown>[] = [];
    for (const name of files.filter((file) => file.includes('train'))) {
      rows.push(...(await parquetReadObjects({ file: await asyncBufferFromFile(join(to, name)) })));
    }
    expect(
      rows.map(({ id, corpus, source, input_ids }) => ({ id, corpus, source, tokens: input_ids })),
    ).toEqual(train);
    expect(files.some((file) => /^data\/validation-00000-of-0000\d\.parquet$/.test(file))).toBe(true);
  });

  it('mds: windows of a fixed size are the values only', async () => {
    const to = newFolder();
    await exportShards(folder, to, 'mds', { windowTokens: 33 });
    const index = JSON.parse(readFileSync(join(to, 'train', 'index.json'), 'utf8'));
    expect(index.shards[0].column_encodings).toEqual(['ndarray:uint16:33']);
    const shard = readFileSync(join(to, 'train', 'shard.00000.mds'));
    const n = shard.readUInt32LE(0);
    const all = train.flatMap(({ tokens }) => tokens);
    expect(n).toBe(Math.floor(all.length / 33));
    const windows = Array.from({ length: n }, (_, i) =>
      u16(shard.subarray(shard.readUInt32LE(4 + 4 * i), shard.readUInt32LE(8 + 4 * i))),
    );
    expect(windows.flat()).toEqual(all.slice(0, 33 * n));
  });

  it('leaves nothing behind where a shard is damaged', async () => {
    const { folder: broken } = await build(makeDocuments(100, 5));
    const path = join(broken, 'train-00000.shard');
    const bytes = readFileSync(path);
    bytes[300]! ^= 1;
    writeFileSync(path, bytes);
    const to = join(newFolder(), 'out');
    mkdirSync(to);
    for (const format of ['megatron', 'llm.c', 'nanogpt', 'datatrove', 'mds', 'dolma', 'parquet'] as const) {
      await expect(exportShards(broken, to, format)).rejects.toThrow(IntegrityError);
    }
    const left = readdirSync(to, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(left).toEqual([]);
  });
});
