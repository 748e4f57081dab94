import type { AblationOutcome, Budget } from '../../ablate/outcome.ts';
import type { Analysis } from '../../ablate/statistics/analysis.ts';
import { decimalsOf, intervalWords, signed } from '../../ablate/statistics/sentences.ts';
import { count, counted, duration } from '../../core/format.ts';
import { card, cards, facts } from '../figures.ts';
import { html, type Markup } from '../html.ts';
import { mainSetting } from './differences.ts';
import { plural } from './words.ts';

const KIND_WORDS = { answered: 'answered', 'cannot-distinguish': 'cannot distinguish', void: 'void' };

export function budgetWords({ declaration }: AblationOutcome): string {
  const { budget, budgetBySize = {} } = declaration;
  const each = Object.entries(budgetBySize).map(([size, one]) => `${oneBudget(one)} (${size})`);
  return new Set(Object.values(budgetBySize).map(oneBudget)).size > 1 ? each.join('; ') : oneBudget(budget);
}

function oneBudget({ equal, value }: Budget): string {
  return `equal ${equal === 'flops' ? 'FLOPs' : equal}: ${value >= 1e12 ? value.toExponential(2) : count(value)} a training`;
}

export function trainingCounts({ trainings }: AblationOutcome): {
  complete: number;
  lost: number;
  seconds: number;
} {
  const complete = trainings.filter(({ status }) => status === 'complete').length;
  return {
    complete,
    lost: trainings.length - complete,
    seconds: trainings.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}

function headCards(outcome: AblationOutcome, analysis: Analysis): Markup {
  const { comparisons, controls, arms } = mainSetting(analysis);
  const asked = comparisons.filter(({ control, primary }) => control === undefined && primary);
  const largest = [...asked].sort(
    (a, b) => Math.abs(b.primary!.difference) - Math.abs(a.primary!.difference),
  )[0];
  const { complete, lost, seconds } = trainingCounts(outcome);
  const seeds = arms.map(({ runs }) => runs);
  const [least, most] = [Math.min(...seeds), Math.max(...seeds)];
  const passed = controls.filter((control) => control.passed).length;
  return cards([
    largest &&
      card(
        signed(largest.primary!.difference, decimalsOf(largest.primary!.standardError)),
        `bits per byte, ${largest.arm} − ${largest.against}`,
        intervalWords(largest.primary!.interval, decimalsOf(largest.primary!.standardError)),
      ),
    card(
      controls.length === 0 ? 'none' : `${passed} of ${controls.length}`,
      controls.length === 0 ? 'controls' : 'controls as they must be',
    ),
    card(least === most ? count(most) : `${least} to ${most}`, 'seeds an arm', plural(arms.length, 'arm')),
    card(
      count(complete),
      'complete trainings',
      lost > 0 ? `${count(lost)} diverged or failed` : `${duration(seconds)} of training`,
    ),
  ]);
}

export function headOf(outcome: AblationOutcome, analysis: Analysis): Markup {
  const { name, question, primary } = outcome.declaration;
  const { kind, sentence, notes } = analysis.verdict;
  const { size, learningRate } = mainSetting(analysis);
  const domain = outcome.domains.find((one) => one.name === primary)!;
  return html`<p class="kicker">provender ablation · ${name}</p>
<h1>${question}</h1>
<p class="verdict"><span class="kind ${kind}">${KIND_WORDS[kind]}</span>${sentence}</p>
${notes.length > 0 && html`<div class="warn${kind === 'void' && ' failed'}"><ul>${notes.map((note) => html`<li>${note}</li>`)}</ul></div>`}
${headCards(outcome, analysis)}
${facts([
  ['Primary domain', html`${primary}: ${domain.target}, ${counted(domain.documents, 'document')}`],
  ['Budget', budgetWords(outcome)],
  ['Model', `${size}, learning rate ${learningRate}`],
  ['Confidence', `${Math.round(100 * analysis.confidence)} %`],
])}`;
}
