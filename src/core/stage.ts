import type { Batch, DocumentBatch } from './batch.ts';
import type { Document, Json } from './document.ts';
import type { Refusal } from './document-file.ts';
import type { InputError } from './errors.ts';
import type { Random } from './random.ts';
import type { Rule } from './rules.ts';
import type { Drop, Verdict } from './verdict.ts';

/** What every piece of streaming work is given, whether in a worker or inline. */
export interface StageContext {
  /** Split by the step's place in the pipeline. Draw by document id, not by arrival: a resumed task starts anew. */
  readonly random: Random;
  /** Where the pipeline file lies: relative paths in options are taken from there. */
  readonly baseFolder: string;
  /** Folder of the unit that gave this artifact; throws where the pipeline has none before this step. */
  artifact(name: Artifact): string;
  /** Sets document i of the batch aside. It must not be in what `process` returns. */
  refuse(batch: DocumentBatch, i: number, drop: Drop): void;
  /** Adds to a named counter of the step's tally. */
  count(name: string, by?: number): void;
  /** Tells the watchdog which document is being worked on, so that one that hangs costs only itself. */
  watch(ordinal: number): void;
  readonly signal: AbortSignal;
}

/**
 * A streaming step. `process` holds nothing back: when it returns, everything that came in has gone out, was
 * refused, or was replaced; that is what lets a task commit at a cursor between two batches.
 * `pipe` (core/pipe.ts) lifts stages to `AsyncIterable<In> -> AsyncIterable<Out>`.
 */
export interface Stage<In extends Batch, Out extends Batch> {
  process(batch: In): Out | Promise<Out>;
  /** Releases what was opened; called once, also after an error. */
  close?(): void | Promise<void>;
}

/** A document as the judges see it: what several of them need is computed once. */
export interface TextView {
  readonly document: Document;
  readonly text: string;
  /** A view into the batch's buffer. */
  readonly utf8: Uint8Array;
  /** Computes once for this document: `view.share(words, () => ...)`, the key being the computing function's module-level object. */
  share<T>(key: object, compute: (view: TextView) => T): T;
}

/**
 * A pure filter: measures first, then decides, so that a new threshold need not measure again. One that measures with
 * a model loads it once a task; its verdict still depends on the numbers alone.
 */
export interface Judge<Options, Loaded = void> {
  /** Names of what `measure` gives, in order; they become the document's signals `KIND.NAME`. */
  readonly signals: readonly string[];
  /** What `measure` is given as its third argument: a model, an index. */
  load?(options: Options, context: Pick<StageContext, 'baseFolder' | 'artifact'>): Loaded | Promise<Loaded>;
  measure(view: TextView, options: Options, loaded: Loaded): ArrayLike<number>;
  /** Names that belong to what was measured, such as a language's code: they join the document's metadata. */
  describe?(
    values: ArrayLike<number>,
    options: Options,
    loaded: Loaded,
    view: TextView,
  ): Readonly<Record<string, Json>>;
  decide(values: ArrayLike<number>, options: Options): Verdict;
  /** Where `decide` is nothing but comparisons: those, in their order. */
  readonly rules?: readonly Rule[];
}

/** One input file as the planner sees it, before it is cut. */
export interface InputFile {
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
  /** Whether a task may read a byte range of it alone. */
  readonly splittable: boolean;
  /** What the reader needs to know: format, corpus, field mapping. Plain JSON. */
  readonly spec: Readonly<Record<string, unknown>>;
}

/** A byte range of a file as it lies on the disk; a record belongs to the slice that its first byte is in. */
export interface InputSlice extends InputFile {
  readonly start: number;
  readonly end: number;
}

/** Where to go on inside a slice: plain JSON that only the reader understands. */
export type Cursor = Readonly<Record<string, number | string>>;

export interface ReadContext {
  /** A record that never became a document: counted under `reason`, located, kept in the rejects; the rest goes on. */
  reject(reason: string, error: InputError, bytes: number): void;
  /** Bytes of the file as it lies on the disk that were consumed since the last call: for progress. */
  consumed(bytes: number): void;
  readonly signal: AbortSignal;
  /** Aim for batches of about this many bytes of text, and at most `batchDocuments` documents. */
  readonly batchBytes: number;
  readonly batchDocuments: number;
}

/** A batch, and the cursor from which a later call continues right after it. Ordinals in the batch are the runner's. */
export interface ReadItem {
  readonly batch: DocumentBatch;
  readonly cursor: Cursor;
}

export interface ListContext {
  readonly baseFolder: string;
  readonly signal: AbortSignal;
  readonly dryRun?: boolean;
  /** A line for the person who watches. */
  say?(line: string): void;
}

export interface Source<Options> {
  /**
   * Lists the inputs in a stable order. Missing paths are errors. A source that fetches its inputs does so here, but
   * not for a dry run.
   */
  list(options: Options, context: ListContext): Promise<InputFile[]>;
  read(slice: InputSlice, from: Cursor | undefined, context: ReadContext): AsyncIterable<ReadItem>;
}

/** Writes batches somewhere outside: the parts of a task, one file each. */
export interface Sink<In extends Batch> {
  add(batch: In): void | Promise<void>;
  /** For a sink that wants them: documents that the steps since the last barrier refused, in their order. */
  addRefused?(batch: DocumentBatch, refusals: readonly Refusal[]): void | Promise<void>;
  /** Flushes, syncs and closes the file. */
  finish(): Promise<void>;
  /** Closes without finishing, after an error. */
  abandon(): Promise<void>;
}

/** The side file of one part, as `reduce` reads it. Parts are in (partition, part) order. */
export interface SideFile {
  readonly path: string;
  readonly partition: number;
  readonly part: number;
  /** Number of the part's first document among all documents of the unit. */
  readonly firstDocument: number;
  readonly documents: number;
  /** As it was digested when it was committed. */
  readonly sha256?: string;
}

export interface Progress {
  /**
   * `total` may grow while work goes on; undefined where it is not known. `details`, plain JSON, is for a view that
   * knows the job. Reports that follow each other fast are left out, so each says all that is to be known.
   */
  report(done: number, total: number | undefined, note?: string, details?: unknown): void;
}

export interface JobContext {
  readonly random: Random;
  readonly seed: number;
  readonly baseFolder: string;
  /** The job's own folder. What lies there when the job is done, and is named in its outcome, is its artifact. */
  readonly folder: string;
  artifact(name: Artifact): string;
  readonly progress: Progress;
  /** Aborted on Ctrl-C. A job that can go on later saves where it is and throws CancelledError. */
  readonly signal: AbortSignal;
  /** How many threads this job may use. */
  readonly threads: number;
  /** Power of the machine or device in watts, where it was stated: for estimates of energy. */
  readonly deviceWatts?: number;
  /** A line for the person who watches; shown once, not part of the outcome. */
  say(line: string): void;
}

export interface JobOutcome {
  /** Files that make up the artifact, relative to the job's folder: synced, digested, listed in the manifest. */
  readonly files: readonly string[];
  /** SHA-256 of those files that are known by it already. */
  readonly digests?: Readonly<Record<string, string>>;
  /** For the closing table and the report. */
  readonly summary: Readonly<Record<string, unknown>>;
}

/** A step that must see every document before the next step sees one: written, reduced, and streamed again. */
export interface Barrier<Options, In extends Batch> {
  /**
   * The options that decide what `tap` writes; a change of any other one runs no partition again.
   * Default: all of them.
   */
  readonly tapOptions?: readonly (keyof Options & string)[];
  /** Writes what `reduce` needs of the documents of one part to `path` (a temporary name). */
  tap(options: Options, context: StageContext, path: string): Sink<In> | Promise<Sink<In>>;
  /** The global part: reads all side files, leaves its artifact in `context.folder`. Must not depend on their order. */
  reduce(options: Options, sides: readonly SideFile[], context: JobContext): Promise<JobOutcome>;
  /** `apply` changes nothing: where no other step follows, the documents are not even streamed again. */
  readonly passes?: true;
  /**
   * Streams the same documents again with the outcome at hand. `firstDocument` is the number of the task's
   * first document; document i of a batch has number firstDocument + batch.rows[i].ordinal. Without `apply`
   * the documents end here (shards).
   */
  apply?(
    options: Options,
    context: StageContext & { readonly outcome: string; readonly firstDocument: number },
  ): Stage<DocumentBatch, DocumentBatch> | Promise<Stage<DocumentBatch, DocumentBatch>>;
}

export type Artifact =
  | 'evaluation-index'
  | 'classifier'
  | 'language-model'
  | 'tokenizer'
  | 'shards'
  | 'model'
  | 'evaluation'
  | 'samples';

/** The same with their articles, for messages. */
export const ARTIFACT_NAMES: Readonly<Record<Artifact, string>> = {
  'evaluation-index': 'an index of evaluation sets',
  classifier: 'a classifier',
  'language-model': 'a language model',
  tokenizer: 'a tokenizer',
  shards: 'shards',
  model: 'a model',
  evaluation: 'an evaluation',
  samples: 'samples',
};
