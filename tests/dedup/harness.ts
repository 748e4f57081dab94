import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DocumentBatch } from '../../src/core/batch.ts';
import type { NewDocument } from '../../src/core/document.ts';
import { Random } from '../../src/core/random.ts';
import type { Barrier, JobContext, SideFile, StageContext } from '../../src/core/stage.ts';
import type { Drop } from '../../src/core/verdict.ts';

export interface Refused {
  readonly id: string;
  readonly drop: Drop;
}

export interface Outcome {
  readonly summary: Readonly<Record<string, unknown>>;
  readonly files: readonly string[];
  readonly folder: string;
  readonly kept: { id: string; signals: Record<string, number> }[];
  readonly refused: Refused[];
  /** Texts and metadata of what was kept, and the counters, by id and by name. */
  readonly texts: Map<string, string>;
  readonly metadata: Map<string, Readonly<Record<string, unknown>>>;
  readonly counts: Record<string, number>;
}

export function scratch(): string {
  return mkdtempSync(join(tmpdir(), 'provender-dedup-'));
}

export function stageContext(refused: Refused[] = [], counts: Record<string, number> = {}): StageContext {
  return {
    random: new Random(1),
    baseFolder: '.',
    artifact: () => {
      throw new Error('no artifact here');
    },
    refuse: (batch, i, drop) => refused.push({ id: batch.rows[i]!.id, drop }),
    count: (name, by = 1) => {
      counts[name] = (counts[name] ?? 0) + by;
    },
    watch: () => {},
    signal: new AbortController().signal,
  };
}

export function jobContext(folder: string): JobContext {
  return {
    random: new Random(1),
    seed: 1,
    baseFolder: '.',
    folder,
    artifact: () => {
      throw new Error('no artifact here');
    },
    progress: { report: () => {} },
    signal: new AbortController().signal,
    threads: 1,
    say: () => {},
  };
}

/** Taps `parts` (one side file each), as tasks would. */
export async function tapParts<O>(
  barrier: Barrier<O, DocumentBatch>,
  options: O,
  parts: readonly (readonly NewDocument[])[],
  folder: string,
  batchDocuments = 100,
): Promise<SideFile[]> {
  const sides: SideFile[] = [];
  let firstDocument = 0;
  for (const [part, documents] of parts.entries()) {
    const path = join(folder, `side-${part}`);
    const sink = await barrier.tap(options, stageContext(), path);
    for (let from = 0; from < documents.length; from += batchDocuments)
      await sink.add(DocumentBatch.from(documents.slice(from, from + batchDocuments), from));
    await sink.finish();
    sides.push({ path, partition: part, part: 0, firstDocument, documents: documents.length });
    firstDocument += documents.length;
  }
  return sides;
}

/** Runs a barrier from tap to apply over documents in parts. */
export async function runBarrier<O>(
  barrier: Barrier<O, DocumentBatch>,
  options: O,
  parts: readonly (readonly NewDocument[])[],
): Promise<Outcome> {
  const folder = scratch();
  const sides = await tapParts(barrier, options, parts, folder);
  const job = join(folder, 'job');
  mkdirSync(job);
  const { summary, files } = await barrier.reduce(options, sides, jobContext(job));
  const refused: Refused[] = [];
  const kept: Outcome['kept'] = [];
  const texts: Outcome['texts'] = new Map();
  const metadata: Outcome['metadata'] = new Map();
  const counts: Outcome['counts'] = {};
  for (const side of sides) {
    const stage = await barrier.apply!(options, {
      ...stageContext(refused, counts),
      outcome: job,
      firstDocument: side.firstDocument,
    });
    const documents = parts[side.partition]!;
    for (let from = 0; from < documents.length; from += 64) {
      const out = await stage.process(DocumentBatch.from(documents.slice(from, from + 64), from));
      out.rows.forEach((row, i) => {
        kept.push({ id: row.id, signals: row.signals });
        texts.set(row.id, out.text(i));
        metadata.set(row.id, row.metadata);
      });
    }
    await stage.close?.();
  }
  return { summary, files, folder: job, kept, refused, texts, metadata, counts };
}

export function document(id: string, text: string, more: Partial<NewDocument> = {}): NewDocument {
  return { id, corpus: 'test', source: 'test.txt', start: 0, end: text.length, text, ...more };
}
