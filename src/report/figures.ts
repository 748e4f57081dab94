import { count } from '../core/format.ts';
import { type Content, html, type Markup, shorten } from './html.ts';

/** A part of a report: issue after issue adds some. */
export interface Section {
  /** Of the element: letters and dashes. */
  readonly id: string;
  readonly title: string;
  readonly body: Markup;
}

/** A number of any size in about four figures. */
export function figure(value: number | undefined): string {
  if (value === undefined) return '–';
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1000) return count(value);
  return String(Number(value.toPrecision(4)));
}

export function bits(value: number | undefined | null): string {
  return value === undefined || value === null ? '–' : value.toFixed(3);
}

/** Part of a whole, so that a little is not shown as nothing, nor nearly all as all. */
export function shareOf(part: number, whole: number): string {
  if (!(whole > 0)) return '–';
  const value = (100 * part) / whole;
  if (value > 0 && value < 0.1) return '< 0.1 %';
  if (value > 99.9 && value < 100) return '> 99.9 %';
  return `${value > 0 && value < 100 && (value < 10 || value > 99) ? value.toFixed(1) : value.toFixed(0)} %`;
}

/** A document's corpus and id, in short: ids often begin with the corpus. */
export function documentName(corpus: string, id: string): string {
  const whole = corpus === '' || id.startsWith(`${corpus}/`) ? id : `${corpus} / ${id}`;
  return shorten(whole, 200);
}

/** A part of a bar. `kind` names its colour in the style sheet. */
export interface BarPart {
  readonly kind: 'kept' | 'drop' | 'held' | 'before' | 'after' | 'gzip' | 'plain';
  /** 0 .. 1 of the bar's full length. */
  readonly share: number;
}

/** A horizontal bar as wide as its place. */
export function bar(title: string, parts: readonly BarPart[]): Markup {
  let from = 0;
  const rectangles = parts.map(({ kind, share }) => {
    const width = Math.max(0, Math.min(1 - from, share));
    const x = from;
    from += width;
    // A sliver stays visible: what is there must not look like nothing.
    const shown = width > 0 ? Math.max(width * 100, 0.3) : 0;
    return html`<rect class="${kind}" x="${percentage(x * 100)}" width="${percentage(shown)}" height="100%"/>`;
  });
  return html`<svg class="bar" role="img" aria-label="${title}"><title>${title}</title>${rectangles}</svg>`;
}

function percentage(value: number): string {
  return `${Number(value.toFixed(2))}%`;
}

/** A row of a table of bars: what it is, its bar, its figure. */
export interface BarRow {
  readonly group?: string;
  readonly label: string;
  readonly parts: readonly BarPart[];
  readonly value: string;
}

/** A table whose middle column draws what the last one says. */
export function barTable(
  caption: string,
  headings: readonly [string, string],
  rows: readonly BarRow[],
): Markup {
  return html`<table class="bars"><caption>${caption}</caption>
<thead><tr><th scope="col">${headings[0]}</th><th scope="col" class="wide"><span class="unseen">bar</span></th><th scope="col" class="n">${headings[1]}</th></tr></thead>
<tbody>${rows.map(
    ({ group, label, parts, value }, i) =>
      html`${group !== undefined && group !== rows[i - 1]?.group && html`<tr class="group"><th scope="rowgroup" colspan="3">${group}</th></tr>`}<tr><th scope="row">${label}</th><td class="wide">${bar(`${group === undefined ? '' : `${group}, `}${label}: ${value}`, parts)}</td><td class="n">${value}</td></tr>\n`,
  )}</tbody></table>`;
}

/** A figure with its name under it. */
export function card(value: Content, name: string, note?: string): Markup {
  return html`<div class="card"><strong>${value}</strong><span>${name}</span>${note !== undefined && html`<small>${note}</small>`}</div>`;
}

export function cards(all: readonly (Markup | undefined)[]): Markup {
  return html`<div class="cards">${all}</div>`;
}

/** Facts as a list of names and values; those without a value are left out. */
export function facts(entries: readonly (readonly [string, Content])[]): Markup {
  return html`<dl>${entries
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** The beginning of a digest; the whole is its title. */
export function digest(hash: string | undefined): Markup | undefined {
  if (!hash) return undefined;
  return html`<code title="${hash}">${hash.slice(0, 12)}</code>`;
}

/** Text of a corpus or a model, with its line breaks. */
export function passage(text: string, left = 0): Markup {
  const more = left > 0 && html` <span class="more">… ${count(left)} more characters</span>`;
  return html`<blockquote class="passage">${text}${more}</blockquote>`;
}
