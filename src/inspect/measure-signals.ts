import { join } from 'node:path';
import type { PipelineSpec } from '../core/pipeline-file.ts';
import { planPipeline } from '../execute/plan.ts';
import { type RunSettings, runPlan } from '../execute/run.ts';
import { unitFolder } from '../execute/run-folder.ts';
import { stepTable } from '../step-table.ts';
import { measureStep } from './measure.ts';
import { signalFiles } from './read-signals.ts';

const table = {
  ...stepTable,
  get: (kind: string) => (kind === measureStep.kind ? measureStep : stepTable.get(kind)),
};

/**
 * Runs an inspection's pipeline in a run directory of its own: what is measured already is not measured again, what was
 * interrupted goes on. Gives the files of signals, in the order of the documents.
 */
export async function measureSignals(spec: PipelineSpec, settings: RunSettings): Promise<string[]> {
  const plan = await planPipeline(spec, table);
  await runPlan(plan, settings);
  return signalFiles(join(unitFolder(settings.runFolder, plan.units.at(-1)!), 'artifact'));
}
