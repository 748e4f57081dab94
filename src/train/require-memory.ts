/** Whether a training fits into the machine, told before it starts. */

import { totalmem } from 'node:os';
import { ResourceError } from '../core/errors.ts';
import { bytes } from '../core/format.ts';
import type { ModelEstimate } from './estimate.ts';

/** Bytes of memory that this process can have at most: the machine's, or its container's. */
export function machineMemory(): number {
  // 0, or more than there is, where nothing constrains the process.
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/**
 * Throws a ResourceError with both numbers where weights, moments and a step's intermediate values are more than the
 * whole memory. `accumulated`: gradients are summed over micro-batches, in two buffers.
 */
export function requireMemory(
  { parameters, stateBytes, intermediateBytes }: ModelEstimate,
  { accumulated, memory = machineMemory() }: { readonly accumulated: boolean; readonly memory?: number },
): void {
  const sums = accumulated ? 2 * 4 * parameters : 0;
  const needed = stateBytes + sums + intermediateBytes;
  if (needed <= memory) return;
  throw new ResourceError(
    'the training does not fit into memory: take a smaller model, fewer rows or a shorter context',
    {
      expected: `at most ${bytes(memory)}`,
      found: `about ${bytes(needed)}: ${bytes(stateBytes + sums)} for weights, moments and sums of gradients, ${bytes(intermediateBytes)} for the values of a step`,
    },
  );
}
