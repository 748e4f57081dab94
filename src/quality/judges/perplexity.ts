import { z } from 'zod';
import { atLeast, atMost } from '../../core/rules.ts';
import { defineJudge } from '../../core/step.ts';
import { openLanguageModel } from '../ngram/artifact.ts';
import { perplexityOf } from '../ngram/perplexity.ts';

const BUCKETS = ['head', 'middle', 'tail'] as const;

const bound = (description: string) =>
  z.number().nonnegative().nullable().default(null).describe(`${description}; null: no bound`);
const percentile = (value: number, description: string) =>
  z.int().min(0).max(100).default(value).describe(`${description} (CCNet: ${value})`);

const options = z
  .strictObject({
    headPercentile: percentile(30, 'the head ends at this percentile of the reference'),
    middlePercentile: percentile(60, 'the middle ends at this percentile of the reference'),
    maxBucket: z
      .int()
      .min(0)
      .max(2)
      .default(2)
      .describe('worst bucket that is kept: 0 head, 1 middle, 2 tail (all are only measured)'),
    minPerplexity: bound('smallest perplexity: text that is too easy repeats itself'),
    maxPerplexity: bound('largest perplexity'),
    field: z.string().min(1).default('bucket').describe('metadata field that takes head, middle or tail'),
  })
  .refine(({ headPercentile, middlePercentile }) => headPercentile <= middlePercentile, {
    message: 'the middle ends before the head',
    path: ['middlePercentile'],
  });

/**
 * Perplexity under the model of `train-language-model`, and CCNet's buckets (Wenzek et al. 2020, arXiv:1911.00359,
 * section 3.3): head, middle and tail by percentiles of the reference documents' perplexities. The
 * percentiles 30 and 60 are those of its code (facebookresearch/cc_net, cc_net/perplexity.py, PerplexityBucket:
 * percentile_head, percentile_tail); it drops nothing by them, nor does this by default.
 */
export const perplexity = defineJudge({
  kind: 'perplexity',
  summary: "measures perplexity under the language model and sorts into CCNet's head, middle and tail",
  module: import.meta.url,
  options,
  needs: ['language-model'],
  signals: ['perplexity', 'bucket', 'unknown-share'],
  load: (_options, context) => openLanguageModel(context.artifact('language-model')),
  measure(view, o, { model, percentiles }) {
    const measured = perplexityOf(model, view.text);
    const head = percentiles[o.headPercentile]!;
    const middle = percentiles[o.middlePercentile]!;
    const bucket = measured.perplexity <= head ? 0 : measured.perplexity <= middle ? 1 : 2;
    return [measured.perplexity, bucket, measured.unknownShare];
  },
  describe: (values, o) => ({ [o.field]: BUCKETS[values[1]!]! }),
  rules: [
    atMost('bucket', 'maxBucket', 'perplexity-bucket'),
    atLeast('perplexity', 'minPerplexity', 'low-perplexity'),
    atMost('perplexity', 'maxPerplexity', 'high-perplexity'),
  ],
});
