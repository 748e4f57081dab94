import { describe, expect, it } from 'vitest';
import { summaryLines } from '../../src/cli/summary-view.ts';
import { count, counted, plural } from '../../src/core/format.ts';
import type { RunSummary } from '../../src/execute/run.ts';
import type { RunData } from '../../src/report/run-data.ts';
import { tokensSection } from '../../src/report/sections/tokens.ts';

describe('numbers of things', () => {
  it('are written as toLocaleString writes them', () => {
    for (const n of [0, 7, 999, 1000, 12_345.5, 999_999.5, -1234, -999, 2 ** 53, 1e15 + 3, -12_345_678])
      expect(count(n)).toBe(Math.round(n).toLocaleString('en-US'));
  });

  it('are one thing, or some things', () => {
    expect([0, 1, 2, 1234].map((n) => counted(n, 'shard'))).toEqual([
      '0 shards',
      '1 shard',
      '2 shards',
      '1,234 shards',
    ]);
    expect([1, 5].map((n) => plural(n, 'held-out document'))).toEqual([
      'held-out document',
      'held-out documents',
    ]);
  });

  it('are so in the report and in the summary of a run', () => {
    const outcome = { documents: 1, trainTokens: 1, heldOutTokens: 2, byCorpus: {} };
    const { body } = tokensSection({ steps: [{ kind: 'shard', outcome }] } as unknown as RunData);
    expect(body.source).toContain('<strong>1</strong><span>document</span>');
    expect(body.source).toContain('<strong>1</strong><span>token to train on</span>');
    expect(body.source).toContain('<strong>2</strong><span>tokens held out</span>');
    const steps = [
      {
        name: 'minhash-dedup',
        kind: 'minhash-dedup',
        outcome: { clusters: 1, removed: 1, largestCluster: 2 },
      },
      { name: 'train', kind: 'train', outcome: { parameters: 2, steps: 1, tokens: 1 } },
    ];
    const lines = summaryLines({ runFolder: 'r', seconds: 1, steps } as unknown as RunSummary, undefined);
    expect(lines.join('\n')).toContain('1 cluster, the largest of 2; 1 document removed');
    expect(lines.join('\n')).toContain('2 parameters, 1 step, 1 token');
  });
});
