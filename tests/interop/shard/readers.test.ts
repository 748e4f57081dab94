import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type ExportFormat, exportShards } from '../../../src/shard/exports/export.ts';
import { type ImportFormat, importShards } from '../../../src/shard/imports/import.ts';
import { ShardLoader } from '../../../src/shard/loader.ts';
import { renderCard } from '../../../src/shard/receipt/card.ts';
import { makeReceipt } from '../../../src/shard/receipt/receipt.ts';
import { build, makeDocuments, newFolder, TOKENIZER } from '../../shard/make-shards.ts';
import { shardPython } from './venv.mjs';

const python: string | undefined = shardPython();

/** Shards, their exports and what their documents are, for readers.py. */
async function prepare(vocabulary: number): Promise<string> {
  const folder = newFolder();
  const documents = makeDocuments(300, vocabulary, vocabulary, 120);
  documents[0]!.row.source = 'a "quoted", strange\nname';
  const { folder: shards } = await build(documents, { vocabulary, shardTokens: 6000 });
  const known: Record<string, unknown> = { endOfText: vocabulary - 1 };
  for (const split of ['train', 'held-out'] as const) {
    const loader = await ShardLoader.open(shards, { split, context: 1, rows: 1, orderSeed: 0 });
    const rows: unknown[] = [];
    for await (const { document, tokens } of loader.documents()) {
      const { id, corpus, source, sourceRange: range, signals } = document;
      rows.push({ id, corpus, source, tokens: [...tokens], range, signals });
    }
    await loader.close();
    known[split] = rows;
  }
  const formats: ExportFormat[] = ['megatron', 'llm.c', 'datatrove', 'mds', 'dolma', 'parquet', 'arrow'];
  if (vocabulary <= 65536) formats.push('nanogpt');
  for (const format of formats) {
    await exportShards(shards, join(folder, format), format, { fileTokens: 4000 });
  }
  const receipt = await makeReceipt(shards);
  writeFileSync(join(folder, 'parquet/README.md'), renderCard(receipt, { parquet: true }));
  renameSync(shards, join(folder, 'shards'));
  writeFileSync(join(folder, 'documents.json'), JSON.stringify(known));
  return folder;
}

it.skipIf(!python).each([50257, 65500, 128256])(
  'the readers of others see the same tokens and documents (vocabulary %i)',
  async (vocabulary) => {
    const folder = await prepare(vocabulary);
    const output = execFileSync(python!, ['tests/interop/shard/readers.py', folder], { encoding: 'utf8' });
    const checks = output
      .trim()
      .split('\n')
      .filter((line) => line.startsWith('{"check"'))
      .map((line) => (JSON.parse(line) as { check: string }).check);
    expect(checks.sort()).toEqual(
      [
        'dataset card',
        'arrow',
        'datasets',
        'datatrove',
        'dolma',
        'llm.c',
        'megatron-core',
        'mosaicml-streaming',
        'own format',
        'written for the importers',
        ...(vocabulary <= 65536 ? ['nanogpt'] : []),
      ].sort(),
    );
    const known = JSON.parse(readFileSync(join(folder, 'documents.json'), 'utf8')) as {
      train: { id: string; tokens: number[] }[];
    };
    const wanted = known.train.filter(({ tokens }) => tokens.length > 0);
    for (const format of ['megatron', 'mds', 'parquet', 'arrow'] as const) {
      const found = await imported(join(folder, 'theirs', format), format, vocabulary);
      expect(found.map(({ tokens }) => tokens.join())).toEqual(wanted.map(({ tokens }) => tokens.join()));
      if (format !== 'megatron') expect(found.map(({ id }) => id)).toEqual(wanted.map(({ id }) => id));
    }
  },
  600_000,
);

/** What the importers make of files that others wrote. */
async function imported(folder: string, format: ImportFormat, vocabulary: number) {
  const to = newFolder();
  const endOfText = vocabulary - 1;
  const tokenizer = {
    ...{ digest: TOKENIZER, vocabularySize: vocabulary, endOfText },
    specialTokens: new Map([['<|endoftext|>', endOfText]]),
  };
  await importShards(folder, to, format, { tokenizer, corpus: 'theirs' });
  const loader = await ShardLoader.open(to, { split: 'train', context: 1, rows: 1, orderSeed: 0 });
  const found: { id: string; tokens: number[] }[] = [];
  for await (const { document, tokens } of loader.documents())
    found.push({ id: document.id, tokens: [...tokens] });
  await loader.close();
  return found;
}
