import createXxhash, { type XXHashAPI } from 'xxhash-wasm';
import { z } from 'zod';
import type { DocumentBatch } from '../core/batch.ts';
import type { Barrier, JobContext, JobOutcome, SideFile, Sink, StageContext } from '../core/stage.ts';
import { digestOf } from './block-file.ts';
import type { Side } from './document-columns.ts';
import { orderDocuments } from './document-order.ts';
import { judgeUnits } from './judge-units.ts';
import { type Priority, preferenceOf, priorityOptions } from './priority.ts';
import { closeSides, openSides, Pace } from './side-files.ts';
import { countMetaBlocks } from './side-texts.ts';
import { SPANS_FILE, SpanWriter } from './span-file.ts';
import { type SpanRemoval, spanRemovalOptions, spanRemovalStage } from './span-removal.ts';
import { UNIT_WORDS, UnitWriter, unitRuns } from './unit-file.ts';
import { UnitOrder } from './unit-order.ts';
import { UNIT_GOES_FOR_HELD_OUT, UNIT_STAYS, type UnitVerdicts } from './unit-verdicts.ts';

/** Options of every step that compares units of documents. */
export const unitOptions = {
  method: z
    .enum(['exact', 'bloom'])
    .default('exact')
    .describe(
      'exact: a table and a scratch file; bloom: a filter of about 1.2 bytes a key at a rate of 0.01',
    ),
  falsePositiveRate: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.01)
    .describe('For `method: bloom`: the share of keys that are taken for seen though they were not, at most'),
  withinDocument: z.boolean().default(true).describe('Whether a repeat inside one document counts'),
  ...spanRemovalOptions,
  ...priorityOptions,
  memoryMiB: z
    .int()
    .min(1)
    .max(3072)
    .default(1024)
    .describe(
      'For `method: exact`: memory for the table; less of it means more passes, and the same outcome',
    ),
};

export interface UnitDedupOptions extends SpanRemoval, Priority {
  readonly method: 'exact' | 'bloom';
  readonly falsePositiveRate: number;
  readonly withinDocument: boolean;
  readonly memoryMiB: number;
}

/** Takes units and their keys; keys come before the unit that has them. */
export interface UnitTarget {
  /** A key that is the hash of these bytes. */
  hash(bytes: Uint8Array): void;
  /** A key of 64 bits. */
  key(low: number, high: number): void;
  /** A unit in bytes [start, end) of the document, with the last `keys` keys. */
  unit(start: number, end: number, keys: number): void;
}

/** Splits document i of a batch into units. */
export type UnitSplitter = (batch: DocumentBatch, i: number, target: UnitTarget) => void;

interface UnitStep<O extends UnitDedupOptions> {
  readonly kind: string;
  /** Which options decide the units and their keys. */
  readonly splitOptions: readonly (keyof O & string)[];
  splitter(options: O): UnitSplitter;
  /** A unit goes where a larger share of its keys came before; 0 where each has one key. */
  overlap(options: O): number;
}

let xxhash: Promise<XXHashAPI> | undefined;

class UnitTap implements Sink<DocumentBatch>, UnitTarget {
  private readonly split: UnitSplitter;
  private readonly writer: UnitWriter;
  private readonly context: StageContext;
  private readonly hasher: XXHashAPI;
  private readonly preference: ReturnType<typeof preferenceOf>;

  constructor(
    split: UnitSplitter,
    writer: UnitWriter,
    preference: ReturnType<typeof preferenceOf>,
    context: StageContext,
    hasher: XXHashAPI,
  ) {
    this.split = split;
    this.writer = writer;
    this.preference = preference;
    this.context = context;
    this.hasher = hasher;
  }

  add(batch: DocumentBatch): void {
    for (let i = 0; i < batch.length; i++) {
      const row = batch.rows[i]!;
      this.context.watch(row.ordinal);
      this.split(batch, i, this);
      this.writer.document(row, this.preference(row, batch.size(i)));
    }
  }

  hash(bytes: Uint8Array): void {
    const key = this.hasher.h64Raw(bytes);
    this.writer.key(Number(key & 0xffffffffn), Number(key >> 32n));
  }

  key(low: number, high: number): void {
    this.writer.key(low, high);
  }

  unit(start: number, end: number, keys: number): void {
    this.writer.unit(start, end, keys);
  }

  async finish(): Promise<void> {
    await this.writer.finish();
  }

  async abandon(): Promise<void> {
    this.writer.abandon();
  }
}

/** The barrier of a step that compares units: tap, reduction and removal. */
export function unitBarrier<O extends UnitDedupOptions>(step: UnitStep<O>): Barrier<O, DocumentBatch> {
  const tapOptions = [...step.splitOptions, 'keep', 'signal', 'corpora'] as (keyof O & string)[];
  const digest = (options: O): Buffer =>
    digestOf({ kind: step.kind, ...Object.fromEntries(tapOptions.map((name) => [name, options[name]])) });
  return {
    tapOptions,
    async tap(options, context, path) {
      xxhash ??= createXxhash();
      const writer = new UnitWriter(path, step.kind, digest(options));
      return new UnitTap(step.splitter(options), writer, preferenceOf(options), context, await xxhash);
    },
    reduce: (options, sides, context) => reduce(step, options, digest(options), sides, context),
    apply: (options, context) => spanRemovalStage(step.kind, options, context),
  };
}

async function reduce<O extends UnitDedupOptions>(
  step: UnitStep<O>,
  options: O,
  digest: Buffer,
  files: readonly SideFile[],
  context: JobContext,
): Promise<JobOutcome> {
  const { sides, documents } = openSides(files, step.kind, digest);
  try {
    const pace = new Pace(context, countMetaBlocks(sides));
    const order = await orderDocuments(sides, documents, options.keep === 'earliest', pace);
    const { verdicts, costs, keys } = await judgeUnits({
      sides,
      documents: order,
      order: new UnitOrder(sides, order),
      options: {
        method: options.method,
        falsePositiveRate: options.falsePositiveRate,
        overlap: step.overlap(options),
        withinDocument: options.withinDocument,
        memory: options.memoryMiB * 2 ** 20,
      },
      folder: context.folder,
      pace,
    });
    const written = writeSpans(sides, verdicts, context.folder);
    const { method } = options;
    return {
      files: [SPANS_FILE],
      summary: { documents, method, units: verdicts.units, keys, ...costs, ...written },
    };
  } finally {
    closeSides(sides);
  }
}

/** The units that go, those that touch or overlap as one span. */
function writeSpans(
  sides: readonly Side[],
  verdicts: UnitVerdicts,
  folder: string,
): Readonly<Record<string, number>> {
  const writer = new SpanWriter(folder);
  let goes = 0;
  let covered = 0;
  try {
    for (const { firstDocument, firstUnit, counts, units } of unitRuns(sides)) {
      let unit = 0;
      for (let i = 0; i < counts.length; i++) {
        const bounds: number[] = [];
        const inHeldOut: boolean[] = [];
        for (let j = 0; j < counts[i]!; j++, unit++) {
          const verdict = verdicts.get(firstUnit + unit);
          if (verdict === UNIT_STAYS) continue;
          goes++;
          addSpan(bounds, inHeldOut, units[unit * UNIT_WORDS]!, units[unit * UNIT_WORDS + 1]!, verdict);
        }
        for (let k = 0; k < bounds.length; k += 2) covered += bounds[k + 1]! - bounds[k]!;
        if (bounds.length > 0) writer.add(firstDocument + i, bounds, inHeldOut);
      }
    }
    writer.finish();
  } catch (error) {
    writer.abandon();
    throw error;
  }
  return {
    duplicateUnits: goes,
    documentsWithSpans: writer.documents,
    spans: writer.spans,
    covered,
  };
}

function addSpan(bounds: number[], inHeldOut: boolean[], start: number, end: number, verdict: number): void {
  const heldOut = verdict === UNIT_GOES_FOR_HELD_OUT;
  const last = bounds.length - 1;
  // Spans of one cause that touch are one.
  if (last > 0 && start <= bounds[last]! && (inHeldOut.at(-1) === heldOut || start < bounds[last]!)) {
    bounds[last] = Math.max(bounds[last]!, end);
    inHeldOut[inHeldOut.length - 1] ||= heldOut;
    return;
  }
  bounds.push(start, end);
  inHeldOut.push(heldOut);
}
