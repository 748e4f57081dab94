import { classifySystemError } from '../core/errors.ts';
import { linesOf } from '../core/json-lines.ts';
import { compareNames } from '../io/glob.ts';

/** A training run's metrics.jsonl, thinned out: arrays side by side, null where a span has no finite value. */
export interface Curves {
  /** Steps that were read, and how many of them a point stands for. */
  readonly steps: number;
  readonly stepsPerPoint: number;
  /** Last step of each point. */
  readonly step: readonly number[];
  readonly loss: readonly (number | null)[];
  readonly learningRate: readonly (number | null)[];
  readonly gradientNorm: readonly (number | null)[];
  /** Means weighted by tokens. */
  readonly lossByCorpus: Readonly<Record<string, readonly (number | null)[]>>;
  /** By what the loss was told apart by beside the corpus, and by group; as `lossByCorpus`. */
  readonly lossByGroup: Readonly<Record<string, Readonly<Record<string, readonly (number | null)[]>>>>;
  readonly skippedSteps: number;
  /** Held-out measurements, in order of steps. */
  readonly evaluations: readonly EvaluationPoint[];
  /** Lines that are no JSON: the last one of a killed run is cut. */
  readonly badLines: number;
}

export interface EvaluationPoint {
  readonly step: number;
  /** The evaluation as it was written. */
  readonly result: Readonly<Record<string, unknown>>;
}

/** Points of a curve at most: more than a screen shows would only make the file large. */
export const MAX_POINTS = 600;
/** Corpora with a curve of their own; beyond that nothing is told apart. */
export const MAX_CORPORA = 8;
/** Of ten deciles, those that are drawn: neighbours would hide one another. */
const DRAWN_DECILES = new Set(['1', '4', '7', '10']);
const MAX_EVALUATIONS = 400;

class Mean {
  sum = 0;
  weight = 0;

  add(value: unknown, weight = 1): void {
    if (typeof value !== 'number' || !Number.isFinite(value) || !(weight > 0)) return;
    this.sum += value * weight;
    this.weight += weight;
  }

  join(other: Mean): void {
    this.sum += other.sum;
    this.weight += other.weight;
  }

  get value(): number | null {
    // Five figures: a screen shows fewer.
    return this.weight === 0 ? null : Number((this.sum / this.weight).toPrecision(6));
  }
}

function inMap<T>(map: Map<string, T>, key: string, make: () => T): T {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

class Point {
  step = 0;
  readonly loss = new Mean();
  readonly learningRate = new Mean();
  readonly gradientNorm = new Mean();
  readonly groups = new Map<string, Map<string, Mean>>();

  group(slicing: string, name: string): Mean {
    const means = inMap(this.groups, slicing, () => new Map<string, Mean>());
    return inMap(means, name, () => new Mean());
  }

  join(other: Point): void {
    this.step = other.step;
    this.loss.join(other.loss);
    this.learningRate.join(other.learningRate);
    this.gradientNorm.join(other.gradientNorm);
    for (const [slicing, means] of other.groups) {
      for (const [name, mean] of means) this.group(slicing, name).join(mean);
    }
  }
}

/** Means over spans of equal length, which double whenever there would be more than `most` points: memory is bounded. */
class Thinned {
  private readonly most: number;
  private points: Point[] = [];
  private inLast = 0;
  stepsPerPoint = 1;
  steps = 0;

  constructor(most: number) {
    this.most = most;
  }

  /** The point that the next step is added to. */
  next(): Point {
    if (this.points.length === 0 || this.inLast === this.stepsPerPoint) {
      if (this.points.length === this.most) this.halve();
      this.points.push(new Point());
      this.inLast = 0;
    }
    this.inLast++;
    this.steps++;
    return this.points.at(-1)!;
  }

  private halve(): void {
    const joined: Point[] = [];
    for (let i = 0; i < this.points.length; i += 2) {
      const point = this.points[i]!;
      const after = this.points[i + 1];
      if (after) point.join(after);
      joined.push(point);
    }
    this.points = joined;
    this.stepsPerPoint *= 2;
  }

  take(): readonly Point[] {
    return this.points;
  }
}

/** Reads a metrics.jsonl of any length; gives undefined where it has no step. Throws InputError where it cannot be read. */
export async function readCurves(path: string, most = MAX_POINTS): Promise<Curves | undefined> {
  const thinned = new Thinned(most % 2 === 0 ? most : most + 1);
  const tokens: Tokens = new Map();
  let evaluations: EvaluationPoint[] = [];
  let last: EvaluationPoint | undefined;
  let every = 1;
  let seen = 0;
  let skippedSteps = 0;
  let badLines = 0;
  try {
    for await (const line of linesOf(path)) {
      const entry = parse(line);
      if (entry === undefined) {
        if (line.trim() !== '') badLines++;
      } else if (entry.kind === 'step') {
        if (entry.skipped === true) skippedSteps++;
        addStep(thinned.next(), entry, tokens);
      } else if (entry.kind === 'evaluation' && typeof entry.step === 'number') {
        last = { step: entry.step, result: entry };
        if (seen++ % every === 0) evaluations.push(last);
        if (evaluations.length > MAX_EVALUATIONS) {
          evaluations = evaluations.filter((_, i) => i % 2 === 0);
          every *= 2;
        }
      }
    }
  } catch (error) {
    throw classifySystemError(error, { file: path });
  }
  // The last one is what the model came to: it is never thinned out.
  if (last !== undefined && evaluations.at(-1) !== last) evaluations.push(last);
  const points = thinned.take();
  if (points.length === 0 && evaluations.length === 0) return undefined;
  const curvesOf = (slicing: string) =>
    Object.fromEntries(
      largest(tokens.get(slicing)).map((name) => [
        name,
        points.map((point) => point.groups.get(slicing)?.get(name)?.value ?? null),
      ]),
    );
  const slicings = [...tokens.keys()].filter((slicing) => slicing !== CORPUS);
  return {
    steps: thinned.steps,
    stepsPerPoint: thinned.stepsPerPoint,
    step: points.map((point) => point.step),
    loss: points.map((point) => point.loss.value),
    learningRate: points.map((point) => point.learningRate.value),
    gradientNorm: points.map((point) => point.gradientNorm.value),
    lossByCorpus: curvesOf(CORPUS),
    lossByGroup: Object.fromEntries(slicings.map((slicing) => [slicing, curvesOf(slicing)])),
    skippedSteps,
    evaluations,
    badLines,
  };
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return value !== null && typeof value === 'object' && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Key of the corpora among the slicings: no slicing of the trainer has this name. */
const CORPUS = '';

/** Tokens by slicing and group. */
type Tokens = Map<string, Map<string, number>>;

type Groups = Record<string, { loss?: unknown; tokens?: unknown } | null>;

function addStep(point: Point, entry: Record<string, unknown>, tokens: Tokens): void {
  point.step = typeof entry.step === 'number' ? entry.step : point.step + 1;
  point.loss.add(entry.loss);
  point.learningRate.add(entry.learningRate);
  point.gradientNorm.add(entry.gradientNorm);
  const slices = (entry.slices ?? {}) as Record<string, Groups | null>;
  for (const [slicing, groups] of [[CORPUS, entry.byCorpus as Groups] as const, ...Object.entries(slices)]) {
    const sums = inMap(tokens, slicing, () => new Map<string, number>());
    for (const [name, group] of Object.entries(groups ?? {})) {
      const weight = typeof group?.tokens === 'number' ? group.tokens : 0;
      point.group(slicing, name).add(group?.loss, weight);
      sums.set(name, (sums.get(name) ?? 0) + weight);
    }
  }
}

/** Counts and ranges of counts, deciles, and what has neither. */
const IS_NUMBERED = /^(\d+(-\d+)?|none)$/;

/** The groups that get a curve: those with most tokens; numbered ones in the order of their numbers. */
function largest(tokens: ReadonlyMap<string, number> | undefined): string[] {
  const names = [...(tokens ?? [])].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([name]) => name);
  const isDeciles = names.length > MAX_CORPORA && names.every((name) => /^(\d+|none)$/.test(name));
  const drawn = isDeciles ? names.filter((name) => DRAWN_DECILES.has(name)) : names.slice(0, MAX_CORPORA);
  return names.every((name) => IS_NUMBERED.test(name)) ? drawn.sort(compareNames) : drawn;
}
