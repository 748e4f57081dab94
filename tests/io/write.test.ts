import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { decompress } from '@mongodb-js/zstd';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { describe, expect, it } from 'vitest';
import { DocumentBatch } from '../../src/core/batch.ts';
import type { NewDocument } from '../../src/core/document.ts';
import { Random } from '../../src/core/random.ts';
import type { JobContext, SideFile, StageContext } from '../../src/core/stage.ts';
import { writeStep } from '../../src/io/steps/write.ts';
import { ParquetSink } from '../../src/io/writers/parquet.ts';
import { listFiles, readAll, signal, temporaryFolder } from './helpers.ts';

const folder = temporaryFolder();

const documents: NewDocument[] = Array.from({ length: 250 }, (_, i) => ({
  id: `d${i}`,
  corpus: i % 2 ? 'odd' : 'even',
  source: 'some/file.txt',
  start: 10 * i,
  // Beyond 2^32: offsets in large files.
  end: 5_000_000_000 + i,
  text: `text ${i} ${'x'.repeat(700)} "quoted" \n\u2028 \ud83d\ude00 <script>`,
  split: i % 10 === 0 ? 'held-out' : 'train',
  group: i % 3 ? `g${i % 7}` : undefined,
  metadata: { n: i, nested: { a: [1, null, 'x'] }, date: '2002-08-22T11:26:25.000Z' },
  signals: { 'length.words': i / 2 },
}));

const stage = { baseFolder: folder, signal } as unknown as StageContext;

function jobContext(at: string): JobContext {
  return {
    random: new Random(1),
    seed: 1,
    baseFolder: folder,
    folder: at,
    artifact: () => '',
    progress: { report: () => {} },
    signal,
    threads: 1,
    say: () => {},
  };
}

let count = 0;

/** Writes the documents as two parts (and an empty one), in batches of `size`; the outcome and its folder. */
async function write(given: object, size = 40, docs = documents) {
  const options = writeStep.options.parse(given);
  const at = join(folder, `job-${count++}`);
  await mkdir(join(at, 'sides'), { recursive: true });
  const sides: SideFile[] = [];
  const cuts = [0, Math.floor(docs.length / 2), docs.length, docs.length];
  for (let part = 0; part < 3; part++) {
    const path = join(at, 'sides', `${part}.side`);
    const sink = await writeStep.barrier.tap(options, stage, path);
    for (let i = cuts[part]!; i < cuts[part + 1]!; i += size)
      await sink.add(DocumentBatch.from(docs.slice(i, Math.min(i + size, cuts[part + 1]!)), i));
    await sink.finish();
    sides.push({
      path,
      partition: part,
      part: 0,
      firstDocument: cuts[part]!,
      documents: cuts[part + 1]! - cuts[part]!,
    });
  }
  // Sides may come in any order.
  const outcome = await writeStep.barrier.reduce(options, sides.toReversed(), jobContext(at));
  return { at, outcome };
}

const linesOf = (bytes: Buffer) =>
  bytes
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('write', () => {
  const unpack: [string, string, (bytes: Buffer) => Buffer | Promise<Buffer>][] = [
    ['none', 'jsonl', (bytes) => bytes],
    ['gzip', 'jsonl.gz', gunzipSync],
    ['zstd', 'jsonl.zst', decompress],
  ];
  it.each(unpack)('JSON lines, compression %s', async (compression, ending, open) => {
    const { at, outcome } = await write({ compression });
    expect(outcome.files).toEqual([`part-00000.${ending}`, `part-00001.${ending}`, 'parts.json']);
    expect(outcome.summary).toMatchObject({ format: 'jsonl', documents: 250, files: 2 });
    const lines = [];
    for (const name of outcome.files.slice(0, 2))
      lines.push(...linesOf(await open(readFileSync(join(at, name)))));
    expect(lines).toEqual(JSON.parse(JSON.stringify(documents)));
    const manifest = JSON.parse(readFileSync(join(at, 'parts.json'), 'utf8'));
    expect(manifest).toMatchObject({ kind: 'provender-parts', documents: 250, compression });
    expect(manifest.files.map((f: { documents: number }) => f.documents)).toEqual([125, 125]);
  });

  it('gives the same bytes however the documents are batched', async () => {
    // Two blocks and more.
    const many = Array.from({ length: 25 }, () => documents).flat();
    for (const options of [{ compression: 'gzip' }, { compression: 'zstd' }, { format: 'parquet' }]) {
      const one = await write(options, 7, many);
      const other = await write(options, 5000, many);
      for (const name of one.outcome.files)
        expect(readFileSync(join(one.at, name)).equals(readFileSync(join(other.at, name)))).toBe(true);
    }
  });

  it("dolma's and datatrove's layouts", async () => {
    const dolma = await write({ compression: 'none', layout: 'dolma' });
    const [, second] = linesOf(readFileSync(join(dolma.at, 'part-00000.jsonl')));
    expect(second).toEqual({
      id: 'd1',
      text: documents[1]!.text,
      source: 'odd',
      created: '2002-08-22T11:26:25.000Z',
      metadata: {
        ...documents[1]!.metadata,
        file: 'some/file.txt',
        start: 10,
        end: 5_000_000_001,
        split: 'train',
        'length.words': 0.5,
      },
    });
    const datatrove = await write({ compression: 'none', layout: 'datatrove' });
    const [first] = linesOf(readFileSync(join(datatrove.at, 'part-00000.jsonl')));
    expect(Object.keys(first)).toEqual(['text', 'id', 'metadata']);
    expect(first.metadata).toMatchObject({
      dataset: 'even',
      file_path: 'some/file.txt',
      n: 0,
      split: 'held-out',
    });
  });

  it.each([
    ['auto', 'SNAPPY'],
    ['none', 'UNCOMPRESSED'],
    ['gzip', 'GZIP'],
  ])('Parquet, compression %s', async (compression, codec) => {
    const { at, outcome } = await write({ format: 'parquet', compression });
    expect(outcome.files).toEqual(['part-00000.parquet', 'part-00001.parquet', 'parts.json']);
    const rows = [];
    for (const name of outcome.files.slice(0, 2)) {
      const file = await asyncBufferFromFile(join(at, name));
      const metadata = await parquetMetadataAsync(file);
      expect(new Set(metadata.row_groups.flatMap((g) => g.columns.map((c) => c.meta_data?.codec)))).toEqual(
        new Set([codec]),
      );
      rows.push(...(await parquetReadObjects({ file, compressors })));
    }
    expect(rows).toEqual(
      documents.map((d) => ({ ...d, start: BigInt(d.start), end: BigInt(d.end), group: d.group ?? null })),
    );
  });

  it('ends a row group by its rows, inside a batch too', async () => {
    const path = join(folder, 'groups.parquet');
    const sink = new ParquetSink(path, 'SNAPPY', 100);
    sink.add(DocumentBatch.from(documents));
    await sink.finish();
    const metadata = await parquetMetadataAsync(await asyncBufferFromFile(path));
    expect(metadata.row_groups.map((group) => Number(group.num_rows))).toEqual([100, 100, 50]);
  });

  it('what it writes, read reads', async () => {
    const { at } = await write({});
    const { documents: again } = await readAll(
      {
        inputs: [
          { files: `${at}/*.jsonl.gz`, fields: { corpus: 'corpus', group: 'group', metadata: ['metadata'] } },
        ],
      },
      folder,
    );
    expect(again.map((d) => [d.id, d.text, d.corpus, d.group])).toEqual(
      documents.map((d) => [d.id, d.text, d.corpus, d.group]),
    );
    expect(again[9]!.metadata).toEqual({ metadata: documents[9]!.metadata });
    expect(
      (await listFiles({ inputs: [{ files: `${at}/*.jsonl.gz` }] }, folder)).map((f) => f.splittable),
    ).toEqual([false, false]);
  });

  it('publishes into a folder, replacing its own files and no others', async () => {
    const out = join(folder, 'out');
    const first = await write({ folder: 'out', compression: 'none' });
    expect(first.outcome.summary.folder).toBe('out');
    expect(readdirSync(out).sort()).toEqual(['part-00000.jsonl', 'part-00001.jsonl', 'parts.json']);
    expect(statSync(join(out, 'part-00000.jsonl')).ino).toBe(
      statSync(join(first.at, 'part-00000.jsonl')).ino,
    );
    writeFileSync(join(out, 'mine.txt'), 'mine');
    await write({ folder: 'out', compression: 'gzip' }, 40, documents.slice(0, 1));
    expect(readdirSync(out).sort()).toEqual(['mine.txt', 'part-00000.jsonl.gz', 'parts.json']);
    expect(JSON.parse(readFileSync(join(out, 'parts.json'), 'utf8'))).toMatchObject({
      documents: 1,
      compression: 'gzip',
    });
    const foreign = join(folder, 'foreign');
    await mkdir(foreign);
    writeFileSync(join(foreign, 'part-00000.jsonl'), 'theirs');
    await expect(write({ folder: 'foreign', compression: 'none' })).rejects.toThrow(
      /did not write is in the way/,
    );
    expect(readFileSync(join(foreign, 'part-00000.jsonl'), 'utf8')).toBe('theirs');
    expect(existsSync(join(foreign, 'parts.json'))).toBe(false);
  });

  it('refuses what does not go together', () => {
    const issues = (options: object) =>
      writeStep.options.safeParse(options).error?.issues.map((i) => i.path.join('.'));
    expect(issues({ format: 'parquet', compression: 'zstd' })).toEqual(['compression']);
    expect(issues({ compression: 'snappy' })).toEqual(['compression']);
    expect(issues({ format: 'parquet', layout: 'dolma' })).toEqual(['layout']);
    expect(issues({})).toBeUndefined();
  });

  it('passes documents on untouched', async () => {
    const options = writeStep.options.parse({});
    const pass = await writeStep.barrier.apply!(options, { ...stage, outcome: '', firstDocument: 0 });
    const batch = DocumentBatch.from(documents);
    expect(await pass.process(batch)).toBe(batch);
  });
});
