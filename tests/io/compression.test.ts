import { createHash } from 'node:crypto';
import { constants, gunzipSync, gzipSync } from 'node:zlib';
import { compress } from '@mongodb-js/zstd';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decompressedBytes, detectCompression } from '../../src/io/compression.ts';
import { DamageError } from '../../src/io/damage.ts';
import { put, readAll, signal, temporaryFolder } from './helpers.ts';

const folder = temporaryFolder();

interface Result {
  bytes: Buffer;
  damage?: DamageError;
  disk: number;
}

async function decompressed(packed: Uint8Array, from = 0): Promise<Result> {
  const path = put(folder, 'packed', packed);
  const parts: Buffer[] = [];
  let disk = 0;
  try {
    for await (const piece of decompressedBytes(path, packed.length, from, signal)) {
      parts.push(piece.bytes);
      expect(piece.disk).toBeGreaterThanOrEqual(disk);
      disk = piece.disk;
    }
  } catch (error) {
    if (!(error instanceof DamageError)) throw error;
    return { bytes: Buffer.concat(parts), damage: error, disk };
  }
  return { bytes: Buffer.concat(parts), disk };
}

/** Text that compresses to several deflate blocks. */
function sample(bytes: number, seed = 1): Buffer {
  let state = seed;
  const words: string[] = [];
  for (let length = 0; length <= bytes; ) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const word = (state >>> 12).toString(36);
    words.push(word);
    length += word.length + 1;
  }
  return Buffer.from(words.join(' ')).subarray(0, bytes);
}

describe('gzip', () => {
  const one = sample(700);
  const two = sample(400, 2);
  const packed = Buffer.concat([gzipSync(one), gzipSync(''), gzipSync(two)]);

  it('reads members one after the other, from any offset', async () => {
    const all = Buffer.concat([one, two]);
    expect((await decompressed(packed)).bytes).toEqual(all);
    for (const from of [1, 699, 700, 701, 1099, 1100])
      expect((await decompressed(packed, from)).bytes).toEqual(all.subarray(from));
  });

  it('reads members whose ends fall anywhere in its input pieces', async () => {
    // Input goes in by 64 KiB: a stored block moves the second member's start over that edge byte by byte.
    for (let extra = -22; extra < 4; extra++) {
      const first = gzipSync(sample(65536 + extra - 23), { level: 0 });
      const whole = Buffer.concat([gunzipSync(first), two]);
      const { bytes, damage } = await decompressed(Buffer.concat([first, gzipSync(two)]));
      expect(damage).toBeUndefined();
      expect(bytes.equals(whole)).toBe(true);
    }
  });

  it('yields all that a cut-off file determines, then says where it is cut', async () => {
    const members = [gzipSync(one).length, gzipSync(one).length + gzipSync('').length];
    for (let length = 1; length < packed.length; length++) {
      const { bytes, damage } = await decompressed(packed.subarray(0, length));
      if (length === 1) continue; // too short to be told from a plain file
      if (members.includes(length)) {
        expect(damage).toBeUndefined();
        expect(bytes).toEqual(one);
        continue;
      }
      const known = gunzipSync(packed.subarray(0, length), { finishFlush: constants.Z_SYNC_FLUSH });
      expect(bytes.equals(known)).toBe(true);
      expect(damage?.reason).toBe('truncated-input');
      expect(damage?.problem).toMatchObject({
        offset: known.length,
        found: `the end of the file at compressed byte ${length}`,
      });
    }
  });

  it('yields all before a damaged byte', async () => {
    const large = sample(400_000, 3);
    const sound = gzipSync(large);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 10, max: sound.length - 9 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, flip) => {
          const broken = Buffer.from(sound);
          broken[at]! ^= flip;
          const { bytes, damage } = await decompressed(broken);
          const known = gunzipSync(sound.subarray(0, at), { finishFlush: constants.Z_SYNC_FLUSH });
          expect(bytes.subarray(0, known.length).equals(known)).toBe(true);
          // The last byte's unused bits mean nothing.
          if (!damage) expect(bytes.equals(large)).toBe(true);
          else expect(damage.problem.offset).toBe(bytes.length);
        },
      ),
      { numRuns: 12 },
    );
  });

  it('tells padding from what does not belong there', async () => {
    const padded = await decompressed(Buffer.concat([packed, Buffer.alloc(200_000)]));
    expect(padded.damage).toBeUndefined();
    expect(padded.bytes.length).toBe(1100);
    for (const tail of [Buffer.from('garbage'), Buffer.concat([Buffer.alloc(200_000), Buffer.from('x')])]) {
      const { bytes, damage } = await decompressed(Buffer.concat([packed, tail]));
      expect(bytes).toEqual(Buffer.concat([one, two]));
      expect(damage?.reason).toBe('corrupt-input');
      expect(damage?.problem.offset).toBe(1100);
    }
  });
});

describe('zstd', () => {
  /** 40 lines `line I of a file that zstd wrote\n`, by `zstd --check` 1.5.4 from a pipe: no content size, a checksum. */
  const FROM_PIPE =
    'KLUv/QRYXQQAwsQPF5DFOWBVWXWPm1mBu8tu/1tLmfL1bQAC////v23btt22bdsEOYyCuEtTKAl2CyCgcoEBzyxHS+jQ8CwONIVSJyCAM0oPjIx3ZKMYb2RHGc/IRjHeyIwy3siOMp6RjfJ4V47MylGqHI/KkU05ipTjRTkyKEd5cgQnzuEMLvjBGS7wwxnDxQken3ECc80=';
  const LINES = Buffer.from(
    Array.from({ length: 40 }, (_, i) => `line ${i} of a file that zstd wrote\n`).join(''),
  );
  const skippable = (magic: number, length: number) => {
    const frame = Buffer.alloc(8 + length, 7);
    frame.writeUInt32LE(magic, 0);
    frame.writeUInt32LE(length, 4);
    return frame;
  };

  it('reads frames one after the other, skippable ones between them', async () => {
    const one = sample(300_000);
    const packed = Buffer.concat([
      skippable(0x184d2a53, 100),
      await compress(one, 3),
      skippable(0x184d2a50, 3_000_000),
      Buffer.from(FROM_PIPE, 'base64'),
      skippable(0x184d2a5f, 0),
    ]);
    const all = Buffer.concat([one, LINES]);
    expect((await decompressed(packed)).bytes.equals(all)).toBe(true);
    expect((await decompressed(packed, 299_990)).bytes).toEqual(all.subarray(299_990));
  });

  it('streams a frame too long to be held', async () => {
    // 80 MB in 611 blocks: beyond what one native call may give.
    const hash = createHash('sha256');
    const packed = await compress(Buffer.alloc(80_000_000, 'ab'), 1);
    const path = put(folder, 'long.zst', packed);
    let length = 0;
    let pieces = 0;
    for await (const { bytes } of decompressedBytes(path, packed.length, 0, signal)) {
      hash.update(bytes);
      length += bytes.length;
      pieces++;
    }
    expect(length).toBe(80_000_000);
    expect(pieces).toBeGreaterThan(600);
    expect(hash.digest('hex')).toBe(
      createHash('sha256').update(Buffer.alloc(80_000_000, 'ab')).digest('hex'),
    );
  });

  it('verifies the checksum', async () => {
    const packed = Buffer.from(FROM_PIPE, 'base64');
    packed[packed.length - 1]! ^= 1;
    const { bytes, damage } = await decompressed(packed);
    expect(bytes).toEqual(LINES);
    expect(damage?.message).toMatch(/packed, byte 1350: zstd checksum differs; expected .*; found /);
  });

  it('yields whole blocks before the cut, then says where', async () => {
    const content = sample(500_000);
    const first = await compress(content.subarray(0, 1000), 3);
    const packed = Buffer.concat([first, await compress(content.subarray(1000), 3)]);
    const lengths = [1, 3, 5, 9].flatMap((k) => [k, first.length + k]);
    for (let k = 1; k < 16; k++) lengths.push(Math.floor((packed.length * k) / 16));
    let blocks = 0;
    for (const length of lengths) {
      if (length < 4) continue; // too short to be told from a plain file
      const { bytes, damage } = await decompressed(packed.subarray(0, length));
      expect(damage?.reason).toBe('truncated-input');
      expect(content.subarray(0, bytes.length).equals(bytes)).toBe(true);
      if (length > first.length) expect((bytes.length - 1000) % 131072).toBe(0);
      blocks = Math.max(blocks, (bytes.length - 1000) / 131072);
      expect(damage?.problem.offset).toBe(bytes.length);
    }
    expect(blocks).toBe(3);
  });

  it('never takes damage for data without saying so', async () => {
    const packed = Buffer.from(FROM_PIPE, 'base64');
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 4, max: packed.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, flip) => {
          const broken = Buffer.from(packed);
          broken[at]! ^= flip;
          const { bytes, damage } = await decompressed(broken);
          if (!damage) expect(bytes).toEqual(LINES);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('damaged files as they are read', () => {
  const lines = Array.from({ length: 500 }, (_, i) => JSON.stringify({ text: sample(60, i + 1).toString() }));
  const content = Buffer.from(lines.join('\n'));

  it('keeps the records before the cut of a gzip file, and counts the one that it goes through', async () => {
    const packed = gzipSync(content);
    put(folder, 'cut.jsonl.gz', packed.subarray(0, packed.length >> 1));
    const { documents, rejects } = await readAll({ inputs: [{ files: 'cut.jsonl.gz' }] }, folder, {
      batchDocuments: 7,
    });
    expect(documents.length).toBeGreaterThan(150);
    expect(documents.map((d) => d.text)).toEqual(
      lines.slice(0, documents.length).map((one) => JSON.parse(one).text),
    );
    expect(rejects.map((r) => r.reason)).toEqual(['truncated-input']);
    const known = gunzipSync(packed.subarray(0, packed.length >> 1), { finishFlush: constants.Z_SYNC_FLUSH });
    expect(rejects[0]!.error.problem.offset).toBe(known.length);
    expect(rejects[0]!.bytes).toBe(known.length - (known.lastIndexOf(10) + 1));
  });

  it('keeps the records before the damage of a zstd file', async () => {
    const packed = Buffer.concat([
      await compress(content, 3),
      Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xff, 0, 0]),
    ]);
    put(folder, 'bad.jsonl.zst', packed);
    const { documents, rejects } = await readAll({ inputs: [{ files: 'bad.jsonl.zst' }] }, folder);
    expect(documents).toHaveLength(499);
    expect(rejects.map((r) => r.reason)).toEqual(['truncated-input']);
  });

  it('does not take a cut-off text for a whole one', async () => {
    const packed = gzipSync(content);
    put(folder, 'cut.txt.gz', packed.subarray(0, packed.length - 9));
    const { documents, rejects } = await readAll({ inputs: [{ files: 'cut.txt.gz' }] }, folder);
    expect(documents).toEqual([]);
    expect(rejects.map((r) => r.reason)).toEqual(['truncated-input']);
  });

  it('names a compression that it does not read', async () => {
    put(folder, 'x.jsonl', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 1, 2, 3]));
    put(folder, 'x.txt', Buffer.from([0x50, 0x4b, 3, 4, 1]));
    const { rejects } = await readAll({ inputs: [{ files: 'x.{jsonl,txt}' }] }, folder);
    expect(rejects.map((r) => [r.reason, r.error.problem.found])).toEqual([
      ['unsupported-compression', 'xz'],
      ['unsupported-compression', 'zip'],
    ]);
    expect(detectCompression(Buffer.from('plain'))).toBe('none');
  });
});
