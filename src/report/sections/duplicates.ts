import { count, counted, plural } from '../../core/format.ts';
import { documentKey, pairsOf } from '../excerpts.ts';
import { barTable, card, cards, documentName, passage, type Section, shareOf } from '../figures.ts';
import { absent, html, type Markup } from '../html.ts';
import { finite } from '../read-outcome.ts';
import type { RunData, StepData } from '../run-data.ts';

/** Pairs that are not folded up. */
const PAIRS_OPEN = 2;

function member(data: RunData, role: string, { corpus, id }: { corpus: string; id: string }): Markup {
  const found = data.excerpts.named.get(documentKey(corpus, id));
  return html`<div><strong>${role}</strong> ${documentName(corpus, id)}${
    found && found.excerpt !== ''
      ? passage(found.excerpt, found.left)
      : absent('Its text was not found near this step.')
  }</div>`;
}

function pair(data: RunData, { kept, removed, jaccard }: ReturnType<typeof pairsOf>[number]): Markup {
  // Of exact duplicates there is nothing to measure.
  const alike = jaccard !== undefined && jaccard < 1;
  return html`<div class="pair">${alike && html`<p>Jaccard similarity ${jaccard.toFixed(3)}</p>`}${member(data, 'Kept', kept)}${member(data, 'Removed', removed)}</div>`;
}

function ofStep(data: RunData, step: StepData): Markup {
  const outcome = step.outcome!;
  const number = (name: string): number | undefined => finite(outcome[name]);
  const documents = number('documents');
  const removed = number('removed');
  const forHeldOut = number('removedForHeldOut') ?? 0;
  const indexed = number('indexDocuments');
  const figures: (Markup | undefined)[] = [
    card(
      count(number('clusters') ?? 0),
      plural(number('clusters') ?? 0, 'cluster'),
      documents === undefined ? undefined : `among ${counted(documents, 'document')}`,
    ),
    removed === undefined
      ? undefined
      : card(
          count(removed),
          `${plural(removed, 'document')} removed`,
          documents ? shareOf(removed, documents) : undefined,
        ),
    number('largestCluster') === undefined
      ? undefined
      : card(count(number('largestCluster')!), 'in the largest cluster'),
    forHeldOut > 0
      ? card(count(forHeldOut), 'removed for the held-out set', 'training documents like one of it')
      : undefined,
    indexed === undefined
      ? undefined
      : card(
          count(number('removedForIndex') ?? 0),
          'known from earlier runs',
          `${count(indexed)} in the index`,
        ),
  ];
  const sizes = data.clusterSizes.get(step.name);
  const most = Math.max(1, ...(sizes?.ranges.map(({ clusters }) => clusters) ?? []));
  const pairs = pairsOf(step);
  return html`<h3>${step.name}</h3>${cards(figures)}
${
  sizes && sizes.ranges.length > 0
    ? html`${barTable(
        'Clusters by number of documents',
        ['documents', 'clusters'],
        sizes.ranges.map(({ from, to, clusters }) => ({
          label: from === to ? count(from) : `${count(from)} to ${count(to)}`,
          parts: [{ kind: 'plain' as const, share: clusters / most }],
          value: count(clusters),
        })),
      )}${sizes.partial && html`<p class="note">Of the first members only: there are too many to read for a report.</p>`}`
    : (number('clusters') ?? 0) > 0 && absent('The sizes of the clusters are not to be had.')
}
${pairs.length > 0 && html`<h4>Examples</h4>${pairs.slice(0, PAIRS_OPEN).map((one) => pair(data, one))}`}
${pairs.length > PAIRS_OPEN && html`<details><summary>${count(pairs.length - PAIRS_OPEN)} more</summary>${pairs.slice(PAIRS_OPEN).map((one) => pair(data, one))}</details>`}`;
}

export function duplicatesSection(data: RunData): Section {
  const frame = { id: 'duplicates', title: 'Duplicates' };
  const steps = data.steps.filter(({ outcome }) => finite(outcome?.clusters) !== undefined);
  if (steps.length === 0)
    return { ...frame, body: absent('No deduplication was done, or it is not complete.') };
  return { ...frame, body: html`${steps.map((step) => ofStep(data, step))}` };
}
