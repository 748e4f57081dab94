/** Did the filter earn its keep? What the base arm's model makes of what was refused, beside what was kept. */

import { join } from 'node:path';
import { codeHash } from '../../core/code-hash.ts';
import { ensureFolder, readJsonIfThere, writeJsonAtomic } from '../../core/files.ts';
import { digestOf } from '../../core/hash.ts';
import { DUPLICATE_CLUSTER, DUPLICATE_COUNT } from '../../dedup/document-columns.ts';
import { unitFolder } from '../../execute/run-folder.ts';
import { ShardLoader } from '../../shard/loader.ts';
import type { LoadedModel } from '../../train/model-folder.ts';
import { loadModel } from '../../train/model-folder.ts';
import { refusedDocuments } from '../documents.ts';
import type { AblationFile } from '../file.ts';
import type { FilterProbe, Probes } from '../outcome.ts';
import type { Prepared, PreparedArm } from '../prepare.ts';
import { headOf } from '../ruler.ts';
import { hasCanaries, injectCanaries, readCanaries } from '../steps/inject-canaries.ts';
import type { TrainingUnit } from '../trainings.ts';
import { probeCanaries } from './canaries.ts';
import { HashSample } from './sample.ts';
import { byDecile, byDoubling, type Scored, scoreTexts, summarize, type Text } from './score.ts';

const CODE = new URL(import.meta.url.endsWith('.ts') ? './probe.ts' : './probe.js', import.meta.url).href;
const PROBES_FILE = 'probes.json';

export interface ProbeSettings {
  readonly file: AblationFile;
  readonly prepared: Prepared;
  readonly units: readonly TrainingUnit[];
  readonly folder: string;
  readonly threads: number;
  readonly signal?: AbortSignal;
}

/** Undefined where the file asks for none, or no model is there to ask. */
export async function probe(settings: ProbeSettings): Promise<Probes | undefined> {
  const { file, prepared, folder } = settings;
  if (!file.options.probes) return undefined;
  const models = probedUnits(settings);
  if (models.length === 0) return undefined;
  const fingerprint = digestOf({
    options: file.options.probes,
    models: models.map(({ task }) => task.fingerprint),
    arms: prepared.arms.map(({ plan, index }) => [plan.name, index.digest]),
    code: codeHash(CODE),
  });
  const path = join(await ensureFolder(join(folder, 'probes')), PROBES_FILE);
  const found = await readJsonIfThere<{ fingerprint: string; probes: Probes }>(path);
  if (found?.fingerprint === fingerprint) return found.probes;
  let probes: Probes = {};
  for (const unit of models) {
    const model = await loadModel(join(unit.task.folder, 'model'), {
      engine: { threads: settings.threads },
      rows: unit.task.options.rows,
    });
    try {
      const arm = prepared.arms.find(({ plan }) => plan.name === unit.arm)!;
      const found =
        arm.plan.role === 'base'
          ? await probeFilters(settings, arm, unit, model)
          : { canaries: await canariesOf(arm, unit, model) };
      probes = { ...probes, ...found };
    } finally {
      await model.session.release();
    }
  }
  await writeJsonAtomic(path, { fingerprint, probes });
  return probes;
}

/** Of the arms that are probed: the last size, the first learning rate, the first block. */
function probedUnits({ prepared, units }: ProbeSettings): TrainingUnit[] {
  return prepared.arms.flatMap((arm) => {
    if (arm.plan.role !== 'base' && !hasCanaries(arm.steps)) return [];
    const mine = units.filter((unit) => unit.arm === arm.plan.name && unit.block === 1);
    const size = mine.at(-1)?.size;
    return mine.filter((unit) => unit.size === size).slice(0, 1);
  });
}

async function probeFilters(
  { file, prepared, signal }: ProbeSettings,
  arm: PreparedArm,
  unit: TrainingUnit,
  model: LoadedModel,
): Promise<Probes> {
  const { bytes } = file.options.probes as { bytes: number };
  const { rows } = unit.task.options;
  const most = file.options.ruler.documentBytes;
  const kept = await scoreTexts(model, await keptTexts(arm, unit, model, bytes, most), rows, signal);
  const filters: FilterProbe[] = [];
  for (const { name, kind, tally } of arm.run.steps) {
    if (Object.keys(tally?.drops ?? {}).length === 0 || kind === 'read') continue;
    const refused = await scoreTexts(model, await refusedTexts(arm, name, bytes, most), rows, signal);
    const without = prepared.arms.find(({ plan }) => isWithout(plan.changes, name))?.plan.name;
    filters.push({
      step: name,
      ...(without === undefined ? {} : { arm: without }),
      refused: summarize(refused),
      kept: summarize(kept),
    });
  }
  return {
    model: `${unit.arm}, ${unit.size}, block ${unit.block}`,
    filters,
    signals: signalsOf(kept),
    clusterSizes: byDoubling(kept, DUPLICATE_COUNT),
  };
}

/** An arm that does nothing but leave the step out. */
function isWithout(changes: readonly { path: string; to: unknown }[], step: string): boolean {
  return changes.length === 1 && changes[0]!.path === step && changes[0]!.to === null;
}

function signalsOf(kept: readonly Scored[]): NonNullable<Probes['signals']> {
  const names = new Set(kept.flatMap(({ signals }) => Object.keys(signals)));
  names.delete(DUPLICATE_COUNT);
  names.delete(DUPLICATE_CLUSTER);
  return [...names]
    .sort()
    .map((name) => ({ signal: name, rows: byDecile(kept, name) }))
    .filter(({ rows }) => rows.length > 0);
}

async function refusedTexts(arm: PreparedArm, step: string, bytes: number, most: number): Promise<Text[]> {
  const sample = new HashSample<Text>(bytes);
  for await (const { batch, refusals } of refusedDocuments(arm.runPlan, arm.runFolder, step)) {
    for (let i = 0; i < batch.length; i++) {
      const { corpus, id, signals } = batch.rows[i]!;
      const text = headOf(batch.text(i), most);
      const { reason } = refusals[i]!;
      sample.add({ corpus, id, text, bytes: Buffer.byteLength(text), reason, signals });
    }
  }
  return sample.take();
}

/**
 * Kept documents that the model has not seen, so that they are as new to it as those refused; where it has seen
 * all, any of them.
 */
async function keptTexts(
  arm: PreparedArm,
  unit: TrainingUnit,
  { tokenizer, file }: LoadedModel,
  bytes: number,
  most: number,
): Promise<Text[]> {
  const { options, orderSeed } = unit.task;
  const { rows } = options;
  const loader = await ShardLoader.open(arm.shards, {
    split: 'train',
    context: file.context,
    rows,
    orderSeed,
  });
  try {
    const seen = new Set<string>();
    for (let step = 0; step < options.steps * options.accumulate; step++)
      for (const { corpus, id } of loader.batch(step).documents) seen.add(`${corpus}\0${id}`);
    const samples = { unseen: new HashSample<Text>(bytes), any: new HashSample<Text>(bytes) };
    const taken = new Set<string>();
    for await (const { document, tokens } of loader.documents()) {
      const { corpus, id, signals } = document;
      const key = `${corpus}\0${id}`;
      if (taken.has(key)) continue;
      taken.add(key);
      const whole = tokens.at(-1) === loader.tokenizer.endOfText ? tokens.subarray(0, -1) : tokens;
      // A token has at least one byte: so many tokens hold the head.
      const text = headOf(
        Buffer.from(tokenizer.decodeBytes(whole.slice(0, most + 1))).toString('utf8'),
        most,
      );
      const one: Text = { corpus, id, text, bytes: Buffer.byteLength(text), signals };
      samples.any.add(one);
      if (!seen.has(key)) samples.unseen.add(one);
    }
    const unseen = samples.unseen.take();
    return unseen.length >= 2 ? unseen : samples.any.take();
  } finally {
    await loader.close();
  }
}

async function canariesOf(
  arm: PreparedArm,
  unit: TrainingUnit,
  model: LoadedModel,
): Promise<Probes['canaries']> {
  const job = arm.runPlan.units.find(
    (one) => one.type === 'job' && one.step.spec.kind === injectCanaries.kind,
  )!;
  const { canaries } = readCanaries(join(unitFolder(arm.runFolder, job), 'artifact'));
  return probeCanaries(canaries, arm.shards, unit.task, model);
}
