/** The outcome of an ablation, from its runs and trainings. */

import type { StepTally } from '../core/tally.ts';
import { budgetOf } from './budget.ts';
import type { AblationFile } from './file.ts';
import type { AblationOutcome, ArmOutcome, ArmStep, Declaration, TrainingOutcome } from './outcome.ts';
import { mixtureOf, type Prepared, type PreparedArm } from './prepare.ts';
import type { Ruler } from './ruler.ts';
import { removeOverlaps } from './steps/remove-overlaps.ts';
import type { TrainingResult } from './training.ts';
import type { TrainingUnit } from './trainings.ts';
import { type CorpusNeed, warningsOf } from './warnings.ts';

export interface CarriedOut {
  readonly unit: TrainingUnit;
  readonly result: TrainingResult;
}

export function collectOutcome(
  file: AblationFile,
  prepared: Prepared,
  trainings: readonly CarriedOut[],
): AblationOutcome {
  const arms = prepared.arms.map((arm) =>
    armOutcome(
      file,
      prepared,
      arm,
      trainings.filter(({ unit }) => unit.arm === arm.plan.name),
    ),
  );
  return {
    version: 1,
    declaration: declarationOf(file, prepared),
    domains: prepared.ruler.domains,
    arms,
    trainings: trainings.map((training) => trainingOutcome(training, prepared.ruler)),
  };
}

function declarationOf(file: AblationFile, prepared: Prepared): Declaration {
  const { options } = file;
  const against = options.base.name;
  const all = prepared.arms.slice(1).map(({ plan }) => ({ arm: plan.name, against }));
  return {
    name: options.name,
    question: options.question,
    primary: options.ruler.primary,
    comparisons: options.compare?.map(([arm, other]) => ({ arm, against: other })) ?? all,
    budget: budgetOf(options.sizes?.[0]?.budget ?? options.budget),
    ...(options.sizes && {
      budgetBySize: Object.fromEntries(
        options.sizes.map(({ name, budget }) => [name, budgetOf(budget ?? options.budget)]),
      ),
    }),
    confidence: options.confidence,
  };
}

function armOutcome(
  { options }: AblationFile,
  prepared: Prepared,
  arm: PreparedArm,
  trainings: readonly CarriedOut[],
): ArmOutcome {
  const { plan, index } = arm;
  const mixture = mixtureEaten(arm, trainings);
  return {
    name: plan.name,
    role: plan.role,
    summary: plan.summary,
    changes: plan.changes,
    funnel: funnelOf(arm),
    mixture,
    trainTokens: index.splits.train.tokens,
    overlapsRemoved: overlapsOf(arm),
    warnings: warningsOf({
      arm,
      base: prepared.arms[0]!,
      needs: needsOf(arm, trainings),
      maxEpochs: mostEpochs(options),
    }),
    digests: { tokenizer: index.tokenizer.digest, shards: index.digest },
  };
}

/** A budget in epochs says itself how often the data is seen. */
function mostEpochs({ maxEpochs, budget, sizes = [] }: AblationFile['options']): number {
  return Math.max(maxEpochs, budget.epochs ?? 0, ...sizes.map((size) => size.budget?.epochs ?? 0));
}

function funnelOf({ run }: PreparedArm): ArmStep[] {
  return run.steps.flatMap(({ name, kind, tally }) =>
    tally === undefined ? [] : [stepOf(name, kind, tally)],
  );
}

function stepOf(step: string, kind: string, tally: StepTally): ArmStep {
  return {
    step,
    kind,
    documentsIn: tally.in.documents,
    documentsOut: tally.out.documents,
    bytesIn: tally.in.bytes,
    bytesOut: tally.out.bytes,
    drops: Object.fromEntries(
      Object.entries(tally.drops).map(([reason, { documents }]) => [reason, documents]),
    ),
  };
}

function overlapsOf({ run }: PreparedArm): number {
  return run.steps
    .filter(({ kind }) => kind === removeOverlaps.kind)
    .flatMap(({ tally }) => Object.values(tally?.drops ?? {}))
    .reduce((sum, { documents }) => sum + documents, 0);
}

/** Tokens of each corpus before any was repeated: what the mixture was made from. */
export function availableTokens({ run, index }: PreparedArm): Map<string, number> {
  const there = new Map(index.corpora.map(({ name, splits }) => [name, splits.train.tokens]));
  const mixture = run.steps.find(({ kind }) => kind === 'shard')?.outcome?.mixture as
    | { parts: readonly { corpus: string; epochs: number }[] }
    | undefined;
  for (const { corpus, epochs } of mixture?.parts ?? []) {
    if (epochs > 1) there.set(corpus, (there.get(corpus) ?? 0) / epochs);
  }
  return there;
}

/** What the longest training of the arm asks of each corpus, whether or not it came to its end. */
function needsOf(arm: PreparedArm, trainings: readonly CarriedOut[]): CorpusNeed[] {
  const tokens = Math.max(0, ...trainings.map(({ unit }) => unit.tokens));
  const mixture = mixtureOf(arm.index);
  return [...availableTokens(arm)]
    .map(([corpus, available]) => ({ corpus, available, needed: tokens * mixture[corpus]! }))
    .filter(({ available }) => available > 0);
}

/** What the largest trainings of the arm ate, on average over blocks. */
function mixtureEaten(arm: PreparedArm, trainings: readonly CarriedOut[]): ArmOutcome['mixture'] {
  const complete = trainings.map(({ result }) => result).filter(({ status }) => status === 'complete');
  const most = Math.max(0, ...complete.map(({ tokens }) => tokens));
  const largest = complete.filter(({ tokens }) => tokens === most);
  const available = availableTokens(arm);
  const rows = [...available.keys()].map((corpus) => {
    const eaten = largest.reduce((sum, { tokensByCorpus }) => sum + (tokensByCorpus[corpus] ?? 0), 0);
    return { corpus, tokens: largest.length === 0 ? 0 : eaten / largest.length };
  });
  const total = rows.reduce((sum, { tokens }) => sum + tokens, 0);
  return rows
    .filter(({ tokens }) => tokens > 0)
    .map(({ corpus, tokens }) => ({
      corpus,
      tokens: Math.round(tokens),
      share: tokens / total,
      epochs: tokens / Math.max(1, available.get(corpus)!),
    }));
}

function trainingOutcome({ unit, result }: CarriedOut, ruler: Ruler): TrainingOutcome {
  const { arm, size, learningRate, block, task } = unit;
  const { status, reason, seconds, tokens, curve, digest } = result;
  const documentBits: Record<string, number[]> = {};
  const domains: Record<string, { bits: number; bytes: number }> = {};
  if (status === 'complete') {
    for (const { name, bytes } of ruler.domains) {
      const bits = ruler.documents.flatMap((document, i) =>
        document.domains.includes(name) ? [result.documentBits[i]!] : [],
      );
      documentBits[name] = bits;
      domains[name] = { bits: bits.reduce((sum, value) => sum + value, 0), bytes };
    }
  }
  return {
    arm,
    size,
    learningRate,
    block,
    weightSeed: task.weightSeed,
    orderSeed: task.orderSeed,
    status,
    ...(reason === undefined ? {} : { reason }),
    seconds,
    tokens,
    curve,
    domains,
    documentBits,
    ...(digest === '' ? {} : { digest }),
  };
}
