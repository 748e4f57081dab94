/** What each arm is, what its steps dropped, and what its trainings ate. */

import type { AblationOutcome, ArmOutcome, ArmStep } from '../../ablate/outcome.ts';
import { bytes, count, counted } from '../../core/format.ts';
import { bar, digest, facts, type Section, shareOf } from '../figures.ts';
import { html, type Markup, shorten, table } from '../html.ts';

const REASONS_SHOWN = 5;

function stepRow(step: ArmStep, most: number): Markup {
  const { documentsIn, documentsOut, bytesIn, bytesOut, drops } = step;
  const gone = documentsIn - documentsOut;
  const line = `${step.step}: ${count(documentsOut)} of ${counted(documentsIn, 'document')} kept, ${bytes(bytesOut)} of ${bytes(bytesIn)}`;
  const reasons = Object.entries(drops).sort(([, a], [, b]) => b - a);
  const rest = reasons.slice(REASONS_SHOWN).reduce((sum, [, n]) => sum + n, 0);
  return html`<li><div class="head"><span><b>${step.step}</b>${step.kind !== step.step && html` <span class="kind">${step.kind}</span>`}</span>
<span>${gone > 0 ? `${count(gone)} dropped (${shareOf(gone, documentsIn)})` : 'nothing dropped'}; ${count(documentsOut)} kept, ${bytes(bytesOut)}</span></div>
${bar(line, [
  { kind: 'kept', share: documentsOut / most },
  { kind: 'drop', share: gone / most },
])}
${reasons.length > 0 && html`<ul class="reasons">${reasons.slice(0, REASONS_SHOWN).map(([reason, n]) => html`<li>${shorten(reason)} ${count(n)}</li>`)}${rest > 0 && html`<li>other reasons ${count(rest)}</li>`}</ul>`}</li>\n`;
}

function sameStep(a: ArmStep | undefined, b: ArmStep): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}

function option(value: unknown): string {
  return value === undefined || value === null ? 'nothing' : shorten(JSON.stringify(value), 80);
}

/** A step that was taken out or put in has all its options on one side: a word says that. */
function changeLine({ path, from, to }: ArmOutcome['changes'][number]): Markup {
  const isWhole = (value: unknown) => typeof value === 'object' && value !== null;
  if (isWhole(from) && (to ?? null) === null) return html`<li><code>${path}</code>: left out</li>`;
  if (isWhole(to) && (from ?? null) === null)
    return html`<li><code>${path}</code>: added, ${option(to)}</li>`;
  return html`<li><code>${path}</code>: ${option(from)} → ${option(to)}</li>`;
}

function changesOf({ changes }: ArmOutcome): Markup | undefined {
  if (changes.length === 0) return undefined;
  return html`<ul class="changes">${changes.map(changeLine)}</ul>`;
}

function armPart(arm: ArmOutcome, base: ArmOutcome | undefined, most: number): Markup {
  const isBase = arm === base;
  const differing = arm.funnel.filter(
    (step) =>
      isBase ||
      !sameStep(
        base?.funnel.find((one) => one.step === step.step),
        step,
      ),
  );
  const missing = isBase
    ? []
    : (base?.funnel.filter(({ step }) => !arm.funnel.some((one) => one.step === step)) ?? []);
  const same = arm.funnel.length - differing.length;
  const last = arm.funnel.at(-1);
  const about = [
    last && `${counted(last.documentsOut, 'document')}, ${bytes(last.bytesOut)} kept`,
    `${counted(arm.trainTokens, 'token')} to train from`,
    arm.overlapsRemoved > 0 &&
      `${counted(arm.overlapsRemoved, 'document')} removed as they overlap the held-out set`,
  ].filter((one) => typeof one === 'string');
  return html`<div class="arm"><h3>${arm.name} <small>${arm.summary}</small></h3>
${arm.warnings.map(({ reason, detail }) => html`<div class="warn failed"><p class="note"><b>${reason}</b>: ${detail}</p></div>`)}
${changesOf(arm)}<p class="note">${about.join('; ')}.${missing.length > 0 && ` Left out: ${missing.map(({ step }) => step).join(', ')}.`}${same > 0 && ` ${same} of ${arm.funnel.length} steps ${same === 1 ? 'is' : 'are'} as in the base${differing.length > 0 ? '; those that differ:' : '.'}`}</p>
${differing.length > 0 && html`<ol class="funnel">${differing.map((step) => stepRow(step, most))}</ol>`}</div>\n`;
}

function mixtureTable(arms: readonly ArmOutcome[]): Markup | undefined {
  const corpora = [...new Set(arms.flatMap(({ mixture }) => mixture.map(({ corpus }) => corpus)))].sort();
  if (corpora.length === 0) return undefined;
  return html`<h3>What they ate</h3>${table(
    'Share of the training tokens by corpus, and how often each token was seen',
    [{ heading: 'arm' }, ...corpora.map((corpus) => ({ heading: shorten(corpus, 40), numeric: true }))],
    arms.map(({ name, mixture }) => [
      name,
      ...corpora.map((corpus) => {
        const one = mixture.find((part) => part.corpus === corpus);
        return one ? `${shareOf(one.share, 1)}, ${one.epochs.toFixed(2)}×` : '–';
      }),
    ]),
  )}`;
}

export function armsSection({ arms }: AblationOutcome): Section {
  const base = arms.find(({ role }) => role === 'base');
  const most = Math.max(1, ...arms.flatMap(({ funnel }) => funnel.map(({ documentsIn }) => documentsIn)));
  return {
    id: 'arms',
    title: 'Arms',
    body: html`<p class="key"><span class="k-kept">kept</span><span class="k-drop">dropped</span> documents</p>
${arms.map((arm) => armPart(arm, base, most))}${mixtureTable(arms)}`,
  };
}

export function armDigests({ arms }: AblationOutcome): Markup {
  return html`${arms.map(({ name, digests }) => html`<h4>${name}</h4>${facts(Object.entries(digests).map(([artifact, hash]) => [artifact, digest(hash)]))}`)}`;
}
