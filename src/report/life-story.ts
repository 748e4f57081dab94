import { join } from 'node:path';
import type { Split } from '../core/document.ts';
import { type Refusal, readDocumentFile } from '../core/document-file.ts';
import { ProvenderError } from '../core/errors.ts';
import { ClusterReader, type Fate, KEPT } from '../dedup/cluster-file.ts';
import { DUPLICATE_CLUSTER, DUPLICATE_COUNT, type Label } from '../dedup/document-columns.ts';
import type { Plan, SegmentUnit } from '../execute/plan.ts';
import { readPlan, unitFolder } from '../execute/run-folder.ts';
import { places } from './browse-points.ts';
import { storedParts } from './run-parts.ts';

/** A document as a shard or a run directory knows it at the end of its way. */
export interface Traveller {
  readonly corpus: string;
  readonly id: string;
  readonly split: Split;
  readonly signals: Readonly<Record<string, number>>;
  /** Where it was taken out; undefined where it went all the way. */
  readonly refusal?: Refusal;
}

/** A cluster of documents that resemble each other, as a deduplication left it. */
export interface ClusterStory {
  readonly cluster: number;
  /** Whether this document stands for the cluster. */
  readonly kept: boolean;
  /** With the one that was kept, where similarity was measured. */
  readonly similarity: number;
  readonly size: number;
  /** At most 20 of the others. */
  readonly others: readonly Label[];
}

/** What one step did to a document. */
export interface StoryEvent {
  readonly step: string;
  /** `around`: judges and stages do not see held-out and validation documents. */
  readonly verdict: 'kept' | 'refused' | 'around';
  readonly reason?: string;
  readonly value?: number;
  readonly threshold?: number;
  readonly detail?: string;
  /** What the step measured, without its own name before each. */
  readonly signals: Readonly<Record<string, number>>;
  /** The step's options that are numbers: what was measured was held against these. */
  readonly limits: Readonly<Record<string, number>>;
  readonly cluster?: ClusterStory;
}

/** Names of the signals that no step's name begins. */
const DEDUPLICATION = new Set([DUPLICATE_COUNT, DUPLICATE_CLUSTER]);
const MOST_OTHERS = 20;
const GOES_AROUND = new Set(['judge', 'stage']);

/** Every step that the document met, in order, with what it measured, decided and by which limits. */
export async function lifeStory(runFolder: string, traveller: Traveller): Promise<StoryEvent[]> {
  const plan = await readPlan(runFolder);
  const events: StoryEvent[] = [];
  const flows = places(plan);
  const { findStep } = await import('../step-table.ts');
  for (const { step, kind } of flows) {
    const reference = plan.steps.find(({ name }) => name === step)!;
    const { role, ...definition } = await findStep(reference);
    const seesHeldOut = 'seesHeldOut' in definition && definition.seesHeldOut === true;
    const around = traveller.split !== 'train' && GOES_AROUND.has(role) && !seesHeldOut;
    const refused = traveller.refusal?.step === step ? traveller.refusal : undefined;
    const signals = signalsOf(step, kind, traveller.signals);
    const { reason, value, threshold, detail } = refused ?? {};
    events.push({
      step,
      verdict: refused ? 'refused' : around ? 'around' : 'kept',
      ...(refused ? { reason, value, threshold, detail } : {}),
      signals,
      limits: numbersOf(reference.spec.options),
      ...(role === 'barrier' ? { cluster: await clusterOf(runFolder, plan, step, traveller) } : {}),
    });
    if (refused) break;
  }
  return events;
}

/** Documents of a run that match, as far as they came: those that a step refused too. At most `limit`. */
export async function findTravellers(
  runFolder: string,
  wanted: { readonly id?: string; readonly corpus?: string; readonly source?: string },
  limit = 10,
): Promise<Traveller[]> {
  const plan = await readPlan(runFolder);
  const found = new Map<string, Traveller>();
  // From the end: what came furthest says most.
  for (const unit of [...plan.units].reverse()) {
    if (unit.type !== 'segment') continue;
    for await (const traveller of travellersOf(runFolder, unit, wanted)) {
      const key = JSON.stringify([traveller.corpus, traveller.id]);
      if (!found.has(key)) found.set(key, traveller);
      if (found.size >= limit) return [...found.values()];
    }
  }
  return [...found.values()];
}

async function* travellersOf(
  runFolder: string,
  unit: SegmentUnit,
  { id, corpus, source }: Parameters<typeof findTravellers>[1],
): AsyncGenerator<Traveller> {
  for (const { documents, rejects } of await storedParts(runFolder, unit)) {
    for (const path of [rejects, documents]) {
      if (path === undefined) continue;
      for await (const { batch, refusals } of readDocumentFile(path)) {
        for (const [i, row] of batch.rows.entries()) {
          if (id !== undefined && row.id !== id) continue;
          if (corpus !== undefined && row.corpus !== corpus) continue;
          if (source !== undefined && row.source !== source && row.metadata.url !== source) continue;
          const { split, signals } = row;
          yield { corpus: row.corpus, id: row.id, split, signals, refusal: refusals?.[i] };
        }
      }
    }
  }
}

function signalsOf(
  step: string,
  kind: string,
  all: Readonly<Record<string, number>>,
): Record<string, number> {
  const mine: Record<string, number> = {};
  for (const [name, value] of Object.entries(all)) {
    const prefix = [step, kind].find((one) => name.startsWith(`${one}.`));
    if (prefix !== undefined) mine[name.slice(prefix.length + 1)] = value;
    else if (DEDUPLICATION.has(name) && kind.endsWith('-dedup')) mine[name] = value;
  }
  return mine;
}

function numbersOf(options: unknown, prefix = ''): Record<string, number> {
  const numbers: Record<string, number> = {};
  if (options === null || typeof options !== 'object' || Array.isArray(options)) return numbers;
  for (const [name, value] of Object.entries(options)) {
    if (typeof value === 'number') numbers[`${prefix}${name}`] = value;
    else Object.assign(numbers, numbersOf(value, `${prefix}${name}.`));
  }
  return numbers;
}

/** The document's cluster in the artifact of a deduplication; undefined where it is in none. */
async function clusterOf(
  runFolder: string,
  plan: Plan,
  step: string,
  { corpus, id }: Traveller,
): Promise<ClusterStory | undefined> {
  const unit = plan.units.find((one) => one.type === 'job' && one.name === step);
  if (!unit) return undefined;
  let reader: ClusterReader;
  try {
    reader = new ClusterReader(join(unitFolder(runFolder, unit), 'artifact'));
  } catch (error) {
    // Other barriers leave no clusters.
    if (error instanceof ProvenderError) return undefined;
    throw error;
  }
  try {
    let mine: Fate | undefined;
    for (const fate of reader) {
      if (fate.label.id !== id || fate.label.corpus !== corpus) continue;
      mine = fate;
      break;
    }
    if (!mine) return undefined;
    const others: Label[] = [];
    let size = 0;
    for (const fate of reader) {
      if (fate.cluster !== mine.cluster) continue;
      size++;
      const isOther = fate.document !== mine.document;
      if (isOther && others.length < MOST_OTHERS) others.push(fate.label);
    }
    const { cluster, similarity, fate } = mine;
    return { cluster, kept: fate === KEPT, similarity, size, others };
  } finally {
    reader.close();
  }
}
