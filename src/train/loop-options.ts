import { z } from 'zod';
import { stabilityOptions } from './divergence.ts';
import { scheduleOptions } from './schedules.ts';

export const checkpointOptions = z.strictObject({
  everySteps: z.int().min(0).default(0).describe('write a checkpoint every so many steps; 0: by time alone'),
  everySeconds: z
    .number()
    .min(0)
    .default(60)
    .describe('and when so many seconds have passed since the last one; 0: by steps alone'),
  keepLast: z.int().min(1).default(2).describe('checkpoints kept beside the best one'),
});

/** What the loop itself decides by; model, objective and data are given to it ready-made. */
export const loopOptions = z.strictObject({
  steps: z.int().min(1).default(1000).describe('optimizer steps'),
  accumulate: z.int().min(1).default(1).describe('micro-batches whose gradients make one step'),
  schedule: scheduleOptions.prefault({}).describe('learning rate by step'),
  evaluateEvery: z
    .int()
    .min(0)
    .default(0)
    .describe('steps between evaluations; 0: only before and after training'),
  checkpoint: checkpointOptions.prefault({}).describe('when to write checkpoints, and how many to keep'),
  stability: stabilityOptions.prefault({}).describe('when a loss counts as blown up'),
});

export type LoopOptions = z.output<typeof loopOptions>;
