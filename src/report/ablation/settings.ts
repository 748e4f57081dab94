/** Whether the order of the arms holds from one size or learning rate to another. */

import type { AblationOutcome } from '../../ablate/outcome.ts';
import type { Analysis, SettingAnalysis } from '../../ablate/statistics/analysis.ts';
import { decimalsOf, intervalWords, signed } from '../../ablate/statistics/sentences.ts';
import type { Section } from '../figures.ts';
import { html, table } from '../html.ts';
import { RESULT_WORDS } from './words.ts';

export function settingName({ size, learningRate }: Pick<SettingAnalysis, 'size' | 'learningRate'>): string {
  return `${size}, rate ${learningRate}`;
}

export function rankSentence({ ranks, settings }: Analysis): string {
  if (!ranks || ranks.pairs.length === 0)
    return 'The order of the arms could not be compared between settings.';
  const taus = ranks.pairs.map(({ tau }) => tau);
  const least = Math.min(...taus);
  // A null control has no sign to keep.
  const turned = ranks.signs.filter(
    ({ signs }, i) =>
      settings[0]!.comparisons[i]!.control !== 'null-control' &&
      new Set(signs.filter((sign) => sign)).size > 1,
  );
  const order =
    least === 1
      ? `The order of the arms is the same in all ${settings.length} settings.`
      : `Between settings the order of the arms agrees with a Kendall's tau of ${least.toFixed(2)} to ${Math.max(...taus).toFixed(2)} (1: the same order, −1: the reverse).`;
  const names = turned.map(({ arm, against }) => `${arm} − ${against}`).join(', ');
  return `${order} ${turned.length > 0 ? `The sign changes for ${names}.` : 'No comparison changes its sign.'}`;
}

/** Undefined where there is one setting alone. */
export function settingsSection(outcome: AblationOutcome, analysis: Analysis): Section | undefined {
  const { settings, ranks, main } = analysis;
  if (!ranks) return undefined;
  const { primary } = outcome.declaration;
  const pairs = settings[0]!.comparisons.map(({ arm, against }) => `${arm} − ${against}`);
  const differences = settings.map((setting, i) => [
    html`${settingName(setting)}${i === main && html` <small class="note">the verdict's</small>`}`,
    ...setting.comparisons.map(({ primary: one, result }) => {
      if (!one) return RESULT_WORDS[result];
      const decimals = decimalsOf(one.standardError);
      return html`${signed(one.difference, decimals)} <small>(${intervalWords(one.interval, decimals)}), ${RESULT_WORDS[result]}</small>`;
    }),
  ]);
  const orders = [
    ...ranks.orders.map((order) => [
      settingName(order),
      order.arms.map(({ arm, mean }) => `${arm} ${mean.toFixed(3)}`).join(' < '),
    ]),
    ...ranks.atBestRate.map(({ size, arms }) => [
      `${size}, each arm at its best rate`,
      arms.map(({ arm, mean, learningRate }) => `${arm} ${mean.toFixed(3)} (${learningRate})`).join(' < '),
    ]),
  ];
  return {
    id: 'settings',
    title: 'Sizes and learning rates',
    body: html`<p>${rankSentence(analysis)}</p>${table(`Differences on ${primary} by setting`, [{ heading: 'setting' }, ...pairs.map((heading) => ({ heading }))], differences)}
${table('Arms by mean bits per byte, best first', [{ heading: 'setting' }, { heading: 'order' }], orders)}`,
  };
}
