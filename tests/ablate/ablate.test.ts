import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ShardIndex } from '../../src/shard/shard-set.ts';
import { AblationFolder, SMALL } from './small-ablation.ts';

describe('an ablation from its file to its outcome', () => {
  const folder = new AblationFolder();
  let first: Awaited<ReturnType<AblationFolder['go']>>;
  beforeAll(async () => {
    first = await folder.go(SMALL);
  }, 120_000);
  afterAll(() => folder.remove());

  it('trains every arm on every block and measures every domain', () => {
    const { outcome } = first;
    expect(outcome.arms.map(({ name, role }) => [name, role])).toEqual([
      ['base', 'base'],
      ['short', 'treatment'],
      ['shuffled', 'positive-control'],
      ['null', 'null-control'],
    ]);
    expect(outcome.trainings).toHaveLength(8);
    for (const training of outcome.trainings) {
      expect(training.status).toBe('complete');
      expect(training.tokens).toBe(640);
      for (const { name, bytes } of outcome.domains) {
        const { bits, bytes: scored } = training.domains[name]!;
        expect(scored).toBe(bytes);
        // Below a uniform guess over bytes, above what no model of ten steps reaches.
        expect(bits / bytes).toBeGreaterThan(0.5);
        expect(bits / bytes).toBeLessThan(8);
        const sum = training.documentBits![name]!.reduce((total, value) => total + value, 0);
        expect(sum).toBeCloseTo(bits, 6);
      }
    }
    expect(outcome.domains.map(({ weight }) => weight)).toEqual([0.25, 0.75]);
  });

  it('keeps the validation documents of the base from all arms', () => {
    const files = readdirSync(folder.path, { recursive: true, encoding: 'utf8' });
    const of = (name: string): string[] => files.filter((file) => file.endsWith(name));
    const listed = readFileSync(join(folder.path, of('held-out.jsonl')[0]!), 'utf8')
      .trim()
      .split('\n');
    const validation = listed.filter((line) => line.includes('"split":"validation"')).length;
    expect(validation).toBeGreaterThan(0);
    const indexes = of('artifact/index.json');
    expect(indexes.length).toBeGreaterThan(1);
    for (const file of indexes) {
      const { splits } = JSON.parse(readFileSync(join(folder.path, file), 'utf8')) as ShardIndex;
      expect(splits.validation.documents).toBe(validation);
    }
  });

  it('pairs the seeds of a block across arms, but not those of a null control', () => {
    const of = (arm: string, block: number) =>
      first.outcome.trainings.find((training) => training.arm === arm && training.block === block)!;
    for (const block of [1, 2]) {
      const { weightSeed, orderSeed } = of('base', block);
      expect(of('short', block)).toMatchObject({ weightSeed, orderSeed });
      expect(of('null', block).weightSeed).not.toBe(weightSeed);
      expect(of('null', block).orderSeed).not.toBe(orderSeed);
    }
    expect(of('base', 1).weightSeed).not.toBe(of('base', 2).weightSeed);
    expect(of('base', 1).weightSeed).not.toBe(of('base', 1).orderSeed);
  });

  it('repeats nothing', async () => {
    const again = await folder.go(SMALL);
    expect(again.trained).toEqual([]);
    expect(again.prepared.arms.map(({ run }) => run.nothingToDo)).toEqual([true, true, true, true]);
    expect(again.outcome).toEqual(first.outcome);
  });

  it('keeps a ruler that stands, and makes one again that is damaged or another', async () => {
    const path = (name: string) => join(folder.out, 'ruler', name);
    const read = () => readFileSync(path('ruler.jsonl'), 'utf8');
    const card = () => statSync(path('ruler.json')).mtimeMs;
    const [before, written] = [read(), card()];
    await folder.go(SMALL);
    expect(card()).toBe(written);
    writeFileSync(path('ruler.jsonl'), before.replace(/[a-z]/, 'X'));
    const mended = await folder.go(SMALL);
    expect(read()).toBe(before);
    expect(card()).not.toBe(written);
    expect(mended.outcome).toEqual(first.outcome);
    const other = await folder.go(SMALL.replace('bytes: 4000', 'bytes: 3000'), join(folder.path, 'other'));
    const again = await folder.go(SMALL, join(folder.path, 'other'));
    expect(other.prepared.ruler.digest).not.toBe(first.prepared.ruler.digest);
    expect(again.prepared.ruler).toEqual(first.prepared.ruler);
  });

  it('runs nothing before the step that an arm changes', () => {
    const units = (arm: string) => join(folder.out, 'arms', arm, 'units');
    const manifest = (arm: string, unit: string) => join(units(arm), unit, 'manifest.json');
    const shared = '00-read.documents';
    // One file under two names: it was made once.
    expect(statSync(manifest('short', shared)).ino).toBe(statSync(manifest('base', shared)).ino);
    const steps = (arm: string, unit: string) =>
      (JSON.parse(readFileSync(manifest(arm, unit), 'utf8')) as { steps: { name: string }[] }).steps.map(
        ({ name }) => name,
      );
    expect(steps('base', shared)).toEqual(['read', 'hold-out-listed']);
    expect(steps('short', '01-length.documents')).toEqual(['length', 'exact-dedup']);
    expect(statSync(manifest('short', '01-length.documents')).ino).not.toBe(
      statSync(manifest('base', '01-length.documents')).ino,
    );
  });
});
