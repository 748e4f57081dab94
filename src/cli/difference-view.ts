import type { AblationOutcome } from '../ablate/outcome.ts';
import { table } from '../core/format.ts';

/** Mean differences in bits per byte, a row an arm and a column a domain; the primary one first. */
export function differenceLines(outcome: AblationOutcome): string[] {
  const { declaration, trainings } = outcome;
  const domains = [...outcome.domains].sort((a, b) => Number(b.primary) - Number(a.primary));
  const mean = (arm: string, domain: string): number => {
    const values = trainings.flatMap((training) => {
      const score = training.domains[domain];
      return training.arm === arm && training.status === 'complete' && score
        ? [score.bits / score.bytes]
        : [];
    });
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  const rows = declaration.comparisons.map(({ arm, against }) => [
    `${arm} - ${against}`,
    ...domains.map(({ name }) => {
      const difference = mean(arm, name) - mean(against, name);
      return `${difference > 0 ? '+' : ''}${difference.toFixed(4)}`;
    }),
  ]);
  const head = ['bits per byte', ...domains.map(({ name }) => name)];
  return table([head, ...rows], ['left', ...domains.map(() => 'right' as const)]);
}
