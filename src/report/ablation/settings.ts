/** Whether the order of the arms holds from one size or learning rate to another. */

import type { AblationOutcome } from '../../ablate/outcome.ts';
import type { Analysis, SettingAnalysis } from '../../ablate/statistics/analysis.ts';
import { decimalsOf } from '../../ablate/statistics/sentences.ts';
import type { Section } from '../figures.ts';
import { html, type Markup, table } from '../html.ts';
import { forest, forestScale } from './forest.ts';
import type { Scale } from './scale.ts';
import { resultClass } from './words.ts';

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

/** One comparison in every setting that has it. */
function bySetting({ settings, main }: Analysis, index: number, scale: Scale): Markup {
  const { arm, against } = settings[0]!.comparisons[index]!;
  const measured = settings.flatMap((setting, i) => {
    const { primary, result } = setting.comparisons[index]!;
    return primary ? { name: settingName(setting), primary, result, isMain: i === main } : [];
  });
  if (measured.length === 0) return html``;
  const decimals = Math.min(...measured.map(({ primary }) => decimalsOf(primary.standardError)));
  const rows = measured.map(({ name, primary, result, isMain }) => ({
    label: name,
    mark: isMain ? 'verdict' : undefined,
    tone: resultClass(result),
    difference: primary,
    decimals,
  }));
  return html`<div class="comparison"><h3>${arm} − ${against}</h3>${forest(rows, scale)}</div>`;
}

/** Undefined where there is one setting alone. */
export function settingsSection(outcome: AblationOutcome, analysis: Analysis): Section | undefined {
  const { settings, ranks } = analysis;
  if (!ranks) return undefined;
  const { primary } = outcome.declaration;
  const scale = forestScale(
    settings.flatMap(({ comparisons }) =>
      comparisons.map((one) => ({ ...one, domains: one.primary ? [one.primary] : [] })),
    ),
  );
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
    body: html`<p>${rankSentence(analysis)}</p>
<p class="note">Differences on ${primary}, a row a setting.</p>${settings[0]!.comparisons.map((_, i) => bySetting(analysis, i, scale))}
${table('Arms by mean bits per byte, best first', [{ heading: 'setting' }, { heading: 'order' }], orders)}`,
  };
}
