import type { Artifact, Cursor, InputSlice, SideFile } from '../core/stage.ts';
import type { StepTally } from '../core/tally.ts';
import type { PassedPart } from './passed-parts.ts';
import type { StepReference } from './plan.ts';

/** The input of a cursor that stands behind all inputs. */
export const END = Number.MAX_SAFE_INTEGER;

export function partName(part: number): string {
  return `part-${String(part).padStart(5, '0')}`;
}

/** What a worker needs to carry out one partition of a segment: plain data only. */
export interface SegmentTask {
  readonly type: 'segment';
  readonly folder: string;
  /** With the inputs' modification times: parts of a killed attempt go on only where it is the same. */
  readonly fingerprint: string;
  /** Without them: what the task would do to inputs of the same content. */
  readonly recipe: string;
  readonly partition: number;
  readonly source?: StepReference;
  readonly apply?: { readonly step: StepReference; readonly outcome: string };
  readonly stages: readonly StepReference[];
  readonly tap?: StepReference;
  readonly keepsDocuments: boolean;
  readonly slices: readonly InputSlice[];
  /** Parts of the upstream task whose documents are taken over as they are: there is nothing else to do. */
  readonly passed?: readonly PassedPart[];
  /** Files of documents of the upstream task, in order. */
  readonly files: readonly { readonly path: string; readonly documents: number }[];
  /** Number of the task's first document in the upstream unit. */
  readonly firstDocument: number;
  readonly artifacts: Readonly<Partial<Record<Artifact, string>>>;
  readonly settings: TaskSettings;
  readonly counters: SharedArrayBuffer;
}

export interface TaskSettings {
  readonly seed: number;
  readonly baseFolder: string;
  readonly partBytes: number;
  readonly batchBytes: number;
  readonly batchDocuments: number;
  readonly rejects: 'keep' | 'ledger';
  readonly maxBadFraction: number;
  /** At most this many records of the partition are read. */
  readonly limit?: number;
}

/** Where a task goes on: which input, and where in it. */
export interface TaskCursor {
  readonly input: number;
  readonly at?: Cursor;
  /** Records read so far: the ordinal of the next. */
  readonly ordinal: number;
}

export interface PartFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Committed last for each part: the part exists when this file does. */
export interface PartRecord {
  readonly fingerprint: string;
  readonly part: number;
  /** Documents kept, and their text's bytes. */
  readonly documents: number;
  readonly textBytes: number;
  readonly files: { readonly documents?: PartFile; readonly rejects?: PartFile; readonly side?: PartFile };
  readonly tallies: Readonly<Record<string, StepTally>>;
  readonly next: TaskCursor;
}

/** Committed when a task is done. */
export interface TaskRecord {
  readonly fingerprint: string;
  readonly recipe: string;
  readonly partition: number;
  readonly parts: readonly PartRecord[];
  readonly documents: number;
  readonly textBytes: number;
  /** Digest of everything that came out: what the next unit depends on. */
  readonly outputDigest: string;
  /** Digests of the input slices, as read. */
  readonly inputs: readonly {
    path: string;
    start: number;
    end: number;
    size: number;
    mtimeMs: number;
    sha256: string;
  }[];
  readonly tallies: Readonly<Record<string, StepTally>>;
}

export interface JobTask {
  readonly type: 'job';
  readonly folder: string;
  readonly step: StepReference;
  readonly sides?: readonly SideFile[];
  readonly artifacts: Readonly<Partial<Record<Artifact, string>>>;
  readonly seed: number;
  readonly baseFolder: string;
  readonly threads: number;
  readonly deviceWatts?: number;
  readonly counters: SharedArrayBuffer;
}

/** Documents that outran their time cap under this fingerprint, by ordinal. */
export interface SetAside {
  readonly fingerprint: string;
  readonly ordinals: readonly number[];
}

/** A task as it goes to a worker. */
export interface WorkerOrder {
  readonly task: SegmentTask | JobTask;
  /** Name of each step -> URL of the module that defines it: a worker loads these, and nothing else. */
  readonly modules: Readonly<Record<string, string>>;
}

/** What a worker tells while it works. */
export type WorkerMessage =
  | {
      readonly type: 'progress';
      readonly done: number;
      readonly total?: number;
      readonly note?: string;
      readonly details?: unknown;
    }
  | { readonly type: 'say'; readonly line: string };
