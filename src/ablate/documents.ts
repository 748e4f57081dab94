/** Reads what the units of a run left: documents kept, and documents refused with their verdicts. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DocumentBatch } from '../core/batch.ts';
import { type Refusal, readDocumentFile } from '../core/document-file.ts';
import { classifySystemError, IntegrityError } from '../core/errors.ts';
import type { Plan, Unit } from '../execute/plan.ts';
import { readManifest, readTaskRecords, taskFolder } from '../execute/run-folder.ts';

export interface RefusedBatch {
  readonly batch: DocumentBatch;
  /** A verdict a document; absent for documents that were kept. */
  readonly refusals?: readonly Refusal[] | undefined;
}

/** Batches of a complete segment in order: what it kept, or what it refused. */
export async function* unitDocuments(
  runFolder: string,
  unit: Unit,
  which: 'documents' | 'rejects',
): AsyncGenerator<RefusedBatch> {
  const manifest = await readManifest(runFolder, unit);
  for (const record of await readTaskRecords(runFolder, unit, manifest?.partitions ?? 0)) {
    for (const { files } of record.parts) {
      const file = files[which];
      if (file) yield* readDocumentFile(join(taskFolder(runFolder, unit, record.partition), file.name));
    }
  }
}

/** What one step of a run refused. */
export async function* refusedDocuments(
  plan: Plan,
  runFolder: string,
  step: string,
): AsyncGenerator<{ batch: DocumentBatch; refusals: readonly Refusal[] }> {
  for (const unit of plan.units) {
    if (unit.type !== 'segment') continue;
    const parts = [unit.source, unit.apply?.step, ...unit.stages];
    if (!parts.some((part) => part?.name === step)) continue;
    for await (const { batch, refusals = [] } of unitDocuments(runFolder, unit, 'rejects')) {
      const mine = batch.rows.flatMap((_, i) => (refusals[i]?.step === step ? [i] : []));
      if (mine.length > 0) yield { batch: batch.select(mine), refusals: mine.map((i) => refusals[i]!) };
    }
  }
}

/** The lines of a JSON Lines file that we wrote. */
export async function readJsonLines<T>(path: string): Promise<T[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw classifySystemError(error, { file: path });
  });
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, record) => {
      try {
        return JSON.parse(line) as T;
      } catch (error) {
        throw new IntegrityError('damaged line of JSON', { file: path, record, cause: error });
      }
    });
}
