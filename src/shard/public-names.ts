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

/** A file a shard under the names that `datasets` looks for: `data/train-00000-of-00002.EXTENSION`. */
export function* publicFiles(
  index: Pick<ShardIndex, 'splits'>,
  extension: string,
): Generator<{ split: ShardSplit; shard: number; name: string }> {
  for (const [split, label] of publicNames(index)) {
    const files = index.splits[split].shards.length;
    for (let shard = 0; shard < files; shard++) {
      const of = [shard, files].map((n) => String(n).padStart(5, '0')).join('-of-');
      yield { split, shard, name: `data/${label}-${of}.${extension}` };
    }
  }
}
