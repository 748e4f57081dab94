import { join } from 'node:path';
import { IntegrityError } from '../core/errors.ts';
import { fileSize, writeJsonAtomic } from '../core/files.ts';
import { addTally, checkTally, emptyTally, type StepTally } from '../core/tally.ts';
import { placeFile } from '../io/place-file.ts';
import type { SegmentUnit } from './plan.ts';
import { END, type PartRecord, partName, type SegmentTask, type TaskRecord } from './tasks.ts';

/** A part of the segment before, whose documents a segment takes over as they lie there. */
export interface PassedPart {
  readonly path: string;
  readonly record: PartRecord;
  /** The step whose outcome the documents are. */
  readonly step: string;
}

/**
 * The parts whose documents a segment takes over from the one before; undefined where it does something to them, or
 * where the one before did not count them.
 */
export function passedParts(
  unit: SegmentUnit,
  upstream: SegmentUnit,
  folder: string,
  { parts }: TaskRecord,
): PassedPart[] | undefined {
  if (!unit.apply?.passes || unit.stages.length > 0 || unit.tap) return undefined;
  const step = (upstream.stages.at(-1) ?? upstream.apply?.step ?? upstream.source)?.name;
  if (step === undefined) return undefined;
  return parts.flatMap((record) => {
    const { documents } = record.files;
    return documents ? [{ path: join(folder, documents.name), record, step }] : [];
  });
}

/** What a step that lets everything pass counts: what came out of the step before it. */
function passedTally({ record, step }: PassedPart, name: string): Record<string, StepTally> {
  const before = record.tallies[step];
  if (!before) return {};
  const tally = emptyTally();
  const byCorpus = Object.entries(before.byCorpus).filter(([, { out }]) => out.documents > 0);
  addTally(tally, {
    ...emptyTally(),
    in: before.out,
    out: before.out,
    byCorpus: Object.fromEntries(byCorpus.map(([corpus, { out }]) => [corpus, { in: out, out }])),
  });
  checkTally(name, tally);
  return { [name]: tally };
}

/** Carries out a task that changes nothing: its parts are second names of files that lie there already. */
export async function passParts(task: SegmentTask, parts: PartRecord[]): Promise<void> {
  const { folder, fingerprint } = task;
  const passed = task.passed!;
  let ordinal = parts.at(-1)?.next.ordinal ?? 0;
  for (let part = parts.length; part < Math.max(1, passed.length); part++) {
    const from = passed[part];
    const documents = from && (await takeOver(from, folder, part));
    ordinal += from?.record.documents ?? 0;
    const record: PartRecord = {
      fingerprint,
      part,
      documents: from?.record.documents ?? 0,
      textBytes: from?.record.textBytes ?? 0,
      files: documents ? { documents } : {},
      tallies: from ? passedTally(from, task.apply!.step.name) : {},
      next: { input: part + 1 < passed.length ? part + 1 : END, ordinal },
    };
    await writeJsonAtomic(join(folder, `${partName(part)}.json`), record);
    parts.push(record);
  }
}

async function takeOver(from: PassedPart, folder: string, part: number) {
  const file = { ...from.record.files.documents!, name: `${partName(part)}.documents` };
  const found = await fileSize(from.path);
  if (found !== file.bytes)
    throw new IntegrityError('a file of documents has another size', {
      file: from.path,
      expected: `${file.bytes} bytes`,
      found: found === undefined ? 'no file' : `${found}`,
    });
  await placeFile(from.path, join(folder, file.name));
  return file;
}
