import { createReadStream } from 'node:fs';
import { classifySystemError } from '../core/errors.ts';

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

class Point {
  step = 0;
  readonly loss = new Mean();
  readonly learningRate = new Mean();
  readonly gradientNorm = new Mean();
  readonly corpora = new Map<string, Mean>();

  corpus(name: string): Mean {
    let mean = this.corpora.get(name);
    if (!mean) {
      mean = new Mean();
      this.corpora.set(name, mean);
    }
    return mean;
  }

  join(other: Point): void {
    this.step = other.step;
    this.loss.join(other.loss);
    this.learningRate.join(other.learningRate);
    this.gradientNorm.join(other.gradientNorm);
    for (const [name, mean] of other.corpora) this.corpus(name).join(mean);
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

/** Lines of a file. Not `node:readline`, whose newer versions end a line at U+2028 too, which JSON leaves unescaped. */
async function* jsonLines(path: string): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of createReadStream(path, 'utf8')) {
    const lines = (rest + (chunk as string)).split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== '') yield rest;
}

/** Reads a metrics.jsonl of any length; gives undefined where it has no step. Throws InputError where it cannot be read. */
export async function readCurves(path: string, most = MAX_POINTS): Promise<Curves | undefined> {
  const thinned = new Thinned(most % 2 === 0 ? most : most + 1);
  const tokens = new Map<string, number>();
  let evaluations: EvaluationPoint[] = [];
  let last: EvaluationPoint | undefined;
  let every = 1;
  let seen = 0;
  let skippedSteps = 0;
  let badLines = 0;
  try {
    for await (const line of jsonLines(path)) {
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
  const corpora = [...tokens]
    .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
    .slice(0, MAX_CORPORA)
    .map(([name]) => name);
  return {
    steps: thinned.steps,
    stepsPerPoint: thinned.stepsPerPoint,
    step: points.map((point) => point.step),
    loss: points.map((point) => point.loss.value),
    learningRate: points.map((point) => point.learningRate.value),
    gradientNorm: points.map((point) => point.gradientNorm.value),
    lossByCorpus: Object.fromEntries(
      corpora.map((name) => [name, points.map((point) => point.corpora.get(name)?.value ?? null)]),
    ),
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

function addStep(point: Point, entry: Record<string, unknown>, tokens: Map<string, number>): void {
  point.step = typeof entry.step === 'number' ? entry.step : point.step + 1;
  point.loss.add(entry.loss);
  point.learningRate.add(entry.learningRate);
  point.gradientNorm.add(entry.gradientNorm);
  const byCorpus = (entry.byCorpus ?? {}) as Record<string, { loss?: unknown; tokens?: unknown } | null>;
  for (const [name, group] of Object.entries(byCorpus)) {
    const weight = typeof group?.tokens === 'number' ? group.tokens : 0;
    point.corpus(name).add(group?.loss, weight);
    tokens.set(name, (tokens.get(name) ?? 0) + weight);
  }
}
