import { describe, expect, it } from 'vitest';
import { DocumentBatch } from '../../src/core/batch.ts';
import { pipe } from '../../src/core/pipe.ts';

const document = (id: string, text: string) => ({ id, corpus: 'c', source: 's', start: 0, end: 1, text });

describe('batches', () => {
  it('merge in the order of their ordinals, over other buffers', () => {
    const whole = DocumentBatch.from(['a', 'bé', 'c', '', 'e'].map((text, i) => document(String(i), text)));
    const merged = DocumentBatch.merge(whole.select([0, 3]), whole.select([1, 2, 4]));
    expect([...merged].map((one) => one.text)).toEqual(['a', 'bé', 'c', '', 'e']);
    expect(merged.rows.map((row) => row.ordinal)).toEqual([0, 1, 2, 3, 4]);
    expect(DocumentBatch.merge(whole, whole.select([])).length).toBe(5);
  });

  it('decode on demand and select without copying', () => {
    const batch = DocumentBatch.from([document('1', 'naïve'), document('2', '𝄞')]);
    const one = batch.select([1]);
    expect(one.buffer).toBe(batch.buffer);
    expect(one.text(0)).toBe('𝄞');
    expect(one.size(0)).toBe(4);
    expect(batch.textBytes).toBe(10);
  });
});

describe('pipe', () => {
  it('closes the stage at the end, on an early return and on an error', async () => {
    let closed = 0;
    const stage = {
      process(batch: DocumentBatch): DocumentBatch {
        if (batch.length === 0) throw new Error('empty');
        return batch;
      },
      close(): void {
        closed++;
      },
    };
    async function* batches(sizes: number[]): AsyncGenerator<DocumentBatch> {
      for (const n of sizes) yield DocumentBatch.from(Array.from({ length: n }, () => document('x', 'x')));
    }
    let seen = 0;
    for await (const batch of pipe(batches([1, 2]), stage)) seen += batch.length;
    expect(seen).toBe(3);
    for await (const _ of pipe(batches([1, 2]), stage)) break;
    await expect(
      (async () => {
        for await (const _ of pipe(batches([0]), stage));
      })(),
    ).rejects.toThrow('empty');
    expect(closed).toBe(3);
  });
});
