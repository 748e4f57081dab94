import type { DocumentBatch } from './batch.ts';
import type { Document } from './document.ts';
import type { TextView } from './stage.ts';

/** A view of document i of a batch; what it shares lives as long as it does. */
export class BatchTextView implements TextView {
  private readonly batch: DocumentBatch;
  private readonly index: number;
  private readonly shared = new Map<object, unknown>();

  constructor(batch: DocumentBatch, index: number) {
    this.batch = batch;
    this.index = index;
  }

  get document(): Document {
    return this.batch.document(this.index);
  }

  get text(): string {
    return this.batch.text(this.index);
  }

  get utf8(): Uint8Array {
    return this.batch.bytes(this.index);
  }

  share<T>(key: object, compute: (view: TextView) => T): T {
    if (!this.shared.has(key)) this.shared.set(key, compute(this));
    return this.shared.get(key) as T;
  }
}

/** A view of a text that is in no batch: for tests and for `provender` on a single file. */
export function viewOf(text: string, metadata: Document['metadata'] = {}): TextView {
  const shared = new Map<object, unknown>();
  const utf8 = new TextEncoder().encode(text);
  const document: Document = {
    id: 'text',
    corpus: 'text',
    source: 'text',
    start: 0,
    end: utf8.length,
    text,
    split: 'train',
    metadata,
    signals: {},
  };
  const view: TextView = {
    document,
    text,
    utf8,
    share<T>(key: object, compute: (view: TextView) => T): T {
      if (!shared.has(key)) shared.set(key, compute(view));
      return shared.get(key) as T;
    },
  };
  return view;
}
