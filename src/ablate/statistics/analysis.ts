/** What the statistics say of an ablation, as plain JSON. All differences are A minus B in bits per byte: below 0, A is better. */

export interface Interval {
  readonly low: number;
  readonly high: number;
  /** Of this interval by itself: 0.95, or 1 - 0.05 / m where it is one of a family of m. */
  readonly confidence: number;
}

/**
 * Where an interval's spread comes from.
 * `blocks`: residuals of arms and blocks (seeds), pooled over all arms.
 * `pooled`: within the arms, pooled over all; for two arms that share no seeds.
 * `welch`: of the two arms alone, because the arms' spreads differ too much to be pooled.
 */
export type Method = 'blocks' | 'pooled' | 'welch';

/** The name under which the weighted mean over domains stands among the domains. */
export const MACRO_AVERAGE = 'macro-average';

export interface DomainDifference {
  /** Name of a domain, or MACRO_AVERAGE. */
  readonly domain: string;
  readonly difference: number;
  readonly standardError: number;
  readonly degreesOfFreedom: number;
  readonly method: Method;
  /** Whether the two arms' trainings share weight and order seeds, block by block. */
  readonly sharedSeeds: boolean;
  /** Of this comparison alone. */
  readonly interval: Interval;
  /** At 1 - alpha / m: all intervals of the family hold together (Bonferroni). */
  readonly corrected: Interval;
  /** Two-sided, uncorrected. */
  readonly p: number;
  /** That A's mean is below B's, as the data alone have it (a flat prior): P(T < -difference / standard error). */
  readonly probabilityBetter: number;
  /** That one training of A comes out below one of B, from the spread of runs (normal). */
  readonly probabilityBetterInOneRun: number;
  /** Runs and held-out documents both as samples; where losses by document were kept. */
  readonly overDocuments?: OverDocuments;
}

/** An interval for other documents of the same kind, not only for these. */
export interface OverDocuments {
  readonly documents: number;
  readonly interval: Interval;
  /** Share of the variance that the choice of documents adds to that of the runs. */
  readonly documentShare: number;
}

export type ComparisonResult = 'better' | 'worse' | 'cannot-distinguish' | 'not-comparable';

export interface Comparison {
  readonly arm: string;
  readonly against: string;
  /** Declared in the file; a control is judged in the family even where the file does not list it. */
  readonly declared: boolean;
  readonly control?: 'positive-control' | 'null-control';
  readonly result: ComparisonResult;
  /** Why it is not comparable. */
  readonly reason?: string;
  /** By Holm over the family, in the primary domain. */
  readonly adjustedP?: number;
  /** In the primary domain. */
  readonly primary?: DomainDifference;
  /** Every domain, those that got worse first; the macro-average last where there are several domains. */
  readonly domains: readonly DomainDifference[];
  /** What it takes to tell them apart, where they cannot be. */
  readonly power?: Power;
  /** What a reader is told. */
  readonly sentence: string;
}

/** Seeds that each arm needs for a test of the family's size to find a difference four times in five. */
export interface Power {
  readonly power: number;
  readonly alpha: number;
  /** The difference asked about: the one observed. */
  readonly difference: number;
  /** Undefined where more than MAX_SEEDS would be needed. */
  readonly seeds?: number;
  /** From the interval of the spread; `high` is undefined where more than MAX_SEEDS would be needed. */
  readonly low?: number;
  readonly high?: number;
  /** The smallest difference that the present number of seeds finds with that power, and its interval. */
  readonly detectable: { readonly value: number; readonly low: number; readonly high: number };
}

export interface ArmSummary {
  readonly arm: string;
  /** Complete trainings that count. */
  readonly runs: number;
  readonly diverged: number;
  readonly failed: number;
  /** Why the arm takes no part, where it does not. */
  readonly excluded?: string;
  /** By domain, MACRO_AVERAGE included: bits per byte of the complete runs; `spread` is their standard deviation. Null where too few are. */
  readonly domains: Readonly<
    Record<
      string,
      { readonly mean: number | null; readonly spread: number | null; readonly values: readonly number[] }
    >
  >;
}

export interface Spread {
  /** Residual standard deviation of one run, pooled over arms. */
  readonly value: number;
  readonly degreesOfFreedom: number;
  /** 95 % interval, from chi-square. */
  readonly low: number;
  readonly high: number;
  /** The largest standard deviation of an arm by the smallest; null where one of them is 0. */
  readonly ratio: number | null;
  /** Whether they differ too much to be pooled. */
  readonly unequal: boolean;
}

/** How alike the runs of one block are across arms: 0, and pairing by seed gains nothing. */
export interface SeedCorrelation {
  /** Intraclass correlation, (MSB - MSE) / (MSB + (a - 1) MSE), of the arms that share seeds. */
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly arms: number;
  readonly blocks: number;
}

/** All comparisons at one size and one learning rate. */
export interface SettingAnalysis {
  readonly size: string;
  readonly learningRate: number;
  readonly arms: readonly ArmSummary[];
  /** By domain. */
  readonly spreads: Readonly<Record<string, Spread>>;
  /** In the primary domain; undefined where no two arms share two blocks. */
  readonly correlation?: SeedCorrelation;
  readonly comparisons: readonly Comparison[];
  readonly controls: readonly ControlResult[];
}

export interface ControlResult {
  readonly arm: string;
  readonly role: 'positive-control' | 'null-control';
  readonly passed: boolean;
  readonly sentence: string;
}

/** How the order of the arms, null controls left out, holds from one setting to another in the primary domain. */
export interface RankStability {
  readonly orders: readonly {
    readonly size: string;
    readonly learningRate: number;
    /** Best first. */
    readonly arms: readonly { readonly arm: string; readonly mean: number }[];
  }[];
  /** Where a size was run at several learning rates: every arm at the rate that serves it best, best arm first. */
  readonly atBestRate: readonly {
    readonly size: string;
    readonly arms: readonly { readonly arm: string; readonly learningRate: number; readonly mean: number }[];
  }[];
  /** Kendall's tau-b of each pair of settings over the arms that both have; indices into `orders`. */
  readonly pairs: readonly { readonly a: number; readonly b: number; readonly tau: number }[];
  /** For each comparison of the family, the sign of its difference in each setting: -1, 0, 1, or null. */
  readonly signs: readonly {
    readonly arm: string;
    readonly against: string;
    readonly signs: readonly (number | null)[];
  }[];
}

export interface Verdict {
  /** `void`: a control failed, so that this budget cannot answer the question. */
  readonly kind: 'answered' | 'cannot-distinguish' | 'void';
  readonly sentence: string;
  /** What else a reader must know: runs left out, arms not comparable, methods changed. */
  readonly notes: readonly string[];
}

export interface Analysis {
  readonly version: 1;
  readonly confidence: number;
  readonly primary: string;
  /** Which of `settings` the verdict is about. */
  readonly main: number;
  readonly settings: readonly SettingAnalysis[];
  readonly ranks?: RankStability;
  readonly verdict: Verdict;
}
