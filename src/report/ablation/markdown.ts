import type { AblationOutcome } from '../../ablate/outcome.ts';
import type { Analysis } from '../../ablate/statistics/analysis.ts';
import { differenceWords } from '../../ablate/statistics/sentences.ts';

export function ablationMarkdown(outcome: AblationOutcome, analysis: Analysis): string {
  const { name, question } = outcome.declaration;
  const { comparisons } = analysis.settings[analysis.main]!;
  const lines = [
    `# ${name}`,
    '',
    question,
    '',
    `**${analysis.verdict.sentence}**`,
    '',
    ...analysis.verdict.notes.map((note) => `- ${note}`),
    '',
    ...comparisons.flatMap(({ arm, against, domains }) => [
      `## ${arm} against ${against}`,
      '',
      ...domains.map((one) => `- ${one.domain}: ${differenceWords(one)}`),
      '',
    ]),
  ];
  return `${lines.join('\n')}\n`;
}
