/**
 * What would be dropped: the one place that says so, for the terminal and, put into it as it is, for the page. It
 * imports nothing and knows nothing of documents but numbers.
 */

/** Documents, the UTF-8 bytes of their text and their tokens. */
export interface Amount {
  documents: number;
  bytes: number;
  tokens: number;
}

/** The checks of all steps in the order in which a run makes them: a step's own refusals, then its rules. */
export interface DecisionPlan {
  readonly steps: number;
  /** [checks] the step of each. */
  readonly checkStep: readonly number[];
  /** [steps] which of a block's sizes a document has when it comes to the step, and when it leaves it. */
  readonly sizeIn: readonly number[];
  readonly sizeOut: readonly number[];
  /** Number of labels of each dimension (corpus, language). */
  readonly labels: readonly number[];
}

/** Some documents as columns. */
export interface Block {
  readonly length: number;
  readonly tokens: ArrayLike<number>;
  /** [versions][length] text bytes as read, then after each step that edits. */
  readonly sizes: readonly ArrayLike<number>[];
  /** [dimensions][length] */
  readonly labels: readonly ArrayLike<number>[];
}

export interface Funnel {
  readonly documents: Amount;
  readonly kept: Amount;
  /** [steps] */
  readonly came: readonly Amount[];
  readonly went: readonly Amount[];
  /** [steps] documents that break at least one check of the step, whatever comes before it. */
  readonly breaks: readonly Amount[];
  /** [steps][steps] documents that break a check of both. */
  readonly overlap: readonly number[][];
  /** [steps] documents that break no other step's checks: what the step alone costs. */
  readonly alone: number[];
  /** [checks] what breaks it, what it is the first to drop, and what no other check would drop. */
  readonly checks: readonly { readonly breaks: Amount; readonly drops: Amount; readonly only: Amount }[];
  /** [dimensions][labels] */
  readonly byLabel: readonly (readonly { readonly documents: Amount; readonly kept: Amount }[])[];
}

export function emptyFunnel(plan: DecisionPlan): Funnel {
  const amount = (): Amount => ({ documents: 0, bytes: 0, tokens: 0 });
  const list = <T>(n: number, make: () => T): T[] => Array.from({ length: n }, make);
  return {
    documents: amount(),
    kept: amount(),
    came: list(plan.steps, amount),
    went: list(plan.steps, amount),
    breaks: list(plan.steps, amount),
    overlap: list(plan.steps, () => list(plan.steps, () => 0)),
    alone: list(plan.steps, () => 0),
    checks: list(plan.checkStep.length, () => ({ breaks: amount(), drops: amount(), only: amount() })),
    byLabel: plan.labels.map((n) => list(n, () => ({ documents: amount(), kept: amount() }))),
  };
}

/**
 * Adds a block's documents to a funnel. `broken(c, i)`: whether document i breaks check c. Gives for each document the
 * check that drops it, -1 where none does.
 */
export function addBlock(
  funnel: Funnel,
  plan: DecisionPlan,
  block: Block,
  broken: (check: number, i: number) => boolean,
): Int16Array {
  const { checkStep, sizeIn, sizeOut, steps } = plan;
  const first = new Int16Array(block.length).fill(-1);
  const hit: number[] = [];
  const hitSteps: number[] = [];
  const add = (amount: Amount, bytes: number, tokens: number): void => {
    amount.documents++;
    amount.bytes += bytes;
    amount.tokens += tokens;
  };
  for (let i = 0; i < block.length; i++) {
    const tokens = block.tokens[i]!;
    hit.length = 0;
    hitSteps.length = 0;
    for (let c = 0; c < checkStep.length; c++) {
      if (!broken(c, i)) continue;
      hit.push(c);
      if (hitSteps.at(-1) !== checkStep[c]) hitSteps.push(checkStep[c]!);
    }
    const size = (version: number): number => block.sizes[version]![i]!;
    add(funnel.documents, size(0), tokens);
    for (const c of hit) add(funnel.checks[c]!.breaks, size(sizeIn[checkStep[c]!]!), tokens);
    for (const a of hitSteps) {
      add(funnel.breaks[a]!, size(sizeIn[a]!), tokens);
      for (const b of hitSteps) funnel.overlap[a]![b]!++;
    }
    if (hit.length === 1) add(funnel.checks[hit[0]!]!.only, size(sizeIn[checkStep[hit[0]!]!]!), tokens);
    if (hitSteps.length === 1) funnel.alone[hitSteps[0]!]!++;
    const dropping = hit.length > 0 ? checkStep[hit[0]!]! : steps;
    for (let s = 0; s < steps && s <= dropping; s++) {
      add(funnel.came[s]!, size(sizeIn[s]!), tokens);
      if (s < dropping) add(funnel.went[s]!, size(sizeOut[s]!), tokens);
    }
    const last = steps > 0 ? size(sizeOut[steps - 1]!) : size(0);
    if (hit.length > 0) {
      first[i] = hit[0]!;
      add(funnel.checks[hit[0]!]!.drops, size(sizeIn[dropping]!), tokens);
    } else add(funnel.kept, last, tokens);
    for (let d = 0; d < plan.labels.length; d++) {
      const label = funnel.byLabel[d]![block.labels[d]![i]!]!;
      add(label.documents, size(0), tokens);
      if (hit.length === 0) add(label.kept, last, tokens);
    }
  }
  return first;
}
