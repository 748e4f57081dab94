import type { FastTextModel } from './model-file.ts';

/** A label and its probability. */
export interface Prediction {
  readonly label: number;
  readonly probability: number;
}

/** Turns the mean vector of a text into probabilities of the labels. */
export interface OutputLayer {
  /** [labels] */
  probabilities(mean: Float64Array): Float64Array;
  /** The most probable label. */
  top(mean: Float64Array): Prediction;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

function topOf(probabilities: Float64Array): Prediction {
  let label = 0;
  for (let i = 1; i < probabilities.length; i++) if (probabilities[i]! > probabilities[label]!) label = i;
  return { label, probability: probabilities[label]! };
}

const TABLE = 512;
const TABLE_END = 8;

/** fastText's sigmoid of the losses that judge each label alone: from a table of 512 steps, as its scores are. */
function tableSigmoid(x: number): number {
  if (x < -TABLE_END) return 0;
  if (x > TABLE_END) return 1;
  const step = Math.trunc(((x + TABLE_END) * TABLE) / TABLE_END / 2);
  return sigmoid((step * 2 * TABLE_END) / TABLE - TABLE_END);
}

/** Softmax over logits, or a sigmoid of each (one-vs-all, negative sampling). */
export function flatOutput(
  loss: FastTextModel['loss'],
  labels: number,
  logits: (mean: Float64Array) => Float64Array,
): OutputLayer {
  const isSoftmax = loss === 'softmax';
  const probabilities = (mean: Float64Array): Float64Array => {
    const out = logits(mean);
    if (!isSoftmax) return out.map(tableSigmoid);
    let most = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < labels; i++) most = Math.max(most, out[i]!);
    let total = 0;
    for (let i = 0; i < labels; i++) total += out[i] = Math.exp(out[i]! - most);
    for (let i = 0; i < labels; i++) out[i]! /= total;
    return out;
  };
  return { probabilities, top: (mean) => topOf(probabilities(mean)) };
}

/** The Huffman tree over label counts, as fastText's HierarchicalSoftmaxLoss::buildTree makes it. */
function huffman(counts: readonly number[]): { left: Int32Array; right: Int32Array } {
  const labels = counts.length;
  const nodes = 2 * labels - 1;
  const weight = new Float64Array(nodes).fill(1e15);
  weight.set(counts);
  const left = new Int32Array(nodes).fill(-1);
  const right = new Int32Array(nodes).fill(-1);
  let leaf = labels - 1;
  let inner = labels;
  const lightest = (): number => (leaf >= 0 && weight[leaf]! < weight[inner]! ? leaf-- : inner++);
  for (let node = labels; node < nodes; node++) {
    left[node] = lightest();
    right[node] = lightest();
    weight[node] = weight[left[node]!]! + weight[right[node]!]!;
  }
  return { left, right };
}

/** Hierarchical softmax: a label's probability is the product of the branches on its way. */
export function treeOutput(model: FastTextModel): OutputLayer {
  const { dimension, output, labelCounts } = model;
  const labels = labelCounts.length;
  const { left, right } = huffman(labelCounts);
  const root = 2 * labels - 2;
  const rightShare = (mean: Float64Array, node: number): number => {
    const from = (node - labels) * dimension;
    let dot = 0;
    for (let k = 0; k < dimension; k++) dot += mean[k]! * output[from + k]!;
    return sigmoid(dot);
  };
  return {
    probabilities(mean) {
      const found = new Float64Array(labels);
      const walk = (node: number, share: number): void => {
        if (node < labels) {
          found[node] = share;
          return;
        }
        const toRight = rightShare(mean, node);
        walk(left[node]!, share * (1 - toRight));
        walk(right[node]!, share * toRight);
      };
      walk(root, 1);
      return found;
    },
    top(mean) {
      let label = 0;
      let probability = -1;
      const walk = (node: number, share: number): void => {
        if (share <= probability) return;
        if (node < labels) {
          label = node;
          probability = share;
          return;
        }
        const toRight = rightShare(mean, node);
        // The likelier branch first: what is found there rules out most of the other.
        const first = toRight > 0.5 ? right : left;
        const second = toRight > 0.5 ? left : right;
        const likelier = Math.max(toRight, 1 - toRight);
        walk(first[node]!, share * likelier);
        walk(second[node]!, share * (1 - likelier));
      };
      walk(root, 1);
      return { label, probability };
    },
  };
}

/** The output layer of a model over mean vectors of its own dimension. */
export function outputOf(model: FastTextModel): OutputLayer {
  if (model.loss === 'hierarchical-softmax') return treeOutput(model);
  const { dimension, output } = model;
  const labels = model.labels.length;
  return flatOutput(model.loss, labels, (mean) => {
    const logits = new Float64Array(labels);
    for (let label = 0; label < labels; label++)
      for (let k = 0; k < dimension; k++) logits[label]! += mean[k]! * output[label * dimension + k]!;
    return logits;
  });
}
