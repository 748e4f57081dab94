import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Parser } from 'htmlparser2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AblationOutcome } from '../../src/ablate/outcome.ts';
import { analyse } from '../../src/ablate/statistics/analyse.ts';
import { renderAblation, writeAblationReport } from '../../src/report/ablation/report.ts';
import { scaleOver } from '../../src/report/ablation/scale.ts';
import { ablationOutcomes } from './ablation-outcomes.ts';
import { Chromium, findChromium } from './chromium.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'provender-ablation-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The text of the page by section, as a parser that is not ours reads it. */
function sectionsOf(outcome: AblationOutcome): Map<string, string> {
  const sections = new Map<string, string>();
  const open: string[] = [];
  let section = 'head';
  const parser = new Parser({
    onopentag(tag, { id }) {
      if (tag === 'section') section = id!;
      open.push(tag);
    },
    onclosetag: () => void open.pop(),
    ontext(text) {
      if (!['script', 'style'].includes(open.at(-1)!))
        sections.set(section, (sections.get(section) ?? '') + text);
    },
  });
  parser.end(renderAblation(outcome, analyse(outcome)));
  return sections;
}

describe('the report of an ablation', () => {
  it('gives the question, the verdict, every domain and every control', () => {
    const sections = sectionsOf(ablationOutcomes.clear());
    expect(sections.get('head')).toContain('What does raw mail cost on clean mail?');
    expect(sections.get('head')).toMatch(
      /answeredOn clean mail, raw is worse than clean by \+0\.\d+ bits per byte/,
    );
    expect([...sections.keys()]).toEqual([
      ...[
        'head',
        'differences',
        'controls',
        'certainty',
        'settings',
        'curves',
        'refused',
        'arms',
        'receipts',
      ],
    ]);
    for (const domain of ['clean mail', 'Moby Dick', 'speeches', 'macro-average'])
      expect(sections.get('differences')).toContain(domain);
    expect(sections.get('differences')).toContain('Other documents too');
    expect(sections.get('controls')!.match(/as it must be/g)).toHaveLength(3);
    expect(sections.get('refused')).toContain('29 % more bits per byte than those kept');
    expect(sections.get('refused')).toContain('Without it (raw): +0.');
    expect(sections.get('settings')).toContain('verdict');
  });

  it('says that it cannot distinguish, and what it would take', () => {
    const sections = sectionsOf(ablationOutcomes.open());
    expect(sections.get('head')).toMatch(/cannot distinguish raw from clean: about \d+ seeds \(\d+ to/);
    expect(sections.get('certainty')).toContain('What it would take');
    expect(sections.has('refused')).toBe(false);
    expect(sections.has('settings')).toBe(false);
  });

  it('voids the verdict where a control failed', () => {
    const sections = sectionsOf(ablationOutcomes.void());
    expect(sections.get('head')).toContain('voidThis budget cannot answer the question: shuffled-25');
    expect(sections.get('controls')).toContain('failed');
  });

  it('names the arms and trainings that do not count', () => {
    const sections = sectionsOf(ablationOutcomes.lost());
    expect(sections.get('head')).toContain('raw: 2 of 6 trainings diverged');
    expect(sections.get('head')).toContain('takes no part: repeats: 48,210 tokens are left');
    expect(sections.get('differences')).toContain('Not comparable');
    expect(sections.get('receipts')).toContain('diverged: loss 9.31 after 4.02 at step 140');
  });

  it('puts names and texts in as text, never as markup', async () => {
    const hostile = '</script><img src=x onerror="window.harmed=1"> | *x* [y](z)';
    const outcome = ablationOutcomes.clear();
    const rename = (name: string) => (name === 'raw' ? hostile : name);
    const named = JSON.parse(JSON.stringify(outcome)) as AblationOutcome;
    const changed: AblationOutcome = {
      ...named,
      declaration: {
        ...named.declaration,
        question: hostile,
        comparisons: named.declaration.comparisons.map((one) => ({ ...one, arm: rename(one.arm) })),
      },
      arms: named.arms.map((arm) => ({ ...arm, name: rename(arm.name), summary: hostile })),
      trainings: named.trainings.map((one) => ({ ...one, arm: rename(one.arm) })),
    };
    await writeAblationReport(folder, changed, analyse(changed));
    const page = await readFile(join(folder, 'ablation.html'), 'utf8');
    const tags: string[] = [];
    const parser = new Parser({ onopentag: (tag) => void tags.push(tag) });
    parser.end(page);
    expect(tags.filter((tag) => tag === 'img')).toEqual([]);
    expect(tags.filter((tag) => tag === 'script')).toHaveLength(3);
    const markdown = await readFile(join(folder, 'ablation.md'), 'utf8');
    expect(markdown).not.toMatch(/(^|[^\\])<img/m);
    expect(markdown).toContain('\\<img');
  });

  it('writes the same bytes for the same outcome, and the analysis as JSON', async () => {
    const outcome = ablationOutcomes.open();
    const path = await writeAblationReport(folder, outcome, analyse(outcome));
    const names = ['ablation.html', 'ablation.md', 'analysis.json'];
    const read = () => Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
    const first = await read();
    expect(path).toBe(join(folder, 'ablation.html'));
    await writeAblationReport(folder, ablationOutcomes.open(), analyse(ablationOutcomes.open()));
    expect(await read()).toEqual(first);
    expect(JSON.parse(first[2]!)).toEqual(JSON.parse(JSON.stringify(analyse(outcome))));
    expect(first[1]).toMatch(
      /^# What does raw mail cost on clean mail\?\n\n\*\*On clean mail, cannot distinguish/,
    );
    expect(first[1]).toMatch(/\| raw − clean \| clean mail \(primary\) \| \+0\.\d+ \|/);
  });

  it('makes round ticks', () => {
    expect(scaleOver([0, 0.113]).ticks).toEqual([0, 0.05, 0.1]);
    expect(scaleOver([-3, 40]).ticks).toEqual([0, 10, 20, 30, 40]);
    expect(scaleOver([2, 2]).ticks.length).toBeGreaterThan(2);
    expect(scaleOver([]).ticks[0]).toBe(0);
  });

  it('can be read in a browser at three widths, light, dark and on paper', { timeout: 240_000 }, async ({
    skip,
  }) => {
    const program = findChromium();
    if (!program) skip('no chromium on this machine');
    const browser = await Chromium.launch(program!);
    try {
      for (const make of [ablationOutcomes.clear, ablationOutcomes.lost]) {
        const outcome = make();
        const page = await writeAblationReport(folder, outcome, analyse(outcome));
        for (const width of [360, 768, 1280]) {
          for (const scheme of ['light', 'dark'] as const) {
            const { requests, errors } = await browser.open(page, { width, scheme });
            expect(requests).toEqual([]);
            expect(errors).toEqual([]);
            const seen = await browser.evaluate<Record<string, unknown>>(LOOK);
            expect(seen, `${width} ${scheme}`).toEqual({
              charts: 2,
              tooWide: false,
              overlapping: [],
              outside: [],
              misaligned: 0,
              ground: scheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(20, 23, 26)',
            });
          }
        }
        await browser.open(page, { width: 720, scheme: 'dark', media: 'print' });
        await browser.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })");
        expect(await browser.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(720);
        expect(await browser.evaluate('getComputedStyle(document.body).color')).toBe('rgb(0, 0, 0)');
      }
    } finally {
      await browser.close();
    }
  });
});

/** In the page: whether it scrolls sideways, labels that lie on one another or outside, plots of one figure that differ in place. */
const LOOK = `(() => {
  const boxes = (all) => [...all].map((one) => ({ text: one.textContent, box: one.getBoundingClientRect() })).filter(({ box }) => box.width > 0);
  const overlapping = [], outside = [];
  let misaligned = 0;
  const width = document.documentElement.clientWidth;
  document.querySelectorAll('.forest>li, .double').forEach((row) => {
    const labels = boxes(row.querySelectorAll('.label, .value, text'));
    labels.forEach((a, i) => {
      if (a.box.left < -1 || a.box.right > width + 1) outside.push(a.text);
      labels.slice(i + 1).forEach((b) => {
        const x = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
        const y = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
        if (x > 0.5 && y > 0.5) overlapping.push(a.text + ' / ' + b.text);
      });
    });
  });
  document.querySelectorAll('.forest').forEach((forest) => {
    const plots = boxes(forest.querySelectorAll('.plot svg'));
    if (plots.some(({ box }) => Math.abs(box.left - plots[0].box.left) > 0.5 || Math.abs(box.width - plots[0].box.width) > 0.5)) misaligned++;
  });
  return { charts: Number(document.documentElement.dataset.charts), tooWide: document.documentElement.scrollWidth > width,
    overlapping, outside, misaligned, ground: getComputedStyle(document.body).backgroundColor };
})()`;
