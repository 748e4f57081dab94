import type { DocumentBatch } from '../core/batch.ts';
import { readDocumentFile } from '../core/document-file.ts';
import type { InputError } from '../core/errors.ts';
import type { Source } from '../core/stage.ts';
import type { SegmentTask, TaskCursor } from './tasks.ts';

export interface InputItem {
  readonly batch: DocumentBatch;
  /** Where a later attempt goes on after this batch. */
  readonly next: TaskCursor;
}

interface InputHooks {
  progress(consumed: number): void;
  reject(reason: string, error: InputError, bytes: number): void;
  readonly signal: AbortSignal;
  readonly firstFrame: number;
}

/** The batches of a task in order, from a source's slices or from an earlier unit's files of documents. */
export async function* readInputs(
  task: SegmentTask,
  source: Source<unknown> | undefined,
  from: TaskCursor,
  hooks: InputHooks,
): AsyncGenerator<InputItem> {
  const items = source ? fromSlices(task, source, from, hooks) : fromFiles(task, from, hooks);
  const { limit } = task.settings;
  for await (const item of items) {
    if (limit === undefined || item.next.ordinal < limit) {
      yield item;
      continue;
    }
    const first = item.next.ordinal - item.batch.length;
    if (first < limit) {
      const head = Array.from({ length: limit - first }, (_, i) => i);
      yield { batch: item.batch.select(head), next: { ...item.next, ordinal: limit } };
    }
    return;
  }
}

async function* fromSlices(
  task: SegmentTask,
  source: Source<unknown>,
  from: TaskCursor,
  hooks: InputHooks,
): AsyncGenerator<InputItem> {
  let { ordinal } = from;
  const { batchBytes, batchDocuments } = task.settings;
  const context = {
    reject: hooks.reject,
    consumed: hooks.progress,
    signal: hooks.signal,
    batchBytes,
    batchDocuments,
  };
  for (let input = from.input; input < task.slices.length; input++) {
    const at = input === from.input ? from.at : undefined;
    for await (const { batch, cursor } of source.read(task.slices[input]!, at, context)) {
      for (let i = 0; i < batch.length; i++) batch.rows[i]!.ordinal = ordinal + i;
      ordinal += batch.length;
      yield { batch, next: { input, at: cursor, ordinal } };
    }
  }
}

async function* fromFiles(task: SegmentTask, from: TaskCursor, hooks: InputHooks): AsyncGenerator<InputItem> {
  let { ordinal } = from;
  for (let input = from.input; input < task.files.length; input++) {
    const start = input === from.input && from.at ? Number(from.at.offset) : hooks.firstFrame;
    let offset = start;
    for await (const { batch, next } of readDocumentFile(task.files[input]!.path, start, ordinal)) {
      ordinal += batch.length;
      hooks.progress(next - offset);
      offset = next;
      yield { batch, next: { input, at: { offset: next }, ordinal } };
    }
  }
}
