import { join } from 'node:path';
import { InputError } from '../../core/errors.ts';
import { removeIfThere, writeJsonAtomic } from '../../core/files.ts';
import type { JobContext, JobOutcome, SideFile, StageContext } from '../../core/stage.ts';
import { defineBarrier } from '../../core/step.ts';
import { drop } from '../../core/verdict.ts';
import { CLASSIFIER_FILE, CLASSIFIER_MARK } from '../classifier/artifact.ts';
import { evaluate } from '../classifier/evaluate.ts';
import { classOf, ExampleRows, ExampleSink, Examples } from '../classifier/examples.ts';
import {
  NEGATIVE,
  POSITIVE,
  type TrainClassifierOptions,
  trainClassifierOptions,
} from '../classifier/options.ts';
import { applyCalibration, calibrate, scoreExamples, trainWeights } from '../classifier/train.ts';
import { WordCounter, type WordVocabulary } from '../classifier/vocabulary.ts';
import type { Features } from '../fasttext/model-file.ts';
import { FeatureKernel } from '../fasttext/scorer.ts';
import { writeFastTextModel } from '../fasttext/write-model.ts';

function featuresOf(o: TrainClassifierOptions, { words }: WordVocabulary): Features {
  return {
    minn: o.maxCharacters === 0 ? 0 : o.minCharacters,
    maxn: o.maxCharacters,
    wordNgrams: o.wordNgrams,
    buckets: o.buckets,
    words,
    endOfLine: 0,
  };
}

async function countWords(o: TrainClassifierOptions, examples: Examples): Promise<WordVocabulary> {
  const counter = new WordCounter();
  for await (const { role, text } of examples.read()) if (role === 'train') counter.add(text);
  return counter.vocabulary(o.minWordCount, o.maxWords);
}

function checkSides(examples: Examples, rows: ExampleRows): void {
  for (const label of [1, 0] as const) {
    const side = label === 1 ? 'positive' : 'negative';
    for (const role of ['train', 'calibrate', 'test'] as const)
      if (!rows.of(role).some((entry) => entry.label === label))
        throw new InputError(`too few ${side} documents reached train-classifier`, {
          expected: `some to train, to calibrate and to test`,
          found: `${examples.found[label]} documents, none to ${role}`,
        });
  }
}

async function reduce(
  o: TrainClassifierOptions,
  sides: readonly SideFile[],
  context: JobContext,
): Promise<JobOutcome> {
  const examples = await Examples.choose(o, sides, context);
  const vocabulary = await countWords(o, examples);
  const features = featuresOf(o, vocabulary);
  const kernel = new FeatureKernel(features, 1);
  const scratch = join(context.folder, 'examples.scratch');
  const rows = new ExampleRows(scratch);
  try {
    for await (const example of examples.read()) rows.add(example, kernel.list(example.text));
    rows.finish();
    checkSides(examples, rows);
    const weights = trainWeights(rows, kernel.rowCount, o, context.random, (done, total) =>
      context.progress.report(done, total, 'examples'),
    );
    const calibration = calibrate(scoreExamples(rows, 'calibrate', weights));
    applyCalibration(weights, calibration);
    const { reliability, ...measured } = evaluate(scoreExamples(rows, 'test', weights));
    await writeFastTextModel(join(context.folder, CLASSIFIER_FILE), {
      ...features,
      loss: 'softmax',
      dimension: 1,
      labels: [POSITIVE, NEGATIVE],
      labelCounts: [examples.chosen[1], examples.chosen[0]],
      wordCounts: vocabulary.counts,
      rows: weights,
      output: Float32Array.of(0.5, -0.5),
      epochs: o.epochs,
      minCount: o.minWordCount,
    });
    const summary = {
      label: POSITIVE,
      positive: { documents: examples.found[1], chosen: examples.chosen[1] },
      negative: { documents: examples.found[0], chosen: examples.chosen[0] },
      words: features.words.length,
      test: measured,
    };
    await writeJsonAtomic(join(context.folder, CLASSIFIER_MARK), { ...summary, calibration, reliability });
    return { files: [CLASSIFIER_FILE, CLASSIFIER_MARK], summary };
  } finally {
    rows.close();
    await removeIfThere(scratch);
  }
}

/** Passes documents on, or drops those that were here to learn from. */
function passOn(o: TrainClassifierOptions, context: StageContext) {
  const drops = [
    o.examples === 'drop' || o.examples === 'drop-negative',
    o.examples === 'drop' || o.examples === 'drop-positive',
  ];
  return {
    process(batch: Parameters<ExampleSink['add']>[0]) {
      if (o.examples === 'keep') return batch;
      const kept: number[] = [];
      for (let i = 0; i < batch.length; i++) {
        const { corpus, split } = batch.rows[i]!;
        const label = classOf(o, corpus);
        if (label !== undefined && drops[label] && split === 'train')
          context.refuse(batch, i, drop('classifier-example', undefined, undefined, corpus));
        else kept.push(i);
      }
      return kept.length === batch.length ? batch : batch.select(kept);
    },
  };
}

/**
 * Trains a linear classifier over words and hashed n-grams from two corpora, in fastText's manner (Joulin et al.
 * 2017, arXiv:1607.01759; DCLM, Li et al. 2024, arXiv:2406.11794, section 4.4), calibrates it and measures it on
 * examples that it has not seen. The model is a fastText `.bin`. Memory: 4 bytes a row twice, the words, and about
 * 100 bytes an example; the examples' rows wait on disk.
 */
export const trainClassifier = defineBarrier({
  kind: 'train-classifier',
  summary: 'trains a quality classifier from two corpora, "like this" and "not like that" (fastText)',
  options: trainClassifierOptions.refine(
    ({ positive, negative }) => !positive.some((corpus) => negative.includes(corpus)),
    { message: 'a corpus is on both sides', path: ['negative'] },
  ),
  module: import.meta.url,
  from: 'documents',
  to: 'documents',
  needs: [],
  gives: ['classifier'],
  barrier: {
    tapOptions: ['positive', 'negative'],
    tap: (o, _context, path) => new ExampleSink(o, path),
    reduce,
    apply: passOn,
  },
});
