import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteWindow } from '../../src/io/byte-window.ts';
import type { Piece } from '../../src/io/file-bytes.ts';

/** Pieces in two areas by turns, as the inflate kernel gives them: each is overwritten by the second one after it. */
async function* lentPieces(whole: Buffer, sizes: readonly number[]): AsyncGenerator<Piece> {
  const areas = [Buffer.alloc(64), Buffer.alloc(64)];
  let at = 0;
  for (let i = 0; at < whole.length; i++) {
    const area = areas[i % 2]!.fill(0xee);
    const end = Math.min(whole.length, at + sizes[i % sizes.length]!);
    whole.copy(area, 0, at, end);
    yield { bytes: area.subarray(0, end - at), disk: end };
    at = end;
  }
}

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('need' as const), n: fc.nat(80) }),
    fc.record({ kind: fc.constant('peek' as const), n: fc.nat(150), at: fc.nat(70) }),
    fc.record({ kind: fc.constant('drop' as const), n: fc.nat(70) }),
    fc.record({ kind: fc.constant('skip' as const), n: fc.nat(120) }),
  ),
  { maxLength: 40 },
);

test('a window over lent pieces shows the bytes of the stream, however one looks at it', async () => {
  const whole = Buffer.from(Array.from({ length: 700 }, (_, i) => (i * 7 + (i >> 5)) & 0xff));
  const sizes = fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(sizes, steps, async (lengths, actions) => {
      const window = new ByteWindow(lentPieces(whole, lengths), 0, true);
      let front = 0;
      for (const action of actions) {
        const { n } = action;
        if (action.kind === 'need') {
          expect(await window.need(n)).toBe(front + n <= whole.length);
          expect(window.buffer.length).toBeGreaterThanOrEqual(Math.min(n, whole.length - front));
        } else if (action.kind === 'peek') {
          const at = Math.min(action.at, window.buffer.length);
          const seen = Buffer.from(await window.peek(at, n));
          expect(seen.equals(whole.subarray(front + at, front + at + n))).toBe(true);
        } else if (action.kind === 'drop') {
          const dropped = Math.min(n, window.buffer.length);
          window.drop(dropped);
          front += dropped;
        } else {
          const skipped = await window.skip(n);
          expect(skipped).toBe(Math.min(n, whole.length - front));
          front += skipped;
        }
        expect(window.offset).toBe(front);
        expect(window.buffer.equals(whole.subarray(front, front + window.buffer.length))).toBe(true);
      }
      await window.close();
    }),
    { numRuns: 500 },
  );
});
