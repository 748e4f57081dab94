import { join } from 'node:path';
import { z } from 'zod';
import { ConfigurationError } from '../../core/errors.ts';
import { writeJsonAtomic } from '../../core/files.ts';
import { Random } from '../../core/random.ts';
import type { JobContext, JobOutcome } from '../../core/stage.ts';
import { defineJob } from '../../core/step.ts';
import { readTokenizerText } from '../../tokenize/tokenizer.ts';
import { engineOptions } from '../engines/options.ts';
import { requireDevice, resolveEngine } from '../engines/registry.ts';
import { type Filled, fillMasks } from '../fill-mask.ts';
import { type Generated, type GeneratedToken, generate, generateOptions } from '../generate.ts';
import { type LoadedModel, loadModel, TOKENIZER_FILE } from '../model-folder.ts';
import { MASK_NAMES } from '../model-tokens.ts';

export const SAMPLES_FILE = 'samples.json';

export const sampleOptions = z.strictObject({
  prompts: z
    .array(z.string())
    .min(1)
    .default([''])
    .describe(
      'texts to go on from; an empty one begins a document. For a masked model: texts with <|mask|> in them, to be filled',
    ),
  count: z.int().min(1).default(1).describe('texts a prompt; a masked model fills each once'),
  top: z.int().min(1).default(5).describe('likeliest tokens that are shown where probabilities are'),
  ...generateOptions.shape,
  seed: z.int().min(0).optional().describe('of the draws; by default it follows from the seed of the run'),
  engine: engineOptions.prefault({}).describe('what runs the tensor programs'),
});

export type SampleOptions = z.output<typeof sampleOptions>;

/** A text written on from its prompt, or a text whose masks were filled. */
export type Sample = Generated | Filled;

export interface SampleContext extends Pick<JobContext, 'random' | 'progress' | 'signal' | 'threads'> {
  /** Text of sample `index` as it is written. */
  readonly onText?: (text: string, index: number) => void;
  readonly onToken?: (token: GeneratedToken, index: number) => void;
  say?(line: string): void;
}

/**
 * Generates from the model of a folder: `count` texts for each prompt, in order. A masked model fills the masks of
 * each prompt instead.
 */
export async function generateFromFolder(
  options: SampleOptions,
  folder: string,
  context: SampleContext,
): Promise<Sample[]> {
  const threads = options.engine.threads ?? context.threads;
  const { engine, choice } = await resolveEngine({ ...options.engine, threads });
  if (choice !== undefined) context.say?.(`device auto ${choice}`);
  const model = await loadModel(folder, { engine });
  try {
    return await (model.shape.kind === 'encoder'
      ? fillAll(options, folder, model, context)
      : writeAll(options, model, context));
  } finally {
    await model.session.release();
  }
}

async function fillAll(
  { prompts, top }: SampleOptions,
  folder: string,
  { session, tokenizer, file }: LoadedModel,
  { progress }: SampleContext,
): Promise<Filled[]> {
  const { maskToken, context } = file;
  // Next-sentence prediction trains on rows that stand between these two.
  const [begin, end] = [file.classToken ?? file.beginToken, file.separatorToken ?? file.endToken];
  if (maskToken === undefined)
    throw new ConfigurationError('this encoder has no mask token', { file: folder });
  // RoBERTa's mask stands for the space before a word too.
  const json = JSON.parse(await readTokenizerText(join(folder, TOKENIZER_FILE))) as {
    added_tokens?: { id: number; lstrip?: boolean }[];
  };
  const swallowsSpace = json.added_tokens?.find(({ id }) => id === maskToken)?.lstrip ?? false;
  const around = { maskToken, marks: MASK_NAMES, swallowsSpace, begin, end };
  const filled: Filled[] = [];
  for (const prompt of prompts) {
    progress.report(filled.length, prompts.length);
    filled.push(await fillMasks({ session, tokenizer, context, ...around, prompt, top }));
  }
  progress.report(filled.length, filled.length);
  return filled;
}

async function writeAll(
  options: SampleOptions,
  { session, tokenizer, file }: LoadedModel,
  context: SampleContext,
): Promise<Generated[]> {
  const { prompts, count, top, seed, engine: _, ...rest } = options;
  const random = seed === undefined ? context.random : new Random(seed);
  const { onText, onToken } = context;
  const samples: Generated[] = [];
  for (const prompt of prompts.flatMap((text) => new Array<string>(count).fill(text))) {
    const index = samples.length;
    context.progress.report(index, prompts.length * count);
    samples.push(
      await generate({
        session,
        tokenizer,
        context: file.context,
        begin: file.beginToken,
        end: file.endToken,
        prompt,
        options: generateOptions.parse(rest),
        random: random.split('sample', index),
        signal: context.signal,
        onText: onText && ((text) => onText(text, index)),
        onToken: onToken && ((token) => onToken(token, index)),
        topCount: top,
      }),
    );
  }
  context.progress.report(samples.length, samples.length);
  return samples;
}

export const generateStep = defineJob({
  kind: 'generate',
  summary: 'writes texts with the model; fills masks with a masked one',
  options: sampleOptions,
  module: import.meta.url,
  needs: ['model'],
  gives: ['samples'],
  ready: ({ engine }) => requireDevice(engine),
  async run(options, context): Promise<JobOutcome> {
    const started = performance.now();
    const samples = await generateFromFolder(options, context.artifact('model'), context);
    const tokens = samples.reduce((sum, sample) => sum + sample.tokens.length, 0);
    await writeJsonAtomic(join(context.folder, SAMPLES_FILE), samples);
    return {
      files: [SAMPLES_FILE],
      summary: {
        samples: samples.map(({ prompt, text, finish }) => ({ prompt, text, finish })),
        tokens,
        tokensPerSecond: (tokens * 1000) / (performance.now() - started),
      },
    };
  },
});
