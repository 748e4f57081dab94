import { injectCanaries } from './ablate/steps/inject-canaries.ts';
import { injectDuplicates } from './ablate/steps/inject-duplicates.ts';
import { removeOverlaps } from './ablate/steps/remove-overlaps.ts';
import { shuffleWordsStep } from './ablate/steps/shuffle-words.ts';
import { ConfigurationError } from './core/errors.ts';
import type { StepTable } from './core/pipeline-file.ts';
import type { AnyStep } from './core/step.ts';
import { holdOut } from './core/steps/hold-out.ts';
import { holdOutListed } from './core/steps/hold-out-listed.ts';
import { pipe } from './core/steps/pipe.ts';
import { exactDedup } from './dedup/exact-dedup.ts';
import { groupNearDuplicates } from './dedup/group-near-duplicates.ts';
import { minhashDedup } from './dedup/minhash-dedup.ts';
import { ngramDedup } from './dedup/ngram-dedup.ts';
import { paragraphDedup } from './dedup/paragraph-dedup.ts';
import { sentenceDedup } from './dedup/sentence-dedup.ts';
import { substringDedup } from './dedup/substring-dedup.ts';
import type { StepReference } from './execute/plan.ts';
import { loadUserModule } from './execute/user-step.ts';
import { crawlStep } from './ingest/steps/crawl.ts';
import { fixTextStep } from './ingest/steps/fix-text.ts';
import { measureStep } from './inspect/measure.ts';
import { keepRejects } from './io/steps/keep-rejects.ts';
import { readStep } from './io/steps/read.ts';
import { writeStep } from './io/steps/write.ts';
import { c4 } from './quality/judges/c4.ts';
import { cleanLinesStep } from './quality/judges/clean-lines.ts';
import { dclmGopher } from './quality/judges/dclm-gopher.ts';
import { dolmaGopher } from './quality/judges/dolma-gopher.ts';
import { fineweb } from './quality/judges/fineweb.ts';
import { gopherQuality } from './quality/judges/gopher-quality.ts';
import { gopherRepetition } from './quality/judges/gopher-repetition.ts';
import { language } from './quality/judges/language.ts';
import { learnedQuality } from './quality/judges/learned-quality.ts';
import { length } from './quality/judges/length.ts';
import { perplexity } from './quality/judges/perplexity.ts';
import { redactPii } from './quality/judges/redact-pii.ts';
import { urlFilter } from './quality/judges/url-filter.ts';
import { wordFilter } from './quality/judges/word-filter.ts';
import { decontaminate } from './quality/steps/decontaminate.ts';
import { heldOutOverlap } from './quality/steps/held-out-overlap.ts';
import { indexEvaluation } from './quality/steps/index-evaluation.ts';
import { loadClassifier } from './quality/steps/load-classifier.ts';
import { statsStep } from './quality/steps/stats.ts';
import { trainClassifier } from './quality/steps/train-classifier.ts';
import { trainLanguageModel } from './quality/steps/train-language-model.ts';
import { shardStep } from './shard/steps/shard.ts';
import { encodeStep } from './tokenize/steps/encode.ts';
import { loadTokenizerStep } from './tokenize/steps/load-tokenizer.ts';
import { trainTokenizer } from './tokenize/steps/train-tokenizer.ts';
import { evaluateStep } from './train/steps/evaluate.ts';
import { generateStep } from './train/steps/generate.ts';
import { trainStep } from './train/steps/train.ts';

/** Every step that a pipeline file can name, in the order in which documents usually meet them. */
export const STEPS: readonly AnyStep[] = [
  readStep,
  crawlStep,
  groupNearDuplicates,
  holdOut,
  fixTextStep,
  holdOutListed,
  pipe,
  language,
  length,
  gopherQuality,
  gopherRepetition,
  c4,
  fineweb,
  dolmaGopher,
  dclmGopher,
  urlFilter,
  wordFilter,
  cleanLinesStep,
  redactPii,
  trainClassifier,
  loadClassifier,
  learnedQuality,
  trainLanguageModel,
  perplexity,
  exactDedup,
  minhashDedup,
  paragraphDedup,
  sentenceDedup,
  ngramDedup,
  substringDedup,
  removeOverlaps,
  shuffleWordsStep,
  injectDuplicates,
  injectCanaries,
  indexEvaluation,
  decontaminate,
  heldOutOverlap,
  writeStep,
  keepRejects,
  statsStep,
  trainTokenizer,
  loadTokenizerStep,
  encodeStep,
  shardStep,
  trainStep,
  evaluateStep,
  generateStep,
];

/** Steps that provender's own commands plan with; no pipeline file names them. */
const OWN_STEPS: readonly AnyStep[] = [measureStep];

const byKind = new Map(STEPS.map((step) => [step.kind, step]));

export const stepTable: StepTable = {
  get: (kind) => byKind.get(kind),
  kinds: STEPS.map((step) => step.kind),
  loadUserStep: loadUserModule,
};

/** The definition behind a reference, in any thread. */
export async function findStep(reference: StepReference): Promise<AnyStep> {
  const { kind, use } = reference.spec;
  if (use !== undefined) return (await loadUserModule(use)).step;
  const step = byKind.get(kind) ?? OWN_STEPS.find((own) => own.kind === kind);
  if (!step) throw new ConfigurationError(`no step is called '${kind}'`);
  return step;
}
