import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPipelineFile } from '../../src/core/pipeline-file.ts';
import { Random } from '../../src/core/random.ts';
import type { StepTally } from '../../src/core/tally.ts';
import { type Answer, answer, droppedBy, readLabels } from '../../src/inspect/answer.ts';
import { type Inspection, inspectionOf, withOverrides } from '../../src/inspect/inspection.ts';
import { measureSignals } from '../../src/inspect/measure-signals.ts';
import { stepTable } from '../../src/step-table.ts';
import { PipelineFolder } from '../execute/pipeline-folder.ts';
import { corpusLines } from './corpus.ts';

/** Two editing steps, a judge of somebody's own, a filter by URL, held-out documents: all that an inspection must follow. */
const PIPELINE = `
name: inspected
run: { partitionBytes: 150000, batchDocuments: 7 }
steps:
  - read: { inputs: [{ files: [a.jsonl], fields: { corpus: list } }] }
  - hold-out: { fraction: 0.1, by: document }
  - url-filter: { domains: [bad.example] }
  - gopher-quality: { minWords: 150 }
  - redact-pii
  - c4: { requireTerminalPunctuation: false }
  - use: ./shouting.ts
    name: shouting
    with: { maxUpperRatio: 0.08 }
  - gopher-repetition
  - fineweb: { maxNewlineRatio: 0.5 }
`;

const SHOUTING = `import { defineJudge, drop, KEEP, z } from 'provender';
export default defineJudge({
  kind: 'shouting', summary: 'capitals', module: import.meta.url,
  options: z.strictObject({ maxUpperRatio: z.number().default(0.2) }),
  signals: ['upper-ratio'],
  measure: ({ text }) => [(text.match(/[A-Z]/g)?.length ?? 0) / Math.max(1, text.length)],
  decide: ([ratio], o) => (ratio > o.maxUpperRatio ? drop('shouting', ratio, o.maxUpperRatio) : KEEP),
});
`;

const FILTERS = [
  'url-filter',
  'gopher-quality',
  'redact-pii',
  'c4',
  'shouting',
  'gopher-repetition',
  'fineweb',
];

/** [option, lowest, highest] to draw thresholds from. */
const DRAWN = [
  ['gopher-quality.minWords', 0, 200],
  ['gopher-quality.minAlphabeticWordRatio', 0.4, 1],
  ['gopher-quality.maxHashRatio', 0, 0.1],
  ['gopher-repetition.maxTop2Gram', 0, 0.3],
  ['gopher-repetition.maxDuplicate5Gram', 0, 0.3],
  ['c4.minSentences', 0, 30],
  ['fineweb.maxShortLineRatio', 0, 1],
  ['fineweb.minTerminalLineRatio', 0, 0.6],
] as const;

const folder = new PipelineFolder();
let inspection: Inspection;
let files: string[];

beforeAll(async () => {
  folder.write('a.jsonl', corpusLines(100));
  folder.write('shouting.ts', SHOUTING);
  inspection = await inspect([]);
  files = await measureSignals(inspection.spec, { runFolder: `${folder.path}/inspect` });
});
afterAll(() => folder.remove());

async function inspect(overrides: string[]): Promise<Inspection> {
  const spec = await readPipelineFile(folder.write('p.yaml', PIPELINE), stepTable);
  return inspectionOf(await withOverrides(spec, overrides));
}

async function ask(overrides: string[], check?: number): Promise<Answer> {
  const { steps } = await inspect(overrides);
  const labels = await readLabels(files, steps);
  return answer(files, steps, inspection.steps, labels, { check, examples: 3 });
}

/** What a run's tallies say, without the held-out documents, which pass every step. */
function expectSame(found: Answer, steps: Inspection['steps'], tallies: Record<string, StepTally>): void {
  const { heldOut } = found.labels;
  steps.forEach(({ measured: { name } }, s) => {
    const tally = tallies[name]!;
    expect(found.funnel.came[s]!.documents, `${name} in`).toBe(tally.in.documents - heldOut);
    expect(found.funnel.went[s]!.documents, `${name} out`).toBe(tally.out.documents - heldOut);
    const drops: Record<string, { documents: number; bytes: number }> = {};
    found.checks.forEach((check, c) => {
      const { documents, bytes } = found.funnel.checks[c]!.drops;
      if (check.step !== s || documents === 0) return;
      const sum = (drops[check.reason] ??= { documents: 0, bytes: 0 });
      sum.documents += documents;
      sum.bytes += bytes;
    });
    expect(drops, name).toEqual({ ...tally.drops });
  });
}

describe('inspection', () => {
  it('says exactly what a run drops, documents, bytes and reasons, whatever the thresholds', async () => {
    const random = new Random('inspect/thresholds');
    for (let round = 0; round < 3; round++) {
      const overrides =
        round === 0
          ? []
          : DRAWN.flatMap(([option, low, high]) => {
              const draw = random.next();
              if (draw < 0.2) return [`${option}=null`];
              const value = low + (high - low) * random.next();
              return [`${option}=${option.includes('min') && high > 1 ? Math.round(value) : value}`];
            });
      const run = await folder.go(PIPELINE, overrides, { runFolder: `${folder.path}/run-${round}` });
      const tallies = Object.fromEntries(run.summary.steps.map(({ name, tally }) => [name, tally!]));
      const { steps } = await inspect(overrides);
      expect(steps.map(({ measured }) => measured.name)).toEqual(['hold-out', ...FILTERS]);
      const found = await ask(overrides);
      expect(found.labels.heldOut).toBeGreaterThan(5);
      expectSame(found, steps, tallies);
      expect(found.before.kept.documents).toBe((await ask([])).funnel.kept.documents);
    }
  });

  it('measures nothing again for another threshold', async () => {
    const { spec } = await inspect(['gopher-quality.minWords=77', 'c4.minSentences=null']);
    let ran = 0;
    const runFolder = `${folder.path}/inspect`;
    const again = await measureSignals(spec, {
      runFolder,
      observer: { unitStarted: (_, { runs }) => void (ran += Number(runs)) },
    });
    expect(ran).toBe(0);
    expect(again).toEqual(files);
    const other = await inspect(['fineweb.shortLineCharacters=20']);
    await measureSignals(other.spec, {
      runFolder: `${folder.path}/inspect-other`,
      observer: { unitStarted: (_, { runs }) => void (ran += Number(runs)) },
    });
    expect(ran).toBe(2);
  });

  it('writes the same signals whatever the number of workers and the size of batches', async () => {
    const { spec } = inspection;
    const digests: Buffer[][] = [];
    for (const run of [
      { workers: 1, batchDocuments: 3 },
      { workers: 3, batchDocuments: 64 },
    ]) {
      const runFolder = `${folder.path}/inspect-${run.workers}`;
      const paths = await measureSignals({ ...spec, run: { ...spec.run, ...run } }, { runFolder });
      digests.push(paths.map((path) => readFileSync(path)));
    }
    expect(digests[0]!.length).toBeGreaterThan(1);
    expect(digests[1]).toEqual(digests[0]);
  });

  it('adds up: drops and what is kept, overlaps, corpora and languages', async () => {
    const { funnel, checks, labels } = await ask([]);
    const dropped = funnel.checks.reduce((sum, { drops }) => sum + drops.documents, 0);
    expect(funnel.kept.documents + dropped).toBe(funnel.documents.documents);
    expect(funnel.documents.documents).toBe(labels.documents);
    funnel.overlap.forEach((row, a) => {
      expect(row[a]).toBe(funnel.breaks[a]!.documents);
      row.forEach((n, b) => {
        expect(n).toBe(funnel.overlap[b]![a]);
      });
    });
    expect(labels.corpora).toEqual(['a', 'b', 'c']);
    expect(labels.languages).toEqual(['', 'de', 'en']);
    for (const dimension of funnel.byLabel)
      expect(dimension.reduce((sum, { kept }) => sum + kept.documents, 0)).toBe(funnel.kept.documents);
    for (const { breaks, only, drops } of funnel.checks) {
      expect(only.documents).toBeLessThanOrEqual(drops.documents);
      expect(drops.documents).toBeLessThanOrEqual(breaks.documents);
    }
    expect(checks.map(({ reason }) => reason)).toEqual(expect.arrayContaining(['listed-domain', 'shouting']));
  });

  it('shows the borderline on both sides and counts what any bound would drop', async () => {
    const first = await ask([]);
    const check = first.checks.findIndex(({ rule }) => rule?.bound === 'minWords');
    const { values, funnel } = await ask([], check);
    expect(values!.sorted.length).toBe(first.labels.documents);
    expect(values!.dropped.every(({ value }) => value < 150)).toBe(true);
    expect(values!.left.every(({ value }) => value >= 150)).toBe(true);
    expect(values!.dropped).toHaveLength(3);
    const alone = droppedBy(values!, 'min', 150);
    expect(alone.documents).toBe(funnel.checks[check]!.breaks.documents);
    expect(droppedBy(values!, 'max', Number.NEGATIVE_INFINITY).documents).toBe(values!.sorted.length);
    expect(droppedBy(values!, 'min', Number.NEGATIVE_INFINITY)).toEqual({
      documents: 0,
      bytes: 0,
      tokens: 0,
    });
  });
});
