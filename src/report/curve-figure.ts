import { html, type Markup } from './html.ts';

const WIDTH = 640;
const HEIGHT = 340;
const LEFT = 44;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 40;

/** A measured share, with the interval that it lies in. */
export interface MeasuredShare {
  readonly x: number;
  readonly share: number;
  readonly low: number;
  readonly high: number;
  readonly title: string;
}

export interface CurveSeries {
  readonly label: string;
  /** A colour of the style sheet that the key has too. */
  readonly colour: 'drop' | 'held';
  readonly points: readonly MeasuredShare[];
}

/** A curve of probabilities over [from, 1], and what was measured beside it; `threshold` stands as a dashed line. */
export function curveFigure(
  caption: string,
  from: number,
  curve: (x: number) => number,
  threshold: number,
  series: readonly CurveSeries[],
): Markup {
  const x = (value: number): string => round(LEFT + ((WIDTH - LEFT - RIGHT) * (value - from)) / (1 - from));
  const y = (value: number): string => round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - value));
  const steps = Array.from({ length: 201 }, (_, i) => from + ((1 - from) * i) / 200);
  const path = steps.map((value, i) => `${i ? 'L' : 'M'}${x(value)} ${y(curve(value))}`).join('');
  const xTicks = Array.from({ length: Math.round((1 - from) * 10) + 1 }, (_, i) => from + i / 10);
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (value) =>
      html`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value)}" y2="${y(value)}" stroke="var(--line)"/><text x="${LEFT - 6}" y="${y(value)}" dy="4" text-anchor="end">${Math.round(value * 100)} %</text>`,
  );
  const ticks = xTicks.map(
    (value) =>
      html`<text x="${x(value)}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${value.toFixed(1)}</text>`,
  );
  const drawn = series.map(({ colour, points }) =>
    points.map(
      ({ x: at, share, low, high, title }) =>
        html`<g stroke="var(--${colour})" fill="var(--${colour})"><title>${title}</title><line x1="${x(at)}" x2="${x(at)}" y1="${y(low)}" y2="${y(high)}" stroke-width="1.5"/><circle cx="${x(at)}" cy="${y(share)}" r="3.5"/></g>`,
    ),
  );
  return html`<figure><figcaption>${caption}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${caption}" font-size="11" fill="var(--muted)">${grid}${ticks}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 6}" text-anchor="middle">true Jaccard similarity of the pair</text>
<line x1="${x(threshold)}" x2="${x(threshold)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}" stroke="var(--muted)" stroke-width="1.5" stroke-dasharray="4 3"/>
<path d="${path}" fill="none" stroke="var(--accent)" stroke-width="2"/>${drawn}</svg>
<p class="key"><span class="k-plain">predicted</span>${series.map(({ label, colour }) => html`<span class="k-${colour}">${label}</span>`)}</p></figure>`;
}

function round(value: number): string {
  return String(Number(value.toFixed(1)));
}
