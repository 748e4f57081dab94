import { xxh64 } from '../core/hash.ts';
import { boundOf } from '../core/rules.ts';
import { binOf, dictionary, type Histogram } from '../core/tally.ts';
import { brokenUnder, type Check, checksOf, type Labels, planOf } from './checks.ts';
import { addBlock, type Block, type DecisionPlan, emptyFunnel, type Funnel } from './decision.ts';
import type { InspectedStep } from './inspection.ts';
import { readSignals, type SignalBlock } from './read-signals.ts';

/** A document as an example. */
export interface Example {
  readonly id: string;
  readonly corpus: string;
  readonly excerpt: string;
  readonly bytes: number;
  /** Of the signal asked for, at a borderline; NaN otherwise. */
  readonly value: number;
  /** The check that drops it, undefined where it stays. */
  readonly check?: Check;
}

export interface Question {
  /** Number of a check with a rule: its values are laid out. */
  readonly check?: number;
  /** Examples on each side of a threshold, and of what goes and stays. */
  readonly examples: number;
}

export interface Answer {
  readonly labels: Labels;
  readonly checks: readonly Check[];
  readonly plan: DecisionPlan;
  /** Under the thresholds asked for, and under those that the pipeline has. */
  readonly funnel: Funnel;
  readonly before: Funnel;
  /** Of the check asked for. */
  readonly values?: Values;
  readonly gone: readonly Example[];
  readonly stays: readonly Example[];
}

/** Where a threshold stands among the documents. */
export interface Values {
  readonly histogram: Histogram;
  /** Documents by value, ascending, and the bytes and tokens of all up to each. */
  readonly sorted: Float64Array;
  readonly bytesUpTo: Float64Array;
  readonly tokensUpTo: Float64Array;
  /** The nearest that the rule would drop, and the nearest that it would leave. */
  readonly dropped: readonly Example[];
  readonly left: readonly Example[];
}

const BYTES_A_TOKEN = 4;

/** Tokens of a document: counted where a tokenizer was named, else four bytes each, rounded. */
export function tokensOf(block: SignalBlock, i: number): number {
  const counted = block.tokens[i]!;
  return Number.isNaN(counted) ? Math.round(block.bytes[i]! / BYTES_A_TOKEN) : counted;
}

/** Corpora, languages and reasons that occur. */
export async function readLabels(files: readonly string[], steps: readonly InspectedStep[]): Promise<Labels> {
  const measured = steps.map((step) => step.measured);
  const corpora = new Set<string>();
  const languages = new Set<string>();
  const reasons = measured.filter(({ refuses }) => refuses).map(() => new Set<string>());
  let documents = 0;
  let heldOut = 0;
  for await (const block of readSignals(files, measured, 'labels')) {
    for (let i = 0; i < block.length; i++) {
      if (block.heldOut[i] === 1) heldOut++;
      else {
        documents++;
        corpora.add(block.corpus[i]!);
        languages.add(block.language[i]!);
        reasons.forEach((set, k) => {
          const reason = block.refusals[k]![i];
          if (reason !== undefined) set.add(reason);
        });
      }
    }
  }
  const sorted = (set: Set<string>): string[] => [...set].sort();
  return {
    corpora: sorted(corpora),
    languages: sorted(languages),
    reasons: reasons.map(sorted),
    documents,
    heldOut,
  };
}

/** The training documents of a block: those that are held out are never judged. */
export function judgedOnly(block: SignalBlock): SignalBlock {
  if (!block.heldOut.includes(1)) return block;
  const at: number[] = [];
  for (let i = 0; i < block.length; i++) if (block.heldOut[i] === 0) at.push(i);
  const pick = <T>(list: readonly T[]): T[] => at.map((i) => list[i]!);
  const numbers = (list: Float64Array): Float64Array => Float64Array.from(at, (i) => list[i]!);
  return {
    length: at.length,
    id: pick(block.id),
    corpus: pick(block.corpus),
    source: pick(block.source),
    heldOut: new Uint8Array(at.length),
    language: pick(block.language),
    bytes: numbers(block.bytes),
    tokens: numbers(block.tokens),
    excerpt: pick(block.excerpt),
    values: block.values.map(numbers),
    refusals: block.refusals.map(pick),
    sizes: block.sizes.map(numbers),
  };
}

/** The columns that `addBlock` counts by. */
export function countedBlock(block: SignalBlock, labels: Labels): Block {
  const numbered = (names: readonly string[], values: readonly string[]): Uint32Array => {
    const numbers = new Map(names.map((name, i) => [name, i]));
    return Uint32Array.from(values, (value) => numbers.get(value)!);
  };
  return {
    length: block.length,
    tokens: Float64Array.from({ length: block.length }, (_, i) => tokensOf(block, i)),
    sizes: [block.bytes, ...block.sizes],
    labels: [numbered(labels.corpora, block.corpus), numbered(labels.languages, block.language)],
  };
}

/** Keeps the `size` items of lowest rank, whatever the order in which they come. */
class Lowest<T> {
  private readonly items: { rank: number; item: T }[] = [];
  private readonly size: number;
  constructor(size: number) {
    this.size = size;
  }

  offer(rank: number, make: () => T): void {
    const { items, size } = this;
    if (size === 0 || (items.length === size && rank >= items[size - 1]!.rank)) return;
    let at = items.length;
    while (at > 0 && items[at - 1]!.rank > rank) at--;
    items.splice(at, 0, { rank, item: make() });
    if (items.length > size) items.pop();
  }

  get all(): T[] {
    return this.items.map(({ item }) => item);
  }
}

const encoder = new TextEncoder();

/** Uniform over [0, 1) by the document's name alone: the same sample whatever is asked. */
export function drawOf(corpus: string, id: string): number {
  return Number(xxh64(encoder.encode(`inspect\0${corpus}\0${id}`)) >> 11n) / 2 ** 53;
}

/** Counts what the thresholds of `steps` drop, beside those of `before`; one pass over the signals, after the labels. */
export async function answer(
  files: readonly string[],
  steps: readonly InspectedStep[],
  before: readonly InspectedStep[],
  labels: Labels,
  question: Question,
): Promise<Answer> {
  const checks = checksOf(steps, labels);
  const plan = planOf(steps, checks, labels);
  const options = steps.map((step) => step.options);
  const optionsBefore = before.map((step) => step.options);
  const funnel = emptyFunnel(plan);
  const funnelBefore = emptyFunnel(plan);
  const gone = new Lowest<Example>(question.examples);
  const stays = new Lowest<Example>(question.examples);
  const values = question.check === undefined ? undefined : new ValueCollector(checks, question, steps);
  for await (const all of readSignals(
    files,
    steps.map(({ measured }) => measured),
  )) {
    const block = judgedOnly(all);
    const counted = countedBlock(block, labels);
    const dropping = addBlock(funnel, plan, counted, brokenUnder(checks, options, block));
    addBlock(funnelBefore, plan, counted, brokenUnder(checks, optionsBefore, block));
    for (let i = 0; i < block.length; i++) {
      const check = checks[dropping[i]!];
      const example = (): Example => exampleOf(block, i, Number.NaN, check);
      (check ? gone : stays).offer(drawOf(block.corpus[i]!, block.id[i]!), example);
    }
    values?.add(block, dropping);
  }
  return {
    labels,
    checks,
    plan,
    funnel,
    before: funnelBefore,
    values: values?.finish(),
    gone: gone.all,
    stays: stays.all,
  };
}

function exampleOf(block: SignalBlock, i: number, value: number, check: Check | undefined): Example {
  const { id, corpus, excerpt, bytes } = block;
  return { id: id[i]!, corpus: corpus[i]!, excerpt: excerpt[i]!, bytes: bytes[i]!, value, check };
}

/** Values of one check's signal over all documents, and those nearest to its threshold. */
class ValueCollector {
  private readonly checks: readonly Check[];
  private readonly check: Check;
  private readonly bound: number | null;
  private readonly histogram: Histogram = dictionary();
  private readonly rows: { value: number; bytes: number; tokens: number }[] = [];
  private readonly dropped: Lowest<Example>;
  private readonly left: Lowest<Example>;

  constructor(checks: readonly Check[], { check, examples }: Question, steps: readonly InspectedStep[]) {
    this.checks = checks;
    this.check = checks[check!]!;
    this.bound = boundOf(this.check.rule!, steps[this.check.step]!.options);
    this.dropped = new Lowest(examples);
    this.left = new Lowest(examples);
  }

  add(block: SignalBlock, dropping: Int16Array): void {
    const column = block.values[this.check.values!]!;
    const { bound } = this;
    const below = this.check.rule!.comparison === 'min';
    for (let i = 0; i < block.length; i++) {
      const value = column[i]!;
      if (Number.isNaN(value)) continue;
      const bin = binOf(value);
      this.histogram[bin] = (this.histogram[bin] ?? 0) + 1;
      this.rows.push({ value, bytes: block.bytes[i]!, tokens: tokensOf(block, i) });
      if (bound === null) continue;
      const goes = below ? value < bound : value > bound;
      const example = (): Example => exampleOf(block, i, value, this.checks[dropping[i]!]);
      (goes ? this.dropped : this.left).offer(Math.abs(value - bound), example);
    }
  }

  finish(): Values {
    const rows = this.rows.sort((a, b) => a.value - b.value);
    const bytesUpTo = new Float64Array(rows.length);
    const tokensUpTo = new Float64Array(rows.length);
    let bytes = 0;
    let tokens = 0;
    for (let i = 0; i < rows.length; i++) {
      bytesUpTo[i] = bytes += rows[i]!.bytes;
      tokensUpTo[i] = tokens += rows[i]!.tokens;
    }
    return {
      histogram: this.histogram,
      sorted: Float64Array.from(rows, ({ value }) => value),
      bytesUpTo,
      tokensUpTo,
      dropped: this.dropped.all,
      left: this.left.all,
    };
  }
}

/** Documents, bytes and tokens that a bound alone would drop. */
export function droppedBy(values: Values, comparison: 'min' | 'max', bound: number) {
  const { sorted, bytesUpTo, tokensUpTo } = values;
  const n = sorted.length;
  // The first that is not below (min), or the first above (max).
  let low = 0;
  let high = n;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (comparison === 'min' ? sorted[middle]! < bound : sorted[middle]! <= bound) low = middle + 1;
    else high = middle;
  }
  const upTo = (sums: Float64Array): number => (low === 0 ? 0 : sums[low - 1]!);
  if (comparison === 'min') return { documents: low, bytes: upTo(bytesUpTo), tokens: upTo(tokensUpTo) };
  const rest = (sums: Float64Array): number => (n === 0 ? 0 : sums[n - 1]! - upTo(sums));
  return { documents: n - low, bytes: rest(bytesUpTo), tokens: rest(tokensUpTo) };
}
