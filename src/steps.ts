import type { AnyStep } from './core/step.ts';
import { STEP_LOADERS } from './step-table.ts';

/** Every step that a pipeline file can name, all of them loaded. */
export const STEPS: readonly AnyStep[] = await Promise.all(Object.values(STEP_LOADERS).map((load) => load()));
