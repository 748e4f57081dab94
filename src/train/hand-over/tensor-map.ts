/** Turns our parameters into tensors of theirs and back. No value changes: what goes out and comes in is the same bits. */

import { IntegrityError, InvariantError } from '../../core/errors.ts';
import { elementCount, type Shape, sameShape } from '../graph/tensor.ts';
import type { NamedArray } from '../session.ts';
import type { RowChange, TensorPair } from './families/family.ts';

type Tensors = ReadonlyMap<string, NamedArray>;

/** Their tensors, by name. Every parameter must have its place: one without is an InvariantError. */
export function toTheirs(pairs: readonly TensorPair[], ours: Tensors): Map<string, NamedArray> {
  const used = new Set<string>();
  const theirs = new Map<string, NamedArray>();
  for (const pair of pairs) {
    const parts = pair.ours.map((name) => {
      const array = ours.get(name) ?? zeros(pair);
      if (array === undefined) throw new InvariantError(`the model has no parameter ${name}`);
      used.add(name);
      return array;
    });
    const joined = parts.length === 1 ? parts[0]! : joinColumns(parts);
    theirs.set(pair.theirs, pair.transposed ? transposed(joined) : joined);
  }
  const left = [...ours.keys()].filter((name) => !used.has(name));
  if (left.length > 0) throw new InvariantError(`no tensor of theirs holds ${left.join(', ')}`);
  return theirs;
}

function zeros({ zerosOf }: TensorPair): NamedArray | undefined {
  return zerosOf === undefined ? undefined : { shape: [zerosOf], data: new Float32Array(zerosOf) };
}

/**
 * The parts of ours that one tensor of theirs holds, by name. `shapes` says what ours are. Throws an IntegrityError
 * that names their tensor where it has another shape.
 */
export function fromTheirs(
  pair: TensorPair,
  array: NamedArray,
  shapes: ReadonlyMap<string, Shape>,
  file: string,
): [name: string, array: NamedArray][] {
  const wanted = pair.ours.map((name) => shapes.get(name)!);
  const expected = theirShape(pair, wanted);
  if (!sameShape(expected, array.shape) || !(array.data instanceof Float32Array)) {
    throw new IntegrityError(`tensor ${pair.theirs} does not fit the model that config.json tells of`, {
      file,
      expected: `floats of [${expected}]`,
      found: `[${array.shape}]`,
    });
  }
  const flat = pair.transposed ? transposed(array) : array;
  const whole = pair.rows === undefined ? flat : changedRows(flat, pair.rows);
  const parts = wanted.length === 1 ? [whole] : splitColumns(whole, wanted);
  return parts.map((part, i) => [pair.ours[i]!, part]);
}

function theirShape({ rows, transposed }: TensorPair, ours: readonly Shape[]): Shape {
  const last = ours.reduce((sum, shape) => sum + shape.at(-1)!, 0);
  const joined = ours[0]!.with(-1, last);
  if (rows !== undefined) return joined.with(0, rows.theirs);
  return transposed ? joined.toReversed() : joined;
}

function joinColumns(parts: readonly NamedArray[]): NamedArray {
  const columns = parts.map(({ shape }) => shape.at(-1)!);
  const total = columns.reduce((sum, count) => sum + count, 0);
  const rows = elementCount(parts[0]!.shape) / columns[0]!;
  const data = new Float32Array(rows * total);
  let start = 0;
  for (const [i, part] of parts.entries()) {
    const count = columns[i]!;
    for (let row = 0; row < rows; row++)
      data.set(part.data.subarray(row * count, (row + 1) * count), row * total + start);
    start += count;
  }
  return { shape: parts[0]!.shape.with(-1, total), data };
}

function splitColumns(whole: NamedArray, shapes: readonly Shape[]): NamedArray[] {
  const total = whole.shape.at(-1)!;
  const rows = elementCount(whole.shape) / total;
  let start = 0;
  return shapes.map((shape) => {
    const count = shape.at(-1)!;
    const data = new Float32Array(rows * count);
    for (let row = 0; row < rows; row++) {
      const at = row * total + start;
      data.set(whole.data.subarray(at, at + count), row * count);
    }
    start += count;
    return { shape, data };
  });
}

function changedRows({ shape, data }: NamedArray, { theirs, skip, ours }: RowChange): NamedArray {
  const width = shape[1]!;
  const result = new Float32Array(ours * width);
  for (let row = 0; row < ours; row++) {
    const from = Math.min(skip + row, theirs - 1) * width;
    result.set(data.subarray(from, from + width), row * width);
  }
  return { shape: [ours, width], data: result };
}

/** Rows read in blocks, so that a large matrix is not walked a cache line at a time. */
const BLOCK = 32;

function transposed({ shape, data }: NamedArray): NamedArray {
  const [rows, columns] = shape as [number, number];
  const result = new Float32Array(data.length);
  for (let top = 0; top < rows; top += BLOCK) {
    const bottom = Math.min(rows, top + BLOCK);
    for (let column = 0; column < columns; column++)
      for (let row = top; row < bottom; row++) result[column * rows + row] = data[row * columns + column]!;
  }
  return { shape: [columns, rows], data: result };
}
