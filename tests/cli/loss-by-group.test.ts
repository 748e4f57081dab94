import { describe, expect, it } from 'vitest';
import { lossByGroupLines, metricLines } from '../../src/cli/summary-view.ts';

describe('metricLines', () => {
  it('names what the objective measured, an accuracy as a share', () => {
    const metrics = { maskedLoss: 5.1234, nextSentenceLoss: 0.5, nextSentenceAccuracy: 0.625 };
    expect(metricLines({ lossByGroup: { steps: 20, groups: {}, metrics } })).toEqual([
      'last 20 steps     masked loss 5.123, next sentence loss 0.500, next sentence accuracy 63 %',
    ]);
    expect(metricLines({ lossByGroup: { steps: 20, groups: {} } })).toEqual([]);
  });
});

describe('lossByGroupLines', () => {
  it('prints groups with their tokens, the largest ten of a kind, and no kind of one group', () => {
    const group = (loss: number, tokens: number) => ({ loss, tokens });
    const sources = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`s${i}`, group(4, 100 + i)]));
    const groups = {
      corpus: { mail: group(5.25, 1000), novel: group(6, 20) },
      source: sources,
      'duplicate-count': { 1: group(5, 10) },
    };
    const lines = lossByGroupLines({ lossByGroup: { steps: 80, groups } });
    expect(lines[0]).toMatch(/^training loss, last 80 steps +nats +tokens$/);
    expect(lines[1]).toMatch(/^corpus +mail +5\.250 +1,000$/);
    expect(lines[2]).toMatch(/^ +novel +6\.000 +20$/);
    expect(lines[3]).toMatch(/^source +s2 +4\.000 +102$/);
    expect(lines.at(-1)).toMatch(/^ +and 2 more *$/);
    expect(lines).toHaveLength(1 + 2 + 10 + 1);
    const copies = { 1: group(5, 10), '17-32': group(5, 30), '3-4': group(5, 20) };
    const ordered = lossByGroupLines({ lossByGroup: { steps: 8, groups: { copies } } });
    expect(ordered.slice(1).map((text) => text.trim().split(/ +/).at(-3))).toEqual(['1', '3-4', '17-32']);
    const one = lossByGroupLines({ lossByGroup: { steps: 1, groups } });
    expect(one[0]).toMatch(/^training loss, last 1 step +nats/);
    expect(
      lossByGroupLines({ lossByGroup: { steps: 1, groups: { corpus: { mail: group(5, 1) } } } }),
    ).toEqual([]);
    expect(lossByGroupLines(undefined)).toEqual([]);
  });
});
