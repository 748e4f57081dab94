/** Every run, the spread between them, and what it would take to see what was not seen. */

import type { AblationOutcome } from '../../ablate/outcome.ts';
import type { Analysis, ArmSummary, Power, SettingAnalysis } from '../../ablate/statistics/analysis.ts';
import { decimalsOf, seedsWords, signed } from '../../ablate/statistics/sentences.ts';
import type { Section } from '../figures.ts';
import { html, type Markup, table } from '../html.ts';
import { mainSetting } from './differences.ts';
import { at, gridLines, type Scale, scaleOver, tickLabels } from './scale.ts';
import { correlationWords, plural } from './words.ts';

function runsRow(
  { arm, runs, diverged, failed, domains, excluded }: ArmSummary,
  primary: string,
  scale: Scale,
): Markup {
  const { mean = null, spread = null, values = [] } = domains[primary] ?? {};
  const words = `${arm}: ${values.map((value) => value.toFixed(3)).join(', ')}`;
  const lost = diverged + failed;
  return html`<li><span class="label">${arm}</span>
<span class="plot"><svg class="range" role="img" aria-label="${words}"><title>${words}</title>${gridLines(scale)}${values.map((value) => html`<circle class="run" cx="${at(scale, value)}" cy="50%" r="4.5"/>`)}${mean !== null && html`<line class="mean" x1="${at(scale, mean)}" x2="${at(scale, mean)}" y1="20%" y2="80%"/>`}</svg></span>
<span class="value">${mean === null ? '–' : mean.toFixed(3)} <small class="both">${spread === null ? '' : `spread ${spread.toFixed(4)}, `}${plural(runs, 'run')}${lost > 0 && `, ${lost} lost`}${excluded !== undefined && ', takes no part'}</small></span></li>\n`;
}

export function runsFigure(setting: SettingAnalysis, primary: string): Markup {
  const all = setting.arms.flatMap(({ domains }) => domains[primary]?.values ?? []);
  if (all.length === 0) return html``;
  const scale = scaleOver(all);
  return html`<ol class="forest">${setting.arms.map((arm) => runsRow(arm, primary, scale))}<li class="scale"><span class="label"></span><span class="plot">${tickLabels(scale, (tick) => tick.toFixed(scale.decimals))}</span><span class="value"></span></li></ol>`;
}

/** How the intervals came about, a sentence each. */
export function methodSentences(setting: SettingAnalysis, primary: string, family: number): string[] {
  const spread = setting.spreads[primary];
  const sentences: string[] = [];
  if (spread) {
    const { value, low, high, degreesOfFreedom, ratio, unequal } = spread;
    const ratioWords = ratio === null ? 'without bound' : `${ratio.toFixed(1)} times`;
    sentences.push(
      unequal
        ? `The unit of replication is the training. The arms' spreads differ ${ratioWords}, more than 3: they are not pooled, and each comparison is Welch's, from the spreads of its own two arms.`
        : `The unit of replication is the training. Trainings of one arm spread by a standard deviation of ${value.toFixed(4)} bits per byte on ${primary} (${low.toFixed(4)} to ${high.toFixed(4)}, ${Number(degreesOfFreedom.toFixed(1))} degrees of freedom). The arms' spreads differ ${ratioWords}, not more than 3: one, pooled over all arms, serves every comparison, with the seeds as blocks where arms share them.`,
    );
  }
  sentences.push(
    `${plural(family, 'comparison')}, controls included, ${family === 1 ? 'is' : 'are'} tested on ${primary} and corrected by Holm; corrected intervals are Bonferroni's, which hold all at once.`,
  );
  if (setting.correlation)
    sentences.push(`Correlation of runs that share seeds: ${correlationWords(setting.correlation)}.`);
  return sentences;
}

function powerTable(
  rows: readonly { readonly name: string; readonly power: Power; readonly decimals: number }[],
): Markup {
  return html`<h3>What it would take</h3>
<p>Seeds at which a difference as large as the one observed would be found four times in five, and the smallest difference that the present seeds find that often; the ranges come from the interval of the spread. That a difference was observed is no evidence that it is there.</p>${table(
    'Comparisons that cannot be told apart',
    [
      { heading: 'A − B' },
      { heading: 'observed', numeric: true },
      { heading: 'seeds an arm', numeric: true },
      { heading: 'found now, at least', numeric: true },
    ],
    rows.map(({ name, power, decimals }) => [
      name,
      signed(power.difference, decimals),
      seedsWords(power),
      `${power.detectable.value.toFixed(decimals)} (${power.detectable.low.toFixed(decimals)} to ${power.detectable.high.toFixed(decimals)})`,
    ]),
  )}`;
}

export function certaintySection(outcome: AblationOutcome, analysis: Analysis): Section {
  const setting = mainSetting(analysis);
  const { primary } = outcome.declaration;
  const open = setting.comparisons.flatMap(({ arm, against, power, primary: difference, control }) =>
    power && difference && control !== 'null-control'
      ? [{ name: `${arm} − ${against}`, power, decimals: decimalsOf(difference.standardError) }]
      : [],
  );
  const sentences = methodSentences(setting, primary, setting.comparisons.length);
  return {
    id: 'certainty',
    title: 'Runs and their spread',
    body: html`<p>Bits per byte on ${primary}, a point a training, a bar the mean.</p>${runsFigure(setting, primary)}
${sentences.map((sentence) => html`<p>${sentence}</p>`)}
${open.length > 0 && powerTable(open)}`,
  };
}
