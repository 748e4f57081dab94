import { readFileSync } from 'node:fs';
import { count } from '../../core/format.ts';
import { html, jsonForScript, type Markup } from '../../report/html.ts';
import { renderPage } from '../../report/page.ts';
import type { PageData } from './page-types.ts';
import { INSPECT_STYLE } from './style.ts';

/** The page's script, in the order in which its files need one another: compiled, from dist. */
const SCRIPT_FILES = [
  'decision.js',
  'page/codes.js',
  'page/inspector.js',
  'page/client/elements.js',
  'page/client/example-card.js',
  'page/client/rule-card.js',
  'page/client/overview.js',
  'page/client/main.js',
] as const;

const built = new URL(import.meta.url.endsWith('.ts') ? '../../../dist/inspect/' : '../', import.meta.url);

/** The files as one script: their imports of one another are needless in one scope. */
export function pageScript(files: readonly string[] = SCRIPT_FILES): string {
  const sources = files.map((file) =>
    readFileSync(new URL(file, built), 'utf8')
      .replace(/^import [^;]*;$/gm, '')
      .replace(/^export (?=(?:async )?(?:function|class|const|let)\b)/gm, '')
      .replace(/^export \{[^}]*\};$/gm, ''),
  );
  return `(() => {\n'use strict';\n${sources.join('\n')}\n})();\n`;
}

function headOf(data: PageData): Markup {
  const { documents, total, heldOut, countedTokens, leftOut } = data;
  const sample = documents < total;
  return html`<p class="kicker">provender inspect</p><h1>${data.title}</h1>
<p class="verdict">What each threshold drops, and what another one would.</p>
${sample && html`<p class="warn">The numbers are of a sample: ${count(documents)} of ${count(total)} documents, drawn at random by their names.</p>`}
<p class="note">${!sample && html`All ${count(total)} documents are in this page; it counts exactly what a run with these thresholds drops. `}${heldOut > 0 && html`${count(heldOut)} held-out documents are never judged. `}${leftOut.length > 0 && html`Counted as if ${leftOut.join(', ')} dropped nothing: such a step looks at all documents together. `}${countedTokens ? 'Tokens are counted by the tokenizer.' : 'Tokens are taken to be 4 bytes each.'}</p>
<noscript><p class="warn">The sliders need JavaScript.</p></noscript>`;
}

/** One self-contained HTML file in which thresholds are sliders. */
export function renderInspection(data: PageData, version: string): string {
  const key = html`<p class="key"><span class="k-kept">kept</span><span class="k-drop">dropped by the rule</span><span class="k-other">dropped by another</span></p>`;
  return renderPage({
    title: `${data.title}: provender inspect`,
    head: headOf(data),
    sections: [
      {
        id: 'funnel',
        title: 'Funnel',
        body: html`<ol class="funnel" id="steps"></ol>`,
      },
      {
        id: 'thresholds',
        title: 'Thresholds',
        body: html`<p>Move a slider and everything follows. A tick switches a rule, or all of a step's drops, on and off; what a step edits in a text stays edited. Left to right are values of the signal; heights are square roots of the number of documents.</p>
${key}<div class="tools"><button type="button" id="reset">The pipeline's thresholds</button></div><div id="rules"></div>`,
      },
      { id: 'take-over', title: 'These thresholds in a run', body: html`<pre id="command"></pre>` },
      { id: 'overlap', title: 'Overlap', body: html`<div id="both"></div>` },
      {
        id: 'by',
        title: 'Corpora and languages',
        body: html`<div id="corpora"></div><div id="languages"></div>`,
      },
      {
        id: 'examples',
        title: 'Examples',
        body: html`<div class="tools"><button type="button" id="other-examples">Others</button></div><div class="two"><div><h3>What goes</h3><div id="gone"></div></div><div><h3>What stays</h3><div id="stays"></div></div></div>`,
      },
    ],
    charts: [],
    foot: html`<p>Written by provender ${version}. This file asks nothing of the network.</p><div id="kept" role="status" aria-live="polite"></div>`,
    style: INSPECT_STYLE,
    own: {
      data: html`<script type="application/json" id="inspect-data">${jsonForScript(data)}</script>\n`,
      script: pageScript(),
    },
  });
}
