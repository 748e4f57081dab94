/** Linear axes as wide as their place: positions are shares of the width, so that no text is stretched. */

import { html, type Markup } from '../html.ts';

export interface Scale {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly number[];
  /** Decimals that tell the ticks apart. */
  readonly decimals: number;
}

/** About `wanted` round ticks over the values, a little room on either side. */
export function scaleOver(values: readonly number[], wanted = 6): Scale {
  const finite = values.filter(Number.isFinite);
  let [low, high] = finite.length > 0 ? [Math.min(...finite), Math.max(...finite)] : [0, 1];
  if (low === high) [low, high] = [low - Math.abs(low || 1) / 10, high + Math.abs(high || 1) / 10];
  const room = (high - low) * 0.06;
  [low, high] = [low - room, high + room];
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((size) => power * size >= rough) ?? 10);
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks = Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * step).toFixed(decimals)),
  );
  return { low, high, ticks, decimals };
}

/** A position on the scale as an attribute: "37.5%". What lies outside stands at the edge. */
export function at(scale: Scale, value: number): string {
  const share = (value - scale.low) / (scale.high - scale.low);
  return `${Number((100 * Math.min(1, Math.max(0, share))).toFixed(2))}%`;
}

/** Whether a label at this tick stays inside the picture. */
function hasRoom(scale: Scale, tick: number): boolean {
  const share = (tick - scale.low) / (scale.high - scale.low);
  return share > 0.05 && share < 0.95;
}

export function tickLabels(scale: Scale, label: (value: number) => string): Markup {
  return html`<svg class="ticks" aria-hidden="true">${scale.ticks
    .filter((tick) => hasRoom(scale, tick))
    .map((tick) => html`<text x="${at(scale, tick)}" y="14">${label(tick)}</text>`)}</svg>`;
}

export function gridLines(scale: Scale): Markup {
  return html`${scale.ticks.map((tick) => html`<line class="${tick === 0 ? 'zero' : 'grid'}" x1="${at(scale, tick)}" x2="${at(scale, tick)}" y1="0" y2="100%"/>`)}`;
}
