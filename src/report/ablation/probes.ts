/** What was refused, and how the model saw it. */

import type {
  AblationOutcome,
  FilterProbe,
  Probes,
  ScoredExample,
  ScoredRange,
} from '../../ablate/outcome.ts';
import type { Analysis } from '../../ablate/statistics/analysis.ts';
import { differenceWords } from '../../ablate/statistics/sentences.ts';
import { bytes, count, counted } from '../../core/format.ts';
import { barTable, bits, documentName, figure, passage, type Section, shareOf } from '../figures.ts';
import { cut, html, type Markup, table } from '../html.ts';
import { mainSetting } from './differences.ts';
import { at, type Scale, scaleOver, tickLabels } from './scale.ts';

const BINS = 32;
const TEXT_SHOWN = 600;
const EXAMPLES_SHOWN = 3;

/** Two distributions over one axis, each by its own share, so that a small heap shows beside a large one. */
function distributions({ refused, kept, step }: FilterProbe): Markup {
  const all = [...refused.perDocument, ...kept.perDocument].sort((a, b) => a - b);
  if (all.length < 2) return html``;
  // A few documents far out would leave the rest a sliver: what lies beyond stands in the last bar.
  const high = all[Math.min(all.length - 1, Math.floor(0.99 * all.length))]!;
  const scale = scaleOver([all[0]!, high]);
  const shares = [kept.perDocument, refused.perDocument].map((values) => sharesOf(values, scale));
  const most = Math.max(...shares.flat(), 1e-9);
  const bars = (heights: readonly number[], kind: string) =>
    heights.map(
      (share, i) =>
        share > 0 &&
        html`<rect class="${kind}" x="${percent(i / BINS)}" width="${percent(0.96 / BINS)}" y="${percent(1 - share / most)}" height="${percent(share / most)}"/>`,
    );
  const words = `${step}: bits per byte of the documents kept and refused`;
  return html`<div class="double"><svg role="img" aria-label="${words}"><title>${words}</title>${bars(shares[0]!, 'kept')}${bars(shares[1]!, 'drop')}<line class="axis" x1="0" x2="100%" y1="100%" y2="100%"/></svg>${tickLabels(scale, (tick) => tick.toFixed(scale.decimals))}
<p class="key"><span class="k-kept">kept</span><span class="k-drop">refused</span> share of documents by bits per byte</p></div>`;
}

function sharesOf(values: readonly number[], scale: Scale): number[] {
  const heights = new Array<number>(BINS).fill(0);
  for (const value of values) {
    const share = Number.parseFloat(at(scale, value)) / 100;
    heights[Math.min(BINS - 1, Math.floor(share * BINS))]! += 1 / values.length;
  }
  return heights;
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(2))}%`;
}

function examples(title: string, all: readonly ScoredExample[] | undefined): Markup | undefined {
  if (!all || all.length === 0) return undefined;
  return html`<details><summary>${title}</summary>${all.slice(0, EXAMPLES_SHOWN).map((example) => {
    const { text, left } = cut(example.text, TEXT_SHOWN);
    return html`<div class="example"><div class="who"><span>${documentName(example.corpus, example.id)}</span><span>${bits(example.bitsPerByte)} bits per byte</span>${example.reason && html`<span>${example.reason}</span>`}</div>${passage(text, left)}</div>`;
  })}</details>`;
}

/** Refused text that surprises the model less than kept text was ordinary; what the leave-one-out arm says decides. */
function filterPart(probe: FilterProbe, analysis: Analysis): Markup {
  const { step, arm, refused, kept } = probe;
  const comparison = mainSetting(analysis).comparisons.find((one) => one.arm === arm);
  const ratio = refused.bitsPerByte / kept.bitsPerByte - 1;
  const direction =
    Math.abs(ratio) < 0.005
      ? 'as many bits per byte as'
      : `${Math.abs(100 * ratio).toFixed(0)} % ${ratio > 0 ? 'more' : 'fewer'} bits per byte than`;
  const earned = comparison?.primary
    ? `Without it (${arm}): ${differenceWords(comparison.primary)} on ${comparison.primary.domain}.`
    : undefined;
  return html`<h3>${step}</h3><p>It refused ${counted(refused.documents, 'document')} (${bytes(refused.bytes)}), which take the model ${bits(refused.bitsPerByte)} bits per byte: ${direction} those kept (${bits(kept.bitsPerByte)}). ${earned}</p>
${distributions(probe)}${examples('Refused, and least surprising to the model', refused.least)}${examples('Refused, and most surprising', refused.most)}${examples('Kept, and most surprising', kept.most)}`;
}

function rangesTable(caption: string, heading: string, rows: readonly ScoredRange[]): Markup {
  const most = Math.max(...rows.map(({ bitsPerByte }) => bitsPerByte), 1e-9);
  return barTable(
    caption,
    [heading, 'bits per byte'],
    rows.map(({ low, high, bitsPerByte, documents }) => ({
      label: `${low === high ? figure(low) : `${figure(low)}\u00a0to\u00a0${figure(high)}`}\u00a0(${count(documents)})`,
      parts: [{ kind: 'plain' as const, share: bitsPerByte / most }],
      value: bits(bitsPerByte),
    })),
  );
}

function memorization(canaries: NonNullable<Probes['canaries']>): Markup {
  return html`<h3>Memorization</h3><p>Random texts were put into the training data so many times; extracted means that the model completes them word for word.</p>${table(
    'Canaries',
    [
      { heading: 'times seen', numeric: true },
      { heading: 'canaries', numeric: true },
      { heading: 'extracted', numeric: true },
      { heading: 'share', numeric: true },
      { heading: 'bits per byte', numeric: true },
    ],
    canaries.map(({ repeats, canaries: n, extracted, bitsPerByte }) => [
      count(repeats),
      count(n),
      count(extracted),
      shareOf(extracted, n),
      bits(bitsPerByte),
    ]),
  )}`;
}

/** Undefined where nothing was probed. */
export function probesSection({ probes }: AblationOutcome, analysis: Analysis): Section | undefined {
  const { filters = [], signals = [], clusterSizes = [], canaries = [], model } = probes ?? {};
  if (filters.length + signals.length + clusterSizes.length + canaries.length === 0) return undefined;
  return {
    id: 'refused',
    title: 'What was refused',
    body: html`<p>Documents as a trained model sees them${model && ` (${model})`}: few bits per byte, and the text is like what it learned; many, and it is unlike it, which may be noise or may be what is missing. Scores alone do not say whether a filter earned its keep: its leave-one-out arm does.</p>
${filters.map((probe) => filterPart(probe, analysis))}
${signals.map(({ signal, rows }) => html`<h3>By ${signal}</h3>${rangesTable(`Bits per byte by ${signal}, documents in brackets`, signal, rows)}`)}
${clusterSizes.length > 0 && html`<h3>By size of the duplicate cluster</h3>${rangesTable('Bits per byte by size of the cluster, documents in brackets', 'copies', clusterSizes)}`}
${canaries.length > 0 && memorization(canaries)}`,
  };
}
