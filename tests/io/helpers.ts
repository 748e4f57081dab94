import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { Document } from '../../src/core/document.ts';
import type { InputError } from '../../src/core/errors.ts';
import type { Cursor, InputFile, ReadContext } from '../../src/core/stage.ts';
import { readStep } from '../../src/io/steps/read.ts';

export const signal: AbortSignal = new AbortController().signal;

/** A folder that goes away with the test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'provender-io-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function put(folder: string, name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

export interface Reject {
  reason: string;
  error: InputError;
  bytes: number;
}

export interface Outcome {
  documents: Document[];
  rejects: Reject[];
  consumed: number;
  cursors: { cursor: Cursor; documents: number; rejects: number; consumed: number }[];
}

type Limits = Partial<Pick<ReadContext, 'batchBytes' | 'batchDocuments'>>;

/** Reads [start, end) of one file to its end, from a cursor on if there is one. */
export async function readSlice(
  file: InputFile,
  start = 0,
  end = file.size,
  from?: Cursor,
  limits: Limits = {},
): Promise<Outcome> {
  const outcome: Outcome = { documents: [], rejects: [], consumed: 0, cursors: [] };
  const context: ReadContext = {
    reject: (reason, error, bytes) => outcome.rejects.push({ reason, error, bytes }),
    consumed: (bytes) => {
      outcome.consumed += bytes;
    },
    signal,
    batchBytes: 1 << 20,
    batchDocuments: 1000,
    ...limits,
  };
  // Cursors travel as JSON.
  const cursor = from && (JSON.parse(JSON.stringify(from)) as Cursor);
  for await (const item of readStep.source.read({ ...file, start, end }, cursor, context)) {
    for (const document of item.batch) outcome.documents.push({ ...document, text: document.text });
    outcome.cursors.push({
      cursor: item.cursor,
      documents: outcome.documents.length,
      rejects: outcome.rejects.length,
      consumed: outcome.consumed,
    });
  }
  return outcome;
}

type Options = Parameters<typeof readStep.source.list>[0];

export async function listFiles(options: object, baseFolder: string): Promise<InputFile[]> {
  const parsed = readStep.options.parse(options) as Options;
  return readStep.source.list(parsed, { baseFolder, signal });
}

/** Lists and reads everything. */
export async function readAll(options: object, baseFolder: string, limits: Limits = {}): Promise<Outcome> {
  const all: Outcome = { documents: [], rejects: [], consumed: 0, cursors: [] };
  for (const file of await listFiles(options, baseFolder)) {
    const one = await readSlice(file, 0, file.size, undefined, limits);
    all.documents.push(...one.documents);
    all.rejects.push(...one.rejects);
    all.consumed += one.consumed;
  }
  return all;
}
