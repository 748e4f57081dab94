import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPipelineFile } from '../../src/core/pipeline-file.ts';
import { Random } from '../../src/core/random.ts';
import { answer, readLabels } from '../../src/inspect/answer.ts';
import { type Inspection, inspectionOf, withOverrides } from '../../src/inspect/inspection.ts';
import { measureSignals } from '../../src/inspect/measure-signals.ts';
import { BREAKS_NOTHING, breaksAt, codeOf, MOST_THRESHOLDS } from '../../src/inspect/page/codes.ts';
import { gridOf } from '../../src/inspect/page/grid.ts';
import { Inspector } from '../../src/inspect/page/inspector.ts';
import { pageData } from '../../src/inspect/page/page-data.ts';
import type { PageData } from '../../src/inspect/page/page-types.ts';
import { renderInspection } from '../../src/inspect/page/render.ts';
import { stepTable } from '../../src/step-table.ts';
import { PipelineFolder } from '../execute/pipeline-folder.ts';
import { Chromium, findChromium } from '../report/chromium.ts';
import { corpusLines } from './corpus.ts';

const PIPELINE = `
name: sliders
steps:
  - read: { inputs: [{ files: [a.jsonl], fields: { corpus: list } }] }
  - hold-out: { fraction: 0.1, by: document }
  - url-filter: { domains: [bad.example] }
  - length: { minWords: 20 }
  - gopher-quality
  - c4: { requireTerminalPunctuation: false, minSentences: 4 }
  - gopher-repetition
  - fineweb: { keepWithoutTerminalLines: true }
`;

const folder = new PipelineFolder();
let inspection: Inspection;
let files: string[];
let data: PageData;

const request = {
  title: 'sliders <of> "a" test',
  command: 'provender run p.yaml',
  countedTokens: false,
  leftOut: [],
  mostDocuments: 1000,
};

async function inspect(overrides: readonly string[]): Promise<Inspection> {
  const spec = await readPipelineFile(folder.write('p.yaml', PIPELINE), stepTable);
  return inspectionOf(await withOverrides(spec, overrides));
}

const bytesOf = (of: PageData) => new Uint8Array(inflateRawSync(Buffer.from(of.columns, 'base64')));

/** Thresholds drawn anew for every rule with an option: a place of its slider, or off. */
function shuffleThresholds(inspector: Inspector, random: Random): void {
  data.checks.forEach(({ option, grid }, c) => {
    if (option === undefined) return;
    const draw = random.next();
    inspector.at[c] = draw < 0.5 ? data.checks[c]!.at : draw < 0.6 ? -1 : random.below(grid.length);
  });
}

beforeAll(async () => {
  folder.write('a.jsonl', corpusLines(120));
  inspection = await inspect([]);
  files = await measureSignals(inspection.spec, { runFolder: `${folder.path}/inspect` });
  const labels = await readLabels(files, inspection.steps);
  data = await pageData(files, inspection.steps, labels, request);
});
afterAll(() => folder.remove());

describe('codes', () => {
  it('decide as the numbers do, at every place of the slider', () => {
    const number = fc.oneof(fc.integer({ min: -5, max: 30 }), fc.double({ min: -2, max: 30, noNaN: true }));
    fc.assert(
      fc.property(number, fc.uniqueArray(number, { maxLength: 40 }), (value, bounds) => {
        const grid = bounds.sort((a, b) => a - b);
        for (const comparison of ['min', 'max'] as const) {
          const code = codeOf(value, comparison, grid);
          expect(breaksAt(code, comparison, -1)).toBe(false);
          grid.forEach((bound, at) => {
            expect(breaksAt(code, comparison, at)).toBe(comparison === 'min' ? value < bound : value > bound);
          });
        }
      }),
    );
    expect(codeOf(Number.NaN, 'min', [1])).toBe(BREAKS_NOTHING);
    expect(breaksAt(BREAKS_NOTHING, 'max', 0)).toBe(false);
  });

  it('stand on grids that ascend, fit into a byte and hold the present threshold', () => {
    // Ranges in which a double cannot count the steps.
    expect(gridOf(Float64Array.of(1e9 + 0.5), [])).toHaveLength(2);
    expect(gridOf(Float64Array.of(1e-300, 2e-300), []).length).toBeGreaterThan(0);
    const value = fc.oneof(
      fc.array(fc.integer({ min: 0, max: 1e6 })),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true })),
      fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true })),
    );
    fc.assert(
      fc.property(value, fc.option(fc.double({ min: 0, max: 1e5, noNaN: true })), (values, bound) => {
        const wanted = bound === null ? [] : [bound];
        const grid = gridOf(Float64Array.from(values).sort(), wanted);
        expect(grid.length).toBeLessThanOrEqual(MOST_THRESHOLDS);
        expect(grid.every((one, i) => i === 0 || one > grid[i - 1]!)).toBe(true);
        for (const one of wanted) expect(grid).toContain(one);
      }),
    );
  });
});

/** Whether changes such as `length.minWords=9` put a lower bound above the upper one. */
function boundsCross(changes: readonly string[]): boolean {
  const values = new Map(changes.map((change) => change.split('=') as [string, string]));
  return [...values].some(([path, value]) => {
    const upper = values.get(path.replace('.min', '.max'));
    return upper !== undefined && Number(value) > Number(upper);
  });
}

describe('the page', () => {
  it('counts what the signals themselves say, whatever the sliders', async () => {
    const random = new Random('page/sliders');
    const inspector = new Inspector(data, bytesOf(data));
    const labels = await readLabels(files, inspection.steps);
    for (let round = 0; round < 25; round++) {
      if (round > 0) shuffleThresholds(inspector, random);
      const { steps } = await inspect(inspector.changes());
      const { funnel } = await answer(files, steps, inspection.steps, labels, { examples: 0 });
      expect(inspector.count()).toEqual(funnel);
    }
  });

  it('says when its numbers are of a sample, and draws the same one again', async () => {
    const labels = await readLabels(files, inspection.steps);
    const some = { ...request, mostDocuments: 40 };
    const sample = await pageData(files, inspection.steps, labels, some);
    expect(sample.documents).toBeLessThan(70);
    expect(sample.total).toBe(labels.documents);
    expect(renderInspection(sample, '0')).toContain('The numbers are of a sample');
    expect(renderInspection(data, '0')).not.toContain('of a sample');
    expect(await pageData(files, inspection.steps, labels, some)).toEqual(sample);
  });

  it('follows its sliders in a browser, and then says what a run says', async ({ skip }) => {
    const program = findChromium();
    if (!program) skip('no chromium on this machine');
    const path = join(folder.path, 'inspect.html');
    writeFileSync(path, renderInspection(data, '0'));
    const browser = await Chromium.launch(program!);
    try {
      for (const [width, scheme] of [
        [1200, 'light'],
        [390, 'dark'],
      ] as const) {
        const { requests, errors } = await browser.open(path, { width, scheme });
        await until(browser, 'document.body.dataset.ready === "yes"');
        expect({ requests, errors }).toEqual({ requests: [], errors: [] });
        expect(await browser.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      }
      const inspector = new Inspector(data, bytesOf(data));
      // A run refuses bounds between which nothing lies.
      for (let i = 0; i === 0 || boundsCross(inspector.changes()); i++) {
        shuffleThresholds(inspector, new Random(`page/browser/${i}`));
      }
      const moves = inspector.at.flatMap((at, check) => (at === data.checks[check]!.at ? [] : [[check, at]]));
      await browser.evaluate(`${JSON.stringify(moves)}.forEach(([check, at]) => {
        const rule = document.querySelector('[data-check="' + check + '"]');
        const slider = rule.querySelector('input[type=range]'), off = rule.querySelector('input[type=checkbox]');
        if (at < 0) { off.checked = false; off.dispatchEvent(new Event('change')); }
        else { slider.value = at; slider.dispatchEvent(new Event('input')); }
      })`);
      const { kept } = inspector.count();
      await until(browser, `document.body.dataset.kept === "${kept.documents}"`);
      const command = await browser.evaluate<string>('document.getElementById("command").textContent');
      const overrides = [...command.matchAll(/--set (\S+)/g)].map(([, change]) => change!);
      expect(overrides).toEqual(inspector.changes());
      const heads = await browser.evaluate<string[]>(
        '[...document.querySelectorAll("#steps .head")].map((one) => one.textContent)',
      );
      const { summary } = await folder.go(PIPELINE, overrides);
      const heldOut = data.heldOut;
      for (const { name, tally } of summary.steps.slice(2)) {
        const line = `${name}${tally!.in.documents - heldOut} in, ${tally!.out.documents - heldOut} kept`;
        expect(
          heads.some((head) => head.startsWith(line)),
          `${line} among ${heads.join('; ')}`,
        ).toBe(true);
      }
      await browser.evaluate('document.getElementById("reset").click()');
      expect(await browser.evaluate('document.body.dataset.kept')).toBe(
        String(new Inspector(data, bytesOf(data)).count().kept.documents),
      );
    } finally {
      await browser.close();
    }
  });
});

/** Waits until an expression is true in the page. */
async function until(browser: Chromium, expression: string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await browser.evaluate<boolean>(expression)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`never true in the page: ${expression}`);
}
