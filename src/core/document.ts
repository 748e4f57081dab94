/** What can stand in a document's metadata. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * Which side a document is on. It is carved once, before any filter, and never changes. Nothing trains on the sides
 * other than `train`, and no recipe changes them: `validation` is looked at while a model trains, `held-out` at the end.
 */
export type Split = 'train' | 'validation' | 'held-out';

/** One text with its origin. In a batch, text is decoded only when asked for. */
export interface Document {
  /** Unique in its corpus, stable over runs. */
  readonly id: string;
  readonly corpus: string;
  /** Path or URL of the file that it was read from. */
  readonly source: string;
  /** Half-open byte range in the decompressed source; of what is read by compressed member, the member's in the file. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly split: Split;
  /** Documents of one group (a thread, a chapter run) stay on one side of a split. */
  readonly group?: string;
  readonly metadata: Readonly<Record<string, Json>>;
  /** Measured by judges and by deduplication, by name. */
  readonly signals: Readonly<Record<string, number>>;
}

/** A document as readers produce it. */
export interface NewDocument {
  id: string;
  corpus: string;
  source: string;
  start: number;
  end: number;
  /** UTF-8 bytes are taken as they are (they must be valid); a string is encoded. */
  text: string | Uint8Array;
  split?: Split;
  group?: string;
  metadata?: Record<string, Json>;
  signals?: Record<string, number>;
}
