import { join } from 'node:path';
import type { DocumentBatch } from '../core/batch.ts';
import type { Document } from '../core/document.ts';
import { type Refusal, readDocumentFile } from '../core/document-file.ts';
import { ConfigurationError } from '../core/errors.ts';
import { fileSize } from '../core/files.ts';
import { Random } from '../core/random.ts';
import type { Plan, SegmentUnit, Unit } from '../execute/plan.ts';
import { CLEANED, readPlan, unitFolder } from '../execute/run-folder.ts';
import { type BrowsePoint, keepsDocuments, type Place, places, pointOf, talliesIn } from './browse-points.ts';
import { mergeBySource } from './merge-by-source.ts';
import { type StoredPart, storedParts } from './run-parts.ts';

export { type BrowsePoint, browsePoints } from './browse-points.ts';

/** What to look for. Without `refused` and `reason`: what the step let through. */
export interface BrowseQuery {
  /** Name of a step of the pipeline. */
  readonly step: string;
  /** What the step refused instead of what it let through. */
  readonly refused?: boolean;
  /** Only what it refused for this reason; implies `refused`. */
  readonly reason?: string;
  readonly corpus?: string;
  readonly id?: string;
  /** Most documents to give. */
  readonly limit: number;
  /** Draws a sample of all that match, the same for the same seed, instead of the first. */
  readonly seed?: number;
}

export interface BrowsedDocument {
  readonly document: Document;
  /** Who refused it and why: by this step where refused ones are asked for, else by a later step of its segment. */
  readonly refusal?: Refusal;
}

/**
 * Documents that a step let through, or that it refused, in the order in which they were read; sources of a part of
 * which nothing was kept come last in it. Kept documents are as they left their segment: a signal that a later step of
 * it measured is there already, and where a later `pipe` rewrote the text, it is the new one.
 *
 * Throws ConfigurationError where the run has no such step, reason or corpus, naming those that it has, or where the
 * documents of that point went into shards without being kept, or were removed by `provender clean`; IntegrityError
 * where a file is damaged.
 */
export async function* browse(runFolder: string, query: BrowseQuery): AsyncGenerator<BrowsedDocument> {
  if (!Number.isInteger(query.limit) || query.limit < 1)
    throw new ConfigurationError('limit', {
      expected: 'a whole number of at least 1',
      found: `${query.limit}`,
    });
  const plan = await readPlan(runFolder);
  const place = findPlace(plan, query.step);
  const parts = await storedParts(runFolder, place.unit);
  const tallies = await talliesIn(runFolder, place.unit);
  checkQuery(query, pointOf(place.step, place.kind, tallies[place.step], keepsDocuments(place)));
  await requireNotCleaned(runFolder, place.step, place.unit);
  if (!place.unit.keepsDocuments && place.unit.upstream !== undefined)
    await requireNotCleaned(runFolder, place.step, plan.units[place.unit.upstream]!);
  const found = matching(documentsAt(runFolder, plan, place, parts, query), query);
  if (query.seed !== undefined) {
    yield* await sample(found, query.limit, new Random(`${query.seed}/browse/${query.step}`));
    return;
  }
  let given = 0;
  for await (const one of found) {
    yield one;
    if (++given === query.limit) return;
  }
}

function findPlace(plan: Plan, step: string): Place {
  const all = places(plan);
  const place = all.find((one) => one.step === step);
  if (place) return place;
  const isJob = plan.steps.some(({ name }) => name === step);
  throw new ConfigurationError(
    isJob ? `no documents flow through step '${step}'` : `this run has no step '${step}'`,
    { expected: `one of ${all.map((one) => one.step).join(', ')}` },
  );
}

/** What is not there any more must not pass for nothing that matches. */
async function requireNotCleaned(runFolder: string, step: string, unit: Unit): Promise<void> {
  const folder = unitFolder(runFolder, unit);
  if ((await fileSize(join(folder, CLEANED))) === undefined) return;
  throw new ConfigurationError(`the documents of step '${step}' were removed by \`provender clean\``, {
    expected: `documents in ${folder}: to have them again, remove that folder and run the pipeline again, which makes them and nothing else anew`,
  });
}

function checkQuery(query: BrowseQuery, point: BrowsePoint): void {
  const { step, reason, corpus } = query;
  if (reason !== undefined && !point.reasons.some((one) => one.reason === reason)) {
    const known = point.reasons.map((one) => `${one.reason} (${one.documents})`).join(', ');
    throw new ConfigurationError(`step '${step}' refused nothing for the reason '${reason}'`, {
      expected: known ? `one of ${known}` : 'no reason: it refused nothing',
    });
  }
  if (corpus !== undefined && point.corpora.length > 0 && !point.corpora.includes(corpus)) {
    throw new ConfigurationError(`no document of a corpus '${corpus}' reached step '${step}'`, {
      expected: `one of ${point.corpora.join(', ')}`,
    });
  }
  if (reason === undefined && !query.refused && !point.keepsDocuments) {
    throw new ConfigurationError(
      `what step '${step}' let through went on without being written as documents; only what was refused can be looked at`,
    );
  }
}

function documentsAt(
  runFolder: string,
  plan: Plan,
  place: Place,
  parts: readonly StoredPart[],
  query: BrowseQuery,
): AsyncGenerator<BrowsedDocument> {
  if (query.refused || query.reason !== undefined) return refusedBy(parts, place.step);
  const after = new Set(place.chain.slice(place.index + 1));
  if (place.unit.keepsDocuments) return keptAfter(parts, after);
  const upTo = new Set(place.chain.slice(0, place.index + 1));
  return keptOfUpstream(runFolder, plan, place.unit, parts, upTo);
}

async function* refusedBy(parts: readonly StoredPart[], step: string): AsyncGenerator<BrowsedDocument> {
  for (const part of parts) {
    if (!part.record.tallies[step]) continue;
    yield* rejectsOf(part, (refusal) => refusal.step === step);
  }
}

async function* rejectsOf(
  part: StoredPart,
  wanted: (refusal: Refusal) => boolean,
): AsyncGenerator<BrowsedDocument> {
  if (!part.rejects) return;
  for await (const { batch, refusals } of readDocumentFile(part.rejects)) {
    for (let i = 0; i < batch.length; i++) {
      const refusal = refusals?.[i];
      if (refusal && wanted(refusal)) yield { document: batch.document(i), refusal };
    }
  }
}

/** What a step inside a segment let through: what the segment kept, and what its later steps refused. */
async function* keptAfter(
  parts: readonly StoredPart[],
  later: ReadonlySet<string>,
): AsyncGenerator<BrowsedDocument> {
  for (const part of parts) {
    const refused: BrowsedDocument[] = [];
    for await (const one of rejectsOf(part, ({ step }) => later.has(step))) refused.push(one);
    yield* mergeBySource(part.documents ? documentsOf(part.documents) : nothing(), refused);
  }
}

async function* documentsOf(path: string): AsyncGenerator<BrowsedDocument> {
  for await (const { batch } of readDocumentFile(path)) {
    for (let i = 0; i < batch.length; i++) yield { document: batch.document(i) };
  }
}

async function* nothing(): AsyncGenerator<BrowsedDocument> {}

/** In a segment that writes no documents: what came from upstream, less what its steps refused up to this one. */
async function* keptOfUpstream(
  runFolder: string,
  plan: Plan,
  unit: SegmentUnit,
  parts: readonly StoredPart[],
  upTo: ReadonlySet<string>,
): AsyncGenerator<BrowsedDocument> {
  const upstream = await storedParts(runFolder, plan.units[unit.upstream!] as SegmentUnit);
  let partition = -1;
  const refused = new Map<string, number>();
  for (const part of upstream) {
    if (part.partition !== partition) {
      partition = part.partition;
      refused.clear();
      for (const mine of parts.filter((one) => one.partition === partition)) {
        for await (const { document } of rejectsOf(mine, ({ step }) => upTo.has(step))) {
          const key = keyOf(document);
          refused.set(key, (refused.get(key) ?? 0) + 1);
        }
      }
    }
    if (!part.documents) continue;
    for await (const { batch } of readDocumentFile(part.documents)) {
      for (const i of survivors(batch, refused)) yield { document: batch.document(i) };
    }
  }
}

/** Counts down, so that of several documents under one key only as many go as were refused. */
function* survivors(batch: DocumentBatch, refused: Map<string, number>): Generator<number> {
  for (let i = 0; i < batch.length; i++) {
    const key = keyOf(batch.rows[i]!);
    const left = refused.get(key);
    if (left === undefined) yield i;
    else if (left === 1) refused.delete(key);
    else refused.set(key, left - 1);
  }
}

function keyOf({ corpus, id, source, start }: Pick<Document, 'corpus' | 'id' | 'source' | 'start'>): string {
  return JSON.stringify([corpus, id, source, start]);
}

async function* matching(
  documents: AsyncGenerator<BrowsedDocument>,
  { corpus, id, reason }: BrowseQuery,
): AsyncGenerator<BrowsedDocument> {
  for await (const one of documents) {
    if (corpus !== undefined && one.document.corpus !== corpus) continue;
    if (id !== undefined && one.document.id !== id) continue;
    if (reason !== undefined && one.refusal?.reason !== reason) continue;
    yield one;
  }
}

/** Each match is as likely to be among them (algorithm R; Vitter 1985); given in the order in which they were read. */
async function sample(
  documents: AsyncGenerator<BrowsedDocument>,
  size: number,
  random: Random,
): Promise<BrowsedDocument[]> {
  const chosen: { at: number; one: BrowsedDocument }[] = [];
  let seen = 0;
  for await (const one of documents) {
    const slot = seen < size ? seen : random.below(seen + 1);
    // The text is decoded now, or one document would keep its whole batch in memory.
    if (slot < size) chosen[slot] = { at: seen, one: { ...one, document: { ...one.document } } };
    seen++;
  }
  return chosen.sort((a, b) => a.at - b.at).map(({ one }) => one);
}
