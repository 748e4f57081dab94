import { join } from 'node:path';
import { z } from 'zod';
import { writeJsonAtomic } from '../../core/files.ts';
import { Random } from '../../core/random.ts';
import type { JobContext, JobOutcome } from '../../core/stage.ts';
import { defineJob } from '../../core/step.ts';
import { engineOptions } from '../engines/options.ts';
import { resolveEngine } from '../engines/registry.ts';
import { type Generated, type GeneratedToken, generate, generateOptions } from '../generate.ts';
import { loadModel } from '../model-folder.ts';

export const SAMPLES_FILE = 'samples.json';

export const sampleOptions = z.strictObject({
  prompts: z
    .array(z.string())
    .min(1)
    .default([''])
    .describe('texts to go on from; an empty one begins a document'),
  count: z.int().min(1).default(1).describe('texts a prompt'),
  ...generateOptions.shape,
  seed: z.int().min(0).optional().describe('of the draws; by default it follows from the seed of the run'),
  engine: engineOptions.prefault({}).describe('what runs the tensor programs'),
});

export type SampleOptions = z.output<typeof sampleOptions>;

export interface SampleContext extends Pick<JobContext, 'random' | 'progress' | 'signal' | 'threads'> {
  /** Text of sample `index` as it is written. */
  readonly onText?: (text: string, index: number) => void;
  readonly onToken?: (token: GeneratedToken, index: number) => void;
  readonly topCount?: number;
  say?(line: string): void;
}

/** Generates from the model of a folder: `count` texts for each prompt, in order. */
export async function generateFromFolder(
  options: SampleOptions,
  folder: string,
  context: SampleContext,
): Promise<Generated[]> {
  const { prompts, count, seed, engine: chosen, ...rest } = options;
  const { engine, choice } = await resolveEngine({ ...chosen, threads: chosen.threads ?? context.threads });
  if (choice !== undefined) context.say?.(`device auto ${choice}`);
  const random = seed === undefined ? context.random : new Random(seed);
  const { onText, onToken } = context;
  const { session, tokenizer, file } = await loadModel(folder, { engine });
  try {
    const samples: Generated[] = [];
    for (const prompt of prompts.flatMap((text) => new Array<string>(count).fill(text))) {
      const index = samples.length;
      context.progress.report(index, prompts.length * count);
      samples.push(
        await generate({
          session,
          tokenizer,
          context: file.context,
          prompt,
          options: generateOptions.parse(rest),
          random: random.split('sample', index),
          signal: context.signal,
          onText: onText && ((text) => onText(text, index)),
          onToken: onToken && ((token) => onToken(token, index)),
          topCount: context.topCount,
        }),
      );
    }
    context.progress.report(samples.length, samples.length);
    return samples;
  } finally {
    await session.release();
  }
}

export const generateStep = defineJob({
  kind: 'generate',
  summary: 'writes texts with the model',
  options: sampleOptions,
  module: import.meta.url,
  needs: ['model'],
  gives: ['samples'],
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
