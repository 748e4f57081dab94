import { count, counted } from '../core/format.ts';
import type { Histogram } from '../core/tally.ts';
import { figure, shareOf } from './figures.ts';
import { type Bar, barsOf, logTicks, quantile } from './histogram.ts';
import { html, type Markup } from './html.ts';

const WIDTH = 320;
const HEIGHT = 132;
const BASE = 104;
const TOP = 10;
/** Between the positive values, zero and the negative ones. */
const GAP = 6;

/** A value at which a judge decides. */
export interface Threshold {
  readonly option: string;
  readonly value: number;
}

interface Slot extends Bar {
  readonly x: number;
  readonly title: string;
}

/** Bars over a logarithmic axis; zero and what is negative stand apart on its left. */
export function histogramFigure(
  name: string,
  histogram: Histogram,
  thresholds: readonly Threshold[] = [],
): Markup {
  const { negative, zero, positive, total, other } = barsOf(histogram);
  const sides = [negative.length > 0, zero > 0, positive.length > 0].filter(Boolean).length;
  const slots = negative.length + (zero > 0 ? 1 : 0) + positive.length;
  const step = (WIDTH - GAP * Math.max(0, sides - 1)) / Math.max(1, slots);
  const drawn: Slot[] = [];
  let x = 0;
  const place = (one: Bar, label: string): void => {
    drawn.push({ ...one, x, title: `${label}: ${count(one.count)} (${shareOf(one.count, total)})` });
    x += step;
  };
  for (const one of negative) place(one, `${figure(one.low)} to ${figure(one.high)}`);
  if (negative.length && slots > negative.length) x += GAP;
  if (zero > 0) place({ low: 0, high: 0, count: zero }, '0');
  if (zero > 0 && positive.length) x += GAP;
  const from = x;
  for (const one of positive) place(one, `${figure(one.low)} to ${figure(one.high)}`);
  const most = Math.max(...drawn.map((slot) => slot.count), 1);
  const bars = drawn
    .filter((slot) => slot.count > 0)
    .map((slot) => {
      const height = Math.max(1, ((BASE - TOP) * slot.count) / most);
      return html`<rect x="${round(slot.x + 0.5)}" y="${round(BASE - height)}" width="${round(Math.max(1, step - 1))}" height="${round(height)}"><title>${slot.title}</title></rect>`;
    });
  const axis = positiveAxis(positive, from, step, thresholds);
  const zeroAt = drawn.find((slot) => slot.low === 0 && slot.high === 0);
  const about = `${name}: ${counted(total, 'document')}, median about ${figure(quantile(histogram, 0.5))}`;
  return html`<figure class="histogram"><figcaption>${name}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${about}"><title>${about}</title>
<line class="axis" x1="0" x2="${WIDTH}" y1="${BASE + 0.5}" y2="${BASE + 0.5}"/>${bars}
${zeroAt && html`<text x="${round(zeroAt.x + step / 2)}" y="${BASE + 14}">0</text>`}
${negative.length > 0 && html`<text class="first" x="0" y="${BASE + 14}">${figure(negative[0]!.low)}</text>`}
${axis}</svg>${other > 0 && html`<p class="note">${count(other)} values are not finite.</p>`}</figure>`;
}

/** Ticks and thresholds of the positive side, which begins at `from`; a bar is `step` wide. */
function positiveAxis(
  positive: readonly Bar[],
  from: number,
  step: number,
  thresholds: readonly Threshold[],
): Markup {
  if (positive.length === 0) return html``;
  const low = positive[0]!.low;
  const high = positive.at(-1)!.high;
  const at = (value: number): number =>
    from + (step * positive.length * Math.log(value / low)) / Math.log(high / low);
  // Beside the 0 there is no room for another label.
  const first = from > 0 ? from + 16 : 0;
  const shown = logTicks(low, high).filter((tick) => at(tick) >= first);
  const ticks = shown.map((tick) => {
    const x = at(tick);
    const side = x < 14 ? 'first' : x > WIDTH - 14 ? 'last' : '';
    return html`<line class="axis" x1="${round(x)}" x2="${round(x)}" y1="${BASE}" y2="${BASE + 4}"/><text class="${side}" x="${round(x)}" y="${BASE + 15}">${shortNumber(tick)}</text>`;
  });
  const lines = thresholds
    .filter(({ value }) => value >= low && value <= high)
    .map(({ option, value }) => {
      const x = round(at(value));
      const title = `${option}: ${figure(value)}`;
      return html`<g class="threshold"><title>${title}</title><line x1="${x}" x2="${x}" y1="2" y2="${BASE}"/></g>`;
    });
  return html`${ticks}${lines}`;
}

function round(value: number): number {
  return Number(value.toFixed(1));
}

/** 20k rather than 20,000: the axis of a telephone is narrow. */
function shortNumber(value: number): string {
  const units: [number, string][] = [
    [1e12, 'T'],
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ];
  for (const [size, unit] of units) if (value >= size) return `${figure(value / size)}${unit}`;
  return figure(value);
}
