/** The file of an ablation: a base pipeline, changes to it, what is measured, and how models are trained. */

import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { ConfigurationError } from '../core/errors.ts';
import type { Setting } from '../core/option-errors.ts';
import { PipelineHead, parseOptions, readYamlMapping, type YamlMapping } from '../core/pipeline-file.ts';
import { removeOverlapsOptions } from './steps/remove-overlaps.ts';

const NAME = /^(?!\.+$)[\w.-]+$/;
const name = z.string().regex(NAME, 'letters, digits, dots, dashes');

const stepEntry = z
  .union([z.string(), z.record(z.string(), z.unknown())])
  .describe('as in the steps of a pipeline file');
const place = {
  before: z.string().optional().describe('name of the step that it goes before'),
  after: z.string().optional().describe('name of the step that it goes after'),
};

export const changeOptions = {
  set: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('options by path: `length.minWords: 50`, `shard.weights.mail: 2`, `steps[0].read.inputs`'),
  remove: z.array(z.string()).default([]).describe('steps to take out'),
  insert: z
    .array(z.strictObject({ ...place, step: stepEntry }))
    .default([])
    .describe('steps to put in'),
  move: z
    .array(z.strictObject({ ...place, step: z.string().describe('name of the step') }))
    .default([])
    .describe('steps to put elsewhere'),
};

const armOptions = z.strictObject({
  about: z.string().optional().describe('what a reader is told of it; default: what it changes'),
  role: z
    .enum(['treatment', 'positive-control', 'null-control'])
    .default('treatment')
    .describe('a positive control must be seen; a null control changes only the seeds, and must not be'),
  ...changeOptions,
  sweep: z
    .record(z.string(), z.array(z.unknown()).min(1))
    .optional()
    .describe('an arm for each value: `length.minWords: [20, 50, 100]`; several paths: for each combination'),
  sameMixture: z
    .boolean()
    .optional()
    .describe('give its corpora the shares that they have in the base arm; default: that of the file'),
});

export const budgetOptions = z
  .strictObject({
    tokens: z.number().positive().optional().describe('tokens that are trained on'),
    bytes: z.number().positive().optional().describe('bytes of text that are trained on'),
    flops: z.number().positive().optional().describe('operations of matrix products of a training'),
    epochs: z.number().positive().optional().describe('times that the training tokens are gone through'),
  })
  .refine((budget) => Object.values(budget).filter((value) => value !== undefined).length === 1, {
    message: 'a budget is one of tokens, bytes, flops, epochs',
  });

const domainOptions = z.strictObject({
  target: z.string().optional().describe('what it stands for, in words: "clean prose"; default: its name'),
  corpus: z.string().optional().describe('documents of this corpus; default: of any'),
  metadata: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .default({})
    .describe('and with these metadata'),
  passes: z
    .array(stepEntry)
    .default([])
    .describe('and that these filters keep: names of steps of the base pipeline, or steps with options'),
  fails: z.array(stepEntry).default([]).describe('and that at least one of these filters refuses'),
  weight: z.number().min(0).default(1).describe('in the mean over domains, in any unit'),
  bytes: z.int().min(1).optional().describe('as `bytes` of the ruler, for this domain'),
});

export const rulerOptions = z.strictObject({
  primary: z.string().describe('the domain that the question is about'),
  domains: z.record(name, domainOptions).describe('kinds of held-out text'),
  bytes: z
    .int()
    .min(1)
    .default(65_536)
    .describe('whole documents of each domain, chosen by hash, until so many bytes are reached'),
  documentBytes: z
    .int()
    .min(64)
    .default(8192)
    .describe(
      'a longer document is measured on about its first so many bytes, so that no single one decides',
    ),
  clusters: z
    .boolean()
    .default(true)
    .describe('keep near-duplicates on one side of the split, together with threads and runs of chapters'),
  overlaps: removeOverlapsOptions
    .pick({ words: true, share: true, action: true })
    .prefault({})
    .describe('which training documents count as overlapping with the ruler, and what becomes of them'),
});

const sizeOptions = z.strictObject({
  name: name.describe('as the report calls it: 0.25M'),
  training: z.record(z.string(), z.unknown()).default({}).describe('options of the training that differ'),
  budget: budgetOptions.optional().describe('default: that of the file'),
  learningRates: z.array(z.number().positive()).min(1).optional().describe('default: those of the file'),
});

export const ablationOptions = z.strictObject({
  name: name.describe('names the directory'),
  question: z.string().min(1).describe('what is asked, in a sentence'),
  seed: z.int().min(0).default(1).describe('the seeds of weights and order follow from it'),
  pipeline: z
    .union([
      z.string().describe('a pipeline file, relative to this one'),
      PipelineHead.omit({ name: true, seed: true }).extend({
        run: z.record(z.string(), z.unknown()).optional(),
      }),
    ])
    .describe(
      'the base pipeline, up to its shards; the options of a train step are the defaults of `training`',
    ),
  base: z
    .strictObject({
      name: name.default('base').describe('what the unchanged pipeline is called'),
      about: z.string().default('the pipeline as it is').describe('what a reader is told of it'),
    })
    .prefault({})
    .describe('the arm that changes nothing'),
  ruler: rulerOptions.describe('the held-out text that every arm is measured on'),
  arms: z.record(name, armOptions).default({}).describe('changes to the base pipeline, by name'),
  leaveOneOut: z
    .union([z.boolean(), z.array(z.string())])
    .default(false)
    .describe(
      'an arm without it for every filter and deduplication of the base pipeline, or for those named',
    ),
  sameMixture: z
    .boolean()
    .default(false)
    .describe('give the corpora of every arm the shares of the base arm'),
  compare: z
    .array(z.tuple([z.string(), z.string()]))
    .optional()
    .describe('the family of comparisons, [arm, against]; default: each arm against the base'),
  confidence: z.number().gt(0.5).lt(1).default(0.95).describe('of the intervals'),
  training: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('as the options of the step train, but steps, seeds and held-out text'),
  budget: budgetOptions.describe('what is equal across the arms'),
  maxEpochs: z
    .number()
    .positive()
    .default(1)
    .describe('an arm that would see its data more often within the budget is named, and not compared'),
  seeds: z
    .int()
    .min(1)
    .default(5)
    .describe('trainings of each arm: each has a weight seed and an order seed'),
  learningRates: z
    .array(z.number().positive())
    .min(1)
    .optional()
    .describe('peaks that every training is repeated at; default: that of the schedule'),
  sizes: z.array(sizeOptions).min(1).optional().describe('the same at several model sizes and budgets'),
  probes: z
    .union([
      z.literal(false),
      z.literal(true).transform(() => ({ bytes: 65_536 })),
      z.strictObject({
        bytes: z.int().min(1).default(65_536).describe('text of each kind that is scored'),
      }),
    ])
    .default(false)
    .describe('score what the filters of the base arm refused, and what they kept, with its trained model'),
  processes: z
    .union([z.int().min(1), z.literal('auto')])
    .default('auto')
    .describe('trainings side by side, one thread each; auto: one a core'),
});

export type AblationOptions = z.output<typeof ablationOptions>;
export type ArmOptions = z.output<typeof armOptions>;
export type BudgetOptions = z.output<typeof budgetOptions>;
export type DomainOptions = z.output<typeof domainOptions>;

export interface AblationFile {
  readonly path: string;
  readonly options: AblationOptions;
  /** The base pipeline as it stands in its file, but for its name and seed. */
  readonly pipeline: Readonly<Record<string, unknown>>;
  /** The file that holds the pipeline, for messages, and where relative paths in its options are taken from. */
  readonly pipelineFile: string;
  readonly baseFolder: string;
}

/** `path=value` as on the command line, on the options of the ablation itself. Gives which one was set. */
function override(plain: Record<string, unknown>, text: string, value: unknown): Setting {
  const path = text.slice(0, text.indexOf('=')).split('.');
  if (path.some((part) => part === '' || part === '__proto__'))
    throw new ConfigurationError(
      `--set ${text}: expected PATH=VALUE, with a path like seeds or training.rows`,
    );
  let at = plain;
  for (const part of path.slice(0, -1)) {
    at[part] ??= {};
    if (typeof at[part] !== 'object') throw new ConfigurationError(`--set ${text}: '${part}' has no options`);
    at = at[part] as Record<string, unknown>;
  }
  at[path.at(-1)!] = value;
  return { text, path };
}

/** Reads and checks the file. @throws ConfigurationError with file, line and column */
export async function readAblationFile(
  path: string,
  overrides: readonly { readonly text: string; readonly value: unknown }[] = [],
): Promise<AblationFile> {
  const mapping = await readYamlMapping(
    path,
    'an ablation file',
    "'name', 'question', 'pipeline' and 'arms'",
  );
  const settings = overrides.map(({ text, value }) => override(mapping.plain, text, value));
  const options = parseOptions(ablationOptions, mapping.plain, { file: path, ...mapping, settings });
  checkNames(options, path);
  return { path, options, ...(await basePipeline(path, mapping)) };
}

async function basePipeline(
  path: string,
  { plain }: YamlMapping,
): Promise<Pick<AblationFile, 'pipeline' | 'pipelineFile' | 'baseFolder'>> {
  if (typeof plain.pipeline !== 'string') {
    const pipeline = plain.pipeline as Record<string, unknown>;
    return { pipeline, pipelineFile: path, baseFolder: dirname(resolve(path)) };
  }
  const file = resolve(dirname(path), plain.pipeline);
  const { plain: pipeline } = await readYamlMapping(file, 'a pipeline file', "'name' and 'steps'");
  return { pipeline, pipelineFile: file, baseFolder: dirname(file) };
}

function checkNames(options: AblationOptions, file: string): void {
  const { ruler, sizes = [] } = options;
  const complain = (message: string, expected: string, found: string): never => {
    throw new ConfigurationError(message, { file, expected, found });
  };
  const domains = Object.keys(ruler.domains);
  if (!domains.includes(ruler.primary))
    complain('ruler.primary is not a domain', `one of ${domains.join(', ')}`, ruler.primary);
  if (Object.values(ruler.domains).every(({ weight }) => weight === 0))
    complain('ruler.domains: all weights are 0', 'one above 0', '0');
  if (new Set(sizes.map((size) => size.name)).size !== sizes.length)
    complain('sizes: two have one name', 'names that differ', sizes.map((size) => size.name).join(', '));
  if (options.base.name in options.arms)
    complain('an arm has the name of the base arm', 'another name', options.base.name);
}
