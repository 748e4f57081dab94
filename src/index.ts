/** The public API of provender. */

export { z } from 'zod';
export { type AblationObserver, type AblationSettings, ablate } from './ablate/ablate.ts';
export { type AblationFile, readAblationFile } from './ablate/file.ts';
export type { AblationOutcome } from './ablate/outcome.ts';
export { analyse } from './ablate/statistics/analyse.ts';
export type { Analysis } from './ablate/statistics/analysis.ts';
export { injectCanaries as injectCanariesStep } from './ablate/steps/inject-canaries.ts';
export { injectDuplicates as injectDuplicatesStep } from './ablate/steps/inject-duplicates.ts';
export { removeOverlaps as removeOverlapsStep } from './ablate/steps/remove-overlaps.ts';
export { shuffleWordsStep } from './ablate/steps/shuffle-words.ts';
export { type Batch, DocumentBatch, DocumentBatchBuilder, TokenBatch } from './core/batch.ts';
export type { Document, Json, NewDocument, Split } from './core/document.ts';
export { readDocumentFile } from './core/document-file.ts';
export {
  CancelledError,
  ConfigurationError,
  InputError,
  IntegrityError,
  InvariantError,
  ProvenderError,
  ResourceError,
  TransientError,
} from './core/errors.ts';
export { pipe } from './core/pipe.ts';
export { Pipeline, pipeline } from './core/pipeline.ts';
export { type PipelineSpec, RunOptions, readPipelineFile } from './core/pipeline-file.ts';
export { Random } from './core/random.ts';
export { atLeast, atMost, type Rule } from './core/rules.ts';
export type {
  Artifact,
  Barrier,
  InputFile,
  InputSlice,
  JobContext,
  JobOutcome,
  Judge,
  ReadContext,
  ReadItem,
  SideFile,
  Sink,
  Source,
  Stage,
  StageContext,
  TextView,
} from './core/stage.ts';
export {
  type AnyStep,
  defineBarrier,
  defineJob,
  defineJudge,
  defineSource,
  defineStage,
  type Flow,
  type StepSpec,
} from './core/step.ts';
// The steps by name, for pipelines composed in TypeScript.
export { holdOut as holdOutStep } from './core/steps/hold-out.ts';
export { holdOutListed as holdOutListedStep } from './core/steps/hold-out-listed.ts';
export { pipe as pipeStep } from './core/steps/pipe.ts';
export type { StepTally } from './core/tally.ts';
export { viewOf } from './core/text-view.ts';
export { type Drop, drop, KEEP, type Keep, type Verdict } from './core/verdict.ts';
export { exactDedup as exactDedupStep } from './dedup/exact-dedup.ts';
export { groupNearDuplicates as groupNearDuplicatesStep } from './dedup/group-near-duplicates.ts';
export { minhashDedup as minhashDedupStep } from './dedup/minhash-dedup.ts';
export { type MinhashDedupOptions, minhashDedupOptions } from './dedup/minhash-options.ts';
export { ngramDedup as ngramDedupStep } from './dedup/ngram-dedup.ts';
export { paragraphDedup as paragraphDedupStep } from './dedup/paragraph-dedup.ts';
export { type MinhashPreview, previewMinhash } from './dedup/preview.ts';
export { sentenceDedup as sentenceDedupStep } from './dedup/sentence-dedup.ts';
export { type DocumentSpans, SpanReader } from './dedup/span-file.ts';
export { substringDedup as substringDedupStep } from './dedup/substring-dedup.ts';
export { type Plan, planPipeline } from './execute/plan.ts';
export { type RunObserver, type RunSettings, type RunSummary, runPlan } from './execute/run.ts';
export { type CrawlReport, crawl } from './ingest/crawl/crawl.ts';
export { type CrawlOptions, crawlOptions } from './ingest/crawl/options.ts';
export { type ExtractedPage, extractPage } from './ingest/html/extract.ts';
export { crawlStep } from './ingest/steps/crawl.ts';
export { fixTextStep } from './ingest/steps/fix-text.ts';
export { type Answer, answer, readLabels } from './inspect/answer.ts';
export { type Inspection, inspectionOf, withOverrides } from './inspect/inspection.ts';
export { measureSignals } from './inspect/measure-signals.ts';
export { keepRejects as keepRejectsStep } from './io/steps/keep-rejects.ts';
export { readStep } from './io/steps/read.ts';
export { writeStep } from './io/steps/write.ts';
export { c4 as c4Step } from './quality/judges/c4.ts';
export { cleanLinesStep } from './quality/judges/clean-lines.ts';
export { dclmGopher as dclmGopherStep } from './quality/judges/dclm-gopher.ts';
export { dolmaGopher as dolmaGopherStep } from './quality/judges/dolma-gopher.ts';
export { fineweb as finewebStep } from './quality/judges/fineweb.ts';
export { gopherQuality as gopherQualityStep } from './quality/judges/gopher-quality.ts';
export { gopherRepetition as gopherRepetitionStep } from './quality/judges/gopher-repetition.ts';
export { language as languageStep } from './quality/judges/language.ts';
export { length as lengthStep } from './quality/judges/length.ts';
export { redactPii as redactPiiStep } from './quality/judges/redact-pii.ts';
export { urlFilter as urlFilterStep } from './quality/judges/url-filter.ts';
export { wordFilter as wordFilterStep } from './quality/judges/word-filter.ts';
export { mergeStatistics, type Statistics } from './quality/statistics.ts';
export { statsStep } from './quality/steps/stats.ts';
export { writeAblationReport } from './report/ablation/report.ts';
export { type BrowsedDocument, browse, browsePoints } from './report/browse.ts';
export { writeReport } from './report/report.ts';
export { exportShards } from './shard/exports/export.ts';
export { FollowingLoader } from './shard/following-loader.ts';
export { importShards } from './shard/imports/import.ts';
export { ShardLoader } from './shard/loader.ts';
export { PrefetchingLoader } from './shard/prefetching-loader.ts';
export { removeDocuments } from './shard/remove.ts';
export { shardStep } from './shard/steps/shard.ts';
export { ShardTracer } from './shard/trace.ts';
export { stepTable } from './step-table.ts';
export { STEPS } from './steps.ts';
export { encodeStep } from './tokenize/steps/encode.ts';
export { loadTokenizerStep } from './tokenize/steps/load-tokenizer.ts';
export { trainTokenizer as trainTokenizerStep } from './tokenize/steps/train-tokenizer.ts';
export { loadTokenizer, type Tokenizer } from './tokenize/tokenizer.ts';
export { type ExportedModel, type ExportModelOptions, exportModel } from './train/hand-over/export-model.ts';
export { type ImportedModel, importModel } from './train/hand-over/import-model.ts';
export { evaluateStep } from './train/steps/evaluate.ts';
export { generateStep } from './train/steps/generate.ts';
export { trainStep } from './train/steps/train.ts';
