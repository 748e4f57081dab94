import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { classifySystemError } from '../../core/errors.ts';

export const REPORT_FILE = 'contamination.jsonl';

/** One line of the report: a document and what it shares with examples. */
export interface ContaminatedDocument {
  /** Among all documents that the step saw. */
  readonly document: number;
  readonly id: string;
  readonly corpus: string;
  readonly source: string;
  readonly split: string;
  /** Whether it is over the thresholds; else it only shares something. */
  readonly contaminated: boolean;
  /** The most overlap first. */
  readonly matches: readonly ContaminatedMatch[];
}

export interface ContaminatedMatch {
  readonly set: string;
  readonly example: string;
  /** Different n-grams of the example in the document, and of how many. */
  readonly ngrams: number;
  readonly of: number;
  /** The first of them in the document, folded. */
  readonly text: string;
}

/** Lines of a text file one after the other, in bounded memory. */
export function* linesOf(path: string): Generator<string> {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    throw classifySystemError(error, { file: path });
  }
  try {
    const block = Buffer.alloc(1 << 20);
    let rest: Buffer = Buffer.alloc(0);
    for (let n = readSync(descriptor, block); n > 0; n = readSync(descriptor, block)) {
      const bytes = Buffer.concat([rest, block.subarray(0, n)]);
      let from = 0;
      for (let to = bytes.indexOf(10); to >= 0; to = bytes.indexOf(10, from)) {
        yield bytes.toString('utf8', from, to);
        from = to + 1;
      }
      rest = bytes.subarray(from);
    }
    if (rest.length > 0) yield rest.toString('utf8');
  } finally {
    closeSync(descriptor);
  }
}

/** The report of a step's outcome, document by document. */
export function* readContamination(folder: string): Generator<ContaminatedDocument> {
  for (const line of linesOf(join(folder, REPORT_FILE))) yield JSON.parse(line) as ContaminatedDocument;
}
