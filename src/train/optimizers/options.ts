import { z } from 'zod';

export const optimizerOptions = z.strictObject({
  kind: z
    .enum(['adamw', 'muon'])
    .default('adamw')
    .describe('muon: for the layers’ matrices, AdamW for the rest'),
  beta1: z.number().min(0).lt(1).default(0.9).describe('decay of the mean of gradients'),
  beta2: z.number().min(0).lt(1).default(0.95).describe('decay of the mean of squared gradients'),
  epsilon: z.number().positive().default(1e-8).describe('added to the root of the mean square'),
  weightDecay: z
    .number()
    .min(0)
    .default(0.1)
    .describe('decoupled, on matrices only, times the learning rate'),
  clipNorm: z.number().positive().default(1).describe('largest global L2 norm of the gradient'),
  muonMomentum: z.number().min(0).lt(1).default(0.95).describe('of muon alone'),
});

export type OptimizerOptions = z.input<typeof optimizerOptions>;
export type OptimizerSettings = z.output<typeof optimizerOptions>;
