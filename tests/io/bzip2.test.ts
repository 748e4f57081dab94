import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import unbzip2 from 'unbzip2-stream';
import { afterAll, describe, expect, test } from 'vitest';
import { bunzip2File } from '../../src/io/bzip2.ts';
import { DamageError } from '../../src/io/damage.ts';
import { temporaryFolder } from './helpers.ts';

const folder = temporaryFolder();
const path = join(folder, 'x.bz2');
afterAll(() => rmSync(path, { force: true }));

/** All that the file gives, and the error that ended it. */
async function ours(packed: Buffer): Promise<{ bytes: Buffer; error?: DamageError }> {
  writeFileSync(path, packed);
  const pieces: Buffer[] = [];
  try {
    for await (const { bytes } of bunzip2File(path, 0, packed.length)) pieces.push(bytes);
  } catch (error) {
    if (!(error instanceof DamageError)) throw error;
    return { bytes: Buffer.concat(pieces), error };
  }
  return { bytes: Buffer.concat(pieces) };
}

/** The slow twin. */
function theirs(packed: Buffer): Buffer {
  const pieces: Buffer[] = [];
  const stream = unbzip2();
  stream.on('data', (bytes: Buffer) => pieces.push(bytes));
  stream.on('error', (error: unknown) => {
    throw error;
  });
  stream.write(packed);
  stream.end();
  return Buffer.concat(pieces);
}

const pack = (bytes: Buffer, level = 9): Buffer =>
  execFileSync('bzip2', [`-${level}`, '-c'], { input: bytes, maxBuffer: 1 << 28 });

function hasBzip2(): boolean {
  try {
    return pack(Buffer.from('x')).length > 0;
  } catch {
    return false;
  }
}

// Made by bzip2 1.0.8: the bytes 0 to 255, then runs of 3, 4, 5, 258, 259, 260 and 1000 of one letter each; level 1.
const SMALL = Buffer.from(
  'QlpoMTFBWSZTWe1lHDgAAAB/////////////////////////////////////////////sADzbRAAAmAAJgAAAEwAAAAAAAABMACYAAAZAAAAAAAAAAAAABGAAEwgAAAAAAAAAAJgAAAAAAAAAAEwAAAAAAAAAAAAAAAAAAmAmCoKAE0wAATAJgRgTAEZMCYCYjExPUeSMCDAAE0wmEwAJowARgACYRiGAABMmBMBGgwAczGzAjKzg4QEhQWGBocHiAiJCYoKiwuMDI0Njg6PD5AQkRGSEpMTlBSVFZYWlxeYGJkZmhqbG5wcnR2eHp8f/xAQUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVpbXF1eX2BhYmMZzDQDfCEIAYF4BRnG3AAPhjghRBABhjghSEQAoYoRB4gAAKGEDxt7g4OLk5un7dXZ3eHl6e3x9fn+A/kDBQcJCw0PERMVFxkbHR8hIyUnKSssAAy8xMzU3OTs/QUNFR0lLTU9RU1VXWVtdX2FjZWdpa21vcXN1d3l7fX+Bg4WHiYuNj5GTlZeZm52foaGjpaepq62vsbO1t7m7vb/Bw8XHycvM/8/P0f3/dPV19nb3d/h4+Xn6evt7gQEqNgvwB//z9fYu5IpwoSHayjhw',
  'base64',
);
const small = Buffer.concat([
  Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
  ...[3, 4, 5, 258, 259, 260, 1000].map((length, i) => Buffer.alloc(length, 97 + i)),
]);

describe('bzip2', () => {
  test('every byte, and runs of every kind', async () => {
    expect((await ours(SMALL)).bytes.equals(small)).toBe(true);
    expect(theirs(SMALL).equals(small)).toBe(true);
    const twice = await ours(Buffer.concat([SMALL, SMALL]));
    expect(twice.bytes.equals(Buffer.concat([small, small]))).toBe(true);
  });

  test('cut off anywhere: nothing unsound, and an error that says so', async () => {
    for (let cut = 4; cut < SMALL.length; cut += 3) {
      const { bytes, error } = await ours(Buffer.concat([SMALL, SMALL.subarray(0, cut)]));
      expect(error?.reason, `cut at ${cut}`).toBe('truncated-input');
      expect(bytes.length % small.length).toBe(0);
      expect(bytes.subarray(0, small.length).equals(small)).toBe(true);
    }
  });

  test('damaged anywhere: the check sum finds it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(SMALL.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const damaged = Buffer.from(SMALL);
        damaged[at]! ^= flip;
        const { bytes, error } = await ours(damaged);
        // A level, or padding at the end, may be another one.
        if (error) expect(bytes.length === 0 || bytes.equals(small)).toBe(true);
        else expect(bytes.equals(small)).toBe(true);
      }),
      { numRuns: 500 },
    );
    const junk = await ours(Buffer.concat([SMALL, Buffer.from('and more than ten bytes')]));
    expect(junk.bytes.equals(small)).toBe(true);
    expect(junk.error?.reason).toBe('corrupt-input');
  });

  test.skipIf(!hasBzip2())(
    'gives what was packed and what unbzip2-stream gives (skipped without bzip2)',
    async () => {
      const words = 'the of and <page> <title> == [[ ]] aaaa aaaaa zzzzzzzz ä 漢 0123456789 \n'.split(' ');
      const text = fc
        .array(fc.constantFrom(...words), { maxLength: 3000 })
        .map((chosen) => Buffer.from(chosen.join(' ')));
      const noise = fc.uint8Array({ maxLength: 5000 }).map((bytes) => Buffer.from(bytes));
      const runs = fc
        .array(fc.tuple(fc.nat(3), fc.nat(900)), { maxLength: 60 })
        .map((pairs) => Buffer.concat(pairs.map(([byte, length]) => Buffer.alloc(length, byte))));
      await fc.assert(
        fc.asyncProperty(
          fc.oneof(text, noise, runs),
          fc.integer({ min: 1, max: 9 }),
          async (bytes, level) => {
            const packed = pack(bytes, level);
            expect((await ours(packed)).bytes.equals(bytes)).toBe(true);
            if (bytes.length > 0) expect(theirs(packed).equals(bytes)).toBe(true);
          },
        ),
        { numRuns: 60 },
      );
    },
  );

  test.skipIf(!hasBzip2())(
    'several blocks, and one that expands past all room (skipped without bzip2)',
    async () => {
      const several = Buffer.concat([
        randomBytes(600_000),
        Buffer.alloc(600_000, 'several blocks '),
        randomBytes(9),
      ]);
      for (const level of [1, 5, 9])
        expect((await ours(pack(several, level))).bytes.equals(several)).toBe(true);
      const long = Buffer.alloc(30_000_000, 'x');
      expect((await ours(pack(long))).bytes.equals(long)).toBe(true);
    },
  );
});
