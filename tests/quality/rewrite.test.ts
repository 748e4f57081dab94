import { describe, expect, it } from 'vitest';
import { DocumentBatch } from '../../src/core/batch.ts';
import type { StageContext } from '../../src/core/stage.ts';
import type { Drop } from '../../src/core/verdict.ts';
import { c4 } from '../../src/quality/judges/c4.ts';
import { redactPii } from '../../src/quality/judges/redact-pii.ts';

function recorder() {
  const refused: [number, Drop][] = [];
  const counts = new Map<string, number>();
  const watched: number[] = [];
  const context = {
    refuse: (batch: DocumentBatch, i: number, why: Drop) => refused.push([batch.rows[i]!.ordinal, why]),
    count: (name: string, by = 1) => counts.set(name, (counts.get(name) ?? 0) + by),
    watch: (ordinal: number) => watched.push(ordinal),
  } as unknown as StageContext;
  return { context, refused, counts, watched };
}

const GOOD =
  'This is one line. It has two sentences.\nAnd here is another one.\nIs this the fourth? It was the fifth.';
const texts = [
  GOOD,
  'Too short to be kept.',
  `Menu\n${GOOD}\nPlease enable javascript to read this.`,
  'a { b } c is code.',
];

function batch(): DocumentBatch {
  return DocumentBatch.from(
    texts.map((text, i) => ({
      id: `d${i}`,
      corpus: 'c',
      source: 's',
      start: 10 * i,
      end: 10 * i + 5,
      text,
      metadata: { n: i },
      signals: { before: i },
    })),
    70,
  );
}

describe('stages that rewrite', () => {
  it('c4 keeps rows and ordinals, counts lines it drops, and refuses with a reason', async () => {
    const { context, refused, counts, watched } = recorder();
    const stage = await c4.open(c4.options.parse({}), context);
    const out = await stage.process(batch());
    expect(
      out.rows.map((row) => [row.id, row.ordinal, row.start, row.metadata.n, row.signals.before]),
    ).toEqual([
      ['d0', 70, 0, 0, 0],
      ['d2', 72, 20, 2, 2],
    ]);
    expect([out.text(0), out.text(1)]).toEqual([GOOD, GOOD]);
    expect(out.rows[1]!.signals).toEqual({ before: 2, 'c4.lines': 5, 'c4.kept-lines': 3, 'c4.sentences': 5 });
    expect(refused).toMatchObject([
      [71, { reason: 'too-few-sentences', value: 1, threshold: 5 }],
      [73, { reason: 'curly-bracket' }],
    ]);
    expect(Object.fromEntries(counts)).toEqual({
      'lines-without-terminal-punctuation': 1,
      'lines-with-javascript': 1,
    });
    expect(watched).toEqual([70, 71, 72, 73]);
  });

  it('gives the same whatever the batches are', async () => {
    const whole = await (await c4.open(c4.options.parse({}), recorder().context)).process(batch());
    const stage = await c4.open(c4.options.parse({}), recorder().context);
    const singles: unknown[] = [];
    for (let i = 0; i < texts.length; i++) {
      const out = await stage.process(batch().select([i]));
      for (let k = 0; k < out.length; k++) singles.push([out.rows[k], out.text(k)]);
    }
    expect(singles).toEqual(whole.rows.map((row, i) => [row, whole.text(i)]));
  });

  it('redact-pii passes untouched bytes through and leaves the input batch as it was', async () => {
    const input = DocumentBatch.from([
      { id: 'a', corpus: 'c', source: 's', start: 0, end: 1, text: 'ask me@home.org or you@home.org' },
      { id: 'b', corpus: 'c', source: 's', start: 1, end: 2, text: 'naïve 日本' },
    ]);
    const { context, counts } = recorder();
    const out = await (await redactPii.open(redactPii.options.parse({}), context)).process(input);
    expect(out.text(0)).toBe('ask email@example.com or firstname.lastname@example.org');
    expect(Buffer.from(out.bytes(1))).toEqual(Buffer.from(input.bytes(1)));
    expect(input.text(0)).toBe('ask me@home.org or you@home.org');
    expect(input.rows[0]!.signals).toEqual({});
    expect(out.rows.map((row) => row.signals['redact-pii.found'])).toEqual([2, 0]);
    expect(counts.get('email')).toBe(2);
  });
});
