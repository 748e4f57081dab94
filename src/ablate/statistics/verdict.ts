import type { AblationOutcome } from '../outcome.ts';
import type { Comparison, RankStability, SettingAnalysis, Verdict } from './analysis.ts';
import { decimalsOf, differenceWords, intervalWords, seedsWords } from './sentences.ts';

/** Of more findings than this the sentence names the largest. */
const NAMED = 3;

/** What the declared question gets for an answer at the setting that counts. */
export function verdictOf(
  outcome: AblationOutcome,
  main: SettingAnalysis,
  ranks: RankStability | undefined,
): Verdict {
  const notes = notesOf(outcome, main, ranks);
  const failed = main.controls.filter(({ passed }) => !passed);
  if (failed.length > 0)
    return {
      kind: 'void',
      sentence: `This budget cannot answer the question: ${failed.map(({ sentence }) => sentence.replace(/\.$/, '')).join('; ')}.`,
      notes,
    };
  const asked = main.comparisons.filter(({ control }) => control === undefined);
  const seen = asked.filter(({ result }) => result === 'better' || result === 'worse');
  const apart = asked.filter(({ result }) => result === 'cannot-distinguish');
  const { primary } = outcome.declaration;
  const sentences = [found(seen, primary), notTold(apart, primary)].filter((words) => words !== undefined);
  if (sentences.length === 0) sentences.push('No declared comparison could be made.');
  return { kind: seen.length > 0 ? 'answered' : 'cannot-distinguish', sentence: sentences.join(' '), notes };
}

function found(seen: readonly Comparison[], domain: string): string | undefined {
  if (seen.length === 0) return undefined;
  const size = ({ primary }: Comparison) => Math.abs(primary!.difference);
  const named = [...seen].sort((a, b) => size(b) - size(a)).slice(0, NAMED);
  const parts = named.map(
    ({ arm, against, result, primary }) =>
      `${arm} is ${result} than ${against} by ${differenceWords(primary!)}`,
  );
  const more = seen.length - named.length;
  return `On ${domain}, ${parts.join('; ')}${more > 0 ? `; and ${more} more comparisons are told apart` : ''}.`;
}

function notTold(apart: readonly Comparison[], domain: string): string | undefined {
  if (apart.length === 0) return undefined;
  const parts = apart.slice(0, NAMED).map(({ arm, against, power }) => {
    const needed = power ? `: ${seedsWords(power)} an arm would be needed` : '';
    return `${arm} from ${against}${needed}`;
  });
  const more = apart.length - parts.length;
  return `On ${domain}, cannot distinguish ${parts.join('; nor ')}${more > 0 ? `; and ${more} more` : ''}.`;
}

function notesOf(
  { declaration, arms }: AblationOutcome,
  main: SettingAnalysis,
  ranks: RankStability | undefined,
): string[] {
  const notes: string[] = [];
  for (const { arm, excluded, diverged, failed, runs } of main.arms) {
    if (excluded !== undefined) notes.push(`${arm} takes no part: ${excluded}.`);
    else if (diverged + failed > 0)
      notes.push(
        `${arm}: ${diverged + failed} of ${runs + diverged + failed} trainings ${diverged > 0 ? 'diverged' : 'failed'} and are not averaged in; its figures are those of the trainings that lived.`,
      );
  }
  const roles = new Set(arms.map(({ role }) => role));
  if (!roles.has('positive-control'))
    notes.push('There is no positive control: where nothing is seen, nothing may have been visible.');
  if (!roles.has('null-control'))
    notes.push('There is no null control: how much two trainings of one recipe differ was not tried.');
  const spread = main.spreads[declaration.primary];
  if (spread?.unequal)
    notes.push(
      `The arms' spreads differ ${spread.ratio === null ? 'without bound' : `${spread.ratio.toFixed(1)} times`}, more than 3: each comparison is Welch's, from its own two arms.`,
    );
  for (const { arm, against, adjustedP, primary, result } of main.comparisons) {
    if (result !== 'better' && result !== 'worse') continue;
    const { low, high } = primary!.corrected;
    const others = primary!.overDocuments?.interval;
    if (others && others.low <= 0 && others.high >= 0)
      notes.push(
        `${arm} against ${against}: told apart on these documents; for other documents of the same kind the interval (${intervalWords(others, decimalsOf(primary!.standardError))}) covers zero.`,
      );
    if (low <= 0 && high >= 0)
      notes.push(
        `${arm} against ${against}: Holm's stepwise test tells them apart (p ${adjustedP!.toPrecision(2)}); the corrected interval, which holds for the whole family at once, is a little wider and just covers zero.`,
      );
  }
  for (const { arm, against, signs } of ranks?.signs ?? []) {
    const own = new Set(signs.filter((sign) => sign !== null && sign !== 0));
    const isControl = main.comparisons.find((one) => one.arm === arm && one.against === against)?.control;
    if (own.size > 1 && isControl !== 'null-control')
      notes.push(`${arm} against ${against} changes its sign from one learning rate or size to another.`);
  }
  return notes;
}
