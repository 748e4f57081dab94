/** Weights and batches of the golden runs, by the formulas of tests/golden/train/generate.py. */

import { elementCount } from '../../../src/train/graph/tensor.ts';
import type { NamedArray, NamedArrays, SessionState } from '../../../src/train/session.ts';

export const tiny = { vocabulary: 61, width: 32, heads: 4, layers: 2, context: 16 } as const;
export const rows = 3;

function goldenValues(name: string, shape: readonly number[]): NamedArray {
  const phase = [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 101;
  const data = Float32Array.from({ length: elementCount(shape) }, (_, i) => {
    const wave = Math.sin(0.01 * (i % 1009) ** 2 + phase);
    if (name.endsWith('gain')) return 1 + 0.1 * wave;
    return (shape.length === 1 ? 0.05 : 0.15) * wave;
  });
  return { shape, data };
}

/** The state with every parameter replaced by its formula. */
export function goldenState(state: SessionState): SessionState {
  const parameters = [...state.parameters].map(
    ([name, { shape }]) => [name, goldenValues(name, shape)] as const,
  );
  return { parameters: new Map(parameters), moments: state.moments };
}

/** Windows of context + 1 tokens, `documentStarts` giving each window's documents. */
export function goldenWindows(step: number, documentStarts: readonly number[] = [0]) {
  const width = tiny.context + 1;
  const count = rows * width;
  const tokens = Int32Array.from(
    { length: count },
    (_, i) => (i * i * 7 + 3 * i + 11 * step) % tiny.vocabulary,
  );
  const segments = Int32Array.from({ length: count }, (_, i) =>
    documentStarts.findLastIndex((start) => start <= i % width),
  );
  const none = new Int32Array(count);
  return { rows, width, tokens, segments, positions: none, documentIndex: none, documents: [] };
}

/** Positions 1, 6 and 11 of each row: hidden by token 0, left as it is, and another token. */
export function goldenMasked(step: number): NamedArrays {
  const { context, vocabulary } = tiny;
  const shape = [rows, context];
  const { tokens: windows, width } = goldenWindows(step);
  const targets = Int32Array.from(
    { length: rows * context },
    (_, i) => windows[Math.floor(i / context) * width + (i % context)]!,
  );
  const predicted = Array.from({ length: rows }, (_, row) =>
    [1, 6, 11].map((column) => row * context + column),
  ).flat();
  const tokens = targets.map((token, i) => {
    if (i % context === 1) return 0;
    return i % context === 11 ? (token + 17) % vocabulary : token;
  });
  const lossWeight = new Float32Array(targets.length);
  for (const i of predicted) lossWeight[i] = 1;
  const none = { shape, data: new Int32Array(targets.length) };
  return {
    tokens: { shape, data: tokens },
    targets: { shape, data: targets },
    segment: none,
    order: none,
    lossWeight: { shape, data: lossWeight },
    targetIndex: { shape: [rows, 3], data: Int32Array.from(predicted) },
  };
}

/** The second half of each row is its second sentence; that of row 1 is the random one. */
export const goldenSentences: NamedArrays = {
  tokenType: {
    shape: [rows, tiny.context],
    data: Int32Array.from({ length: rows * tiny.context }, (_, i) =>
      Number(i % tiny.context >= tiny.context / 2),
    ),
  },
  isRandom: { shape: [rows], data: Int32Array.of(0, 1, 0) },
};
