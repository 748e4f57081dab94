/** The layers of a transformer, over rows of tokens [n, width]. */

import {
  add,
  concat,
  divide,
  erf,
  exp,
  gelu,
  gemm,
  layerNorm as layerNormOperation,
  multiply,
  reshape,
  scale,
  shift,
  sigmoid,
  sqrt,
  subtract,
  sum,
  sumOfSquares,
} from '../graph/ops.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { ModelShape } from './options.ts';
import type { Parameters } from './parameters.ts';
import { pieceRows, rowPieces } from './pieces.ts';

/** Standard deviation of new weights (GPT-2 and BERT). */
export const INITIAL_DEVIATION = 0.02;

export interface LinearSettings {
  readonly bias: boolean;
  readonly deviation?: number;
  /** x is taken times this, which costs nothing in the product. */
  readonly inputFactor?: number;
  /** The result is taken times this, bias and all; it excludes an input factor. */
  readonly outputFactor?: number;
  /** Added to the result. */
  readonly residual?: Tensor | undefined;
}

/** x W + b, times the factors, plus the residual; W is stored [in, out]. */
export function linear(
  parameters: Parameters,
  name: string,
  x: Tensor,
  width: number,
  { bias, deviation = INITIAL_DEVIATION, inputFactor = 1, outputFactor = 1, residual }: LinearSettings,
): Tensor {
  const weight = parameters.get(`${name}.weight`, [x.shape[1]!, width], { deviation });
  // Gemm adds one C: the bias where there is one, else the residual.
  const alpha = inputFactor * outputFactor;
  if (!bias) return gemm(x, weight, { alpha, c: residual });
  const c = scale(parameters.get(`${name}.bias`, [width], 'zeros'), outputFactor);
  const y = gemm(x, weight, { alpha, c });
  return residual === undefined ? y : add(residual, y);
}

export function norm(parameters: Parameters, name: string, x: Tensor, shape: ModelShape): Tensor {
  const width = x.shape[1]!;
  const gain = parameters.get(`${name}.gain`, [width], 'ones');
  if (shape.norm === 'rms') return rmsNorm(x, gain, shape.normEpsilon);
  const offset = parameters.get(`${name}.offset`, [width], 'zeros');
  return layerNormOperation(x, gain, offset, shape.normEpsilon).y;
}

/** x / sqrt(mean(x^2) + epsilon) * gain over rows (arXiv 1910.07467). */
export function rmsNorm(x: Tensor, gain: Tensor, epsilon: number): Tensor {
  const graph = x.node.graph;
  const width = x.shape[1]!;
  const meanSquare = scale(sumOfSquares(x, [1], true), 1 / width);
  const inverse = divide(graph.scalar(1), sqrt(shift(meanSquare, epsilon)));
  const normalized = multiply(x, inverse);
  return graph.withGradient(
    [x, gain],
    () => multiply(normalized, gain),
    (_inputs, _y, dy, adjoints) => {
      const weighted = multiply(dy, normalized);
      if (adjoints.needs(1)) adjoints.add(1, sum(weighted, [0]));
      if (!adjoints.needs(0)) return;
      const mean = gemm(weighted, reshape(gain, [width, 1]), { alpha: 1 / width });
      adjoints.add(0, multiply(subtract(multiply(dy, gain), multiply(normalized, mean)), inverse));
    },
  );
}

/** x Phi(x), Phi the normal distribution function (arXiv 1606.08415). */
export function exactGelu(x: Tensor): Tensor {
  const phi = shift(scale(erf(scale(x, Math.SQRT1_2)), 0.5), 0.5);
  return x.node.graph.withGradient(
    [x],
    () => multiply(x, phi),
    (_inputs, _y, dy, adjoints) => {
      const density = scale(exp(scale(multiply(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      adjoints.add(0, multiply(dy, add(phi, multiply(x, density))));
    },
  );
}

/**
 * sqrt(2) times the exact GELU of x for t = x / sqrt(2): t (1 + erf t). Between two products, which take the factors,
 * it is three passes over memory and its gradient six; of x they are five and seven.
 */
export function scaledGelu(t: Tensor): Tensor {
  const twicePhi = shift(erf(t), 1);
  return t.node.graph.withGradient(
    [t],
    () => multiply(t, twicePhi),
    (_inputs, _y, dy, adjoints) => {
      // 2 / sqrt(pi) exp(-t^2)
      const density = exp(subtract(t.node.graph.scalar(Math.log(2 / Math.sqrt(Math.PI))), multiply(t, t)));
      adjoints.add(0, multiply(dy, add(twicePhi, multiply(t, density))));
    },
  );
}

/** gate sigmoid(gate) up (arXiv 2002.05202). */
export function swiglu(gate: Tensor, up: Tensor): Tensor {
  const s = sigmoid(gate);
  const activated = multiply(gate, s);
  return gate.node.graph.withGradient(
    [gate, up],
    () => multiply(activated, up),
    (_inputs, _y, dy, adjoints) => {
      const dUp = multiply(dy, activated);
      adjoints.add(1, dUp);
      // d(g s)/dg = s + g s (1 - s), so that dy up d(g s)/dg = up (dUp + s (dy - dUp)).
      adjoints.add(0, multiply(up, add(dUp, multiply(s, subtract(dy, dUp)))));
    },
  );
}

/**
 * The two- or three-matrix layer between attentions; `residual` is added. With `inPieces` its rows go through in pieces, as
 * a processor likes it: 2,048 rows of 1,024 columns with GELU take 121 ms there and back for 129, since passes over what is
 * in a core's own cache are faster. A gated layer reads more arrays than fit there, and gains nothing.
 */
export function feedForward(
  parameters: Parameters,
  name: string,
  x: Tensor,
  shape: ModelShape,
  { residual, inPieces = false }: { readonly residual: Tensor; readonly inPieces?: boolean | undefined },
): Tensor {
  const rows = x.shape[0]!;
  const rowsAtOnce = inPieces && shape.activation !== 'swiglu' ? pieceRows(rows, shape.hidden) : rows;
  if (rowsAtOnce === rows) return activatedLayer(parameters, name, x, shape, residual);
  const pieces = rowPieces(x, rowsAtOnce).map((piece) => activatedLayer(parameters, name, piece, shape));
  return add(residual, concat(pieces, 0));
}

function activatedLayer(
  parameters: Parameters,
  name: string,
  x: Tensor,
  shape: ModelShape,
  residual?: Tensor,
): Tensor {
  const { width, hidden, bias } = shape;
  const factor = shape.activation === 'gelu' ? Math.SQRT1_2 : 1;
  const up = linear(parameters, `${name}.up`, x, hidden, { bias, outputFactor: factor });
  const inner = () => {
    switch (shape.activation) {
      case 'gelu-tanh':
        return gelu(up);
      case 'gelu':
        return scaledGelu(up);
      case 'swiglu':
        return swiglu(linear(parameters, `${name}.gate`, x, hidden, { bias }), up);
      default:
        return shape.activation satisfies never;
    }
  };
  return linear(parameters, `${name}.down`, inner(), width, {
    bias,
    inputFactor: factor,
    deviation: residualDeviation(shape),
    residual,
  });
}

/** GPT-2 narrows what writes to the residual stream by sqrt(2 layers); BERT does not. */
export function residualDeviation({ family, layers }: ModelShape): number {
  return family === 'bert' ? INITIAL_DEVIATION : INITIAL_DEVIATION / Math.sqrt(2 * layers);
}

/** Of the angles by which ops.rotate turns. */
export interface RotaryTables {
  readonly cosine: Tensor;
  readonly sine: Tensor;
}
