import { ConfigurationError } from './core/errors.ts';
import type { StepTable } from './core/pipeline-file.ts';
import type { AnyStep } from './core/step.ts';
import type { StepReference } from './execute/plan.ts';
import { loadUserModule } from './execute/user-step.ts';

/**
 * Every step that a pipeline file can name, in the order in which documents usually meet them, and how it is loaded:
 * all of them at once take most of a second of CPU, which a run of three need not wait for.
 */
export const STEP_LOADERS: Readonly<Record<string, () => Promise<AnyStep>>> = {
  read: async () => (await import('./io/steps/read.ts')).readStep,
  crawl: async () => (await import('./ingest/steps/crawl.ts')).crawlStep,
  'group-near-duplicates': async () => (await import('./dedup/group-near-duplicates.ts')).groupNearDuplicates,
  'hold-out': async () => (await import('./core/steps/hold-out.ts')).holdOut,
  'fix-text': async () => (await import('./ingest/steps/fix-text.ts')).fixTextStep,
  'hold-out-listed': async () => (await import('./core/steps/hold-out-listed.ts')).holdOutListed,
  pipe: async () => (await import('./core/steps/pipe.ts')).pipe,
  language: async () => (await import('./quality/judges/language.ts')).language,
  length: async () => (await import('./quality/judges/length.ts')).length,
  'gopher-quality': async () => (await import('./quality/judges/gopher-quality.ts')).gopherQuality,
  'gopher-repetition': async () => (await import('./quality/judges/gopher-repetition.ts')).gopherRepetition,
  c4: async () => (await import('./quality/judges/c4.ts')).c4,
  fineweb: async () => (await import('./quality/judges/fineweb.ts')).fineweb,
  'dolma-gopher': async () => (await import('./quality/judges/dolma-gopher.ts')).dolmaGopher,
  'dclm-gopher': async () => (await import('./quality/judges/dclm-gopher.ts')).dclmGopher,
  'url-filter': async () => (await import('./quality/judges/url-filter.ts')).urlFilter,
  'word-filter': async () => (await import('./quality/judges/word-filter.ts')).wordFilter,
  'clean-lines': async () => (await import('./quality/judges/clean-lines.ts')).cleanLinesStep,
  'redact-pii': async () => (await import('./quality/judges/redact-pii.ts')).redactPii,
  'train-classifier': async () => (await import('./quality/steps/train-classifier.ts')).trainClassifier,
  'load-classifier': async () => (await import('./quality/steps/load-classifier.ts')).loadClassifier,
  'learned-quality': async () => (await import('./quality/judges/learned-quality.ts')).learnedQuality,
  'train-language-model': async () =>
    (await import('./quality/steps/train-language-model.ts')).trainLanguageModel,
  perplexity: async () => (await import('./quality/judges/perplexity.ts')).perplexity,
  'exact-dedup': async () => (await import('./dedup/exact-dedup.ts')).exactDedup,
  'minhash-dedup': async () => (await import('./dedup/minhash-dedup.ts')).minhashDedup,
  'paragraph-dedup': async () => (await import('./dedup/paragraph-dedup.ts')).paragraphDedup,
  'sentence-dedup': async () => (await import('./dedup/sentence-dedup.ts')).sentenceDedup,
  'ngram-dedup': async () => (await import('./dedup/ngram-dedup.ts')).ngramDedup,
  'substring-dedup': async () => (await import('./dedup/substring-dedup.ts')).substringDedup,
  'remove-overlaps': async () => (await import('./ablate/steps/remove-overlaps.ts')).removeOverlaps,
  'shuffle-words': async () => (await import('./ablate/steps/shuffle-words.ts')).shuffleWordsStep,
  'inject-duplicates': async () => (await import('./ablate/steps/inject-duplicates.ts')).injectDuplicates,
  'inject-canaries': async () => (await import('./ablate/steps/inject-canaries.ts')).injectCanaries,
  'index-evaluation': async () => (await import('./quality/steps/index-evaluation.ts')).indexEvaluation,
  decontaminate: async () => (await import('./quality/steps/decontaminate.ts')).decontaminate,
  'held-out-overlap': async () => (await import('./quality/steps/held-out-overlap.ts')).heldOutOverlap,
  write: async () => (await import('./io/steps/write.ts')).writeStep,
  'keep-rejects': async () => (await import('./io/steps/keep-rejects.ts')).keepRejects,
  stats: async () => (await import('./quality/steps/stats.ts')).statsStep,
  'train-tokenizer': async () => (await import('./tokenize/steps/train-tokenizer.ts')).trainTokenizer,
  'load-tokenizer': async () => (await import('./tokenize/steps/load-tokenizer.ts')).loadTokenizerStep,
  encode: async () => (await import('./tokenize/steps/encode.ts')).encodeStep,
  shard: async () => (await import('./shard/steps/shard.ts')).shardStep,
  train: async () => (await import('./train/steps/train.ts')).trainStep,
  evaluate: async () => (await import('./train/steps/evaluate.ts')).evaluateStep,
  generate: async () => (await import('./train/steps/generate.ts')).generateStep,
};

/** Steps that provender's own commands plan with; no pipeline file names them. */
const OWN_STEPS: typeof STEP_LOADERS = {
  measure: async () => (await import('./inspect/measure.ts')).measureStep,
};

async function load(loaders: typeof STEP_LOADERS, kind: string): Promise<AnyStep | undefined> {
  return Object.hasOwn(loaders, kind) ? loaders[kind]!() : undefined;
}

export const stepTable: StepTable = {
  get: (kind) => load(STEP_LOADERS, kind),
  kinds: Object.keys(STEP_LOADERS),
  loadUserStep: loadUserModule,
};

/** The definition behind a reference, in any thread. */
export async function findStep(reference: StepReference): Promise<AnyStep> {
  const { kind, use } = reference.spec;
  if (use !== undefined) return (await loadUserModule(use)).step;
  const step = (await stepTable.get(kind)) ?? (await load(OWN_STEPS, kind));
  if (!step) throw new ConfigurationError(`no step is called '${kind}'`);
  return step;
}
