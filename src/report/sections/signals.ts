import { count } from '../../core/format.ts';
import { figure, type Section } from '../figures.ts';
import { quantile } from '../histogram.ts';
import { histogramFigure, type Threshold } from '../histogram-figure.ts';
import { absent, html, type Markup, table } from '../html.ts';
import type { RunData, StepData } from '../run-data.ts';

const SIGNALS_SHOWN = 40;

/** Options that name a signal: `minMeanWordLength` is a threshold of `mean-word-length`. */
export function thresholdsOf(signal: string, options: Readonly<Record<string, unknown>>): Threshold[] {
  const pascal = signal
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
  return ['min', 'max'].flatMap((side) => {
    const value = Object.hasOwn(options, side + pascal) ? options[side + pascal] : undefined;
    return typeof value === 'number' ? [{ option: side + pascal, value }] : [];
  });
}

function ofStep(step: StepData): Markup {
  const prefix = `${step.name}.`;
  const all = Object.entries(step.tally!.histograms);
  const signals = all.slice(0, SIGNALS_SHOWN).map(([full, histogram]) => {
    const name = full.startsWith(prefix) ? full.slice(prefix.length) : full;
    const thresholds = thresholdsOf(name, step.options);
    return {
      name: name === 'bytes' && !full.startsWith(prefix) ? 'bytes of text' : name,
      histogram,
      thresholds,
    };
  });
  const rows = signals.map(({ name, histogram, thresholds }) => [
    name,
    count(Object.values(histogram).reduce((sum, n) => sum + n, 0)),
    ...[0.05, 0.5, 0.95].map((q) => figure(quantile(histogram, q))),
    thresholds.map(({ option, value }) => `${option} ${figure(value)}`).join(', '),
  ]);
  return html`<h3>${step.name}</h3>
<div class="grid">${signals.map(({ name, histogram, thresholds }) => histogramFigure(name, histogram, thresholds))}</div>
${all.length > signals.length && html`<p class="note">${count(all.length - signals.length)} more signals are not shown.</p>`}
<details><summary>Quantiles</summary>${table(
    `Signals of ${step.name}`,
    [
      { heading: 'signal' },
      { heading: 'documents', numeric: true },
      { heading: '5 %', numeric: true },
      { heading: 'median', numeric: true },
      { heading: '95 %', numeric: true },
      { heading: 'thresholds' },
    ],
    rows,
  )}</details>`;
}

export function signalsSection(data: RunData): Section {
  const frame = { id: 'signals', title: 'Lengths and signals' };
  const steps = data.steps.filter(({ tally }) => tally && Object.keys(tally.histograms).length > 0);
  if (steps.length === 0) return { ...frame, body: absent('No step measured a signal.') };
  const body = html`<p>Every document that reached a step, counted by value. Axes are logarithmic, four bars an octave or fewer; quantiles are as near as that tells. A dashed line is a threshold of the step.</p>
${steps.map(ofStep)}`;
  return { ...frame, body };
}
