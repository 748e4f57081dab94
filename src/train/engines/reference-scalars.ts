/** The elementwise operations of the reference engine. */

import type { OperationKind } from '../graph/operation.ts';

const logistic = (x: number) => 1 / (1 + Math.exp(-x));

/** erf by its Maclaurin series, and by the continued fraction of erfc beyond 2.5 (Abramowitz and Stegun 7.1.5, 7.1.14). */
export function erf(x: number): number {
  const z = Math.abs(x);
  if (z > 6) return Math.sign(x);
  if (z > 2.5) {
    let fraction = 0;
    for (let k = 60; k > 0; k--) fraction = k / 2 / (z + fraction);
    return Math.sign(x) * (1 - Math.exp(-z * z) / Math.sqrt(Math.PI) / (z + fraction));
  }
  let term = z;
  let total = z;
  for (let n = 1; n < 60; n++) {
    term *= (-z * z) / n;
    total += term / (2 * n + 1);
  }
  return (Math.sign(x) * 2 * total) / Math.sqrt(Math.PI);
}

type ScalarFunction = (a: number, b: number, c: number) => number;

export const scalarFunctions: Readonly<Partial<Record<OperationKind, ScalarFunction>>> = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: (a, b) => a / b,
  maximum: (a, b) => Math.max(a, b),
  minimum: (a, b) => Math.min(a, b),
  negate: (a) => -a,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  sigmoid: logistic,
  tanh: Math.tanh,
  erf,
  gelu: (x) => x * logistic(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)),
  equal: (a, b) => Number(a === b),
  less: (a, b) => Number(a < b),
  lessOrEqual: (a, b) => Number(a <= b),
  and: (a, b) => Number(a !== 0 && b !== 0),
  where: (condition, a, b) => (condition !== 0 ? a : b),
};
