import pc from 'picocolors';
import type { AblationOutcome } from '../ablate/outcome.ts';
import type { Analysis } from '../ablate/statistics/analysis.ts';
import { decimalsOf, intervalWords, signed } from '../ablate/statistics/sentences.ts';
import { table } from '../core/format.ts';

/** The closing table: every comparison by domain, then controls, what stands beside them, and the verdict. */
export function differenceLines(outcome: AblationOutcome, analysis: Analysis): string[] {
  const { size, learningRate, comparisons, controls } = analysis.settings[analysis.main]!;
  const { budget, budgetBySize = {} } = outcome.declaration;
  const { equal, value } = budgetBySize[size] ?? budget;
  const percent = Math.round(analysis.confidence * 100);
  const rows = comparisons.flatMap(({ arm, against, domains, reason }) =>
    reason !== undefined && domains.length === 0
      ? [[`${arm} - ${against}`, 'not comparable', '', '']]
      : domains.map(({ domain, difference, interval, standardError }, i) => {
          const decimals = decimalsOf(standardError);
          return [
            i === 0 ? `${arm} - ${against}` : '',
            domain === analysis.primary ? `${domain} *` : domain,
            signed(difference, decimals),
            intervalWords(interval, decimals),
          ];
        }),
  );
  const settings = analysis.settings.length > 1 ? ` (size ${size}, learning rate ${learningRate})` : '';
  return [
    `held-out bits per byte at equal ${equal} (${value.toLocaleString('en-US')})${settings}; below 0 the first is better`,
    '',
    ...table(
      [['comparison', '* primary domain', 'difference', `${percent} % interval`], ...rows],
      ['left', 'left', 'right', 'left'],
    ),
    '',
    ...controls.map(
      ({ sentence, passed }) =>
        `${passed ? pc.green('control holds') : pc.red('control fails')}: ${sentence}`,
    ),
    ...analysis.verdict.notes.map((note) => `note: ${note}`),
    pc.bold(analysis.verdict.sentence),
  ];
}
