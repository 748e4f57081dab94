import { bytes, count } from '../../core/format.ts';
import { REASONS_WITH_EXAMPLES, type RefusedExample, reasonsOf, stepReason } from '../excerpts.ts';
import { documentName, figure, passage, type Section, shareOf } from '../figures.ts';
import { absent, html, type Markup, shorten, table } from '../html.ts';
import type { RunData, StepData } from '../run-data.ts';

const REASONS_LISTED = 40;

function measured({ value, threshold, detail }: RefusedExample): string {
  const parts: string[] = [];
  if (value !== undefined) parts.push(`measured ${figure(value)}`);
  if (threshold !== undefined) parts.push(`threshold ${figure(threshold)}`);
  if (detail !== undefined) parts.push(shorten(detail, 300));
  return parts.join('; ');
}

function example(one: RefusedExample): Markup {
  const text = one.excerpt
    ? passage(one.excerpt, one.left)
    : html`<p class="absent">Its text was not kept, or it has none.</p>`;
  return html`<div class="example"><div class="who"><span>${documentName(one.corpus, one.id)}</span><span>${measured(one)}</span></div>${text}</div>`;
}

function ofStep(data: RunData, step: StepData, unfolded: boolean): Markup {
  const reasons = reasonsOf(step);
  const gone = reasons.reduce((sum, { documents }) => sum + documents, 0);
  const came = step.tally!.in.documents;
  const listed = reasons.slice(0, REASONS_LISTED);
  const rows = listed.map(({ reason, documents, bytes: size }) => [
    shorten(reason),
    count(documents),
    shareOf(documents, came),
    bytes(size),
  ]);
  const examples = reasons.slice(0, REASONS_WITH_EXAMPLES).map(({ reason, documents }, i) => {
    const found = data.excerpts.refused.get(stepReason(step.name, reason)) ?? [];
    if (found.length === 0) return undefined;
    const state = i > 0 ? html`` : unfolded ? html` class="print" open` : html` class="print"`;
    return html`<details${state}><summary>${shorten(reason)}: ${count(found.length)} of ${count(documents)}</summary>${found.map(example)}</details>\n`;
  });
  return html`<h3>${step.name}</h3>${table(
    `${count(gone)} of ${count(came)} documents refused by ${step.name}`,
    [
      { heading: 'reason' },
      { heading: 'documents', numeric: true },
      { heading: 'of what came in', numeric: true },
      { heading: 'text', numeric: true },
    ],
    rows,
  )}${reasons.length > listed.length && html`<p class="note">${count(reasons.length - listed.length)} more reasons are not shown.</p>`}${examples}`;
}

export function refusedSection(data: RunData): Section {
  const frame = { id: 'refused', title: 'Refused' };
  const steps = data.steps.filter((step) => reasonsOf(step).length > 0);
  if (steps.length === 0) return { ...frame, body: absent('No step refused a document.') };
  const refused = ({ tally }: StepData): number => tally!.in.documents - tally!.out.documents;
  const most = steps.reduce((a, b) => (refused(b) > refused(a) ? b : a));
  const { filesRead, files } = data.excerpts;
  const body = html`<p>What each step refused and why, with examples chosen by a hash of their ids.</p>
${filesRead < files && html`<p class="note">Examples come from ${count(filesRead)} of ${count(files)} files of refused documents.</p>`}
${steps.map((step) => ofStep(data, step, step === most))}
<p class="note"><code>provender view RUN STEP --reason REASON</code> shows them all.</p>`;
  return { ...frame, body };
}
