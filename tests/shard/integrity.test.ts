import { copyFileSync, cpSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IntegrityError } from '../../src/core/errors.ts';
import { buildShards } from '../../src/shard/build.ts';
import { eachDocument, KeyOrder } from '../../src/shard/key-order.ts';
import { ShardLoader } from '../../src/shard/loader.ts';
import { ShardFile } from '../../src/shard/shard-file.ts';
import { SideFile } from '../../src/shard/side-file.ts';
import { SideWriter } from '../../src/shard/side-writer.ts';
import { BUILD_OPTIONS, build, buildInput, makeDocuments, newFolder, TOKENIZER } from './make-shards.ts';

function caught(work: () => unknown): IntegrityError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(IntegrityError);
    return error as IntegrityError;
  }
  throw new Error('nothing was thrown');
}

describe('a damaged shard', () => {
  it('is found at every flipped bit, and the byte is named', async () => {
    const { folder } = await build(makeDocuments(30, 3), { shardTokens: 1e6 });
    const original = readFileSync(join(folder, 'train-00000.shard'));
    const path = join(newFolder(), 'flipped.shard');
    const openFlipped = (bit: number, resident: boolean): IntegrityError => {
      const bytes = Buffer.from(original);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      writeFileSync(path, bytes);
      return caught(() => new ShardFile(path, 'open', resident));
    };
    fc.assert(
      fc.property(fc.integer({ min: 0, max: original.length * 8 - 1 }), fc.boolean(), (bit, resident) => {
        const error = openFlipped(bit, resident);
        expect(error.problem.file).toBe(path);
        expect(error.problem.offset).toBeLessThanOrEqual(bit >> 3);
      }),
      { numRuns: 150 },
    );
    const body = openFlipped(8 * 300, false);
    expect(body.problem).toMatchObject({ file: path, offset: 256 });
    expect(body.problem.expected).toMatch(/^XXH64 [0-9a-f]{16}$/);
    expect(body.problem.found).not.toBe(body.problem.expected);
    writeFileSync(path, original);
    new ShardFile(path).close();
  });

  it('is found in whichever block it lies, also when blocks are checked at their first use', async () => {
    const documents = makeDocuments(1500, 8, 300, 1900);
    const { folder } = await build(documents, { shardTokens: 1e9 });
    const path = join(folder, 'train-00000.shard');
    const original = readFileSync(path);
    expect(original.length).toBeGreaterThan(2.2 * 2 ** 20);
    const at = 256 + (1 << 20) + 12345;
    const bytes = Buffer.from(original);
    bytes[at]! ^= 0x10;
    writeFileSync(path, bytes);
    expect(caught(() => new ShardFile(path)).problem.offset).toBe(256 + (1 << 20));
    const lazy = new ShardFile(path, 'touch');
    const out = new Int32Array(10);
    lazy.copyTokens(0, 10, out, 0);
    const token = (at - 256) >> 1;
    expect(caught(() => lazy.copyTokens(token, 10, out, 0)).message).toContain('block 1 is damaged');
    expect(caught(() => lazy.copyTokens((1 << 19) - 3, 10, out, 0)).problem.file).toBe(path);
    lazy.close();
    await expect(
      ShardLoader.open(folder, { split: 'train', context: 8, rows: 1, orderSeed: 0 }),
    ).rejects.toThrow(IntegrityError);
  });

  it('is found when cut at any byte, or when bytes follow it', async () => {
    const { folder } = await build(makeDocuments(3, 3), { shardTokens: 1e6 });
    const original = join(folder, 'train-00000.shard');
    const size = readFileSync(original).length;
    const path = join(newFolder(), 'cut.shard');
    for (let length = size - 1; length >= 0; length--) {
      copyFileSync(original, path);
      truncateSync(path, length);
      expect(caught(() => new ShardFile(path)).problem.file).toBe(path);
    }
    writeFileSync(path, Buffer.concat([readFileSync(original), Buffer.from([0])]));
    expect(caught(() => new ShardFile(path)).problem.found).toBe(`${size + 1}`);
  });

  it('is found when a whole other shard lies in its place, or the index was edited', async () => {
    const a = await build(makeDocuments(60, 3));
    const b = await build(makeDocuments(60, 4));
    const copy = newFolder();
    cpSync(a.folder, copy, { recursive: true });
    copyFileSync(join(b.folder, 'train-00000.shard'), join(copy, 'train-00000.shard'));
    const options = { split: 'train', context: 8, rows: 1, orderSeed: 0 } as const;
    await expect(ShardLoader.open(copy, options)).rejects.toThrow('not the one that index.json lists');
    const index = join(a.folder, 'index.json');
    writeFileSync(index, readFileSync(index, 'utf8').replace('"documents": 6', '"documents": 7'));
    await expect(ShardLoader.open(a.folder, options)).rejects.toThrow(IntegrityError);
    writeFileSync(index, '{"format": "provender-sha');
    await expect(ShardLoader.open(a.folder, options)).rejects.toThrow(IntegrityError);
  });
});

describe('a damaged side file', () => {
  const setting = { tokenizerDigest: TOKENIZER, tokenWidth: 2, endOfText: 299, keySeed: 5n } as const;
  const write = async (path: string): Promise<void> => {
    const writer = new SideWriter(path, setting, 3000);
    for (const { row, tokens, textBytes } of makeDocuments(100, 5)) {
      writer.add(row, textBytes, tokens, 0, tokens.length);
    }
    await writer.finish();
  };
  /** As the shuffle reads it, and as copies are made of it. */
  const readThrough = async (path: string): Promise<number> => {
    const side = new SideFile(path);
    let documents = 0;
    let again = 0;
    try {
      const order = new KeyOrder(1 << 20, dirname(path));
      for await (const group of order.groups([side])) documents += group.length;
      for (const extent of side.footer.extents) eachDocument(side, extent, () => again++);
    } finally {
      side.close();
    }
    expect(again).toBe(documents);
    return documents;
  };

  it('is found at every flipped bit and every cut while it is read', async () => {
    const path = join(newFolder(), 'part.side');
    await write(path);
    expect(await readThrough(path)).toBe(100);
    const original = readFileSync(path);
    const damage = async (): Promise<unknown> => {
      const error = await readThrough(path).catch((error: unknown) => error);
      return error instanceof IntegrityError ? error.problem.file : error;
    };
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: original.length * 8 - 1 }), async (bit) => {
        const bytes = Buffer.from(original);
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        writeFileSync(path, bytes);
        expect(await damage()).toBe(path);
        writeFileSync(path, original.subarray(0, bit >> 3));
        expect(await damage()).toBe(path);
      }),
      { numRuns: 80 },
    );
  });

  it('is not a side file until it is finished', () => {
    const path = join(newFolder(), 'part.side');
    const writer = new SideWriter(path, setting, 3000);
    const { row, tokens, textBytes } = makeDocuments(1, 5)[0]!;
    for (let i = 0; i < 100; i++) writer.add({ ...row, id: `${i}` }, textBytes, tokens, 0, tokens.length);
    writer.abandon();
    expect(caught(() => new SideFile(path)).problem.file).toBe(path);
  });

  it('of another shuffle, tokenizer or ending is refused', async () => {
    const first = join(newFolder(), 'first.side');
    await write(first);
    for (const other of [{ keySeed: 6n }, { tokenizerDigest: 'f'.repeat(64) }, { endOfText: undefined }]) {
      const second = join(newFolder(), 'second.side');
      const writer = new SideWriter(second, { ...setting, ...other });
      await writer.finish();
      const input = buildInput([first, second], newFolder(), 300, 299);
      await expect(buildShards(input, BUILD_OPTIONS)).rejects.toThrow('parts of different runs were mixed');
    }
  });
});
