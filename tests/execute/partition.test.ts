import { expect, test } from 'vitest';
import type { InputFile } from '../../src/core/stage.ts';
import { cutPartitions, partitionBytesFor } from '../../src/execute/partition.ts';

const MIB = 2 ** 20;

function files(...sizes: number[]): InputFile[] {
  return sizes.map((size, i) => ({ path: `/in/${i}`, size, splittable: true }) as unknown as InputFile);
}

test.each([
  ['a tiny corpus', [1000], 4 * MIB, 1],
  ['one of 87 MB in two files', [43e6, 44e6], 4 * MIB, 22],
  ['one of 200 MB', [200e6], 8 * MIB, 24],
  ['one of a gigabyte', [1024 * MIB], 64 * MIB, 16],
  ['a vast one', [2 ** 40], 64 * MIB, 2 ** 14],
])('auto cuts %s', (_what, sizes, bytes, partitions) => {
  const listed = files(...sizes);
  expect(partitionBytesFor(listed, 'auto')).toBe(bytes);
  expect(cutPartitions(listed, bytes)).toHaveLength(partitions);
});

test('a size that is given stays', () => {
  expect(partitionBytesFor(files(1e9), 12345)).toBe(12345);
});
