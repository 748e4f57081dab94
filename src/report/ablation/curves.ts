/** Training loss by arm: the mean of its runs, and the band from the lowest to the highest. */

import type { AblationOutcome, TrainingOutcome } from '../../ablate/outcome.ts';
import type { Analysis } from '../../ablate/statistics/analysis.ts';
import type { Chart } from '../chart-script.ts';
import { MAX_POINTS } from '../curves.ts';
import type { Section } from '../figures.ts';
import { absent, html, shorten } from '../html.ts';
import { mainSetting } from './differences.ts';

const COLOURS = 8;
const DIVERGED_SHOWN = 4;
const POINTS = Math.min(150, MAX_POINTS);

type Curve = TrainingOutcome['curve'];

/** Means of spans of `width` steps, by the number of the span: what a run's noise hides shows, and runs of different logs meet. */
function binned(curve: Curve, width: number): Map<number, number> {
  const sums = new Map<number, { sum: number; count: number }>();
  for (const [step, loss] of curve) {
    if (!Number.isFinite(loss)) continue;
    const bin = Math.ceil(step / width);
    const one = sums.get(bin) ?? { sum: 0, count: 0 };
    sums.set(bin, { sum: one.sum + loss, count: one.count + 1 });
  }
  return new Map([...sums].map(([bin, { sum, count }]) => [bin, sum / count]));
}

const shortest = (value: number): number => Number(value.toPrecision(5));

export function curvesChart(
  trainings: readonly TrainingOutcome[],
  arms: readonly string[],
  id: string,
): Chart | undefined {
  const last = Math.max(0, ...trainings.flatMap(({ curve }) => curve.map(([step]) => step)));
  if (last === 0) return undefined;
  const width = Math.max(1, Math.ceil(last / POINTS));
  const curves = trainings.map((training) => ({ training, bins: binned(training.curve, width) }));
  const all = [...new Set(curves.flatMap(({ bins }) => [...bins.keys()]))].sort((a, b) => a - b);
  const series: Chart['series'][number][] = [];
  for (const [i, arm] of arms.entries()) {
    const own = curves.filter(({ training }) => training.arm === arm);
    const complete = own.filter(({ training }) => training.status === 'complete');
    const colour = (i % COLOURS) + 1;
    const over = (of: (values: number[]) => number) =>
      all.map((bin) => {
        const values = complete.flatMap(({ bins }) => bins.get(bin) ?? []);
        return values.length > 0 ? shortest(of(values)) : null;
      });
    if (complete.length > 0)
      series.push({
        label: shorten(arm, 24),
        colour,
        values: over((values) => values.reduce((sum, value) => sum + value, 0) / values.length),
        band: { low: over((values) => Math.min(...values)), high: over((values) => Math.max(...values)) },
      });
    for (const { training, bins } of own
      .filter(({ training: { status } }) => status !== 'complete')
      .slice(0, DIVERGED_SHOWN))
      series.push({
        label: `${shorten(arm, 24)}, block ${training.block} (${training.status})`,
        colour,
        broken: true,
        values: all.map((bin) => (bins.has(bin) ? shortest(bins.get(bin)!) : null)),
      });
  }
  return { id, x: all.map((bin) => Math.min(bin * width, last)), xLabel: 'step', series };
}

export function curvesSection(outcome: AblationOutcome, analysis: Analysis, charts: Chart[]): Section {
  const { size, learningRate } = mainSetting(analysis);
  const trainings = outcome.trainings.filter((one) => one.size === size && one.learningRate === learningRate);
  const frame = { id: 'curves', title: 'Learning curves' };
  const arms = outcome.arms.map(({ name }) => name);
  const whole = curvesChart(trainings, arms, 'curve-loss');
  if (!whole || whole.series.length === 0) return { ...frame, body: absent('No training left a curve.') };
  const end = lastHalf(whole, 'curve-end');
  charts.push(whole, ...(end ? [end] : []));
  const figureOf = (chart: Chart, caption: string) =>
    html`<figure class="whole"><figcaption>${caption}</figcaption><div class="chart" id="${chart.id}"></div></figure>`;
  return {
    ...frame,
    body: html`<p>Training loss in nats per token: each arm on its own data, so that the heights do not compare across arms; the held-out figures above do. A line is the mean of an arm's runs, its band reaches from the lowest run to the highest.</p>
<div class="charts">${figureOf(whole, 'Training loss')}${end && figureOf(end, 'The second half of it, closer')}</div>`,
  };
}

/** Complete runs alone: one that blew up would flatten the rest. */
function lastHalf(chart: Chart, id: string): Chart | undefined {
  const from = chart.x.findIndex((step) => step > chart.x.at(-1)! / 2);
  if (from < 2 || chart.x.length - from < 4) return undefined;
  const series = chart.series
    .filter(({ broken }) => !broken)
    .map(({ values, band, ...rest }) => ({
      ...rest,
      values: values.slice(from),
      ...(band && { band: { low: band.low.slice(from), high: band.high.slice(from) } }),
    }));
  return series.length > 0 ? { ...chart, id, x: chart.x.slice(from), series } : undefined;
}
