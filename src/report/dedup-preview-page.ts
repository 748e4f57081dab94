import type { DocumentSample } from '../cli/dedup-sample.ts';
import { bytes, count, duration } from '../core/format.ts';
import { type MarkedText, markDifferences } from '../dedup/differences.ts';
import { foundWithProbability, type MinhashDedupOptions } from '../dedup/minhash-options.ts';
import { FIRST_BIN, type MinhashPreview, type PreviewBin } from '../dedup/preview.ts';
import { type CurveSeries, curveFigure, type MeasuredShare } from './curve-figure.ts';
import { card, cards, facts, shareOf } from './figures.ts';
import { html, type Markup, shorten, table } from './html.ts';
import { renderPage } from './page.ts';

const WORDS_SHOWN = 90;
/** Of the normal distribution, for 99 %. */
const Z = 2.576;

/** Wilson's interval of a share (1927), which stays inside 0 .. 1. */
function interval(found: number, pairs: number): { low: number; high: number } {
  const p = found / pairs;
  const z2 = (Z * Z) / pairs;
  const middle = (p + z2 / 2) / (1 + z2);
  const half = (Z * Math.sqrt((p * (1 - p)) / pairs + z2 / (4 * pairs))) / (1 + z2);
  return { low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

function points(bins: readonly PreviewBin[], shift: number): MeasuredShare[] {
  return bins
    .filter(({ pairs }) => pairs > 0)
    .map(({ from, to, pairs, found }) => ({
      x: (from + to) / 2 + shift,
      share: found / pairs,
      ...interval(found, pairs),
      title: `${from.toFixed(2)} to ${to.toFixed(2)}: ${count(found)} of ${count(pairs)} pairs found`,
    }));
}

function curveSection({ bins, probes, bands, rows, threshold }: MinhashPreview): Markup {
  const series: CurveSeries[] = [
    { label: 'pairs of the sample', colour: 'drop', points: points(bins, -0.006) },
    { label: 'edited copies', colour: 'held', points: points(probes, 0.006) },
  ];
  const figure = curveFigure(
    `Share of pairs that share a band, with the interval of 99 %: ${bands} bands of ${rows} rows; dashed: alike from ${threshold.toFixed(2)} on`,
    FIRST_BIN,
    (s) => foundWithProbability(s, bands, rows),
    threshold,
    series,
  );
  const cells = bins.map((bin, i) => {
    const probe = probes[i]!;
    return [
      `${bin.from.toFixed(2)} – ${bin.to.toFixed(2)}`,
      count(bin.pairs),
      bin.pairs ? shareOf(bin.found, bin.pairs) : '–',
      count(probe.pairs),
      probe.pairs ? shareOf(probe.found, probe.pairs) : '–',
      `${(100 * (bin.pairs ? bin.predicted : probe.predicted)).toFixed(1)} %`,
    ];
  });
  const headings = ['similarity', 'pairs', 'found', 'edited copies', 'found', 'predicted'];
  return html`${figure}${table(
    'By true Jaccard similarity',
    headings.map((heading, i) => ({ heading, numeric: i > 0 })),
    cells,
  )}`;
}

function passageOf(marked: MarkedText): Markup {
  return html`<blockquote class="passage">${marked.map(({ text, differs }) => (differs ? html`<mark>${text}</mark>` : text))}</blockquote>`;
}

function exampleSection({ bins }: MinhashPreview, { documents }: DocumentSample): Markup {
  const text = (i: number): string => Buffer.from(documents[i]!.utf8).toString('utf8');
  const pairs = [...bins].reverse().flatMap(({ from, to, examples }) =>
    examples.map(
      ([a, b]) => html`<div class="pair"><p>${from.toFixed(2)} – ${to.toFixed(2)}</p>
<div><strong>${shorten(documents[a]!.name)}</strong>${passageOf(markDifferences(text(a), text(b), WORDS_SHOWN))}</div>
<div><strong>${shorten(documents[b]!.name)}</strong>${passageOf(markDifferences(text(b), text(a), WORDS_SHOWN))}</div></div>`,
    ),
  );
  if (pairs.length === 0)
    return html`<p class="absent">The sample has no pair that is at least ${FIRST_BIN} alike.</p>`;
  return html`<p class="note">From around the first difference; words that the other text does not have are marked.</p>${pairs}`;
}

function forecastSection({ forecast }: MinhashPreview): Markup {
  return facts([
    ['documents', count(forecast.documents)],
    ['disk', bytes(forecast.diskBytes)],
    ['disk for a while', forecast.temporaryBytes ? bytes(forecast.temporaryBytes) : undefined],
    ['memory for the clusters', bytes(forecast.memoryBytes)],
    ['memory a worker', bytes(forecast.workerBytes)],
    ['signatures', `about ${duration(forecast.signatureSeconds)}`],
    ['clusters', `about ${duration(forecast.clusterSeconds)}`],
  ]);
}

/** The picture of a preview: one self-contained HTML file. */
export function dedupPreviewPage(
  preview: MinhashPreview,
  sample: DocumentSample,
  options: MinhashDedupOptions,
): string {
  const { candidates, minJaccard, precision, recall, alike, threshold } = preview;
  const percentage = (value: number): string => `${(100 * value).toFixed(1)} %`;
  const head = html`<h1>Preview of minhash-dedup</h1>${cards([
    card(count(preview.documents), 'documents in the sample', `of about ${count(sample.estimate)}`),
    card(count(candidates), 'pairs share a band'),
    card(
      percentage(precision),
      minJaccard === undefined ? 'precision' : 'precision before verification',
      `of them at least ${threshold.toFixed(2)} alike`,
    ),
    card(percentage(recall), 'recall', `of ${count(alike)} pairs so alike`),
  ])}`;
  return renderPage({
    title: 'Preview of minhash-dedup',
    head,
    sections: [
      { id: 'curve', title: 'What is found', body: curveSection(preview) },
      { id: 'forecast', title: 'What the whole run takes', body: forecastSection(preview) },
      { id: 'pairs', title: 'Pairs', body: exampleSection(preview, sample) },
      { id: 'options', title: 'Options', body: html`<pre>${JSON.stringify(options, null, 2)}</pre>` },
    ],
    charts: [],
    foot: html`<p>provender</p>`,
  });
}
