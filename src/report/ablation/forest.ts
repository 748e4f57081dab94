/** The rows of a forest plot. */

import type { Comparison, DomainDifference } from '../../ablate/statistics/analysis.ts';
import { intervalWords, signed } from '../../ablate/statistics/sentences.ts';
import { html, type Markup, shorten } from '../html.ts';
import { at, gridLines, type Scale, scaleOver, tickLabels } from './scale.ts';

/** An interval may reach so many times as far as the differences and the primary intervals; the rest is cut off. */
const REACH = 1.5;

/**
 * One scale for all comparisons, so that they can be held against each other; 0 is always on it. Every difference and
 * every interval of the primary domain fits; another domain's interval that is far wider is cut, and marked.
 */
export function forestScale(comparisons: readonly Comparison[]): Scale {
  const all = comparisons.flatMap(({ domains }) => domains);
  const primary = comparisons.flatMap((one) => one.primary ?? []);
  const must = [
    0,
    ...all.map(({ difference }) => difference),
    ...primary.flatMap(({ corrected }) => [corrected.low, corrected.high]),
  ];
  const least = REACH * Math.min(...must);
  const most = REACH * Math.max(...must);
  const may = all.flatMap(({ corrected }) => [
    Math.max(least, corrected.low),
    Math.min(most, corrected.high),
  ]);
  return scaleOver([...must, ...may]);
}

export type Tone = 'worse' | 'better' | 'none';

export interface ForestRow {
  readonly label: string;
  /** Said beside the label, which then is bold. */
  readonly mark?: string;
  readonly tone: Tone;
  readonly difference: DomainDifference;
  readonly decimals: number;
}

export function forest(rows: readonly ForestRow[], scale: Scale): Markup {
  const labels = tickLabels(scale, (tick) => (tick === 0 ? '0' : signed(tick, scale.decimals)));
  return html`<ol class="forest">${rows.map((row) => forestRow(row, scale))}<li class="scale"><span class="label"></span><span class="plot">${labels}</span><span class="value"></span></li></ol>`;
}

function forestRow({ label, mark, tone, difference: one, decimals }: ForestRow, scale: Scale): Markup {
  const { difference, interval, corrected } = one;
  const name = shorten(label, 40);
  const words = `${label}: ${signed(difference, decimals)} bits per byte, interval ${intervalWords(interval, decimals)}, corrected ${intervalWords(corrected, decimals)}`;
  const line = (kind: string, { low, high }: { low: number; high: number }) =>
    html`<line class="${kind} ${tone}" x1="${at(scale, low)}" x2="${at(scale, high)}" y1="50%" y2="50%"/>`;
  return html`<li><span class="label">${mark === undefined ? name : html`<b>${name}</b><small>${mark}</small>`}</span>
<span class="plot"><svg class="range" role="img" aria-label="${words}"><title>${words}</title>${gridLines(scale)}${beyond(scale, corrected)}${line('wide', corrected)}${line('thick', interval)}<circle class="${tone}" cx="${at(scale, difference)}" cy="50%" r="5"/></svg></span>
<span class="value">${signed(difference, decimals)} <small class="both">(${intervalWords(interval, decimals)})</small></span></li>\n`;
}

/** Arrows where an interval goes on beyond the picture. */
function beyond(scale: Scale, { low, high }: { low: number; high: number }): Markup {
  const arrow = (kind: string, x: string, sign: string) =>
    html`<text class="${kind}" x="${x}" y="1.1rem">${sign}</text>`;
  return html`${low < scale.low && arrow('from', '0', '◂')}${high > scale.high && arrow('to', '100%', '▸')}`;
}
