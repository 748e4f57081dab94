import { describe, expect, it } from 'vitest';
import { exactDedup, exactDedupOptions } from '../../src/dedup/exact-dedup.ts';
import { document, runBarrier } from './harness.ts';

const options = (more: Record<string, unknown> = {}) => exactDedupOptions.parse(more);

describe('exact-dedup', () => {
  it('keeps one copy of each content, and says which', async () => {
    const { kept, refused, summary } = await runBarrier(exactDedup.barrier, options(), [
      [document('a', 'one'), document('b', 'two'), document('c', 'one')],
      [document('d', 'one '), document('e', 'one')],
    ]);
    expect(summary).toMatchObject({
      documents: 5,
      clusters: 1,
      duplicates: 2,
      largestCluster: 3,
      removed: 2,
    });
    expect(kept).toHaveLength(3);
    const survivor = kept.find(({ signals }) => signals['duplicate-count'] === 3)!;
    expect(['a', 'c', 'e']).toContain(survivor.id);
    for (const { drop } of refused) {
      expect(drop.reason).toBe('exact-duplicate');
      expect(drop.detail).toBe(`test/${survivor.id}`);
    }
    expect([...kept.map(({ id }) => id), ...refused.map(({ id }) => id)].sort()).toEqual([
      'a',
      'b',
      'c',
      'd',
      'e',
    ]);
  });

  it('keeps every held-out document and removes its copies in training', async () => {
    const { kept, refused, summary } = await runBarrier(exactDedup.barrier, options(), [
      [document('t1', 'same'), document('h1', 'same', { split: 'held-out' })],
      [document('h2', 'same', { split: 'held-out' }), document('t2', 'same'), document('t3', 'other')],
    ]);
    expect(kept.map(({ id }) => id).sort()).toEqual(['h1', 'h2', 't3']);
    expect(refused.map(({ id }) => id).sort()).toEqual(['t1', 't2']);
    expect(refused.every(({ drop }) => drop.reason === 'duplicate-of-held-out')).toBe(true);
    expect(summary).toMatchObject({ removed: 2, removedForHeldOut: 2 });
  });

  it.each([
    ['highest-signal', { keep: 'highest-signal', signal: 'score' }, 'b'],
    ['corpus-order', { keep: 'corpus-order', corpora: ['good', 'test'] }, 'c'],
    ['earliest', { keep: 'earliest' }, 'a'],
  ])('keeps the copy that `%s` says', async (_name, more, id) => {
    const { kept } = await runBarrier(exactDedup.barrier, options(more), [
      [
        document('a', 'x', { signals: { score: 1 } }),
        document('b', 'x', { signals: { score: 3 } }),
        document('c', 'x', { signals: { score: 2 }, corpus: 'good' }),
      ],
    ]);
    expect(kept.map((document) => document.id)).toEqual([id]);
  });

  it('sees through case, white space and punctuation by normalized text, and prefers the longest', async () => {
    const { kept } = await runBarrier(exactDedup.barrier, options({ by: 'normalized-text' }), [
      [
        document('a', 'Hello, world'),
        document('b', 'HELLO —  World!!'),
        document('c', 'hello worlds'),
        document('d', '!!!'),
        document('e', '???'),
      ],
    ]);
    expect(kept.map((document) => document.id)).toEqual(['b', 'c', 'd', 'e']);
  });

  it('compares URLs, and leaves documents without one alone', async () => {
    const at = (url: string) => ({ metadata: { url } });
    const { kept } = await runBarrier(exactDedup.barrier, options({ by: 'url' }), [
      [
        document('a', 'x', at('http://a/')),
        document('b', 'longer', at('http://a/')),
        document('c', 'x'),
        document('d', 'x'),
      ],
    ]);
    expect(kept.map((document) => document.id)).toEqual(['b', 'c', 'd']);
  });

  it('adds up the copies that documents already stand for', async () => {
    const { kept } = await runBarrier(exactDedup.barrier, options(), [
      [document('a', 'x', { signals: { 'duplicate-count': 4 } }), document('b', 'x')],
    ]);
    expect(kept[0]!.signals['duplicate-count']).toBe(5);
  });
});
