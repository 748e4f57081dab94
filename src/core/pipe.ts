import type { Batch } from './batch.ts';
import type { Stage } from './stage.ts';

/** Lifts a stage to a mapping of streams; closes the stage at the end, on an early return and on an error. */
export async function* pipe<In extends Batch, Out extends Batch>(
  input: AsyncIterable<In>,
  stage: Stage<In, Out>,
): AsyncGenerator<Out> {
  try {
    for await (const batch of input) yield await stage.process(batch);
  } finally {
    await stage.close?.();
  }
}
