import { basename, resolve } from 'node:path';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { z } from 'zod';
import type { Json } from '../../core/document.ts';
import { classifySystemError, InputError } from '../../core/errors.ts';
import { readStep } from '../../io/steps/read.ts';
import type { Example } from './index-file.ts';

/** No patterns: the digest of every file is part of the step's fingerprint. */
const path = z
  .string()
  .min(1)
  .regex(/^[^*?[\]{}]+$/, 'name each file: patterns are not expanded here');

export const evaluationSetSchema = z.strictObject({
  name: z.string().min(1).optional().describe("what reports call the set; default: the first file's name"),
  files: z
    .union([path.transform((one) => [one]), z.array(path).min(1)])
    .describe('paths from the folder of the pipeline file: JSONL or JSON (gzip, zstd), Parquet'),
  fields: z
    .array(z.string().min(1))
    .min(1)
    .default(['text'])
    .describe(
      'fields whose texts make an example, in this order: `a.b` reaches into an object, lists are joined',
    ),
});
export type EvaluationSet = z.output<typeof evaluationSetSchema>;

export interface ReadExample extends Example {
  readonly text: string;
}

/** What `a.b` holds: a text, or the texts of a list or an object, joined by spaces. */
export function textAt(record: unknown, path: string): string {
  let value: unknown = record;
  for (const part of path.split('.'))
    value =
      typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[part] : undefined;
  return textsOf(value).join(' ');
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'number' || typeof value === 'bigint') return [String(value)];
  if (Array.isArray(value)) return value.flatMap(textsOf);
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(textsOf);
  return [];
}

async function* parquetRecords(file: string): AsyncGenerator<unknown> {
  try {
    const buffer = await asyncBufferFromFile(file);
    const metadata = await parquetMetadataAsync(buffer);
    let row = 0;
    for (const group of metadata.row_groups) {
      const end = row + Number(group.num_rows);
      yield* await parquetReadObjects({ file: buffer, metadata, rowStart: row, rowEnd: end, compressors });
      row = end;
    }
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw classifySystemError(error, { file });
    throw new InputError('a Parquet file cannot be read', {
      file,
      expected: 'Parquet',
      found: (error as Error).message,
      cause: error,
    });
  }
}

/** Records as `read` reads them, their fields as metadata. An example that cannot be read is an error: none may be missed. */
async function* otherRecords(
  file: string,
  baseFolder: string,
  field: string,
  signal: AbortSignal,
): AsyncGenerator<unknown> {
  const options = readStep.options.parse({ inputs: [{ files: file, fields: { text: field } }] });
  for (const input of await readStep.source.list(options, { baseFolder, signal })) {
    const reading = readStep.source.read({ ...input, start: 0, end: input.size }, undefined, {
      reject(reason, error) {
        throw new InputError(`an evaluation example cannot be read (${reason}): ${error.message}`, {
          cause: error,
        });
      },
      consumed: () => {},
      signal,
      batchBytes: 1 << 20,
      batchDocuments: 1024,
    });
    for await (const { batch } of reading)
      for (let i = 0; i < batch.length; i++) {
        const metadata: Record<string, Json> = { ...batch.rows[i]!.metadata };
        yield { ...metadata, [TEXT]: batch.text(i) };
      }
  }
}
const TEXT = Symbol('text');

/** Every example of a set, in the order of its files: named by file and line or row, counted from 0. */
export async function* readEvaluationSet(
  set: EvaluationSet,
  baseFolder: string,
  signal: AbortSignal,
): AsyncGenerator<ReadExample> {
  const files = set.files.map((file) => resolve(baseFolder, file));
  const name = set.name ?? basename(files[0]!).replace(/\.[a-z.]+$/i, '');
  for (const file of files) {
    const isParquet = file.toLowerCase().endsWith('.parquet');
    const [first] = set.fields;
    const records = isParquet ? parquetRecords(file) : otherRecords(file, baseFolder, first!, signal);
    let row = 0;
    for await (const record of records) {
      const texts = set.fields.map((field) =>
        !isParquet && field === first ? (record as { [TEXT]: string })[TEXT] : textAt(record, field),
      );
      yield { set: name, name: `${basename(file)}#${row++}`, text: texts.join(' ') };
    }
  }
}
