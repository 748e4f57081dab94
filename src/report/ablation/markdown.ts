/** The report as Markdown: for a pull request, a ticket or a terminal. */

import type { AblationOutcome } from '../../ablate/outcome.ts';
import type { Analysis, Comparison } from '../../ablate/statistics/analysis.ts';
import { decimalsOf, intervalWords, signed } from '../../ablate/statistics/sentences.ts';
import { count, duration, printable } from '../../core/format.ts';
import { methodSentences } from './certainty.ts';
import { mainSetting } from './differences.ts';
import { budgetWords, trainingCounts } from './head.ts';
import { rankSentence, settingName } from './settings.ts';
import { chance, methodWords, pWords, RESULT_WORDS } from './words.ts';

/** Text that must not turn into markup: names come from files. */
function plain(text: string): string {
  return printable(text)
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_{}[\]<>|#]/g, '\\$&');
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map(plain).join(' | ')} |`;
  return [line(headings), `|${headings.map(() => ' --- |').join('')}`, ...rows.map(line), ''];
}

function differenceRows({ arm, against, domains, adjustedP, primary }: Comparison): string[][] {
  return domains.map((one) => {
    const decimals = decimalsOf(one.standardError);
    const isPrimary = one.domain === primary?.domain;
    return [
      `${arm} − ${against}`,
      isPrimary ? `${one.domain} (primary)` : one.domain,
      signed(one.difference, decimals),
      intervalWords(one.interval, decimals),
      intervalWords(one.corrected, decimals),
      isPrimary ? pWords(adjustedP!) : '–',
      chance(one.probabilityBetter),
      methodWords(one),
    ];
  });
}

export function ablationMarkdown(outcome: AblationOutcome, analysis: Analysis): string {
  const { name, question, primary } = outcome.declaration;
  const setting = mainSetting(analysis);
  const { comparisons, controls } = setting;
  const { complete, lost, seconds } = trainingCounts(outcome);
  const share = Math.round(100 * analysis.confidence);
  const lines = [
    `# ${plain(question)}`,
    '',
    `**${plain(analysis.verdict.sentence)}**`,
    '',
    ...analysis.verdict.notes.map((note) => `- ${plain(note)}`),
    ...(analysis.verdict.notes.length > 0 ? [''] : []),
    `Ablation ${plain(name)}: ${plain(budgetWords(outcome))}; ${count(complete)} trainings${lost > 0 ? `, ${count(lost)} diverged or failed` : ''}, ${duration(seconds)}; ${plain(settingName(setting))}.`,
    '',
    '## Differences',
    '',
    `A − B in held-out bits per byte, ${share} % intervals; below 0, A is better.`,
    '',
    ...table(
      ['A − B', 'domain', 'difference', 'interval', 'corrected', 'p, Holm', 'A better', 'spread from'],
      comparisons.flatMap(differenceRows),
    ),
    ...comparisons.map(({ result, sentence }) => `- ${RESULT_WORDS[result]}: ${plain(sentence)}`),
    '',
    '## Controls',
    '',
    ...(controls.length === 0
      ? ['None.']
      : controls.map(
          ({ passed, sentence }) => `- ${passed ? 'as it must be' : 'FAILED'}: ${plain(sentence)}`,
        )),
    '',
    '## Runs and their spread',
    '',
    ...methodSentences(setting, primary, comparisons.length).map((sentence) => `${plain(sentence)}\n`),
    ...table(
      ['arm', 'runs', 'lost', `mean, ${primary}`, 'spread'],
      setting.arms.map(({ arm, runs, diverged, failed, domains }) => {
        const { mean, spread } = domains[primary] ?? {};
        return [arm, `${runs}`, `${diverged + failed}`, mean?.toFixed(4) ?? '–', spread?.toFixed(4) ?? '–'];
      }),
    ),
    ...(analysis.ranks ? ['## Sizes and learning rates', '', plain(rankSentence(analysis)), ''] : []),
    '## Ruler',
    '',
    ...table(
      ['domain', 'stands for', 'weight', 'documents', 'bytes', 'digest'],
      outcome.domains.map((one) => [
        one.name,
        one.target,
        one.weight.toFixed(3),
        count(one.documents),
        count(one.bytes),
        one.digest.slice(0, 12),
      ]),
    ),
    '## Arms',
    '',
    ...table(
      ['arm', 'what', 'documents', 'tokens to train from', 'shards'],
      outcome.arms.map(({ name: arm, summary, funnel, trainTokens, digests }) => [
        arm,
        summary,
        count(funnel.at(-1)?.documentsOut ?? 0),
        count(trainTokens),
        digests.shards?.slice(0, 12) ?? '–',
      ]),
    ),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}
