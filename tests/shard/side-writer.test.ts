import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import type { SideSetting } from '../../src/shard/bucket-file.ts';
import { SideWriter } from '../../src/shard/side-writer.ts';
import { makeDocuments, newFolder, type TestDocument, TOKENIZER } from './make-shards.ts';

interface Hard {
  readonly documents: TestDocument[];
  readonly tokens: Uint32Array;
  readonly offsets: Uint32Array;
}

/** Documents that try the stage: of all splits, with texts that are not ASCII or too long for it, halves of pairs, more corpora than it has room for. */
function hardDocuments(n: number, seed: number, vocabulary: number): Hard {
  const documents = makeDocuments(n, seed, vocabulary, 90);
  const random = new Random(seed);
  documents.forEach(({ row }, i) => {
    if (random.below(3) > 0) row.id = `plain-${i}`;
    if (i % 5 === 0) row.source = '';
    if (i % 3 === 0) row.source = `crawl/ü${'deep/'.repeat(60)}${i % 9}`;
    if (i % 7 === 0) row.source = `https://example.org/${'long/'.repeat(random.below(60))}${i % 13}`;
    if (i % 11 === 0) row.signals = {};
    if (i % 97 === 0) row.split = 'validation';
    // Each is no text by itself; one after the other they are one letter.
    if (i % 301 === 0) [row.id, row.source] = [`${i}\ud83d`, '\ude00'];
  });
  documents[100]!.row.id = 'x'.repeat(70_000);
  documents[200]!.row.source = 'ÿ'.repeat(150_000);
  documents[201]!.row.signals = Object.fromEntries(Array.from({ length: 20_000 }, (_, k) => [`s${k}`, k]));
  documents[300]!.tokens = new Uint32Array(300_000).fill(vocabulary - 2);
  documents[301]!.tokens = new Uint32Array(0);
  for (let i = 400; i < 1600; i++) documents[i]!.row.corpus = `corpus ${i}`;
  const offsets = new Uint32Array(n + 1);
  documents.forEach(({ tokens }, i) => {
    offsets[i + 1] = offsets[i]! + tokens.length;
  });
  const tokens = new Uint32Array(offsets[n]!);
  for (const [i, document] of documents.entries()) tokens.set(document.tokens, offsets[i]!);
  return { documents, tokens, offsets };
}

const bytesOf = async (
  setting: SideSetting,
  chunk: number | undefined,
  fill: (writer: SideWriter) => void,
) => {
  const path = join(newFolder(), 'part.side');
  const writer = new SideWriter(path, setting, chunk);
  fill(writer);
  await writer.finish();
  return readFileSync(path);
};

it.each([
  { vocabulary: 300, endOfText: 299, chunk: undefined },
  { vocabulary: 300, endOfText: undefined, chunk: 1 << 16 },
  { vocabulary: 70_000, endOfText: 69_999, chunk: 2000 },
])(
  'batches come to the bytes of their documents one by one: %o',
  async ({ vocabulary, endOfText, chunk }) => {
    const { documents, tokens, offsets } = hardDocuments(4000, vocabulary, vocabulary);
    const tokenWidth = vocabulary > 65_536 ? 4 : 2;
    const setting = {
      tokenizerDigest: TOKENIZER,
      tokenWidth,
      endOfText,
      keySeed: 0xfedcba9876543210n,
    } as const;
    const one = await bytesOf(setting, chunk, (writer) => {
      documents.forEach(({ row, textBytes }, i) => {
        writer.add(row, textBytes, tokens, offsets[i]!, offsets[i + 1]!);
      });
    });
    const rows = documents.map(({ row }) => row);
    const all = await bytesOf(setting, chunk, (writer) => {
      const random = new Random(3);
      for (let from = 0; from < rows.length; ) {
        const to = Math.min(rows.length, from + 1 + random.below(1500));
        const textBytes = (i: number): number => documents[from + i]!.textBytes;
        writer.addAll(rows.slice(from, to), textBytes, tokens, offsets.subarray(from, to + 1));
        from = to;
      }
    });
    expect(all.equals(one)).toBe(true);
  },
);
