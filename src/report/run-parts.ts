import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { classifySystemError } from '../core/errors.ts';
import { readJsonIfThere } from '../core/files.ts';
import { addTally, emptyTally, type StepTally } from '../core/tally.ts';
import type { SegmentUnit, StepReference } from '../execute/plan.ts';
import { readManifest, unitFolder } from '../execute/run-folder.ts';
import type { PartRecord, TaskRecord } from '../execute/tasks.ts';

/** A committed part of a segment's task, and where its files lie. */
export interface StoredPart {
  readonly partition: number;
  readonly part: number;
  /** Files of documents: those kept at the segment's end, and those refused on the way. */
  readonly documents?: string;
  readonly rejects?: string;
  readonly record: PartRecord;
}

/** The steps of a segment through which documents flow, in order. A barrier's removals are the first of what follows it. */
export function chainOf(unit: SegmentUnit): StepReference[] {
  return [unit.source, unit.apply?.step, ...unit.stages].filter((step) => step !== undefined);
}

/** The parts that a segment has committed so far, in order of partition and part: also of a run that is not done. */
export async function storedParts(runFolder: string, unit: SegmentUnit): Promise<StoredPart[]> {
  const tasks = join(unitFolder(runFolder, unit), 'tasks');
  const manifest = await readManifest(runFolder, unit);
  const parts: StoredPart[] = [];
  for (const name of (await namesIn(tasks)).filter((entry) => /^\d+$/.test(entry))) {
    const partition = Number(name);
    if (manifest?.partitions !== undefined && partition >= manifest.partitions) continue;
    const folder = join(tasks, name);
    const task = await readJsonIfThere<TaskRecord>(join(folder, 'task.json'));
    for (const record of task?.parts ?? (await committed(folder))) {
      const { documents, rejects } = record.files;
      parts.push({
        partition,
        part: record.part,
        documents: documents && join(folder, documents.name),
        rejects: rejects && join(folder, rejects.name),
        record,
      });
    }
  }
  return parts.sort((a, b) => a.partition - b.partition || a.part - b.part);
}

async function committed(folder: string): Promise<PartRecord[]> {
  const records: PartRecord[] = [];
  for (const name of (await namesIn(folder)).filter((entry) => /^part-\d+\.json$/.test(entry))) {
    const record = await readJsonIfThere<PartRecord>(join(folder, name));
    if (record) records.push(record);
  }
  return records;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw classifySystemError(error, { file: folder });
  }
}

/** Tallies by step of a segment, from its parts: what its manifest holds once it is complete. */
export function talliesOf(parts: readonly StoredPart[]): Record<string, StepTally> {
  const tallies: Record<string, StepTally> = {};
  for (const { record } of parts) {
    for (const [step, tally] of Object.entries(record.tallies))
      addTally((tallies[step] ??= emptyTally()), tally);
  }
  return tallies;
}
