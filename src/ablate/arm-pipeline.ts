/**
 * The pipeline that an arm runs: that of the file, with the ruler's documents marked right after the source, what
 * overlaps with the ruler removed before the tokenizer sees anything, and the tokenizer that all arms share.
 */

import type { z } from 'zod';
import { ConfigurationError } from '../core/errors.ts';
import { canonicalJson } from '../core/hash.ts';
import type { PipelineSpec, StepTable } from '../core/pipeline-file.ts';
import type { Barrier } from '../core/stage.ts';
import type { StepSpec } from '../core/step.ts';
import { holdOutListed } from '../core/steps/hold-out-listed.ts';
import { groupNearDuplicates } from '../dedup/group-near-duplicates.ts';
import { definitionOf } from './arms.ts';
import { removeOverlaps, type removeOverlapsOptions } from './steps/remove-overlaps.ts';

export const HOLD_OUT = 'hold-out';
/** Name of the step that removes what overlaps only since texts were edited. */
export const AFTER_EDITS = `${removeOverlaps.kind}-after-edits`;
const TOKENIZERS: ReadonlySet<string> = new Set(['train-tokenizer', 'load-tokenizer']);

/** Where the ruler lies, and what counts as overlapping with it. */
export interface RulerFiles {
  readonly heldOut: string;
  readonly documents: string;
  /** Documents that overlap in any arm, which then no arm trains on. */
  readonly listed: string;
  readonly overlaps: Pick<z.output<typeof removeOverlapsOptions>, 'words' | 'share' | 'action'>;
}

/** Steps of a pipeline up to its hold-out, near-duplicates grouped before it where asked: what carves the ruler. */
export function rulerSteps(spec: PipelineSpec, clusters: boolean): StepSpec[] {
  const at = spec.steps.findIndex(({ kind }) => kind === HOLD_OUT);
  if (at < 0)
    throw new ConfigurationError(
      'the base pipeline has no step hold-out, which carves what arms are measured on',
      {
        expected: "hold-out right after 'read'",
      },
    );
  const before = spec.steps.slice(0, at);
  const grouped = before.some(({ kind }) => kind === groupNearDuplicates.kind);
  const group: StepSpec[] =
    clusters && !grouped
      ? [
          {
            kind: groupNearDuplicates.kind,
            name: groupNearDuplicates.kind,
            options: groupNearDuplicates.options.parse({}),
          },
        ]
      : [];
  return [...before, ...group, spec.steps[at]!];
}

/** The tokenizer's step of a pipeline. */
export function tokenizerStep(steps: readonly StepSpec[]): StepSpec | undefined {
  return steps.find(({ kind }) => TOKENIZERS.has(kind));
}

/** Whether an arm is about tokenizers: then it keeps its own. */
export function hasOwnTokenizer(base: readonly StepSpec[], arm: readonly StepSpec[]): boolean {
  const of = (steps: readonly StepSpec[]) => {
    const step = tokenizerStep(steps);
    return step && canonicalJson([step.kind, step.options]);
  };
  return of(base) !== of(arm);
}

export interface ArmPipeline {
  readonly spec: PipelineSpec;
  readonly files: RulerFiles;
  /** Path of the tokenizer.json that takes the place of the arm's own. */
  readonly tokenizer?: string;
  /** Shares of the corpora that take the place of the arm's own. */
  readonly weights?: Readonly<Record<string, number>>;
}

/**
 * Overlaps are removed before the first step that edits texts, which might hide them, so that arms that edit and arms
 * that do not lose the same documents; and once more after the last one, where there is one.
 */
export async function armSteps(arm: ArmPipeline, table: StepTable): Promise<StepSpec[]> {
  const { spec, files, tokenizer, weights } = arm;
  const [source, ...rest] = spec.steps;
  const steps: StepSpec[] = [source!, step(holdOutListed.kind, { file: files.heldOut })];
  let edited = false;
  let isClear = false;
  for (const own of rest) {
    if (own.kind === HOLD_OUT || own.kind === groupNearDuplicates.kind) continue;
    const ends = TOKENIZERS.has(own.kind) || own.kind === 'encode';
    if (!isClear && (ends || (!edited && (await editsTexts(own, table))))) {
      steps.push(overlapStep(files, edited));
      isClear = ends;
      edited ||= !ends;
    }
    if (tokenizer !== undefined && TOKENIZERS.has(own.kind)) {
      steps.push(step('load-tokenizer', { file: tokenizer }));
    } else if (own.kind === 'shard') {
      // One seed for all arms: documents that two arms share are shuffled alike.
      const mixture = weights === undefined ? {} : { weights, weightsBy: 'tokens', temperature: 1 };
      steps.push({ ...own, options: { ...own.options, seed: own.options.seed ?? spec.seed, ...mixture } });
    } else steps.push(own);
  }
  return steps;
}

function overlapStep({ documents, listed, overlaps }: RulerFiles, again: boolean): StepSpec {
  const options = removeOverlaps.options.parse({ ruler: documents, listed, ...overlaps });
  return { kind: removeOverlaps.kind, name: again ? AFTER_EDITS : removeOverlaps.kind, options };
}

const KEEPS_TEXTS: ReadonlySet<string> = new Set(['exact-dedup', 'minhash-dedup', 'write']);

async function editsTexts(step: StepSpec, table: StepTable): Promise<boolean> {
  const definition = await definitionOf(step, table);
  return definition?.role !== 'judge' && definition?.role !== 'job' && !KEEPS_TEXTS.has(step.kind);
}

function step(kind: string, options: Record<string, unknown>): StepSpec {
  return { kind, name: kind, options };
}

/**
 * Positions before which each pipeline must write its documents, so that what it shares with another one is a unit
 * of its own: where two of them part. Between the side files of a barrier and its reduction there is a border
 * already; tokens cannot be written, so a parting after `encode` cuts before it.
 */
export async function cutsOf(
  pipelines: readonly (readonly StepSpec[])[],
  table: StepTable,
): Promise<Set<number>[]> {
  const keys = await Promise.all(
    pipelines.map((steps) => Promise.all(steps.map((one) => keysOf(one, table)))),
  );
  return pipelines.map((steps, a) => {
    const cuts = new Set<number>();
    for (const other of keys) {
      const parting = partingOf(keys[a]!, other);
      if (parting === undefined) continue;
      const encode = steps.findIndex(({ kind }) => kind === 'encode');
      cuts.add(encode >= 0 && parting > encode ? encode : parting);
    }
    return cuts;
  });
}

interface StepKeys {
  /** Of what a barrier takes from the documents; of any other step, all that it does. */
  readonly tap: string;
  readonly whole: string;
  readonly isBarrier: boolean;
}

async function keysOf(step: StepSpec, table: StepTable): Promise<StepKeys> {
  const whole = canonicalJson([step.kind, step.name, step.use, step.options]);
  const definition = await definitionOf(step, table);
  if (definition?.role !== 'barrier') return { tap: whole, whole, isBarrier: false };
  const { tapOptions } = (definition as unknown as { barrier: Barrier<Record<string, unknown>, never> })
    .barrier;
  const taken = (tapOptions ?? Object.keys(step.options)).map((name) => [name, step.options[name]]);
  return { tap: canonicalJson([step.kind, step.name, step.use, taken]), whole, isBarrier: true };
}

/** First position at which two pipelines do different things to documents that they have in common. */
function partingOf(a: readonly StepKeys[], b: readonly StepKeys[]): number | undefined {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [mine, other] = [a[i], b[i]];
    if (mine?.tap !== other?.tap) return i;
    // The same side files, another reduction: the segment before it ends there anyway.
    if (mine?.whole !== other?.whole) return undefined;
  }
  return undefined;
}
