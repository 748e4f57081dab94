/** The optimizers that can be named in options. */

import { adamw } from './adamw.ts';
import { muon } from './muon.ts';
import type { Optimizer } from './optimizer.ts';
import { type OptimizerOptions, optimizerOptions } from './options.ts';

export function openOptimizer(options: OptimizerOptions = {}): Optimizer {
  const settings = optimizerOptions.parse(options);
  switch (settings.kind) {
    case 'adamw':
      return adamw(settings);
    case 'muon':
      return muon(settings);
    default:
      return settings.kind satisfies never;
  }
}
