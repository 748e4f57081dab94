import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { InvariantError } from '../core/errors.ts';
import { CHART_DATA_ID, CHART_SCRIPT, type Chart } from './chart-script.ts';
import type { Section } from './figures.ts';
import { html, jsonForScript, Markup } from './html.ts';
import { STYLE } from './style.ts';

export interface Page {
  readonly title: string;
  /** What stands above the sections. */
  readonly head: Markup;
  readonly sections: readonly Section[];
  readonly charts: readonly Chart[];
  readonly foot: Markup;
  /** Rules of this kind of page, after those of all. */
  readonly style?: string;
  /** What a page with a script of its own brings: the data that the script reads, and the script. */
  readonly own?: { readonly data: Markup; readonly script: string };
}

function plotLibrary(): { script: string; style: string } {
  const folder = dirname(createRequire(import.meta.url).resolve('uplot/package.json'));
  const read = (name: string): string => readFileSync(join(folder, 'dist', name), 'utf8');
  return { script: read('uPlot.iife.min.js'), style: read('uPlot.min.css') };
}

function sourceHash(source: string): string {
  return `'sha256-${createHash('sha256').update(source).digest('base64')}'`;
}

/** Our own scripts and styles are put in as they are; only text that ends the element early could do harm. */
function verbatim(source: string): Markup {
  if (/<\/(script|style)|<!--/i.test(source))
    throw new InvariantError('a script or style sheet that would end its element');
  return new Markup(source);
}

/**
 * One HTML file that asks for nothing else. Its content security policy runs the scripts put in here, by their
 * digests, and no other: even text that slipped through unescaped would not run.
 */
export function renderPage({ title, head, sections, charts, foot, style: ofKind = '', own }: Page): string {
  const library = charts.length > 0 ? plotLibrary() : { script: '', style: '' };
  const style = `${STYLE}${library.style}${ofKind}`;
  const scripts = [library.script, charts.length > 0 || !own ? CHART_SCRIPT : '', own?.script ?? ''].filter(
    (script) => script !== '',
  );
  const policy = [
    "default-src 'none'",
    `style-src ${sourceHash(style)}`,
    `script-src ${scripts.map(sourceHash).join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Markup(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${verbatim(style)}</style>
</head>
<body>
<header>${head}</header>
<nav aria-label="Sections"><div>${sections.map(({ id, title: name }) => html`<a href="#${id}">${name}</a>`)}</div></nav>
<main>
${sections.map(({ id, title: name, body }) => html`<section id="${id}" aria-labelledby="${id}-title">\n<h2 id="${id}-title">${name}</h2>\n${body}\n</section>\n`)}</main>
<footer>${foot}</footer>
<script type="application/json" id="${CHART_DATA_ID}">${jsonForScript(charts)}</script>
${own?.data}${scripts.map((script) => html`<script>${verbatim(script)}</script>\n`)}</body>
</html>
`;
  return page.source;
}
