import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DocumentCursor, KeyOrder } from '../../src/shard/key-order.ts';
import { bodyBytesOf, compareKeys, SIDE, SIDE_WORDS, SideFile } from '../../src/shard/side-file.ts';
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
      const body = Buffer.from(bytes.subarray(bodyAt, bodyAt + bodyBytesOf(words, at, side.tokenWidth)));
      const signalsAt = record[SIDE.tokens]! * side.tokenWidth;
      for (let i = 0; i < record[SIDE.signals]!; i++) {
        // Names have other numbers in other files.
        const name = side.footer.signals[body.readUInt32LE(signalsAt + 12 * i)]!;
        body.writeUInt32LE(['length.characters', 'gopher.ratio'].indexOf(name), signalsAt + 12 * i);
      }
      record[SIDE.corpus] = side.footer.corpora[record[SIDE.corpus]! & 0x7fffffff]!.charCodeAt(0);
      found.push(`${record.join()} ${body.toString('hex')}`);
    }
  }
  expect(readdirSync(folder)).toEqual([]);
  for (const file of files) file.close();
  return { found, groups, dealtAgain };
}

describe('documents in order of their keys', () => {
  it('are the same from many parts, in small pieces, in many groups, and dealt out again where a bucket is too large', async () => {
    const whole = await read(await sides(1, 256 << 10), 1 << 30, 1);
    expect([whole.found.length, whole.groups, whole.dealtAgain]).toEqual([3000, 2, 0]);
    const inGroups = await read(await sides(3, 1 << 12), 4 << 20, 1);
    expect(inGroups.found).toEqual(whole.found);
    expect(inGroups.groups).toBeGreaterThan(3);
    const again = await read(await sides(2, 4), 100_000, 1);
    expect(again.found).toEqual(whole.found);
    expect(again.dealtAgain).toBeGreaterThan(1000);
  });
});
