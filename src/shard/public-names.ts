import type { ShardSplit } from './format.ts';
import type { ShardIndex } from './shard-set.ts';

/**
 * What the world calls the splits of a set, in the order train, validation, test. Where no documents were kept for
 * validation, the held-out ones serve as such.
 */
export function publicNames(index: {
  readonly splits: { readonly validation?: Pick<ShardIndex['splits']['validation'], 'documents'> };
}): [split: ShardSplit, name: 'train' | 'validation' | 'test'][] {
  if (!index.splits.validation?.documents) {
    return [
      ['train', 'train'],
      ['held-out', 'validation'],
    ];
  }
  return [
    ['train', 'train'],
    ['validation', 'validation'],
    ['held-out', 'test'],
  ];
}
