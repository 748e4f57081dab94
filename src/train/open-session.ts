/**
 * Opens a model session: builds the model's programs, compiles them on an engine and holds the parameters.
 *
 * @example
 * const objective = openObjective({ kind: 'causal' }, { vocabulary: 4096, length: 256 });
 * const session = await openSession({
 *   model: { family: 'gpt2', layers: 4, width: 256, heads: 4, context: 256, vocabulary: 4096 },
 *   objective,
 *   optimizer: { kind: 'adamw', weightDecay: 0.1 },
 *   batch: { rows: 8, length: 256 },
 *   engine: { device: 'cpu', threads: 2 },
 *   random: (name) => { const stream = seed.split('weights', name); return () => stream.next(); },
 * });
 * // `windows` is a WindowBatch of 8 rows of 257 tokens; `draw` a generator for this step, uniform over [0, 1).
 * const result = await session.step([objective.inputs(windows, draw)], { update: 1, learningRate: 1e-3 });
 */

import type { EngineOptions } from './engines/options.ts';
import { openEngine } from './engines/registry.ts';
import { type ModelSettings, resolveModel } from './model/options.ts';
import type { Objective } from './objectives/objective.ts';
import type { OptimizerOptions } from './optimizers/options.ts';
import { openOptimizer } from './optimizers/registry.ts';
import { ProgramSession } from './programs/session.ts';
import type { ModelSession } from './session.ts';

export interface SessionSettings {
  readonly model: ModelSettings;
  /** From openObjective; decides the loss and which inputs `step` and `loss` take. */
  readonly objective: Objective;
  readonly optimizer?: OptimizerOptions;
  /** The usual micro-batch. Each shape that is fed is compiled at its first use. */
  readonly batch: { readonly rows: number; readonly length: number };
  readonly engine?: EngineOptions;
  /** Gives each parameter, by name, its own stream of numbers uniform over [0, 1) to be initialized from. */
  readonly random: (name: string) => () => number;
}

/**
 * Throws a ConfigurationError where the options do not fit together, and a ResourceError where the engine cannot
 * be loaded.
 */
export async function openSession(settings: SessionSettings): Promise<ModelSession> {
  const { objective, batch, random } = settings;
  return ProgramSession.open({
    shape: resolveModel(settings.model),
    objective,
    optimizer: openOptimizer(settings.optimizer),
    engine: await openEngine(settings.engine),
    batch,
    random,
  });
}
