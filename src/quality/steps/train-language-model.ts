import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { DocumentBatch } from '../../core/batch.ts';
import { InputError } from '../../core/errors.ts';
import { commitFile, ensureFolder, temporaryName, writeJsonAtomic } from '../../core/files.ts';
import type { JobContext, JobOutcome, SideFile, StageContext } from '../../core/stage.ts';
import { defineBarrier } from '../../core/step.ts';
import { drop } from '../../core/verdict.ts';
import { ARPA_FILE, LANGUAGE_MODEL_FILE, LANGUAGE_MODEL_MARK, percentilesOf } from '../ngram/artifact.ts';
import { CorpusSink, ModelCorpus } from '../ngram/corpus.ts';
import { KneserNey } from '../ngram/estimate.ts';
import { type LanguageModel, modelOf, writeArpa, writeLanguageModel } from '../ngram/model.ts';
import { perplexityOf } from '../ngram/perplexity.ts';
import { SPECIAL_WORDS, sentencesOf } from '../ngram/text.ts';

const options = z.strictObject({
  corpora: z.array(z.string().min(1)).min(1).describe('corpora whose text the model learns: good text'),
  reference: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'corpora whose perplexities make the percentiles, such as the one that is filtered; empty: a share of `corpora` that the model does not learn',
    ),
  examples: z
    .enum(['keep', 'drop'])
    .default('keep')
    .describe(
      'what becomes of the documents of `corpora` after this step: they may be here to learn from only',
    ),
  order: z.int().min(1).max(6).default(3).describe('longest n-gram (CCNet: 5)'),
  maxWords: z
    .int()
    .min(1)
    .max(1 << 23)
    .default(500_000)
    .describe('words that the model knows at most, the most frequent'),
  minWordCount: z.int().min(1).default(2).describe('a word that comes less often is unknown'),
  maxDocuments: z
    .int()
    .min(1)
    .default(200_000)
    .describe('documents to learn from at most, chosen by the hash of corpus and id'),
  maxReference: z.int().min(1).default(20_000).describe('documents of the reference at most'),
  referenceFraction: z
    .number()
    .min(0.001)
    .max(0.5)
    .default(0.1)
    .describe('share of `corpora` that is the reference where none is named'),
  memoryMiB: z.int().min(1).default(256).describe('memory for sorting before it goes on disk'),
  arpa: z.boolean().default(false).describe('also write the model as an ARPA file, for KenLM or SRILM'),
});
type Options = z.output<typeof options>;

/** Distinct words that are counted at most before the rare ones are forgotten: a Map stops at 16.7 million. */
const MOST_WORDS = 4_000_000;

async function vocabularyOf(o: Options, corpus: ModelCorpus): Promise<string[]> {
  const counts = new Map<string, number>();
  let forgotten = 1;
  for await (const text of corpus.texts('train')) {
    for (const sentence of sentencesOf(text))
      for (const word of sentence) counts.set(word, (counts.get(word) ?? 0) + 1);
    for (; counts.size > MOST_WORDS; forgotten++)
      for (const [word, count] of counts) if (count <= forgotten) counts.delete(word);
  }
  const known = [...counts].filter(([, count]) => count >= o.minWordCount);
  known.sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return [...SPECIAL_WORDS, ...known.slice(0, o.maxWords).map(([word]) => word)];
}

async function train(
  o: Options,
  corpus: ModelCorpus,
  context: JobContext,
): Promise<{ model: LanguageModel; tokens: number; summary: Record<string, unknown> }> {
  const words = await vocabularyOf(o, corpus);
  const ids = new Map(words.slice(SPECIAL_WORDS.length).map((word, i) => [word, i + SPECIAL_WORDS.length]));
  const folder = join(context.folder, 'sorting');
  await ensureFolder(folder);
  // The n-grams and the contexts of every order are sorted at the same time.
  const recordBytes = (o.order + 3) * 4;
  const capacity = Math.max(1024, Math.floor((o.memoryMiB * 2 ** 20) / recordBytes / (o.order + 2)));
  const estimator = new KneserNey({ order: o.order, words: words.length, folder, capacity });
  let tokens = 0;
  let documents = 0;
  try {
    for await (const text of corpus.texts('train')) {
      for (const sentence of sentencesOf(text)) {
        estimator.add(sentence.map((word) => ids.get(word) ?? 0));
        tokens += sentence.length + 1;
      }
      context.progress.report(++documents, corpus.documents.train, 'documents');
    }
    if (tokens === 0)
      throw new InputError('no text reached train-language-model', {
        expected: `training documents of ${o.corpora.join(', ')}`,
        found: 'none with a word',
      });
    const estimates = estimator.estimate();
    const { counts, discounts } = estimates;
    const fallbacks = discounts.flatMap(({ isFallback }, i) => (isFallback ? [i + 1] : []));
    if (fallbacks.length > 0)
      context.say(
        `too little text to tell the discounts of order ${fallbacks.join(', ')}: 0.5, 1 and 1.5 are taken`,
      );
    const summary = {
      words: words.length,
      ngrams: counts,
      discounts: discounts.map(({ values }) => values),
    };
    return { model: modelOf(words, estimates), tokens, summary };
  } finally {
    estimator.dispose();
    await rm(folder, { recursive: true, force: true });
  }
}

async function reduce(o: Options, sides: readonly SideFile[], context: JobContext): Promise<JobOutcome> {
  const corpus = await ModelCorpus.choose(o, sides, context);
  const { model, tokens, summary } = await train(o, corpus, context);
  const perplexities: number[] = [];
  for await (const text of corpus.texts('reference')) {
    perplexities.push(perplexityOf(model, text).perplexity);
    context.progress.report(perplexities.length, corpus.documents.reference, 'reference documents');
  }
  if (perplexities.length === 0)
    throw new InputError('no reference document reached train-language-model', {
      expected: o.reference.length > 0 ? o.reference.join(', ') : `a share of ${o.corpora.join(', ')}`,
      found: `${corpus.documents.train} documents to learn from, none to measure`,
    });
  const percentiles = percentilesOf(perplexities);
  await writeLanguageModel(join(context.folder, LANGUAGE_MODEL_FILE), model);
  const files = [LANGUAGE_MODEL_FILE, LANGUAGE_MODEL_MARK];
  if (o.arpa) {
    const path = join(context.folder, ARPA_FILE);
    const temporary = temporaryName(path);
    writeArpa(temporary, model);
    await commitFile(temporary, path);
    files.push(ARPA_FILE);
  }
  const whole = {
    order: o.order,
    documents: corpus.documents.train,
    tokens,
    ...summary,
    referenceDocuments: perplexities.length,
    medianPerplexity: percentiles[50]!,
  };
  await writeJsonAtomic(join(context.folder, LANGUAGE_MODEL_MARK), { ...whole, percentiles });
  return { files, summary: whole };
}

function passOn(o: Options, context: StageContext) {
  return {
    process(batch: DocumentBatch): DocumentBatch {
      if (o.examples === 'keep') return batch;
      const kept: number[] = [];
      for (let i = 0; i < batch.length; i++) {
        const { corpus, split } = batch.rows[i]!;
        if (split === 'train' && o.corpora.includes(corpus))
          context.refuse(batch, i, drop('language-model-example', undefined, undefined, corpus));
        else kept.push(i);
      }
      return kept.length === batch.length ? batch : batch.select(kept);
    },
  };
}

/**
 * Trains an n-gram language model with interpolated modified Kneser-Ney smoothing (Chen and Goodman 1998) on good
 * text, for the perplexities of CCNet (Wenzek et al. 2020, arXiv:1911.00359). Counting and smoothing sort on disk in
 * bounded memory; the model itself takes 16 bytes an n-gram.
 */
export const trainLanguageModel = defineBarrier({
  kind: 'train-language-model',
  summary: 'trains an n-gram language model (modified Kneser-Ney) on good text, for perplexity',
  options,
  module: import.meta.url,
  from: 'documents',
  to: 'documents',
  needs: [],
  gives: ['language-model'],
  barrier: {
    tapOptions: ['corpora', 'reference'],
    tap: (o, _context, path) => new CorpusSink(o, path),
    reduce,
    apply: passOn,
  },
});
