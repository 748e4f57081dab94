import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { xxh64 } from '../../src/core/hash.ts';
import { columnsOf } from '../../src/shard/group-memory.ts';
import { DocumentCursor, KeyOrder } from '../../src/shard/key-order.ts';
import { type ShardSetting, ShardWriter } from '../../src/shard/shard-writer.ts';
import { SIDE, SideFile, sourceIn } from '../../src/shard/side-file.ts';
import { SideWriter } from '../../src/shard/side-writer.ts';
import { asBytes, setBig } from '../../src/shard/u64.ts';
import { makeDocuments, newFolder, type TestDocument, TOKENIZER } from './make-shards.ts';

const SIGNALS = ['gopher.ratio', 'length.characters'];
const CORPORA = ['alpha', 'beta', 'gamma'];

/** Documents that try the kernel: repeated, empty and long sources, an id longer than its stage, no tokens, many tokens. */
function hardDocuments(vocabulary: number): TestDocument[] {
  const documents = makeDocuments(2500, 11, vocabulary, 60);
  documents.forEach(({ row }, i) => {
    row.split = 'train';
    if (i % 5 === 0) row.source = '';
    if (i % 7 === 0) row.source = `https://example.org/${'long/'.repeat(i % 40)}${i % 13}`;
    if (i % 11 === 0) row.signals = {};
  });
  documents[100]!.row.id = 'x'.repeat(70_000);
  documents[200]!.row.source = 'y'.repeat(66_000);
  documents[201]!.row.source = 'y'.repeat(66_000);
  documents[300]!.tokens = new Uint32Array(1_300_000).fill(vocabulary - 2);
  documents[301]!.tokens = new Uint32Array(0);
  return documents;
}

async function sidesOf(documents: readonly TestDocument[], tokenWidth: 2 | 4): Promise<SideFile[]> {
  const sides: SideFile[] = [];
  for (let part = 0; part < 3; part++) {
    const path = join(newFolder(), 'part.side');
    const setting = { tokenizerDigest: TOKENIZER, tokenWidth, endOfText: undefined, keySeed: 9n };
    const writer = new SideWriter(path, setting);
    documents.forEach(({ row, tokens, textBytes }, i) => {
      if (i % 3 === part) writer.add(row, textBytes, tokens, 0, tokens.length);
    });
    await writer.finish();
    sides.push(new SideFile(path));
  }
  return sides;
}

/** The plain twin: one document after the other, from what it was made of. */
function addPlainly(writer: ShardWriter, { row, tokens, textBytes }: TestDocument, width: 2 | 4): void {
  const stored = width === 2 ? Uint16Array.from(tokens) : tokens;
  const hash = new Uint32Array(2);
  setBig(hash, 0, xxh64(Buffer.from(`${row.corpus}\0${row.id}`)));
  const signals = Object.entries(row.signals).flatMap(([name, value]) => [SIGNALS.indexOf(name), value]);
  writer.add({
    tokenBytes: asBytes(stored),
    tokens: tokens.length,
    hashLow: hash[0]!,
    hashHigh: hash[1]!,
    id: Buffer.from(row.id),
    source: Buffer.from(row.source),
    corpus: CORPORA.indexOf(row.corpus),
    copy: 0,
    start: row.start,
    end: row.end,
    textBytes,
    signals: Float64Array.from(signals),
    signalCount: signals.length / 2,
  });
}

it.each([300, 70_000])(
  'a group goes into a shard as its documents one by one do (vocabulary %i)',
  async (vocabulary) => {
    const width = vocabulary > 65536 ? 4 : 2;
    const documents = hardDocuments(vocabulary);
    const byId = new Map(documents.map((document) => [document.row.id, document]));
    const sides = await sidesOf(documents, width);
    const setting: ShardSetting = {
      ...{ tokenizerDigest: TOKENIZER, vocabularySize: vocabulary, endOfText: undefined },
      ...{ corpora: CORPORA, signals: SIGNALS },
    };
    const folder = newFolder();
    const plain = new ShardWriter(join(folder, 'plain'), 'train', 0, setting);
    const cursor = new DocumentCursor();
    const order = new KeyOrder(1 << 26, folder, undefined, SIGNALS.length);
    let fast: ShardWriter | undefined;
    let alone = 0;
    for await (const group of order.groups(sides)) {
      const { memory } = group;
      fast ??= new ShardWriter(join(folder, 'fast'), 'train', 0, setting, memory);
      memory.name(group.sides, (side) => ({
        corpusOf: side.footer.corpora.map((name) => CORPORA.indexOf(name)),
        columnsOf: columnsOf(side, SIGNALS),
      }));
      for (let k = 0; k < group.length; ) {
        // Batches of all sizes.
        const added = fast.addGroup(k, Math.min(group.length, k + 1 + (k % 700)));
        const found = Array.from({ length: Math.max(1, added) }, (_, i) => {
          group.moveTo(k + i, cursor);
          const { words, at, bodyAt, side, bytes } = cursor;
          const idEnd = bodyAt + sourceIn(words, at, side);
          return byId.get(Buffer.from(bytes.subarray(idEnd - words[at + SIDE.idBytes]!, idEnd)).toString())!;
        });
        for (const document of found) addPlainly(plain, document, width);
        if (added === 0) {
          addPlainly(fast, found[0]!, width);
          alone++;
        }
        k += found.length;
      }
    }
    expect(fast!.documents).toBe(documents.length);
    expect(alone).toBe(3);
    expect(fast!.counts).toEqual(plain.counts);
    expect(await fast!.finish()).toEqual(await plain.finish());
    expect(readFileSync(join(folder, 'fast')).equals(readFileSync(join(folder, 'plain')))).toBe(true);
    for (const side of sides) side.close();
  },
);
