/** Arms and blocks without interaction, balanced or not, by least squares. */

export interface Observation {
  readonly arm: string;
  /** Runs of one block share what a block is: here, both seeds. */
  readonly block: string;
  readonly value: number;
}

export interface Contrast {
  readonly difference: number;
  /** Variance of the difference in units of the residual variance: 2 / n where all blocks are whole. */
  readonly factor: number;
}

export interface BlockFit {
  /** Of the residuals: sum of their squares over the degrees of freedom; 0 where there are none. */
  readonly variance: number;
  readonly degreesOfFreedom: number;
  /** Undefined where no chain of blocks links the two arms. */
  contrast(a: string, b: string): Contrast | undefined;
}

/**
 * Fits value = arm + block + residual. With N the arms' counts in each block, k the blocks' sizes and y the values, the
 * arms' effects solve (diag(n) - N diag(1/k) N') t = (sum of y by arm) - N (mean of y by block) (Searle 1971, ch. 7.1);
 * blocks of one run tell nothing. Arms that no chain of blocks links cannot be compared within blocks.
 */
export function fitBlocks(observations: readonly Observation[]): BlockFit {
  const arms = [...new Set(observations.map(({ arm }) => arm))];
  const blocks = groupBy(observations, ({ block }) => block);
  const index = new Map(arms.map((arm, i) => [arm, i]));
  const matrix = arms.map(() => arms.map(() => 0));
  const right = arms.map(() => 0);
  for (const members of blocks.values()) {
    const mean = meanOf(members.map(({ value }) => value));
    for (const { arm, value } of members) {
      const i = index.get(arm)!;
      right[i]! += value - mean;
      matrix[i]![i]! += 1;
      for (const other of members) matrix[i]![index.get(other.arm)!]! -= 1 / members.length;
    }
  }
  const component = components(arms, index, blocks);
  const inverse = invertByComponent(matrix, component);
  const effects = inverse.map((row) => row.reduce((sum, weight, j) => sum + weight * right[j]!, 0));
  const { squares, degreesOfFreedom } = residuals(observations, blocks, index, effects, component);
  return {
    variance: degreesOfFreedom > 0 ? squares / degreesOfFreedom : 0,
    degreesOfFreedom,
    contrast(a, b) {
      const i = index.get(a);
      const j = index.get(b);
      if (i === undefined || j === undefined || component[i] !== component[j]) return undefined;
      const factor = inverse[i]![i]! + inverse[j]![j]! - 2 * inverse[i]![j]!;
      return { difference: effects[i]! - effects[j]!, factor };
    },
  };
}

function residuals(
  observations: readonly Observation[],
  blocks: ReadonlyMap<string, readonly Observation[]>,
  index: ReadonlyMap<string, number>,
  effects: readonly number[],
  component: readonly number[],
): { squares: number; degreesOfFreedom: number } {
  let squares = 0;
  for (const members of blocks.values()) {
    const left = members.map(({ arm, value }) => value - effects[index.get(arm)!]!);
    const mean = meanOf(left);
    for (const one of left) squares += (one - mean) ** 2;
  }
  const parameters = effects.length + blocks.size - new Set(component).size;
  return { squares, degreesOfFreedom: observations.length - parameters };
}

/** For each arm the number of its component: arms are linked where they meet in a block. */
function components(
  arms: readonly string[],
  index: ReadonlyMap<string, number>,
  blocks: ReadonlyMap<string, readonly Observation[]>,
): number[] {
  const component = arms.map((_, i) => i);
  for (const members of blocks.values()) {
    const own = members.map(({ arm }) => component[index.get(arm)!]!);
    const least = Math.min(...own);
    for (let i = 0; i < component.length; i++) if (own.includes(component[i]!)) component[i] = least;
  }
  return component;
}

/** A generalized inverse: in each component the first arm's effect is set to 0 and the rest inverted. */
function invertByComponent(matrix: readonly (readonly number[])[], component: readonly number[]): number[][] {
  const result = matrix.map((row) => row.map(() => 0));
  for (const one of new Set(component)) {
    const members = component.flatMap((c, i) => (c === one ? [i] : [])).slice(1);
    const inverse = invert(members.map((i) => members.map((j) => matrix[i]![j]!)));
    for (const [p, i] of members.entries())
      for (const [q, j] of members.entries()) result[i]![j] = inverse[p]![q]!;
  }
  return result;
}

/** Gauss and Jordan, with pivots; the matrices here are small, symmetric and positive definite. */
function invert(matrix: readonly (readonly number[])[]): number[][] {
  const size = matrix.length;
  const work = matrix.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))]);
  for (let column = 0; column < size; column++) {
    let pivot = column;
    for (let row = column + 1; row < size; row++)
      if (Math.abs(work[row]![column]!) > Math.abs(work[pivot]![column]!)) pivot = row;
    [work[column], work[pivot]] = [work[pivot]!, work[column]!];
    const scale = work[column]![column]!;
    for (let j = 0; j < 2 * size; j++) work[column]![j]! /= scale;
    for (let row = 0; row < size; row++) {
      const factor = work[row]![column]!;
      if (row === column || factor === 0) continue;
      for (let j = 0; j < 2 * size; j++) work[row]![j]! -= factor * work[column]![j]!;
    }
  }
  return work.map((row) => row.slice(size));
}

export function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const name = key(item);
    const group = groups.get(name);
    if (group) group.push(item);
    else groups.set(name, [item]);
  }
  return groups;
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** With n - 1; NaN for fewer than two. */
export function varianceOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}
