import { bytes, count } from '../../core/format.ts';
import { reasonsOf } from '../excerpts.ts';
import { bar, type Section, shareOf } from '../figures.ts';
import { absent, html, type Markup, shorten, table } from '../html.ts';
import type { RunData, StepData } from '../run-data.ts';

const REASONS_SHOWN = 6;
const CORPORA_SHOWN = 40;

/** Steps that documents reached. */
export function stepsWithDocuments(data: RunData): StepData[] {
  return data.steps.filter(({ tally }) => tally !== undefined && tally.in.documents > 0);
}

function row(step: StepData, most: { documents: number; bytes: number }): Markup {
  const { name, kind, tally } = step;
  const { in: came, out: kept, counters } = tally!;
  const gone = came.documents - kept.documents;
  const line = `${count(kept.documents)} of ${count(came.documents)} documents kept, ${bytes(kept.bytes)} of ${bytes(came.bytes)}`;
  const parts = (measure: 'documents' | 'bytes') => {
    const whole = Math.max(1, most[measure]);
    return [
      { kind: 'kept' as const, share: kept[measure] / whole },
      { kind: 'drop' as const, share: Math.max(0, came[measure] - kept[measure]) / whole },
    ];
  };
  const reasons = reasonsOf(step);
  const rest = reasons.slice(REASONS_SHOWN);
  return html`<li><div class="head"><span><b>${name}</b>${kind !== name && html` <span class="kind">${kind}</span>`}</span>
<span>${gone > 0 ? html`${count(gone)} dropped (${shareOf(gone, came.documents)})` : 'nothing dropped'}; ${count(kept.documents)} kept</span></div>
${bar(`${name}: ${line}`, parts('documents'))}${bar(`${name}, text: ${bytes(kept.bytes)} of ${bytes(came.bytes)} kept`, parts('bytes'))}
${
  (reasons.length > 0 || Object.keys(counters).length > 0) &&
  html`<ul class="reasons">${reasons.slice(0, REASONS_SHOWN).map(({ reason, documents }) => html`<li>${shorten(reason)} ${count(documents)}</li>`)}${rest.length > 0 && html`<li>${rest.length === 1 ? '1 more reason' : `${count(rest.length)} more reasons`} ${count(rest.reduce((sum, { documents }) => sum + documents, 0))}</li>`}${Object.entries(
    counters,
  )
    .slice(0, REASONS_SHOWN)
    .map(([counter, n]) => html`<li>${shorten(counter)}: ${count(n)}</li>`)}</ul>`
}</li>\n`;
}

function byCorpus(all: readonly StepData[]): Markup | undefined {
  // A step that let everything through has no column of its own; records that a source could not read have no corpus.
  const steps = all.filter(({ tally }, i) => i > 0 && tally!.out.documents < tally!.in.documents);
  const corpora = [...new Set(all.flatMap(({ tally }) => Object.keys(tally!.byCorpus)))].sort();
  if (corpora.length === 0) return undefined;
  const shown = corpora.slice(0, CORPORA_SHOWN);
  const rows = shown.map((corpus) => {
    const of = ({ tally }: StepData) => new Map(Object.entries(tally!.byCorpus)).get(corpus);
    const first = all.map(of).find((one) => one !== undefined)!;
    const last = of(all.at(-1)!);
    return [
      shorten(corpus),
      count(first.in.documents),
      ...steps.map((step) => count(of(step)?.out.documents ?? 0)),
      shareOf(last?.out.documents ?? 0, first.in.documents),
      bytes(first.in.bytes),
      bytes(last?.out.bytes ?? 0),
    ];
  });
  const columns = [
    { heading: 'corpus' },
    { heading: 'in', numeric: true },
    ...steps.map(({ name }) => ({ heading: name, numeric: true })),
    { heading: 'kept', numeric: true },
    { heading: 'text in', numeric: true },
    { heading: 'text kept', numeric: true },
  ];
  return html`<h3>By corpus</h3>${table('Documents of each corpus after each step that dropped some', columns, rows)}
${corpora.length > shown.length && html`<p class="note">${count(corpora.length - shown.length)} more corpora are not shown.</p>`}`;
}

function stepTable(steps: readonly StepData[]): Markup {
  return table(
    'Documents and text by step',
    [
      { heading: 'step' },
      { heading: 'in', numeric: true },
      { heading: 'kept', numeric: true },
      { heading: '', numeric: true },
      { heading: 'text in', numeric: true },
      { heading: 'text kept', numeric: true },
      { heading: 'dropped, and why' },
    ],
    steps.map((step) => {
      const { in: came, out: kept } = step.tally!;
      return [
        step.name,
        count(came.documents),
        count(kept.documents),
        shareOf(kept.documents, came.documents),
        bytes(came.bytes),
        bytes(kept.bytes),
        reasonsOf(step)
          .slice(0, 20)
          .map(({ reason, documents }) => `${shorten(reason)} ${count(documents)}`)
          .join(', '),
      ];
    }),
  );
}

export function funnelSection(data: RunData): Section {
  const steps = stepsWithDocuments(data);
  const frame = { id: 'funnel', title: 'Funnel' };
  if (steps.length === 0) return { ...frame, body: absent('No step has seen documents yet.') };
  const most = {
    documents: Math.max(...steps.map(({ tally }) => tally!.in.documents)),
    bytes: Math.max(...steps.map(({ tally }) => tally!.in.bytes)),
  };
  const body = html`<p>What each step let through and what it dropped. Held-out documents pass every filter.</p>
<p class="key"><span class="k-kept">kept</span><span class="k-drop">dropped</span> thick: documents; thin: text</p>
<ol class="funnel">${steps.map((step) => row(step, most))}</ol>
<details><summary>The same as a table</summary>${stepTable(steps)}</details>
${byCorpus(steps)}`;
  return { ...frame, body };
}
