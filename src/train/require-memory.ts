/** Whether a training fits into the machine, told before it starts. */

import { totalmem } from 'node:os';
import { ResourceError } from '../core/errors.ts';
import { bytes } from '../core/format.ts';

/** Bytes of memory that this process can have at most: the machine's, or its container's. */
export function machineMemory(): number {
  // 0, or more than there is, where nothing constrains the process.
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/** Throws a ResourceError with both numbers where a training needs more bytes than there are. */
export function requireMemory(needed: number, memory: number = machineMemory()): void {
  if (needed <= memory) return;
  throw new ResourceError(
    'the training does not fit into memory: fewer rows, a shorter context or a smaller model might',
    {
      expected: `at most the ${bytes(memory)} of this machine`,
      found: `about ${bytes(needed)}`,
    },
  );
}
