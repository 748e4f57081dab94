/** What an ablation measured, as plain JSON: written by the runner, read by the statistics and by the report. */

/** One part of the ruler: held-out documents of one kind, fixed before any arm exists. */
export interface Domain {
  readonly name: string;
  /** What it stands for, in words: "clean prose", "raw mail". */
  readonly target: string;
  /** Share in the macro-average; weights sum to 1. */
  readonly weight: number;
  readonly primary: boolean;
  readonly documents: number;
  /** UTF-8 bytes of the text: what bits per byte divide by. */
  readonly bytes: number;
  /** UTF-8 bytes of each document, in the ruler's order; needed where losses by document are kept. */
  readonly documentBytes?: readonly number[];
  /** SHA-256 over the ids and texts of its documents. */
  readonly digest: string;
}

export type ArmRole = 'base' | 'treatment' | 'positive-control' | 'null-control';

export interface ArmOutcome {
  readonly name: string;
  readonly role: ArmRole;
  /** What a reader is told: "without gopher-quality". */
  readonly summary: string;
  /** Options that differ from the base, by path: `length.minWords`. */
  readonly changes: readonly { readonly path: string; readonly from: unknown; readonly to: unknown }[];
  readonly funnel: readonly ArmStep[];
  /** What the arm's trainings ate, by corpus; shares sum to 1. */
  readonly mixture: readonly {
    readonly corpus: string;
    readonly tokens: number;
    readonly share: number;
    /** Times each token was seen; above 1 repeats. */
    readonly epochs: number;
  }[];
  readonly trainTokens: number;
  /** Documents removed from the training side because they overlap the ruler. */
  readonly overlapsRemoved: number;
  /** Why the arm must not be compared as it stands: data repeats within the budget, the ruler leaks. */
  readonly warnings: readonly { readonly reason: string; readonly detail: string }[];
  /** By artifact (`tokenizer`, `shards`): SHA-256. */
  readonly digests: Readonly<Record<string, string>>;
}

export interface ArmStep {
  readonly step: string;
  readonly kind: string;
  readonly documentsIn: number;
  readonly documentsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly drops: Readonly<Record<string, number>>;
}

/** One training: the unit of replication. */
export interface TrainingOutcome {
  readonly arm: string;
  /** Model size and budget, where several are run: "0.25M". */
  readonly size: string;
  readonly learningRate: number;
  /** Number of the block: trainings of one block share their weight and order seeds across arms (the null's differ). */
  readonly block: number;
  readonly weightSeed: number;
  readonly orderSeed: number;
  readonly status: 'complete' | 'diverged' | 'failed';
  /** Why it is not complete. */
  readonly reason?: string;
  readonly seconds: number;
  readonly tokens: number;
  /** Training loss: [step, nats per token]. */
  readonly curve: readonly (readonly [number, number])[];
  /** By domain name. */
  readonly domains: Readonly<Record<string, { readonly bits: number; readonly bytes: number }>>;
  /** By domain: bits of each held-out document, in the ruler's order, where kept: for resampling of documents. */
  readonly documentBits?: Readonly<Record<string, readonly number[]>>;
  readonly digest?: string;
}

export interface Budget {
  readonly equal: 'tokens' | 'bytes' | 'flops' | 'epochs';
  readonly value: number;
}

/** What the file declares before anything runs. */
export interface Declaration {
  readonly name: string;
  readonly question: string;
  readonly primary: string;
  /** The family that Holm's correction covers: A minus B in bits per byte. */
  readonly comparisons: readonly { readonly arm: string; readonly against: string }[];
  /** What is equal across the arms; with several sizes, at the first of them. */
  readonly budget: Budget;
  /** By size, where several are run. */
  readonly budgetBySize?: Readonly<Record<string, Budget>>;
  readonly confidence: number;
}

export interface AblationOutcome {
  readonly version: 1;
  readonly declaration: Declaration;
  readonly domains: readonly Domain[];
  readonly arms: readonly ArmOutcome[];
  readonly trainings: readonly TrainingOutcome[];
  /** "Did the filter earn its keep?", where it was asked. */
  readonly probes?: Probes;
}

/** What a trained model made of single documents; any part may be missing. */
export interface Probes {
  /** Which model scored: "clean, 0.25M, block 0". */
  readonly model?: string;
  /** A filter each: what it refused, and what it let through, as the model scores them. */
  readonly filters?: readonly FilterProbe[];
  /** Bits per byte by part of a signal's range: deciles of a quality signal. */
  readonly signals?: readonly { readonly signal: string; readonly rows: readonly ScoredRange[] }[];
  /** Bits per byte by size of the duplicate cluster that a document was in. */
  readonly clusterSizes?: readonly ScoredRange[];
  /** Random texts that were put into the training data a known number of times. */
  readonly canaries?: readonly {
    readonly repeats: number;
    readonly canaries: number;
    /** How many the model completes word for word from their beginning. */
    readonly extracted: number;
    readonly bitsPerByte: number;
  }[];
}

export interface FilterProbe {
  readonly step: string;
  /** The leave-one-out arm that goes without it. */
  readonly arm?: string;
  readonly refused: ScoredDocuments;
  readonly kept: ScoredDocuments;
}

export interface ScoredDocuments {
  readonly documents: number;
  readonly bytes: number;
  /** Sum of bits over sum of bytes. */
  readonly bitsPerByte: number;
  /** Of each document, in any order. */
  readonly perDocument: readonly number[];
  /** The least and the most surprising, those at the end first. */
  readonly least?: readonly ScoredExample[];
  readonly most?: readonly ScoredExample[];
}

export interface ScoredExample {
  readonly corpus: string;
  readonly id: string;
  readonly bitsPerByte: number;
  readonly reason?: string;
  readonly text: string;
}

/** Documents from `low` to `high`, both included. */
export interface ScoredRange {
  readonly low: number;
  readonly high: number;
  readonly documents: number;
  readonly bytes: number;
  readonly bitsPerByte: number;
}
