import { join } from 'node:path';
import { z } from 'zod';
import { ConfigurationError } from '../../core/errors.ts';
import { writeJsonAtomic } from '../../core/files.ts';
import { Random } from '../../core/random.ts';
import type { JobContext, JobOutcome } from '../../core/stage.ts';
import { defineJob } from '../../core/step.ts';
import { ShardLoader } from '../../shard/loader.ts';
import { requireSplit } from '../check-options.ts';
import type { Evaluation } from '../checkpoint/receipt.ts';
import { engineOptions } from '../engines/options.ts';
import { requireDevice, resolveEngine } from '../engines/registry.ts';
import { evaluate } from '../evaluate.ts';
import { HeldOutSet } from '../held-out.ts';
import { type LoadedModel, loadModel } from '../model-folder.ts';
import { byCorpus, heldOutOptions, requireSameTokenizer } from './train.ts';

export const EVALUATION_FILE = 'evaluation.json';

export const evaluateOptions = z.strictObject({
  split: z
    .enum(['held-out', 'validation', 'train'])
    .default('held-out')
    .describe('the documents that are scored'),
  ...heldOutOptions.shape,
  rows: z.int().min(1).default(8).describe('windows a batch'),
  seed: z.int().min(0).default(0).describe('of the masks of a masked model'),
  engine: engineOptions.prefault({}).describe('what runs the tensor programs'),
});

export type EvaluateOptions = z.output<typeof evaluateOptions>;

export type EvaluateContext = Pick<JobContext, 'progress' | 'signal' | 'threads' | 'say'>;

/** Scores the model of one folder on the documents of another. */
export async function evaluateFromFolders(
  options: EvaluateOptions,
  folders: { readonly model: string; readonly shards: string },
  context: EvaluateContext,
): Promise<Evaluation> {
  const threads = options.engine.threads ?? context.threads;
  const { engine, choice } = await resolveEngine({ ...options.engine, threads });
  if (choice !== undefined) context.say(`device auto ${choice}`);
  const model = await loadModel(folders.model, { engine, rows: options.rows });
  try {
    const loader = await ShardLoader.open(folders.shards, {
      split: options.split,
      context: model.file.context,
      rows: options.rows,
      orderSeed: 0,
    });
    try {
      return await evaluateLoaded(options, model, loader, context);
    } finally {
      await loader.close();
    }
  } finally {
    await model.session.release();
  }
}

async function evaluateLoaded(
  options: EvaluateOptions,
  model: LoadedModel,
  loader: ShardLoader,
  context: EvaluateContext,
): Promise<Evaluation> {
  requireSameTokenizer(loader, model.tokenizer);
  if (loader.index.splits[options.split].documents === 0) {
    throw new ConfigurationError(`the shards have no documents in the split ${options.split}`);
  }
  const heldOut = await HeldOutSet.choose(loader, model.tokenizer, options.maxBytesPerCorpus);
  const evaluation = await evaluate({
    session: model.session,
    objective: model.objective,
    heldOut,
    context: model.file.context,
    rows: options.rows,
    stride: options.stride,
    specialTokens: new Set(model.tokens.specialTokens),
    random: new Random(options.seed),
    signal: context.signal,
    onProgress: (done, total) => context.progress.report(done, total),
  });
  if (!evaluation.comparable) {
    const why =
      evaluation.measure === 'masked-loss'
        ? 'a masked model gives no likelihood of the text'
        : `${evaluation.inexactDocuments} documents do not decode to their text`;
    context.say(`these figures cannot be held against those of other models: ${why}`);
  }
  return evaluation;
}

export const evaluateStep = defineJob({
  kind: 'evaluate',
  summary: 'measures held-out bits per byte by corpus, beside what gzip -9 needs',
  options: evaluateOptions,
  module: import.meta.url,
  needs: ['model', 'shards'],
  gives: ['evaluation'],
  check({ split }, before) {
    if (split !== 'train') requireSplit('split', split, before);
  },
  ready: ({ engine }) => requireDevice(engine),
  async run(options, context): Promise<JobOutcome> {
    const folders = { model: context.artifact('model'), shards: context.artifact('shards') };
    const evaluation = await evaluateFromFolders(options, folders, context);
    await writeJsonAtomic(join(context.folder, EVALUATION_FILE), evaluation);
    return { files: [EVALUATION_FILE], summary: { ...byCorpus(evaluation), total: evaluation.total } };
  },
});
