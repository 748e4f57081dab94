import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { ShardLoader } from '../../src/shard/loader.ts';
import { packDocuments } from '../../src/shard/packing.ts';
import { ShardTracer } from '../../src/shard/trace.ts';
import { openObjective } from '../../src/train/objectives/registry.ts';
import { build, makeDocuments } from './make-shards.ts';

function startsOf(lengths: readonly number[]): Float64Array {
  const starts = new Float64Array(lengths.length + 1);
  lengths.forEach((length, i) => {
    starts[i + 1] = starts[i]! + length;
  });
  return starts;
}

/** Best-fit decreasing as a textbook has it: search every window. */
function textbookBestFit(lengths: readonly number[], width: number): number {
  const rooms: number[] = [];
  for (const length of [...lengths].sort((a, b) => b - a)) {
    let best = -1;
    rooms.forEach((room, i) => {
      if (room >= length && (best < 0 || room < rooms[best]!)) best = i;
    });
    if (best < 0) rooms.push(width - length);
    else rooms[best]! -= length;
  }
  return rooms.length;
}

describe('packing', () => {
  const lengths = fc.array(fc.integer({ min: 0, max: 90 }), { maxLength: 80 });

  it('best-fit fills as many windows as the textbook, holds each token once and orders windows by first document', () => {
    fc.assert(
      fc.property(lengths, fc.integer({ min: 2, max: 40 }), (sizes, width) => {
        const starts = startsOf(sizes);
        const packed = packDocuments(starts, width, 'best-fit');
        const windows = packed.rows.length - 1;
        const seen = new Map<number, number>();
        let before = -1;
        for (let r = 0; r < windows; r++) {
          const pieces = [...packed.starts.subarray(packed.rows[r], packed.rows[r + 1])];
          expect(pieces).toEqual([...pieces].sort((a, b) => a - b));
          expect(pieces[0]!).toBeGreaterThan(before);
          before = pieces[0]!;
          const sum = packed.lengths.subarray(packed.rows[r], packed.rows[r + 1]).reduce((a, b) => a + b, 0);
          expect(sum).toBeLessThanOrEqual(width);
        }
        packed.starts.forEach((start, i) => {
          for (let t = start + 1; t < start + packed.lengths[i]!; t++) seen.set(t, (seen.get(t) ?? 0) + 1);
        });
        // As a target: every token but a document's first, once.
        const targets = sizes.flatMap((size, d) =>
          Array.from({ length: Math.max(0, size - 1) }, (_, k) => starts[d]! + 1 + k),
        );
        expect([...seen.keys()].sort((a, b) => a - b)).toEqual(targets);
        expect([...seen.values()].every((times) => times === 1)).toBe(true);
        expect(windows).toBe(textbookBestFit([...packed.lengths], width));
      }),
      { numRuns: 200 },
    );
  });

  it('pad gives a window to each piece', () => {
    const packed = packDocuments(startsOf([5, 1, 0, 12, 2]), 6, 'pad');
    expect([...packed.starts]).toEqual([0, 6, 11, 16, 18]);
    expect([...packed.lengths]).toEqual([5, 6, 6, 2, 2]);
    expect([...packed.rows]).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('leaves little padding: under 2 % on documents of web sizes', () => {
    const random = new Random(1);
    const sizes = Array.from({ length: 70_000 }, () => 20 + random.below(1400));
    const packed = packDocuments(startsOf(sizes), 2049, 'best-fit');
    const tokens = packed.lengths.reduce((a, b) => a + b, 0);
    expect(1 - tokens / ((packed.rows.length - 1) * 2049)).toBeLessThan(0.02);
  });
});

describe('packed batches', () => {
  const documents = makeDocuments(250, 61);
  const order = {
    split: 'train',
    context: 31,
    rows: 4,
    ranks: 2,
    orderSeed: 3,
    packing: 'best-fit',
  } as const;

  it('hold whole documents and padding, and are traced', async () => {
    const { folder } = await build(documents, { shardTokens: 900 });
    const tracer = await ShardTracer.open(folder);
    const byKey = new Map(documents.map(({ row, tokens }) => [`${row.corpus}/${row.id}`, tokens]));
    const whole = new Set<string>();
    for (const rank of [0, 1]) {
      const loader = await ShardLoader.open(folder, { ...order, rank });
      for (let step = 0; step < loader.stepsPerEpoch; step++) {
        const batch = loader.batch(step);
        for (let at = 0; at < batch.tokens.length; at++) {
          const row = Math.floor(at / batch.width);
          const column = at % batch.width;
          const where = { step, row: rank * 4 + row, column };
          if (batch.documentIndex[at]! < 0) {
            expect([batch.tokens[at], batch.segments[at]]).toEqual([299, -1]);
            if (at % 50 === 0) expect(() => tracer.atStep(order, where)).toThrow('padding');
            continue;
          }
          const { corpus, id } = batch.documents[batch.documentIndex[at]!]!;
          const position = batch.positions[at]!;
          const tokens = byKey.get(`${corpus}/${id}`)!;
          expect(batch.tokens[at]).toBe(position < tokens.length ? tokens[position] : 299);
          if (position === 0) whole.add(`${corpus}/${id}`);
          // A document that fits a window is in one, from its first token on.
          const begins = column === 0 || batch.segments[at] !== batch.segments[at - 1];
          if (begins && tokens.length + 1 <= 32) expect(position).toBe(0);
          if (at % 50 === 0) {
            const found = tracer.atStep(order, where);
            expect([found.document.id, found.position]).toEqual([id, position]);
            const epoch = Math.floor((step * 8 + where.row) / loader.windows);
            expect(tracer.visits(order, found.shard, found.token, epoch)).toContainEqual(where);
          }
        }
      }
      await loader.close();
    }
    const trained = documents.filter(({ row, tokens }) => row.split === 'train' && tokens.length > 0);
    expect(whole.size).toBe(trained.length);
    await tracer.close();
  });

  it('are masked to the document, their padding weighs nothing', async () => {
    const { folder } = await build(documents, { shardTokens: 900 });
    for (const packing of ['best-fit', 'pad'] as const) {
      const loader = await ShardLoader.open(folder, { ...order, ranks: 1, packing });
      const batch = loader.batch(0);
      const targets = batch.documentIndex.filter((d, at) => at % 32 > 0 && d >= 0).length;
      const context = { vocabulary: 301, length: 31, maskToken: 300, specialTokens: [299] };
      const total = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0);
      const sum = (kind: object): number => {
        const { lossWeight } = openObjective(kind as never, context).inputs(batch, () => 0.5);
        return total(lossWeight!.data);
      };
      expect(sum({ kind: 'causal' })).toBe(targets);
      // The first token of each document but a window's first is predicted from no other document.
      const firsts = batch.segments.filter((s, at) => at % 32 > 0 && s > batch.segments[at - 1]!).length;
      expect(sum({ kind: 'causal', documentMask: true })).toBe(targets - firsts);
      const masked = openObjective({ kind: 'masked', probability: 0.9 }, context).inputs(batch, () => 0.5);
      const prefix = openObjective({ kind: 'prefix' }, context).inputs(batch, () => 0.99);
      for (let at = 0; at < 4 * 31; at++) {
        const row = Math.floor(at / 31);
        const padded = (column: number) => batch.documentIndex[row * 32 + column]! < 0;
        const column = at % 31;
        expect(masked.segment!.data[at]).toBe(padded(column) ? 1 : 0);
        if (padded(column)) expect(masked.lossWeight!.data[at]).toBe(0);
        if (padded(column + 1)) expect(prefix.lossWeight!.data[at]).toBe(0);
      }
      expect(total(prefix.lossWeight!.data)).toBeGreaterThanOrEqual(4);
      await loader.close();
    }
  });
});
