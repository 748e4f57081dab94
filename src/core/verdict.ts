/** What a judge says of one document. */
export type Verdict = Keep | Drop;

export interface Keep {
  readonly keep: true;
}

export interface Drop {
  readonly keep: false;
  /** Names the failure, in kebab case: `too-few-stop-words`. */
  readonly reason: string;
  /** What was measured, and what it was held against. */
  readonly value?: number;
  readonly threshold?: number;
  /** Where a number does not say it: the word that was found, the cluster's other member. */
  readonly detail?: string;
}

export const KEEP: Keep = Object.freeze({ keep: true });

export function drop(reason: string, value?: number, threshold?: number, detail?: string): Drop {
  return { keep: false, reason, value, threshold, detail };
}
