/** The trainings of an ablation: each (arm, size, learning rate, block) is a unit of its own. */

import { join } from 'node:path';
import { codeHash } from '../core/code-hash.ts';
import { ConfigurationError } from '../core/errors.ts';
import { digestOf } from '../core/hash.ts';
import { parseOptions } from '../core/pipeline-file.ts';
import { Random } from '../core/random.ts';
import { loadTokenizer } from '../tokenize/tokenizer.ts';
import { checkTraining } from '../train/check-options.ts';
import { estimateModel } from '../train/estimate.ts';
import { resolveModel } from '../train/model/options.ts';
import { modelTokens, TOKENIZER_FILE } from '../train/model-folder.ts';
import { openObjective } from '../train/objectives/registry.ts';
import { type TrainOptions, trainOptions } from '../train/steps/train.ts';
import { budgetOf, stepsFor } from './budget.ts';
import type { AblationFile } from './file.ts';
import type { Budget } from './outcome.ts';
import type { Prepared, PreparedArm } from './prepare.ts';
import { hasCanaries } from './steps/inject-canaries.ts';
import { requireLikelihood, type TrainingTask } from './training.ts';

/** One training in its place. */
export interface TrainingUnit {
  readonly arm: string;
  readonly size: string;
  readonly learningRate: number;
  /** From 1. */
  readonly block: number;
  /** What it is to be trained on. */
  readonly tokens: number;
  readonly task: TrainingTask;
}

/** A model size with everything that its trainings share. */
interface SizePlan {
  readonly name: string;
  readonly options: TrainOptions;
  readonly budget: Budget;
  readonly learningRates: readonly number[];
}

const CODE = new URL(import.meta.url.endsWith('.ts') ? './training.ts' : './training.js', import.meta.url)
  .href;

/** What the file says of the training itself belongs to the ablation. */
const OWN_OPTIONS = ['steps', 'seed', 'orderSeed', 'evaluateEvery'] as const;

/** Checked options of every size; throws where the file asks for what an ablation decides. */
export function planSizes(file: AblationFile): SizePlan[] {
  const { options, path } = file;
  const sizes = options.sizes ?? [
    { name: 'default', training: {}, budget: undefined, learningRates: undefined },
  ];
  const base = merge(trainStepOptions(file), options.training);
  return sizes.map((size) => {
    const plain = merge(base, size.training);
    for (const name of OWN_OPTIONS) {
      if (name in options.training || name in size.training)
        throw new ConfigurationError(`training.${name}: the ablation decides it`, {
          file: path,
          expected: 'budget, seeds and seed',
        });
      delete plain[name];
    }
    const training = parseOptions(trainOptions, plain, { file: path, path: ['training'] });
    requireLikelihood(training);
    if (training.init !== undefined) {
      throw new ConfigurationError('training.init: the trainings of an ablation begin from random weights', {
        file: path,
        expected: 'no such option',
        found: training.init.from,
      });
    }
    checkTraining(training);
    return {
      name: size.name,
      options: training,
      budget: budgetOf(size.budget ?? options.budget),
      learningRates: size.learningRates ?? options.learningRates ?? [training.schedule.learningRate],
    };
  });
}

function trainStepOptions({ pipeline }: AblationFile): Record<string, unknown> {
  const steps = Array.isArray(pipeline.steps) ? (pipeline.steps as unknown[]) : [];
  for (const step of steps) {
    if (step !== null && typeof step === 'object' && 'train' in step)
      return structuredClone((step as { train: Record<string, unknown> | null }).train ?? {});
  }
  return {};
}

/** Objects are merged member by member, anything else is replaced. */
function merge(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const before = merged[key];
    merged[key] = isPlain(before) && isPlain(value) ? merge(before, value) : value;
  }
  return merged;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** All trainings, block by block: where an ablation is cut short, the arms have equally many. */
export async function planTrainings(
  file: AblationFile,
  prepared: Prepared,
  folder: string,
): Promise<TrainingUnit[]> {
  const sizes = planSizes(file);
  const units: TrainingUnit[] = [];
  const lengths = new Map<string, Length>();
  for (const arm of prepared.arms) {
    for (const size of sizes) lengths.set(`${arm.plan.name}/${size.name}`, await lengthOf(arm, size));
  }
  for (let block = 1; block <= file.options.seeds; block++) {
    for (const size of sizes) {
      for (const learningRate of size.learningRates) {
        for (const arm of prepared.arms) {
          const length = lengths.get(`${arm.plan.name}/${size.name}`)!;
          units.push(unitOf(file, prepared, folder, arm, size, learningRate, block, length));
        }
      }
    }
  }
  return units;
}

function unitOf(
  file: AblationFile,
  { ruler, rulerFile }: Prepared,
  folder: string,
  { plan, steps: pipeline, shards, tokenizer, index }: PreparedArm,
  size: SizePlan,
  learningRate: number,
  block: number,
  { steps, tokens }: Length,
): TrainingUnit {
  const schedule = { ...size.options.schedule, learningRate };
  const options: TrainOptions = { ...size.options, steps, schedule, evaluateEvery: 0 };
  const seeds = seedsOf(file.options.seed, block, plan.role === 'null-control' ? plan.name : undefined);
  const name = `${size.name}-${learningRate}-${String(block).padStart(2, '0')}`;
  const keepModel = block === 1 && (plan.role === 'base' || hasCanaries(pipeline));
  const { checkpoint: _, ...decisive } = options;
  const fingerprint = digestOf({
    options: decisive,
    ...seeds,
    shards: index.digest,
    tokenizer: index.tokenizer.digest,
    ruler: ruler.digest,
    keepModel,
    code: codeHash(CODE),
  });
  return {
    arm: plan.name,
    size: size.name,
    learningRate,
    block,
    tokens,
    task: {
      folder: join(folder, 'trainings', plan.name, name),
      shards,
      tokenizer,
      ruler: rulerFile,
      options,
      ...seeds,
      keepModel,
      fingerprint,
    },
  };
}

/**
 * Weights and order are drawn apart, and alike in all arms of a block, so that arms differ in their data alone; a
 * null control has others, since what it must show is how far apart two trainings on the same data come to lie.
 */
export function seedsOf(
  seed: number,
  block: number,
  nullControl: string | undefined,
): { weightSeed: number; orderSeed: number } {
  const whose = nullControl === undefined ? 'arms' : `null/${nullControl}`;
  const draw = (what: string): number => new Random(`ablation/${seed}/${whose}/${what}/${block}`).uint32();
  return { weightSeed: draw('weights'), orderSeed: draw('order') };
}

interface Length {
  readonly steps: number;
  readonly tokens: number;
}

async function lengthOf({ index, tokenizer }: PreparedArm, size: SizePlan): Promise<Length> {
  const { options, budget } = size;
  const opened = await loadTokenizer(join(tokenizer, TOKENIZER_FILE));
  const tokens = modelTokens(opened, options.objective.kind);
  const model = { ...options.model, vocabulary: tokens.vocabulary };
  const length = options.context ?? resolveModel(model).context;
  const { train } = index.splits;
  const flopsPerToken =
    budget.equal === 'flops'
      ? estimateModel(
          model,
          openObjective(options.objective, { ...tokens, length }),
          { rows: options.rows, length },
          { optimizer: options.optimizer },
        ).trainingFlopsPerToken
      : 1;
  const tokensPerStep = options.rows * length * options.accumulate;
  const steps = stepsFor(budget, {
    tokensPerStep,
    bytesPerToken: train.bytes / Math.max(1, train.tokens),
    trainTokens: train.tokens,
    flopsPerToken,
  });
  return { steps, tokens: steps * tokensPerStep };
}
