import type { Random } from '../../core/random.ts';
import type { ExampleRows, Role } from './examples.ts';

/** Keeps the first steps of AdaGrad finite. */
const EPSILON = 1e-12;

/** What an example is worth: both sides together weigh the same, however many examples each has. */
export function classWeights(counts: readonly [number, number]): [number, number] {
  const all = counts[0] + counts[1];
  return [all / (2 * counts[0]), all / (2 * counts[1])];
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

function logitOf(weights: Float32Array, rows: Uint32Array): number {
  let sum = 0;
  for (let i = 0; i < rows.length; i++) sum += weights[rows[i]!]!;
  return sum / rows.length;
}

/**
 * Logistic regression on the mean of the rows' weights, by AdaGrad (Duchi et al. 2011), one example at a time in an
 * order that the seed and the examples' keys decide. It is fastText's classifier of two labels: with a linear output
 * layer more than one number a row would add nothing.
 * @returns [rowCount] the weights: the logit of a text is the mean of its rows'
 */
export function trainWeights(
  examples: ExampleRows,
  rowCount: number,
  options: { readonly epochs: number; readonly learningRate: number },
  random: Random,
  progress: (done: number, total: number) => void,
): Float32Array {
  const weights = new Float32Array(rowCount);
  const squares = new Float32Array(rowCount);
  const order = [...examples.of('train')];
  const worth = classWeights([
    order.filter(({ label }) => label === 0).length,
    order.filter(({ label }) => label === 1).length,
  ]);
  const { epochs, learningRate } = options;
  for (let epoch = 0; epoch < epochs; epoch++) {
    shuffle(order, random.split('epoch', epoch));
    order.forEach((entry, k) => {
      const rows = examples.rows(entry);
      const slope = (worth[entry.label] * (entry.label - sigmoid(logitOf(weights, rows)))) / rows.length;
      const squared = slope * slope + EPSILON;
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i]!;
        squares[row]! += squared;
        weights[row]! += (learningRate * slope) / Math.sqrt(squares[row]!);
      }
      if ((k & 255) === 0) progress(epoch * order.length + k, epochs * order.length);
    });
  }
  return weights;
}

function shuffle<T>(list: T[], random: Random): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
}

/** A text's logit and what it should be. */
export interface Scored {
  readonly logit: number;
  readonly label: 0 | 1;
}

export function scoreExamples(examples: ExampleRows, role: Role, weights: Float32Array): Scored[] {
  return examples
    .of(role)
    .map((entry) => ({ logit: logitOf(weights, examples.rows(entry)), label: entry.label }));
}

/**
 * Platt scaling (Platt 1999): the scale and offset under which logits predict the labels best, both sides weighing
 * the same; by Newton's method.
 */
export function calibrate(scored: readonly Scored[]): { scale: number; offset: number } {
  const worth = classWeights([
    scored.filter(({ label }) => label === 0).length,
    scored.filter(({ label }) => label === 1).length,
  ]);
  let scale = 1;
  let offset = 0;
  // A little pull to scale 1: where the sides part cleanly, no scale would be too large.
  const ridge = 1e-3 * scored.length;
  for (let step = 0; step < 50; step++) {
    let [gs, go, hss, hso, hoo] = [ridge * (scale - 1), 0, ridge, 0, 1e-9];
    for (const { logit, label } of scored) {
      const p = sigmoid(scale * logit + offset);
      const w = worth[label];
      gs += w * (p - label) * logit;
      go += w * (p - label);
      const curve = w * Math.max(p * (1 - p), 1e-12);
      hss += curve * logit * logit;
      hso += curve * logit;
      hoo += curve;
    }
    const determinant = hss * hoo - hso * hso;
    const ds = (hoo * gs - hso * go) / determinant;
    const d0 = (hss * go - hso * gs) / determinant;
    const damp = Math.min(1, 2 / Math.max(Math.abs(ds), Math.abs(d0), 1e-30));
    scale -= damp * ds;
    offset -= damp * d0;
    if (Math.abs(ds) < 1e-9 && Math.abs(d0) < 1e-9) break;
  }
  return { scale, offset };
}

/** Puts scale and offset into the weights: a mean of `scale * w + offset` is the calibrated logit. */
export function applyCalibration(
  weights: Float32Array,
  { scale, offset }: { scale: number; offset: number },
): void {
  for (let i = 0; i < weights.length; i++) weights[i] = scale * weights[i]! + offset;
}
