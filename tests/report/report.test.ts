import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Parser } from 'htmlparser2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../src/core/errors.ts';
import { escapeText, html, jsonForScript, shortenMiddle } from '../../src/report/html.ts';
import { writeReport } from '../../src/report/report.ts';
import { thresholdsOf } from '../../src/report/sections/signals.ts';
import { Chromium, findChromium } from './chromium.ts';
import { line, makeRun, type SmallRun, type Told } from './small-run.ts';

const HOSTILE =
  '</script><script>window.harmed=1</script><!-- <img src=x onerror="window.harmed=2"> --> \'"`&amp; ]]></style></title></textarea></svg>\u2028\u2029';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'provender-report-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The report of a run, as a parser that is not ours sees it. */
async function reportOf(name: string, run: SmallRun | undefined) {
  if (run) await makeRun(join(folder, name), run);
  const path = await writeReport(join(folder, name, 'run'));
  const source = await readFile(path, 'utf8');
  const tags = new Map<string, number>();
  const attributes: [string, string, string][] = [];
  const comments: string[] = [];
  const open: string[] = [];
  const sections = new Map<string, string>();
  const scripts: { type: string | undefined; source: string }[] = [];
  let section = 'head';
  const parser = new Parser({
    onopentag(tag, own) {
      tags.set(tag, (tags.get(tag) ?? 0) + 1);
      for (const [key, value] of Object.entries(own)) attributes.push([tag, key, value]);
      if (tag === 'section') section = own.id!;
      if (tag === 'script') scripts.push({ type: own.type, source: '' });
      open.push(tag);
    },
    onclosetag() {
      open.pop();
    },
    ontext(text) {
      if (open.at(-1) === 'script') scripts.at(-1)!.source += text;
      else if (open.at(-1) !== 'style') sections.set(section, (sections.get(section) ?? '') + text);
    },
    oncomment: (data) => comments.push(data),
  });
  parser.end(source);
  return { path, source, tags, attributes, comments, sections, scripts };
}

const evaluation = (corpora: Record<string, number>) => ({
  measure: 'bits-per-byte',
  comparable: true,
  corpora: Object.fromEntries(
    Object.entries(corpora).map(([corpus, bitsPerByte]) => [
      corpus,
      { bitsPerByte, gzipBitsPerByte: 2.5, lossPerToken: 3, bytes: 1000, tokens: 300, documents: 4 },
    ]),
  ),
});

function trained(corpus: string, steps = 30): Record<string, Told> {
  const lines: unknown[] = [{ kind: 'evaluation', step: 0, ...evaluation({ [corpus]: 8 }) }];
  for (let step = 1; step <= steps; step++) {
    const loss = 5 / Math.sqrt(step);
    const byCorpus = { [corpus]: { loss, tokens: 5 }, other: { loss: loss + 1, tokens: 5 } };
    lines.push({
      kind: 'step',
      step,
      tokens: step,
      loss,
      learningRate: 1e-3,
      gradientNorm: 1,
      byCorpus,
      slices: { source: byCorpus },
    });
  }
  lines.push({ kind: 'evaluation', step: steps, ...evaluation({ [corpus]: 2.125 }) });
  return {
    train: {
      files: { 'metrics.jsonl': lines.map((one) => `${JSON.stringify(one)}\n`).join('') },
      summary: {
        parameters: 1234,
        steps,
        tokens: 10 * steps,
        firstLoss: 5,
        lastLoss: 1,
        tokensPerSecond: 77,
        usage: {
          flopsPerSecond: 42e9,
          peakFlopsPerSecond: 84e9,
          peakShare: 0.5,
          energyEstimate: { source: 'a <guess>', kilowattHours: 0.0125, joulesPerMillionTokens: 4.5e6 },
        },
        epochsByCorpus: { [corpus]: 0.5 },
        lossByGroup: {
          steps: 3,
          groups: {
            source: { '<a>.txt': { loss: 4.5, tokens: 70 }, 'b.txt': { loss: 3, tokens: 30 } },
            corpus: {},
          },
        },
        heldOut: { before: evaluation({ [corpus]: 8 }), after: evaluation({ [corpus]: 2.125 }) },
      },
    },
    evaluate: { summary: evaluation({ [corpus]: 2.25 }) },
    generate: {
      summary: { samples: [{ prompt: `prompt ${corpus}`, text: `written ${corpus}`, finish: 'max-tokens' }] },
    },
  };
}

const FULL = [
  { 'hold-out': { fraction: 0, fractions: { verse: 1 } } },
  'short',
  'colours',
  'exact-dedup',
  { 'train-tokenizer': { vocabularySize: 270 } },
  'encode',
  'shard',
  { train: { heldOut: { maxBytesPerCorpus: 65536 } } },
  { evaluate: { split: 'validation' } },
  'generate',
];

function plainFiles(): string[][] {
  const words = ['sea', 'house', 'garden', 'tree'];
  return [0, 1].map((file) => [
    ...Array.from({ length: 30 }, (_, i) =>
      line(`d${file}-${i}`, `a ${words[i % 4]} of number ${file * 100 + i} stands there`),
    ),
    line(`red-${file}`, 'the red house that nobody wanted'),
    line(`tiny-${file}`, 'tiny'),
    line(`same-${file}`, 'the very same words in two places'),
    line(`verse-${file}`, 'o wild west wind, thou breath of autumn', 'verse'),
  ]);
}

/** Whatever a corpus, an option or a model can put into a report is hostile here. */
function hostileRun(): SmallRun {
  const files = [
    [
      line(`kept ${HOSTILE}`, `kept long enough ${HOSTILE}`, HOSTILE),
      line(`twin ${HOSTILE}`, `kept long enough ${HOSTILE}`, HOSTILE),
      line(`refused ${HOSTILE}`, `refused for its red ${HOSTILE}`, HOSTILE),
      `${HOSTILE} this is no JSON`,
    ],
  ];
  const steps = FULL.slice(1).map((step) =>
    step === 'colours' ? { colours: { words: [`red ${HOSTILE}`] } } : step,
  );
  const told = trained(HOSTILE);
  const hostileTold = {
    ...told,
    train: { ...told.train!, summary: { ...told.train!.summary, [HOSTILE]: HOSTILE } },
  };
  return { files, steps, told: hostileTold };
}

describe('escaping', () => {
  it('leaves no character that could end a place, and hides none', () => {
    for (const character of '<>"\'`&') expect(escapeText(character)).toMatch(/^&(#\d+|\w+);$/);
    expect(escapeText('a\u202eb\u0000c')).toBe('a\ufffdb\ufffdc');
    expect(html`<p title="${'"><b>'}">${['<i>', undefined, false, 3]}</p>`.source).toBe(
      '<p title="&quot;&gt;&lt;b&gt;">&lt;i&gt;3</p>',
    );
    const json = jsonForScript({ [HOSTILE]: HOSTILE }).source;
    expect(json).not.toMatch(/[<>&\u2028\u2029]/);
    expect(JSON.parse(json)).toEqual({ [HOSTILE]: HOSTILE });
  });

  it('leaves the middle of long names out, never half of a character', () => {
    expect(shortenMiddle('sotu/1981.json')).toBe('sotu/1981.json');
    const name = 'spam-assassin/spam-2/01083.a6b3c50be5abf782b585995d2c11176b.txt';
    expect(shortenMiddle(name)).toBe(`spam-assass…${name.slice(-24)}`);
    expect(shortenMiddle(name)).toHaveLength(36);
    for (let characters = 4; characters < 40; characters++) {
      const short = shortenMiddle('\u{1f600}'.repeat(30), characters);
      expect(short.length).toBeLessThanOrEqual(characters);
      expect(short).not.toMatch(/\p{Surrogate}/u);
    }
  });

  it('shows hostile texts, ids, corpora, reasons, details, options and outcomes as text', async () => {
    const { tags, attributes, comments, sections, scripts, source } = await reportOf('hostile', hostileRun());
    const shown = HOSTILE.replace(/\s+$/, '');
    for (const id of [
      'funnel',
      'refused',
      'duplicates',
      'tokens',
      'training',
      'held-out',
      'samples',
      'options',
    ])
      expect(sections.get(id), id).toContain('</script><script>window.harmed=1</script><!--');
    expect(sections.get('refused')).toContain(`refused for its red ${shown}`);
    expect(sections.get('refused')).toContain(`names-red ${shown.slice(0, 60)}`);
    expect(sections.get('duplicates')).toContain('twin </script><script>');
    expect(sections.get('samples')).toContain(`written ${shown}`);
    expect(scripts.map(({ type }) => type)).toEqual(['application/json', undefined, undefined]);
    const charts = JSON.parse(scripts[0]!.source) as { series: { label: string }[] }[];
    expect(charts.flatMap(({ series }) => series.map(({ label }) => label)).join()).toContain('</script><s…');
    expect(comments).toEqual([]);
    expect(
      [...tags.keys()].filter((tag) => ['img', 'iframe', 'object', 'embed', 'link', 'base'].includes(tag)),
    ).toEqual([]);
    expect(
      attributes.filter(([, name]) => name.startsWith('on') || name === 'src' || name === 'style'),
    ).toEqual([]);
    for (const [, name, value] of attributes) if (name === 'href') expect(value).toMatch(/^#[a-z-]+$/);
    expect(source.match(/<style>[\s\S]*?<\/style>/)![0]).not.toMatch(/url\(|@import/);
    expect(source).not.toMatch(/https?:\/\/(?!github\.com\/leeoniya\/uPlot)[a-z]/);
  });
});

describe('writeReport', () => {
  let whole: Awaited<ReturnType<typeof reportOf>>;
  beforeAll(async () => {
    whole = await reportOf('whole', { files: plainFiles(), steps: FULL, told: trained('prose') });
  });

  it('says what the run did, in figures that add up', () => {
    const { sections } = whole;
    const head = sections.get('head')!;
    expect(head).toContain('68 documents');
    expect(head).toContain('A model of 1,234 parameters was trained on 300 tokens');
    expect(head).toContain('8.000 bits per byte before and 2.125 after (gzip -9: 2.500)');
    expect(head).toContain('2026-01-02 03:04 UTC');
    const funnel = sections.get('funnel')!;
    for (const reason of ['too-few-characters', 'names-red', 'exact-duplicate'])
      expect(funnel).toContain(reason);
    const refused = sections.get('refused')!;
    expect(refused).toContain('measured 4; threshold 10');
    expect(refused).toContain('the red house that nobody wanted');
    const duplicates = sections.get('duplicates')!;
    expect(duplicates).toContain('the very same words in two places');
    expect(duplicates.match(/the very same words in two places/g)!.length).toBe(2);
    expect(sections.get('signals')).toContain('minCharacters 10');
    expect(sections.get('tokenizer')).toContain('270');
    const training = sections.get('training')!;
    for (const figure of [
      '1,234',
      '42.0 GFLOP/s',
      '50 %',
      '84.0 GFLOP/s',
      '12.5 Wh',
      '4.50 MJ',
      'an estimate',
      'Training loss by source file',
      'Training loss of the last 3 steps, nats per token',
      '<a>.txt',
      '4.500 (70)',
    ]) {
      expect(training).toContain(figure);
    }
    const heldOut = sections.get('held-out')!;
    expect(heldOut).toContain('2.250');
    expect(heldOut).toContain(
      'Measured by the training itself, before its first and after its last step, on up to 65.5 kB a corpus of the held-out documents.',
    );
    expect(heldOut).toContain('Measured afterwards with the finished model, on all validation documents.');
    expect(sections.get('samples')).toContain('written prose');
    expect(sections.get('units')).toContain('after-exact-dedup');
    expect(sections.get('options')).toContain('"vocabularySize": 270');
    expect(whole.scripts.length).toBe(3);
  });

  it('writes the same bytes again and leaves nothing else behind', async () => {
    const again = await writeReport(join(folder, 'whole', 'run'));
    expect(await readFile(again, 'utf8')).toBe(whole.source);
    expect((await readdir(join(folder, 'whole', 'run'))).sort()).toEqual([
      'plan.json',
      'report.html',
      'units',
    ]);
  });

  it('gives every picture a name and every table a caption', () => {
    const { tags, source } = whole;
    expect(tags.get('svg')).toBeGreaterThan(10);
    expect(source.match(/<svg[^>]*role="img"[^>]*aria-label="[^"]+"/g)!.length).toBe(tags.get('svg'));
    expect(tags.get('caption')).toBe(tags.get('table'));
    expect(source).toContain('prefers-color-scheme:dark');
    expect(source).toContain('name="viewport"');
  });

  it('says what is missing', async () => {
    const { sections, scripts } = await reportOf('early', {
      files: plainFiles(),
      steps: FULL,
      told: trained('x'),
      unitsOnly: 1,
    });
    expect(sections.get('head')).toContain('The run is not complete: 1 of');
    expect(sections.get('funnel')).toContain('too-few-characters');
    const lines: [string, string][] = [
      ['duplicates', 'No deduplication was done'],
      ['tokens', 'No shards'],
      ['tokenizer', 'No tokenizer'],
      ['training', 'No model was trained yet.'],
      ['held-out', 'No model was measured'],
      ['samples', 'No text was generated.'],
      ['units', 'not complete'],
    ];
    for (const [id, text] of lines) expect(sections.get(id), id).toContain(text);
    expect(scripts.length).toBe(2);
    const none = await reportOf('nothing', {
      files: plainFiles(),
      steps: FULL,
      told: trained('x'),
      unitsOnly: 0,
    });
    expect(none.sections.get('head')).toContain('The run is not complete: 0 of');
    expect(none.sections.get('funnel')).toContain('No step has seen documents yet.');
    await expect(writeReport(folder)).rejects.toThrow(ConfigurationError);
  });

  it('goes on where a piece is damaged, and names it', async () => {
    await makeRun(join(folder, 'damaged'), { files: plainFiles(), steps: FULL, told: trained('prose') });
    const units = join(folder, 'damaged', 'run', 'units');
    await truncate(join(units, '01-exact-dedup', 'artifact', 'clusters.blocks'), 40);
    await truncate(join(units, '00-read.documents', 'tasks', '00000', 'part-00000.rejects'), 60);
    await writeFile(join(units, '03-train-tokenizer', 'manifest.json'), '{"half": ');
    const { sections } = await reportOf('damaged', undefined);
    const head = sections.get('head')!;
    expect(head.match(/Could not be read/g)!.length).toBe(3);
    expect(head).toContain('clusters.blocks');
    expect(head).toContain('part-00000.rejects');
    expect(head).not.toContain(folder);
    expect(sections.get('refused')).toContain('names-red');
    expect(sections.get('duplicates')).toContain('The sizes of the clusters are not to be had.');
    expect(sections.get('tokenizer')).toContain('No tokenizer');
    expect(sections.get('training')).toContain('1,234');
  });

  it('stays small however large the run', async () => {
    const long = 'lorem ipsum dolor '.repeat(20_000);
    const colours = Array.from({ length: 120 }, (_, i) => `colour-${i}-`);
    const files = [
      Array.from({ length: 240 }, (_, i) =>
        line(
          `id-${i}-${'x'.repeat(3000)}`,
          `${colours[i % 120]} ${i < 6 ? long : 'short'} ${i}`,
          `corpus-${i % 150}-${'y'.repeat(500)}`,
        ),
      ),
    ];
    const told = trained('z'.repeat(2000), 20_000);
    const samples = Array.from({ length: 100 }, () => ({ prompt: long, text: long }));
    const { source, sections, scripts } = await reportOf('large', {
      files,
      steps: [{ colours: { words: colours } }, 'train', 'generate'],
      told: { ...told, generate: { summary: { samples } } },
    });
    expect(source.length).toBeLessThan(900_000);
    expect(sections.get('refused')).toContain('80 more reasons are not shown');
    expect(sections.get('refused')).toContain('more characters');
    const charts = JSON.parse(scripts[0]!.source) as { x: number[]; series: { values: unknown[] }[] }[];
    for (const { x, series } of charts) {
      expect(x.length).toBeLessThanOrEqual(600);
      for (const { values } of series) expect(values.length).toBe(x.length);
    }
    expect(sections.get('training')).toContain('A point is the mean of 64 steps.');
  });

  it('says so where refused texts were not kept', async () => {
    const { sections } = await reportOf('ledger', {
      files: plainFiles(),
      steps: ['short'],
      rejects: 'ledger',
    });
    expect(sections.get('refused')).toContain('measured 4; threshold 10');
    expect(sections.get('refused')).toContain('Its text was not kept');
  });
});

describe('thresholdsOf', () => {
  it('finds the options of a signal', () => {
    const options = { minMeanWordLength: 3, maxMeanWordLength: 10, maxHashRatio: null, minWords: 50 };
    expect(thresholdsOf('mean-word-length', options)).toEqual([
      { option: 'minMeanWordLength', value: 3 },
      { option: 'maxMeanWordLength', value: 10 },
    ]);
    expect(thresholdsOf('hash-ratio', options)).toEqual([]);
    expect(thresholdsOf('constructor', options)).toEqual([]);
  });
});

describe('in a browser', () => {
  it('draws its charts, fits the width, asks for nothing and runs nothing of the corpus', {
    timeout: 300_000,
  }, async ({ skip }) => {
    const program = findChromium();
    if (!program) skip('no chromium on this machine');
    const { path: hostile } = await reportOf('shown', hostileRun());
    const browser = await Chromium.launch(program!);
    try {
      for (const width of [400, 900, 1400]) {
        for (const scheme of ['light', 'dark'] as const) {
          const { requests, errors } = await browser.open(hostile, { width, scheme });
          expect(requests).toEqual([]);
          expect(errors).toEqual([]);
          const seen = await browser.evaluate<{
            wide: number;
            charts: number;
            canvases: number;
            harmed: boolean;
            ground: string;
          }>(
            `({wide: document.documentElement.scrollWidth, charts: Number(document.documentElement.dataset.charts),
              canvases: document.querySelectorAll('canvas').length, harmed: 'harmed' in window,
              ground: getComputedStyle(document.body).backgroundColor})`,
          );
          expect(seen).toEqual({
            wide: seen.wide,
            charts: 6,
            canvases: 6,
            harmed: false,
            ground: scheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(20, 23, 26)',
          });
          expect(seen.wide).toBeLessThanOrEqual(width);
          // Names are shortened, not broken over lines: one line is some 20 pixels.
          const rows = width < 600 ? '.u-legend th' : '.u-legend th, table.bars tbody th[scope=row]';
          const heights = await browser.evaluate<number[]>(
            `[...document.querySelectorAll('${rows}')].map((row) => row.getBoundingClientRect().height)`,
          );
          expect(heights.length).toBeGreaterThan(10);
          expect(Math.max(...heights)).toBeLessThan(34);
        }
      }
      // On paper nobody points at a step: its value is no part of a legend, and charts stand side by side.
      await browser.open(hostile, { width: 800, scheme: 'light', media: 'print' });
      expect(
        await browser.evaluate<object>(
          `({values: [...document.querySelectorAll('.u-value')].filter((one) => one.offsetWidth > 0).length,
            legends: [...document.querySelectorAll('.u-label')].filter((one) => one.offsetWidth > 0).length,
            columns: getComputedStyle(document.querySelector('.charts')).gridTemplateColumns.split(' ').length})`,
        ),
      ).toEqual({ values: 0, legends: 8, columns: 2 });
      // The second line of defence: a script that got into the page unescaped does not run.
      const path = join(folder, 'injected.html');
      const source = await readFile(hostile, 'utf8');
      await writeFile(
        path,
        source.replace(
          '<main>',
          '<main><script>window.harmed=1</script><img src="https://example.org/" onerror="window.harmed=2">',
        ),
      );
      const { errors } = await browser.open(path, { width: 900, scheme: 'light' });
      expect(errors.join()).toContain('Content Security Policy');
      expect(
        await browser.evaluate(
          "[window.harmed ?? 'unharmed', document.querySelectorAll('canvas').length].join()",
        ),
      ).toBe('unharmed,6');
      expect((await stat(hostile)).size).toBeLessThan(400_000);
    } finally {
      await browser.close();
    }
  });
});
