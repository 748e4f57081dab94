import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readJsonLines, refusedDocuments } from '../../src/ablate/documents.ts';
import type { RulerDocument } from '../../src/ablate/ruler.ts';
import { ShardLoader } from '../../src/shard/loader.ts';
import { AblationFolder, corpus, SMALL } from './small-ablation.ts';

/** Letters without their name: other ids, the same texts, as another crawl has them. */
const COPIES = corpus('letters', 120).replaceAll('"letters-', '"copies-');

const READS = `[{ files: notes.jsonl, corpus: notes }, { files: letters.jsonl, corpus: letters }, { files: copies.jsonl, corpus: copies }]`;

/** Arms that try to bend the ruler: one reads its texts under other names, one hides them by shuffling. */
const BENT = SMALL.replace(
  /arms:[\s\S]*?training:/,
  `arms:
  copied: { set: { 'read.inputs': ${READS} }, remove: [exact-dedup] }
  mixed: { set: { 'shard.weights': { notes: 1, letters: 9 } }, sameMixture: true }
  weighted: { set: { 'shard.weights': { notes: 1, letters: 9 } } }
  without-letters: { set: { 'read.inputs': [{ files: notes.jsonl, corpus: notes }] } }
  shuffled: { insert: [{ after: exact-dedup, step: { shuffle-words: { fraction: 1 } } }], remove: [exact-dedup] }
training:`,
)
  .replace('after: exact-dedup, step', 'before: exact-dedup, step')
  .replace('seeds: 2', 'seeds: 1');

describe('the ruler', () => {
  const folder = new AblationFolder();
  let bent: Awaited<ReturnType<AblationFolder['go']>>;
  let ruler: RulerDocument[];
  beforeAll(async () => {
    folder.write('copies.jsonl', COPIES);
    bent = await folder.go(BENT);
    ruler = await readJsonLines<RulerDocument>(join(folder.out, 'ruler', 'ruler.jsonl'));
  }, 120_000);
  afterAll(() => folder.remove());

  const arm = (name: string) => bent.prepared.arms.find(({ plan }) => plan.name === name)!;
  const outcome = (name: string) => bent.outcome.arms.find((one) => one.name === name)!;

  it('is the same for all arms, whatever they read', () => {
    const sizes = bent.outcome.domains.map(({ name, bytes }) => [name, bytes]);
    for (const { domains } of bent.outcome.trainings)
      expect(Object.entries(domains).map(([name, { bytes }]) => [name, bytes])).toEqual(sizes);
  });

  it('keeps near-duplicates on one side', async () => {
    const held = await readJsonLines<{ corpus: string; id: string }>(
      join(folder.out, 'ruler', 'held-out.jsonl'),
    );
    const ids = new Set(held.map(({ id }) => id));
    expect(ids.size).toBeGreaterThan(10);
    // Every tenth document repeats the one before it.
    for (let i = 9; i < 120; i += 10) {
      for (const name of ['notes', 'letters'])
        expect(ids.has(`${name}-${i}`)).toBe(ids.has(`${name}-${i - 1}`));
    }
  });

  it('loses every training document that has its text, under whatever name', async () => {
    expect(outcome('copied').overlapsRemoved).toBeGreaterThan(0);
    expect(outcome('copied').warnings).toEqual([]);
    const letters = ruler
      .filter(({ corpus: name }) => name === 'letters')
      .map(({ id }) => id.slice('letters-'.length));
    for (const name of ['copied', 'base']) {
      const loader = await ShardLoader.open(arm(name).shards, {
        split: 'train',
        context: 16,
        rows: 1,
        orderSeed: 0,
      });
      const trained = new Set<string>();
      for await (const { document } of loader.documents()) trained.add(`${document.corpus}/${document.id}`);
      await loader.close();
      for (const number of letters) expect(trained).not.toContain(`copies/copies-${number}`);
      for (const { corpus: from, id } of ruler) expect(trained).not.toContain(`${from}/${id}`);
      expect(trained.size).toBeGreaterThan(50);
    }
  });

  it('removes overlaps before the step that would hide them', async () => {
    const { runPlan, runFolder, steps } = arm('shuffled');
    const names = steps.map(({ name }) => name!);
    expect(names.indexOf('remove-overlaps')).toBe(names.indexOf('shuffle-words') - 1);
    expect(names).toContain('remove-overlaps-after-edits');
    const refused: string[] = [];
    for await (const { batch } of refusedDocuments(runPlan, runFolder, 'remove-overlaps'))
      refused.push(...batch.rows.map(({ id }) => id));
    const inBase: string[] = [];
    for await (const { batch } of refusedDocuments(
      arm('base').runPlan,
      arm('base').runFolder,
      'remove-overlaps',
    ))
      inBase.push(...batch.rows.map(({ id }) => id));
    expect(refused.length).toBeGreaterThanOrEqual(inBase.length);
  });

  it('states the mixture that was eaten, and holds it where asked', () => {
    const shares = (name: string) =>
      Object.fromEntries(outcome(name).mixture.map(({ corpus: from, share }) => [from, share]));
    expect(Object.keys(shares('base')).sort()).toEqual(['letters', 'notes']);
    expect(Object.keys(shares('without-letters'))).toEqual(['notes']);
    expect(shares('copied').copies).toBeGreaterThan(0.1);
    expect(shares('weighted').letters).toBeGreaterThan(0.8);
    expect(Math.abs(shares('mixed').letters! - shares('base').letters!)).toBeLessThan(0.15);
    const total = Object.values(shares('copied')).reduce((sum, share) => sum + share, 0);
    expect(total).toBeCloseTo(1, 9);
  });

  it('has a digest for every domain, written before the arms', () => {
    const card = JSON.parse(readFileSync(join(folder.out, 'ruler', 'ruler.json'), 'utf8')) as {
      domains: { name: string; digest: string }[];
    };
    expect(card.domains).toEqual(bent.outcome.domains);
    for (const { digest } of card.domains) expect(digest).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('arms that must not be compared', () => {
  it('are named: a ruler that leaks, data that repeats, a change that changes nothing, a training that diverges', async () => {
    const folder = new AblationFolder();
    folder.write('copies.jsonl', COPIES);
    try {
      const yaml = BENT.replace(/ {2}mixed:[^\n]*\n/, '')
        .replace(/ {2}weighted:[^\n]*\n/, '')
        .replace(/ {2}without-letters:[^\n]*\n/, '')
        .replace(
          / {2}shuffled:[^\n]*\n/,
          '  idle: { set: { length.maxWords: 100000 } }\n  few: { set: { length.minWords: 89 } }\n  none: { set: { length.minWords: 200 } }\n',
        )
        .replace('bytes: 4000', 'bytes: 4000\n  overlaps: { action: count }')
        .replace('tokens: 640', 'tokens: 12800')
        .replace('learningRate: 1.0e-2', 'learningRate: 1.0e+6, minLearningRateRatio: 1');
      const { outcome } = await folder.go(yaml);
      const reasons = Object.fromEntries(
        outcome.arms.map(({ name, warnings }) => [name, warnings.map(({ reason }) => reason)]),
      );
      expect(reasons.copied).toContain('ruler-leaks');
      expect(reasons.idle).toContain('same-data');
      expect(reasons.few).toContain('data-repeats');
      expect(reasons.none).toEqual(['no-data']);
      expect(reasons.base).toEqual([]);
      const diverged = outcome.trainings.filter(({ status }) => status === 'diverged');
      expect(diverged.length).toBeGreaterThan(0);
      for (const { reason, domains } of diverged) {
        expect(reason).toMatch(/step \d+: /);
        expect(domains).toEqual({});
      }
    } finally {
      folder.remove();
    }
  }, 120_000);
});
