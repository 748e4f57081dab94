/** One training batch as the loader gives it: windows of tokens with the document that each token belongs to. */
export interface WindowBatch {
  /** Number of windows. */
  readonly rows: number;
  /** Tokens a window: the model's context plus one, so that input and shifted target both fit. */
  readonly width: number;
  /** [rows * width] */
  readonly tokens: Int32Array;
  /** [rows * width] running number of the token's document inside its window, from 0; -1 for padding. */
  readonly segments: Int32Array;
  /** [rows * width] position of the token inside its document. */
  readonly positions: Int32Array;
  /** [rows * width] index into `documents`; -1 for padding. */
  readonly documentIndex: Int32Array;
  /** The documents that the batch touches, each once. */
  readonly documents: readonly ShardDocument[];
}

/** What a shard knows of one document. */
export interface ShardDocument {
  readonly id: string;
  readonly corpus: string;
  /** Path or URL of the file that it was read from. */
  readonly source: string;
  /** Where it was fetched from, where that is known. */
  readonly url?: string | undefined;
  /** Half-open byte range in the (decompressed) source. */
  readonly sourceRange: readonly [number, number];
  /** Half-open token range in its shard. */
  readonly tokenRange: readonly [number, number];
  readonly shard: number;
  /** UTF-8 length of the document's text. */
  readonly bytes: number;
  readonly signals: Readonly<Record<string, number>>;
  /** One of `signals`, where reading that alone is cheaper. */
  signal?(name: string): number | undefined;
}

/** A signal of a document; undefined where it has none. */
export function signalOf(document: ShardDocument, name: string): number | undefined {
  return document.signal === undefined ? document.signals[name] : document.signal(name);
}
