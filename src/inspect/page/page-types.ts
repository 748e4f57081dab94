import type { DecisionPlan } from '../decision.ts';
import type { Comparison } from './codes.ts';

/** A check as the page has it: a slider, or a switch where the grid is [0] and the code says refused or not. */
export interface PageCheck {
  readonly step: number;
  readonly reason: string;
  readonly signal: string;
  /** Undefined where the bound is no option. */
  readonly option?: string;
  readonly comparison: Comparison;
  readonly grid: readonly number[];
  /** Place in the grid under the pipeline's thresholds; -1: off. */
  readonly at: number;
}

export interface PageExample {
  /** Number of the document among those of the page. */
  readonly row: number;
  readonly id: string;
  readonly text: string;
  /** [checks] four figures of what each check looks at; null where it was not measured. */
  readonly values: readonly (number | null)[];
}

/** Everything that the page knows: plain JSON. */
export interface PageData {
  readonly title: string;
  readonly steps: readonly string[];
  readonly checks: readonly PageCheck[];
  readonly plan: DecisionPlan;
  readonly corpora: readonly string[];
  readonly languages: readonly string[];
  /** Documents in the page, and of the whole corpus; fewer in the page are a sample. */
  readonly documents: number;
  readonly total: number;
  readonly heldOut: number;
  readonly countedTokens: boolean;
  readonly leftOut: readonly string[];
  /** How the command that takes the thresholds over begins. */
  readonly command: string;
  readonly examples: readonly PageExample[];
  /** Deflated, base64: tokens u32, sizes u32 by version, labels u32 by dimension, codes u8 by check. */
  readonly columns: string;
}
