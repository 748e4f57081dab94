import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DocumentCursor, KeyOrder } from '../../src/shard/key-order.ts';
import {
  bodyBytesOf,
  compareKeys,
  SIDE,
  SIDE_WORDS,
  SideFile,
  shapeOf,
  sharedOf,
  sourceIn,
} from '../../src/shard/side-file.ts';
import { SideWriter } from '../../src/shard/side-writer.ts';
import { makeDocuments, newFolder, TOKENIZER } from './make-shards.ts';

const setting = { tokenizerDigest: TOKENIZER, tokenWidth: 2, endOfText: 299, keySeed: 5n } as const;

async function sides(parts: number, chunkBytes: number): Promise<SideFile[]> {
  const documents = makeDocuments(3000, 8);
  const files: SideFile[] = [];
  for (let part = 0; part < parts; part++) {
    const path = join(newFolder(), 'part.side');
    const writer = new SideWriter(path, setting, chunkBytes);
    for (const [i, { row, tokens, textBytes }] of documents.entries())
      if (i % parts === part) writer.add(row, textBytes, tokens, 0, tokens.length);
    await writer.finish();
    files.push(new SideFile(path));
  }
  return files;
}

/** Every document as hash and digest of its body, in the order given; keys must ascend, first those of train. */
async function read(files: SideFile[], memoryBytes: number, least: number) {
  const folder = newFolder();
  const order = new KeyOrder(memoryBytes, folder, least);
  const cursor = new DocumentCursor();
  const found: string[] = [];
  let last = new Uint32Array(0);
  let groups = 0;
  let dealtAgain = 0;
  let sharing = 0;
  for await (const group of order.groups(files)) {
    groups++;
    for (let k = 0; k < group.length; k++) {
      group.moveTo(k, cursor);
      const { words, at, bytes, bodyAt, side } = cursor;
      const record = words.slice(at, at + SIDE_WORDS);
      const heldOut = (words: Uint32Array): number => words[SIDE.corpus]! >>> 31;
      const change = last.length > 0 && heldOut(last) < heldOut(record);
      if (last.length > 0 && !change) {
        expect(compareKeys(last, 0, record, 0)).toBeLessThan(0);
        expect(heldOut(last)).toBe(heldOut(record));
      }
      last = record;
      if (!files.includes(side)) dealtAgain++;
      const body = Buffer.from(bytes.subarray(bodyAt, bodyAt + bodyBytesOf(words, at, side)));
      // Shapes have other numbers in other files, and sources begin with bytes of other documents there.
      const [shape, shared] = [shapeOf(record[SIDE.signals]!), sharedOf(record[SIDE.signals]!)];
      const signals = side.footer.shapes[shape]!.map((i) => side.footer.signals[i]!);
      const source = Buffer.concat([
        bytes.subarray(cursor.firstAt, cursor.firstAt + shared),
        body.subarray(sourceIn(words, at, side)),
      ]);
      if (shared > 0) sharing++;
      const rest = body.subarray(0, sourceIn(words, at, side)).toString('hex');
      [record[SIDE.signals], record[SIDE.sourceBytes]] = [0, 0];
      record[SIDE.corpus] = side.footer.corpora[record[SIDE.corpus]! & 0x7fffffff]!.charCodeAt(0);
      found.push(`${record.join()} ${signals} ${rest} ${source}`);
    }
  }
  expect(readdirSync(folder)).toEqual([]);
  for (const file of files) file.close();
  return { found, groups, dealtAgain, sharing };
}

describe('documents in order of their keys', () => {
  it('are the same from many parts, in small pieces, in many groups, and dealt out again where a bucket is too large', async () => {
    const whole = await read(await sides(1, 256 << 10), 1 << 30, 1);
    expect([whole.found.length, whole.groups, whole.dealtAgain]).toEqual([3000, 2, 0]);
    const inGroups = await read(await sides(3, 1 << 12), 4 << 20, 1);
    expect(inGroups.found).toEqual(whole.found);
    expect(inGroups.groups).toBeGreaterThan(3);
    expect(whole.sharing).toBeGreaterThan(1000);
    const again = await read(await sides(2, 4), 100_000, 1);
    expect(again.found).toEqual(whole.found);
    expect(again.dealtAgain).toBeGreaterThan(1000);
  });
});
