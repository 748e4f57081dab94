import { readDocumentFile } from '../core/document-file.ts';
import { xxh64 } from '../core/hash.ts';
import type { Plan, SegmentUnit } from '../execute/plan.ts';
import { cut } from './html.ts';
import { list, members, text } from './read-outcome.ts';
import type { StepData } from './run-data.ts';
import { chainOf, type StoredPart, storedParts } from './run-parts.ts';

/** One refused document, as much of it as a report shows. */
export interface RefusedExample {
  readonly corpus: string;
  readonly id: string;
  readonly reason: string;
  readonly value?: number;
  readonly threshold?: number;
  readonly detail?: string;
  readonly excerpt: string;
  /** UTF-16 units of the text that the excerpt leaves out. */
  readonly left: number;
}

export interface Excerpts {
  /** By `stepReason`: up to EXAMPLES, chosen by a hash, so that they are the same whoever ran the tasks. */
  readonly refused: ReadonlyMap<string, readonly RefusedExample[]>;
  /** Beginnings of the documents that deduplication names in its examples, by `documentKey`. */
  readonly named: ReadonlyMap<string, { readonly excerpt: string; readonly left: number }>;
  /** Files of refused documents that were looked into, of how many. */
  readonly filesRead: number;
  readonly files: number;
}

/** Documents shown for each reason, the reasons of a step that are shown with documents, and how much of each. */
export const EXAMPLES = 4;
export const REASONS_WITH_EXAMPLES = 8;
export const EXCERPT_CHARACTERS = 420;
/** Examples of duplicates that are shown. */
export const PAIRS = 5;
/** Bytes of refused and of kept documents that are read at most: a report does not read a whole corpus again. */
const BUDGET_BYTES = 256 * 2 ** 20;

export function stepReason(step: string, reason: string): string {
  return JSON.stringify([step, reason]);
}

export function documentKey(corpus: string, id: string): string {
  return JSON.stringify([corpus, id]);
}

type Tolerate = <T>(work: () => Promise<T>) => Promise<T | undefined>;

interface Ranked {
  readonly rank: bigint;
  readonly example: RefusedExample;
}

/** Reasons for which a step refused documents, those that refused most first. */
export function reasonsOf({
  tally,
}: Pick<StepData, 'tally'>): { reason: string; documents: number; bytes: number }[] {
  return Object.entries(tally?.drops ?? {})
    .map(([reason, amount]) => ({ reason, ...amount }))
    .filter(({ documents }) => documents > 0)
    .sort((a, b) => b.documents - a.documents || (a.reason < b.reason ? -1 : 1));
}

/** Pairs of duplicates that a step names. */
export function pairsOf({ outcome }: Pick<StepData, 'outcome'>): {
  kept: { corpus: string; id: string };
  removed: { corpus: string; id: string };
  jaccard?: number;
}[] {
  const label = (value: unknown) => ({
    corpus: text(members(value).corpus) ?? '',
    id: text(members(value).id) ?? '',
  });
  return list(outcome?.examples)
    .slice(0, PAIRS)
    .map((pair) => {
      const { kept, removed, jaccard } = members(pair);
      return {
        kept: label(kept),
        removed: label(removed),
        jaccard: typeof jaccard === 'number' ? jaccard : undefined,
      };
    });
}

export async function gatherExcerpts(
  runFolder: string,
  plan: Plan,
  steps: readonly StepData[],
  tolerate: Tolerate,
): Promise<Excerpts> {
  const segments = plan.units.filter((unit) => unit.type === 'segment');
  const parts = new Map<SegmentUnit, StoredPart[]>();
  for (const unit of segments) parts.set(unit, (await tolerate(() => storedParts(runFolder, unit))) ?? []);
  const chosen = new Map<string, Ranked[]>();
  for (const step of steps) {
    for (const { reason } of reasonsOf(step).slice(0, REASONS_WITH_EXAMPLES))
      chosen.set(stepReason(step.name, reason), []);
  }
  const wanted = new Map<string, { excerpt: string; left: number } | undefined>();
  for (const step of steps) {
    for (const { kept, removed } of pairsOf(step)) {
      wanted.set(documentKey(kept.corpus, kept.id), undefined);
      wanted.set(documentKey(removed.corpus, removed.id), undefined);
    }
  }
  const files = [...parts.values()]
    .flat()
    .flatMap(({ rejects, record }) =>
      rejects === undefined ? [] : [{ path: rejects, bytes: record.files.rejects?.bytes ?? 0 }],
    );
  const picked = withinBudget(files);
  for (const { path } of picked) await tolerate(() => lookAtRefused(path, chosen, wanted));
  if ([...wanted.values()].includes(undefined)) {
    for (const path of keptNearby(segments, parts, steps)) {
      if (![...wanted.values()].includes(undefined)) break;
      await tolerate(() => lookForKept(path, wanted));
    }
  }
  return {
    refused: new Map([...chosen].map(([key, ranked]) => [key, ranked.map(({ example }) => example)])),
    named: new Map([...wanted].flatMap(([key, found]) => (found ? [[key, found] as const] : []))),
    filesRead: picked.length,
    files: files.length,
  };
}

/** Files in the order of a hash of their names, until their bytes reach the budget: at least one. */
function withinBudget<T extends { path: string; bytes: number }>(files: readonly T[]): T[] {
  const order = files
    // The run directory may have moved: the end of the path names the unit, the task and the part.
    .map((file) => ({ file, rank: xxh64(Buffer.from(file.path.split(/[\\/]/).slice(-4).join('/'))) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1));
  const picked: T[] = [];
  let bytes = 0;
  for (const { file } of order) {
    bytes += file.bytes;
    if (picked.length > 0 && bytes > BUDGET_BYTES) break;
    picked.push(file);
  }
  return picked;
}

async function lookAtRefused(
  path: string,
  chosen: Map<string, Ranked[]>,
  wanted: Map<string, { excerpt: string; left: number } | undefined>,
): Promise<void> {
  for await (const { batch, refusals } of readDocumentFile(path)) {
    for (let i = 0; i < batch.length; i++) {
      const { corpus, id, source, start } = batch.rows[i]!;
      const key = documentKey(corpus, id);
      if (wanted.has(key) && wanted.get(key) === undefined) wanted.set(key, excerptOf(batch.text(i)));
      const refusal = refusals?.[i];
      const ranked = refusal && chosen.get(stepReason(refusal.step, refusal.reason));
      if (!ranked) continue;
      const rank = xxh64(Buffer.from(JSON.stringify([refusal.step, corpus, id, source, start])));
      if (ranked.length === EXAMPLES && rank >= ranked[EXAMPLES - 1]!.rank) continue;
      const { reason, value, threshold, detail } = refusal;
      const example = { corpus, id, reason, value, threshold, detail, ...excerptOf(batch.text(i)) };
      ranked.push({ rank, example });
      ranked.sort((a, b) => (a.rank < b.rank ? -1 : 1));
      if (ranked.length > EXAMPLES) ranked.pop();
    }
  }
}

function excerptOf(whole: string): { excerpt: string; left: number } {
  // Lines of white space say nothing and take room.
  const tidy = cut(whole, 16 * EXCERPT_CHARACTERS)
    .text.replace(/\s*\n\s*\n\s*/g, '\n\n')
    .trim();
  const { text: excerpt } = cut(tidy, EXCERPT_CHARACTERS);
  const shownWhole = whole.length <= 16 * EXCERPT_CHARACTERS && excerpt.length === tidy.length;
  return { excerpt, left: shownWhole ? 0 : whole.length - excerpt.length };
}

/** Files of what each deduplication kept, within the budget. */
function keptNearby(
  segments: readonly SegmentUnit[],
  parts: ReadonlyMap<SegmentUnit, readonly StoredPart[]>,
  steps: readonly StepData[],
): string[] {
  const naming = new Set(steps.filter((step) => pairsOf(step).length > 0).map(({ name }) => name));
  const files: { path: string; bytes: number }[] = [];
  for (const unit of segments) {
    if (!chainOf(unit).some(({ name }) => naming.has(name))) continue;
    // What the segment did not write came out of the one before it.
    const from = unit.keepsDocuments ? unit : segments.find(({ index }) => index === unit.upstream);
    for (const { documents, record } of (from && parts.get(from)) ?? [])
      if (documents) files.push({ path: documents, bytes: record.files.documents?.bytes ?? 0 });
  }
  return withinBudget(files).map(({ path }) => path);
}

async function lookForKept(
  path: string,
  wanted: Map<string, { excerpt: string; left: number } | undefined>,
): Promise<void> {
  const missing = new Set<string>();
  for (const [key, found] of wanted) if (!found) missing.add((JSON.parse(key) as [string, string])[1]);
  const hasOne = (ids: readonly string[]) => ids.some((id) => missing.has(id));
  for await (const { batch } of readDocumentFile(path, undefined, undefined, hasOne)) {
    for (let i = 0; i < batch.length; i++) {
      const { corpus, id } = batch.rows[i]!;
      if (!missing.has(id)) continue;
      const key = documentKey(corpus, id);
      if (wanted.has(key) && wanted.get(key) === undefined) wanted.set(key, excerptOf(batch.text(i)));
    }
  }
}
