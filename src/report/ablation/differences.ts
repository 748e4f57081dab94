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
import { html, type Markup, shorten, table } from '../html.ts';
import { at, gridLines, type Scale, scaleOver, tickLabels } from './scale.ts';
import { chance, methodWords, pWords, RESULT_WORDS, resultClass } from './words.ts';

export function mainSetting(analysis: Analysis): SettingAnalysis {
  return analysis.settings[analysis.main]!;
}

/** An interval may reach so many times as far as the differences and the primary intervals; the rest is cut off. */
const REACH = 1.5;

/**
 * One scale for all comparisons, so that they can be held against each other; 0 is always on it. Every difference and
 * every interval of the primary domain fits; another domain's interval that is far wider is cut, and marked.
 */
export function forestScale(comparisons: readonly Comparison[]): Scale {
  const all = comparisons.flatMap(({ domains }) => domains);
  const primary = comparisons.flatMap((one) => one.primary ?? []);
  const must = [
    0,
    ...all.map(({ difference }) => difference),
    ...primary.flatMap(({ corrected }) => [corrected.low, corrected.high]),
  ];
  const least = REACH * Math.min(...must);
  const most = REACH * Math.max(...must);
  const may = all.flatMap(({ corrected }) => [
    Math.max(least, corrected.low),
    Math.min(most, corrected.high),
  ]);
  return scaleOver([...must, ...may]);
}

/** Seen or not: the primary domain by Holm's test, another by its corrected interval. */
function toneOf(comparison: Comparison, one: DomainDifference): 'worse' | 'better' | 'none' {
  if (one.domain === comparison.primary?.domain) return resultClass(comparison.result);
  if (one.corrected.low > 0) return 'worse';
  return one.corrected.high < 0 ? 'better' : 'none';
}

function domainRow(comparison: Comparison, one: DomainDifference, scale: Scale): Markup {
  const { domain, difference, interval, corrected } = one;
  const decimals = Math.min(...comparison.domains.map(({ standardError }) => decimalsOf(standardError)));
  const tone = toneOf(comparison, one);
  const isPrimary = domain === comparison.primary?.domain;
  const mark = isPrimary ? 'primary' : undefined;
  const words = `${domain}: ${signed(difference, decimals)} bits per byte, interval ${intervalWords(interval, decimals)}, corrected ${intervalWords(corrected, decimals)}`;
  const line = (kind: string, { low, high }: { low: number; high: number }) =>
    html`<line class="${kind} ${tone}" x1="${at(scale, low)}" x2="${at(scale, high)}" y1="50%" y2="50%"/>`;
  return html`<li><span class="label">${isPrimary ? html`<b>${shorten(domain, 40)}</b>` : shorten(domain, 40)}${mark && html`<small>${mark}</small>`}</span>
<span class="plot"><svg class="range" role="img" aria-label="${words}"><title>${words}</title>${gridLines(scale)}${beyond(scale, corrected)}${line('wide', corrected)}${line('thick', interval)}<circle class="${tone}" cx="${at(scale, difference)}" cy="50%" r="5"/></svg></span>
<span class="value">${signed(difference, decimals)} <small class="both">(${intervalWords(interval, decimals)})</small></span></li>\n`;
}

/** Arrows where an interval goes on beyond the picture. */
function beyond(scale: Scale, { low, high }: { low: number; high: number }): Markup {
  const arrow = (kind: string, x: string, sign: string) =>
    html`<text class="${kind}" x="${x}" y="1.1rem">${sign}</text>`;
  return html`${low < scale.low && arrow('from', '0', '◂')}${high > scale.high && arrow('to', '100%', '▸')}`;
}

function scaleRow(scale: Scale): Markup {
  return html`<li class="scale"><span class="label"></span><span class="plot">${tickLabels(scale, (tick) => (tick === 0 ? '0' : signed(tick, scale.decimals)))}</span><span class="value"></span></li>`;
}

export function forestOf(comparison: Comparison, scale: Scale, summary: string | undefined): Markup {
  const { arm, against, result, domains, sentence, control, reason } = comparison;
  const role = control === 'positive-control' ? 'positive control' : control && 'null control';
  const told = html`<span class="result ${resultClass(result)}">${RESULT_WORDS[result]}</span>`;
  const head = html`<h3>${arm} − ${against} ${told} <small>${[role, summary].filter(Boolean).join(' · ')}</small></h3>`;
  if (domains.length === 0)
    return html`<div class="comparison">${head}<p class="note">Not comparable: ${reason}.</p></div>`;
  const open = result === 'cannot-distinguish' && html`<p class="note">${sentence}</p>`;
  return html`<div class="comparison">${head}${open}
<ol class="forest">${domains.map((one) => domainRow(comparison, one, scale))}${scaleRow(scale)}</ol></div>\n`;
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
${comparisons.map((comparison) => forestOf(comparison, scale, summaries.get(comparison.arm)))}
<details class="print"><summary>All figures as a table</summary>${numbers(comparisons)}
${anyDocuments && html`<p class="note">“Other documents too”: runs and held-out documents both taken as samples, crossed. The other intervals are for these documents.</p>`}</details>`,
  };
}
