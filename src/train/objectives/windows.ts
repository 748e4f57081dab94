/** What objectives share in reading windows. */

import { InvariantError } from '../../core/errors.ts';
import type { WindowBatch } from '../../shard/batch.ts';
import type { InputSpec } from './objective.ts';

export function perToken(type: InputSpec['type']): InputSpec {
  return { type, shape: (rows, length) => [rows, length] };
}

export function checkWidth(objective: string, batch: WindowBatch, needed: number): void {
  if (batch.width >= needed) return;
  throw new InvariantError(`objective ${objective}: the windows are too short`, {
    expected: `at least ${needed} tokens`,
    found: `${batch.width}`,
  });
}

/** Columns [start, start + length) of each window. */
export function windowColumns(batch: WindowBatch, values: Int32Array, start: number, length: number) {
  const data = new Int32Array(batch.rows * length);
  for (let row = 0; row < batch.rows; row++) {
    const from = row * batch.width + start;
    data.set(values.subarray(from, from + length), row * length);
  }
  return { shape: [batch.rows, length], data };
}

/** [rows, length] 1 where column start + i of a window is padding, else 0: as segments, no document sees padding. */
export function paddingColumns(batch: WindowBatch, start: number, length: number) {
  const segments = windowColumns(batch, batch.segments, start, length);
  return { shape: segments.shape, data: segments.data.map((segment) => (segment < 0 ? 1 : 0)) };
}
