/** The public API of provender. */

export { z } from 'zod';
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
export type { StepTally } from './core/tally.ts';
export { viewOf } from './core/text-view.ts';
export { type Drop, drop, KEEP, type Keep, type Verdict } from './core/verdict.ts';
export { type Plan, planPipeline } from './execute/plan.ts';
export { type RunObserver, type RunSettings, type RunSummary, runPlan } from './execute/run.ts';
export { type BrowsedDocument, browse, browsePoints } from './report/browse.ts';
export { writeReport } from './report/report.ts';
export { ShardLoader } from './shard/loader.ts';
export { STEPS, stepTable } from './steps.ts';
export { loadTokenizer, type Tokenizer } from './tokenize/tokenizer.ts';
