import { z } from 'zod';
import { type DocumentBatch, DocumentBatchBuilder, type DocumentRow } from '../core/batch.ts';
import type { Stage, StageContext } from '../core/stage.ts';
import { type Drop, drop } from '../core/verdict.ts';
import { spacySpans } from '../quality/words.ts';
import { type DocumentSpans, SpanReader } from './span-file.ts';

/** What happens to documents with spans that go. */
export const spanRemovalOptions = {
  action: z
    .enum(['remove', 'drop', 'mark'])
    .default('remove')
    .describe(
      'remove: cuts the spans out; drop: drops documents that have more of them than `maxDuplicateShare`; mark: only notes them in the metadata, as [[start, end], ...] in bytes, under the name of the step',
    ),
  maxDuplicateShare: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe(
      'Drops a document of whose bytes a larger share is in the spans. Default: 1 (never) for `remove`, 0 for `drop`',
    ),
  minBytesLeft: z
    .int()
    .min(0)
    .default(200)
    .describe('For `remove`: drops a document of which fewer bytes are left'),
  minWordsLeft: z
    .int()
    .min(0)
    .default(0)
    .describe("For `remove`: drops a document of which fewer words (spaCy's) are left"),
};

export interface SpanRemoval {
  readonly action: 'remove' | 'drop' | 'mark';
  readonly maxDuplicateShare?: number | undefined;
  readonly minBytesLeft: number;
  readonly minWordsLeft: number;
}

/** Turns the spans that the artifact has into bytes of the text; without it they are bytes. */
export type ToBytes = (text: Uint8Array, spans: DocumentSpans) => DocumentSpans;

/** The widest span inside [start, end) that cuts no UTF-8 character; empty ones have start >= end. */
export function insideCharacters(text: Uint8Array, start: number, end: number): [number, number] {
  let from = start;
  let to = end;
  while (from < to && (text[from]! & 0xc0) === 0x80) from++;
  while (to > from && to < text.length && (text[to]! & 0xc0) === 0x80) to--;
  return [from, to];
}

/** The streaming half: cuts spans out of the documents, drops what has too many, or marks them. */
export function spanRemovalStage(
  kind: string,
  options: SpanRemoval,
  context: StageContext & { readonly outcome: string; readonly firstDocument: number },
  toBytes?: ToBytes,
): Stage<DocumentBatch, DocumentBatch> {
  const reader = new SpanReader(context.outcome);
  const remover = new SpanRemover(kind, options, context, toBytes);
  return {
    process(batch) {
      const found = new Map<number, DocumentSpans>();
      for (let i = 0; i < batch.length; i++) {
        const row = batch.rows[i]!;
        const spans = row.split !== 'train' ? undefined : reader.spansOf(context.firstDocument + row.ordinal);
        if (spans) found.set(i, spans);
      }
      return found.size === 0 ? batch : remover.rebuild(batch, found);
    },
    close: () => reader.close(),
  };
}

class SpanRemover {
  private readonly kind: string;
  private readonly options: SpanRemoval;
  private readonly context: StageContext;
  private readonly toBytes: ToBytes | undefined;

  constructor(kind: string, options: SpanRemoval, context: StageContext, toBytes: ToBytes | undefined) {
    this.kind = kind;
    this.options = options;
    this.context = context;
    this.toBytes = toBytes;
  }

  rebuild(batch: DocumentBatch, found: ReadonlyMap<number, DocumentSpans>): DocumentBatch {
    const builder = new DocumentBatchBuilder();
    for (let i = 0; i < batch.length; i++) {
      const row = batch.rows[i]!;
      const text = batch.bytes(i);
      const spans = found.get(i);
      if (!spans) {
        builder.addRow(row, text);
        continue;
      }
      this.context.watch(row.ordinal);
      const result = this.edit(row, text, this.inBytes(text, spans));
      if ('keep' in result) this.context.refuse(batch, i, result);
      else builder.addRow(row, result);
    }
    return builder.take();
  }

  /** [start, end, ofHeldOut] of what can go without cutting a character. */
  private inBytes(text: Uint8Array, spans: DocumentSpans): [number, number, boolean][] {
    const { starts, ends, inHeldOut } = this.toBytes?.(text, spans) ?? spans;
    const out: [number, number, boolean][] = [];
    for (let i = 0; i < starts.length; i++) {
      const [from, to] = insideCharacters(text, starts[i]!, ends[i]!);
      if (from < to) out.push([from, to, inHeldOut[i] === 1]);
    }
    return out;
  }

  private edit(
    row: DocumentRow,
    text: Uint8Array,
    spans: readonly [number, number, boolean][],
  ): Uint8Array | Drop {
    const { kind, context } = this;
    const {
      action,
      maxDuplicateShare = action === 'drop' ? 0 : 1,
      minBytesLeft,
      minWordsLeft,
    } = this.options;
    const bytes = spans.reduce((sum, [from, to]) => sum + to - from, 0);
    const share = text.length === 0 ? 0 : bytes / text.length;
    row.signals[`${kind}.spans`] = spans.length;
    row.signals[`${kind}.bytes`] = bytes;
    context.count('documents-with-spans');
    context.count('spans', spans.length);
    context.count('span-bytes', bytes);
    for (const [from, to, ofHeldOut] of spans) {
      if (!ofHeldOut) continue;
      context.count('spans-of-held-out');
      context.count('span-bytes-of-held-out', to - from);
    }
    if (action !== 'mark' && share > maxDuplicateShare) {
      const all = spans.length > 0 && spans.every(([, , ofHeldOut]) => ofHeldOut);
      const reason = all ? 'too-much-in-held-out' : 'too-many-duplicate-spans';
      return drop(reason, share, maxDuplicateShare);
    }
    if (action === 'mark') {
      row.metadata = { ...row.metadata, [kind]: spans.map(([from, to]) => [from, to]) };
      return text;
    }
    if (action === 'drop') return text;
    const left = cut(text, spans);
    if (left.length < minBytesLeft) return drop('too-few-bytes-left', left.length, minBytesLeft);
    if (minWordsLeft > 0) {
      const words = spacySpans(
        Buffer.from(left.buffer, left.byteOffset, left.length).toString('utf8'),
      ).length;
      if (words < minWordsLeft) return drop('too-few-words-left', words, minWordsLeft);
    }
    context.count('edited-documents');
    return left;
  }
}

function cut(text: Uint8Array, spans: readonly [number, number, boolean][]): Uint8Array {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const [from, to] of spans) {
    pieces.push(text.subarray(at, from));
    at = to;
  }
  pieces.push(text.subarray(at));
  return Buffer.concat(pieces);
}
