import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DocumentBatch } from '../../src/core/batch.ts';
import type { Split } from '../../src/core/document.ts';
import { ConfigurationError, InputError } from '../../src/core/errors.ts';
import type { StageContext } from '../../src/core/stage.ts';
import { HoldOutOptions, holdOut } from '../../src/core/steps/hold-out.ts';
import { holdOutListed } from '../../src/core/steps/hold-out-listed.ts';

function contextIn(baseFolder: string) {
  const counts: Record<string, number> = {};
  const count = (name: string, by = 1): void => void (counts[name] = (counts[name] ?? 0) + by);
  return { counts, context: { baseFolder, count } as unknown as StageContext };
}

const batchOf = (ids: readonly string[], corpus = 'c') =>
  DocumentBatch.from(ids.map((id) => ({ id, corpus, source: 's', start: 0, end: 1, text: id })));

/** The sides of the documents by id. */
async function sides(ids: readonly string[], given: object, corpus = 'c'): Promise<Map<string, Split>> {
  const { context } = contextIn('.');
  const stage = await holdOut.open(HoldOutOptions.parse(given), context);
  const batch = (await stage.process(batchOf(ids, corpus))) as DocumentBatch;
  return new Map(batch.rows.map(({ id, split }) => [id, split]));
}

const IDS = Array.from({ length: 5000 }, (_, i) => `document ${i}`);
const share = (all: ReadonlyMap<string, Split>, side: Split): number =>
  [...all.values()].filter((split) => split === side).length / all.size;

describe('hold-out', () => {
  it('gives each side its share', async () => {
    const all = await sides(IDS, { fraction: 0.1, validationFraction: 0.05 });
    expect(share(all, 'held-out')).toBeCloseTo(0.1, 1);
    expect(share(all, 'validation')).toBeGreaterThan(0.035);
    expect(share(all, 'validation')).toBeLessThan(0.065);
  });

  it('moves no document when the corpus grows', async () => {
    const options = { fraction: 0.1, validationFraction: 0.1 };
    const all = await sides(IDS, options);
    await fc.assert(
      fc.asyncProperty(fc.subarray(IDS.slice(0, 300)), async (some) => {
        for (const [id, split] of await sides(some, options)) expect(split).toBe(all.get(id));
      }),
      { numRuns: 30 },
    );
  });

  it('takes validation documents from the training side alone when the option is added or a fraction grows', async () => {
    const before = await sides(IDS, { fraction: 0.1 });
    const added = await sides(IDS, { fraction: 0.1, validationFraction: 0.1 });
    const more = await sides(IDS, { fraction: 0.2, validationFraction: 0.3 });
    expect(share(before, 'validation')).toBe(0);
    for (const id of IDS) {
      if (added.get(id) !== 'validation') expect(added.get(id)).toBe(before.get(id));
      else expect(before.get(id)).toBe('train');
      if (added.get(id) !== 'train') expect(more.get(id)).toBe(added.get(id));
    }
  });

  it('has fractions of single corpora, and refuses more than all of one', async () => {
    const given = { fraction: 0.3, validationFraction: 0.3, validationFractions: { a: 0, constructor: 0.7 } };
    expect(share(await sides(IDS, given, 'a'), 'validation')).toBe(0);
    expect(share(await sides(IDS, given, 'constructor'), 'train')).toBe(0);
    expect(share(await sides(IDS, given, 'toString'), 'validation')).toBeCloseTo(0.3, 1);
    const all = { fraction: 0.6, validationFraction: 0.5 };
    await expect(sides(IDS, all)).rejects.toThrow(ConfigurationError);
  });
});

describe('hold-out-listed', () => {
  it('takes both sides from the list, and everything else for training', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'provender-listed-'));
    try {
      const lines = [
        { corpus: 'c', id: 'a' },
        { corpus: 'c', id: 'b', split: 'validation' },
      ];
      const write = (all: readonly object[]): void =>
        writeFileSync(join(folder, 'list.jsonl'), all.map((line) => `${JSON.stringify(line)}\n`).join(''));
      write(lines);
      const { context, counts } = contextIn(folder);
      const stage = await holdOutListed.open({ file: 'list.jsonl' }, context);
      const batch = batchOf(['a', 'b', 'd']);
      batch.rows[2]!.split = 'validation';
      await stage.process(batch);
      expect(batch.rows.map(({ split }) => split)).toEqual(['held-out', 'validation', 'train']);
      expect(counts).toMatchObject({ 'held-out documents': 1, 'validation documents': 1 });
      write([{ corpus: 'c', id: 'a', split: 'train' }]);
      expect(() => holdOutListed.open({ file: 'list.jsonl' }, context)).toThrow(InputError);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
