/** Why an arm must not be compared as it stands: named in the outcome, and left out of the statistics. */

import { count } from '../core/format.ts';
import type { ArmOutcome } from './outcome.ts';
import type { PreparedArm } from './prepare.ts';
import { OVERLAP_COUNTER, removeOverlaps } from './steps/remove-overlaps.ts';

type Warning = ArmOutcome['warnings'][number];

/** A document that is cut by the end of the shards is counted with rounding; so much more than once is once. */
const ROUNDING = 1.02;

export interface CorpusNeed {
  readonly corpus: string;
  /** Tokens that the budget asks for. */
  readonly needed: number;
  /** Tokens that there are, none of them twice. */
  readonly available: number;
}

export interface WarningFacts {
  readonly arm: PreparedArm;
  readonly base: PreparedArm;
  readonly needs: readonly CorpusNeed[];
  /** Times that a token may be seen within the budget. */
  readonly maxEpochs: number;
}

export function warningsOf({ arm, base, needs, maxEpochs }: WarningFacts): Warning[] {
  if (arm.index.splits.train.tokens === 0)
    return [{ reason: 'no-data', detail: 'no training document is left' }];
  return [...repetition(needs, maxEpochs), ...leak(arm), ...sameData(arm, base)];
}

function repetition(needs: readonly CorpusNeed[], maxEpochs: number): Warning[] {
  return needs
    .filter(({ needed, available }) => needed > available * maxEpochs * ROUNDING)
    .map(({ corpus, needed, available }) => ({
      reason: 'data-repeats',
      detail: `too little of ${corpus} for the budget: ${count(available)} tokens where ${count(needed)} are trained on, each ${(needed / available).toFixed(2)} times`,
    }));
}

/** Overlaps that were to be counted only are still in the shards. */
function leak({ run, steps }: PreparedArm): Warning[] {
  const counts = steps.some(
    ({ kind, options }) => kind === removeOverlaps.kind && options.action === 'count',
  );
  if (!counts) return [];
  const left = Math.max(
    ...run.steps
      .filter(({ kind }) => kind === removeOverlaps.kind)
      .map(({ tally }) => tally?.counters[OVERLAP_COUNTER] ?? 0),
  );
  if (left === 0) return [];
  const detail = `${count(left)} training documents overlap with the held-out ones that they are measured on`;
  return [{ reason: 'ruler-leaks', detail }];
}

function sameData(arm: PreparedArm, base: PreparedArm): Warning[] {
  if (arm.plan.role === 'base' || arm.plan.role === 'null-control') return [];
  if (arm.index.digest !== base.index.digest) return [];
  const detail = `its shards are those of ${base.plan.name}: the change changes nothing here`;
  return [{ reason: 'same-data', detail }];
}
