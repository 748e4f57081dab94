/** The forest plot: what each change did to each domain. */

import type { AblationOutcome } from '../../ablate/outcome.ts';
import {
  type Analysis,
  type Comparison,
  type DomainDifference,
  MACRO_AVERAGE,
  type SettingAnalysis,
} from '../../ablate/statistics/analysis.ts';
import { decimalsOf, intervalWords, signed } from '../../ablate/statistics/sentences.ts';
import type { Section } from '../figures.ts';
import { html, type Markup, table } from '../html.ts';
import { forest, forestScale, type Tone } from './forest.ts';
import type { Scale } from './scale.ts';
import { chance, methodWords, pWords, RESULT_WORDS, resultClass } from './words.ts';

export function mainSetting(analysis: Analysis): SettingAnalysis {
  return analysis.settings[analysis.main]!;
}

/** Seen or not: the primary domain by Holm's test, another by its corrected interval. */
function toneOf(comparison: Comparison, one: DomainDifference): Tone {
  if (one.domain === comparison.primary?.domain) return resultClass(comparison.result);
  if (one.corrected.low > 0) return 'worse';
  return one.corrected.high < 0 ? 'better' : 'none';
}

export function resultMark({ result }: Comparison): Markup {
  return html`<span class="result ${resultClass(result)}">${RESULT_WORDS[result]}</span>`;
}

function comparisonPart(comparison: Comparison, scale: Scale, summary: string | undefined): Markup {
  const { arm, against, result, domains, sentence, control, reason, primary } = comparison;
  const role = control === 'positive-control' ? 'positive control' : control && 'null control';
  const head = html`<h3>${arm} − ${against} ${resultMark(comparison)} <small>${[role, summary].filter(Boolean).join(' · ')}</small></h3>`;
  if (domains.length === 0)
    return html`<div class="comparison">${head}<p class="note">Not comparable: ${reason}.</p></div>`;
  const better = primary && `The chance that ${arm} is better: ${chance(primary.probabilityBetter)}.`;
  const open = result === 'cannot-distinguish' && html`<p class="note">${sentence} ${better}</p>`;
  const decimals = Math.min(...domains.map(({ standardError }) => decimalsOf(standardError)));
  const rows = domains.map((one) => ({
    label: one.domain,
    mark: one.domain === primary?.domain ? 'primary' : undefined,
    tone: toneOf(comparison, one),
    difference: one,
    decimals,
  }));
  return html`<div class="comparison">${head}${open}\n${forest(rows, scale)}</div>\n`;
}

function numbers(comparisons: readonly Comparison[]): Markup {
  const rows = comparisons.flatMap(({ arm, against, domains, primary, adjustedP }) =>
    domains.map((one) => {
      const decimals = decimalsOf(one.standardError);
      return [
        `${arm} − ${against}`,
        one.domain,
        signed(one.difference, decimals),
        intervalWords(one.interval, decimals),
        intervalWords(one.corrected, decimals),
        one.overDocuments ? intervalWords(one.overDocuments.interval, decimals) : '–',
        pWords(one.p),
        one.domain === primary?.domain ? pWords(adjustedP!) : '–',
        chance(one.probabilityBetter),
        chance(one.probabilityBetterInOneRun),
        methodWords(one),
      ];
    }),
  );
  const headings = [
    'difference',
    'interval',
    'corrected',
    'other documents too',
    'p',
    'p, Holm',
    'A better on average',
    'in one run',
  ];
  return table(
    'A − B in bits per byte: below 0, A is better',
    [
      { heading: 'A − B' },
      { heading: 'domain' },
      ...headings.map((heading) => ({ heading, numeric: true })),
      { heading: 'spread from' },
    ],
    rows,
  );
}

const LEGEND = html`<p class="legend"><span><svg aria-hidden="true"><circle cx="50%" cy="50%" r="5"/></svg>difference of the means</span>
<span><svg aria-hidden="true"><line class="thick" x1="0" x2="100%" y1="50%" y2="50%"/></svg>its interval alone</span>
<span><svg aria-hidden="true"><line class="wide" x1="0" x2="100%" y1="50%" y2="50%"/></svg>corrected: all comparisons hold together</span>
<span>right of 0: A is worse</span></p>`;

export function differencesSection(outcome: AblationOutcome, analysis: Analysis): Section {
  const { comparisons } = mainSetting(analysis);
  const scale = forestScale(comparisons);
  const summaries = new Map(outcome.arms.map(({ name, summary }) => [name, summary]));
  const anyDocuments = comparisons.some(({ domains }) => domains.some(({ overDocuments }) => overDocuments));
  const share = Math.round(100 * analysis.confidence);
  const targets = outcome.domains.map(({ name, target }) => `${name}: ${target}`).join('; ');
  return {
    id: 'differences',
    title: 'Differences',
    body: html`<p>A minus B in held-out bits per byte, over the same raw bytes, with ${share} % intervals from the spread between trainings. Domains that got worse come first${outcome.domains.length > 1 && html`; the ${MACRO_AVERAGE} weighs them as the file says`}. ${targets}.</p>
${LEGEND}
${comparisons.map((comparison) => comparisonPart(comparison, scale, summaries.get(comparison.arm)))}
<details class="print"><summary>All figures as a table</summary>${numbers(comparisons)}
${anyDocuments && html`<p class="note">“Other documents too”: runs and held-out documents both taken as samples, crossed. The other intervals are for these documents.</p>`}</details>`,
  };
}
