import { join } from 'node:path';
import { z } from 'zod';
import { CancelledError, ConfigurationError } from '../../core/errors.ts';
import { defineJob } from '../../core/step.ts';
import { NgramIndexBuilder } from '../decontamination/build.ts';
import { evaluationSetSchema, readEvaluationSet } from '../decontamination/evaluation-sets.ts';
import { writeNgramIndex } from '../decontamination/index-file.ts';
import { ngramShape, resolveNgrams } from '../decontamination/options.ts';

export const EVALUATION_INDEX = 'evaluation.ngrams';

const options = z.strictObject({
  sets: z
    .array(evaluationSetSchema)
    .min(1)
    .describe('evaluation sets whose examples no training document may have'),
  ...ngramShape,
});

/** Builds the index of n-grams that `decontaminate` looks into. */
export const indexEvaluation = defineJob({
  kind: 'index-evaluation',
  summary: 'indexes the n-grams of evaluation sets (JSONL, Parquet) for decontaminate',
  options,
  module: import.meta.url,
  needs: [],
  gives: ['evaluation-index'],
  files: (o) => o.sets.flatMap(({ files }) => files),
  async run(o, context) {
    const { n, tokenization } = resolveNgrams(o);
    const builder = new NgramIndexBuilder(n, tokenization);
    const sets: Record<string, number> = {};
    for (const set of o.sets) {
      for await (const { text, ...example } of readEvaluationSet(set, context.baseFolder, context.signal)) {
        if (context.signal.aborted) throw new CancelledError();
        builder.add(example, Buffer.from(text));
        sets[example.set] = (sets[example.set] ?? 0) + 1;
        context.progress.report(builder.length, undefined, `examples of ${example.set}`);
      }
    }
    const index = builder.finish();
    if (index.ngrams === 0)
      throw new ConfigurationError('the evaluation sets have no n-gram', {
        expected: `examples of at least ${n} ${tokenization} in the fields named`,
        found: `${builder.length} examples, all shorter`,
      });
    if (builder.shortExamples > 0)
      context.say(
        `${builder.shortExamples} of ${builder.length} evaluation examples are shorter than ${n} ${tokenization}: they cannot be found in documents`,
      );
    await writeNgramIndex(join(context.folder, EVALUATION_INDEX), index.parts);
    const { ngrams, bytesInMemory } = index;
    const summary = { n, tokenization, sets, ngrams, bytesInMemory, shortExamples: builder.shortExamples };
    return { files: [EVALUATION_INDEX], summary };
  },
});
