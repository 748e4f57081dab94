import { expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { MAX_ROUGHLY_SORTED, sortedByKey } from '../../src/shard/key-sort.ts';
import { compareKeys, SIDE, SIDE_WORDS } from '../../src/shard/side-file.ts';

it.each([1, 2, 3, 2 ** 32])('records are in the order that comparing them gives (%i high words)', (highs) => {
  const random = new Random(highs);
  for (const n of [0, 1, 2, 3000]) {
    const words = Uint32Array.from({ length: n * SIDE_WORDS }, () => random.below(4));
    // From another place than the first, in another order than they lie.
    const recordAt = Uint32Array.from({ length: n }, (_, i) => ((i * 7) % Math.max(1, n)) * SIDE_WORDS);
    for (const at of recordAt) words[at + SIDE.key + 1] = 0xffffffff - random.below(highs);
    const plain = Array.from(recordAt.keys()).sort((a, b) =>
      compareKeys(words, recordAt[a]!, words, recordAt[b]!),
    );
    expect([...sortedByKey(words, recordAt)]).toEqual(plain);
  }
  expect(0xffffffff * MAX_ROUGHLY_SORTED + MAX_ROUGHLY_SORTED - 1).toBeLessThanOrEqual(
    Number.MAX_SAFE_INTEGER,
  );
});
