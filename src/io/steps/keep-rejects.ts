import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createGunzip } from 'node:zlib';
import { z } from 'zod';
import type { DocumentBatch } from '../../core/batch.ts';
import type { Refusal } from '../../core/document-file.ts';
import { CancelledError } from '../../core/errors.ts';
import { writeJsonAtomic } from '../../core/files.ts';
import type { JobContext, JobOutcome, SideFile, Sink } from '../../core/stage.ts';
import { defineBarrier } from '../../core/step.ts';
import { PARTS_MANIFEST, type PartsManifest, publishParts } from '../parts-folder.ts';
import { placeFile } from '../place-file.ts';
import { JsonLines } from '../writers/json-lines.ts';
import { layOut } from '../writers/layouts.ts';

const options = z.strictObject({
  steps: z
    .array(z.string().min(1))
    .optional()
    .describe('only what these steps refused, by their names; default: all since the last barrier'),
  reasons: z.array(z.string().min(1)).optional().describe('only what was refused for these reasons'),
  compression: z.enum(['none', 'gzip']).default('gzip').describe('of the JSONL files'),
  folder: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Where to put the files, from the folder of the pipeline file. They are always in the run directory too (hard links).',
    ),
});
type Options = z.output<typeof options>;

/** Writes what was refused as JSON lines; what went on is none of its business. */
class RejectSink implements Sink<DocumentBatch> {
  private readonly lines: JsonLines;
  private readonly options: Options;

  constructor(path: string, options: Options) {
    this.lines = new JsonLines(path, options.compression);
    this.options = options;
  }

  add(): void {}

  async addRefused(batch: DocumentBatch, refusals: readonly Refusal[]): Promise<void> {
    const { steps, reasons } = this.options;
    for (let i = 0; i < batch.length; i++) {
      const { step, reason, value, threshold, detail } = refusals[i]!;
      if (steps && !steps.includes(step)) continue;
      if (reasons && !reasons.includes(reason)) continue;
      const refusal = { step, reason, value, threshold, detail };
      const line = { ...layOut('provender', batch.rows[i]!), refusal };
      await this.lines.addWithText(line, batch.bytes(i));
    }
  }

  finish(): Promise<void> {
    return this.lines.finish();
  }

  abandon(): Promise<void> {
    return this.lines.abandon();
  }
}

async function countLines(path: string, compression: Options['compression']): Promise<number> {
  const file = createReadStream(path);
  let lines = 0;
  for await (const chunk of compression === 'gzip' ? file.pipe(createGunzip()) : file)
    for (const byte of chunk as Buffer) if (byte === 10) lines++;
  return lines;
}

async function reduce(
  { compression, folder }: Options,
  sides: readonly SideFile[],
  context: JobContext,
): Promise<JobOutcome> {
  const ordered = [...sides].sort((a, b) => a.partition - b.partition || a.part - b.part);
  const files: { name: string; documents: number; bytes: number }[] = [];
  for (const side of ordered) {
    if (context.signal.aborted) throw new CancelledError();
    const { size } = await stat(side.path);
    if (size === 0) continue;
    const name = `part-${String(files.length).padStart(5, '0')}.jsonl${compression === 'gzip' ? '.gz' : ''}`;
    await placeFile(side.path, join(context.folder, name));
    files.push({ name, documents: await countLines(side.path, compression), bytes: size });
    context.progress.report(files.length, ordered.length);
  }
  const documents = files.reduce((sum, file) => sum + file.documents, 0);
  const manifest: PartsManifest = {
    kind: 'provender-parts',
    version: 1,
    format: 'jsonl',
    layout: 'provender',
    compression,
    documents,
    files,
  };
  await writeJsonAtomic(join(context.folder, PARTS_MANIFEST), manifest);
  const summary: Record<string, unknown> = {
    documents,
    files: files.length,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
  };
  if (folder !== undefined) {
    await publishParts(resolve(context.baseFolder, folder), context.folder, manifest);
    summary.folder = folder;
  }
  return { files: [...files.map((file) => file.name), PARTS_MANIFEST], summary };
}

/**
 * Writes the documents that the steps since the last barrier (or the source) refused to JSONL, each with `refusal`:
 * step, reason, value and threshold; `read` reads them like any corpus, so that they can be trained on and scored.
 * Records that never became documents have no text and are left out.
 */
export const keepRejects = defineBarrier({
  kind: 'keep-rejects',
  summary: 'writes what the steps before it refused to JSONL files, with reason, value and threshold',
  options,
  module: import.meta.url,
  from: 'documents',
  to: 'documents',
  needs: [],
  gives: [],
  barrier: {
    tapOptions: ['steps', 'reasons', 'compression'],
    tap: (o: Options, _context, path) => new RejectSink(path, o),
    reduce,
    passes: true,
    apply: () => ({ process: (batch) => batch }),
  },
});
