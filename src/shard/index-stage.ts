import { RECORD_BYTES } from './format.ts';

/** Documents that the stage has room for. */
export const STAGE_DOCUMENTS = 512;
/** Bytes of their ids, and of their sources. A longer one goes by the path of one document at a time. */
const STAGE_TEXT = 1 << 16;
const SOURCE_BYTES = 4;
const FIELDS_BYTES = 64;

/** Words of the fields that the kernel reads (src/kernels/assembly/shard.ts); the first two are f64. */
const FIELD = {
  idsUsed: 4,
  endsAt: 5,
  recordsAt: 6,
  idsAt: 7,
  idsEnd: 8,
  sourcesAt: 9,
  signalsAt: 10,
  columns: 11,
  stride: 12,
  textsAt: 13,
  textsEnd: 14,
} as const;

/** Bytes of memory of a stage for so many columns of signals. */
export function stageBytes(columns: number): number {
  return FIELDS_BYTES + STAGE_DOCUMENTS * (8 + RECORD_BYTES + SOURCE_BYTES + 8 * columns) + 2 * STAGE_TEXT;
}

/** Where the kernel puts the index of some documents, to be appended to that of the shard in one go. */
export class IndexStage {
  /** u64 a document: its end in tokens of the shard. */
  readonly ends: Uint32Array;
  /** Records as they lie in a shard, but without the sources. */
  readonly records: Uint32Array;
  readonly ids: Uint8Array;
  /** Bytes of each document's source. */
  readonly sources: Uint32Array;
  /** The sources one after the other, repeated ones too. */
  readonly texts: Uint8Array;
  readonly at: number;
  private readonly columns: Float64Array;
  private readonly before: Float64Array;
  private readonly fields: Uint32Array;

  /** `memory`: `stageBytes(columns)` bytes of the kernel's, aligned to 8. */
  constructor({ buffer, byteOffset: at }: Uint8Array, columns: number) {
    this.at = at;
    this.before = new Float64Array(buffer, at, 2);
    this.fields = new Uint32Array(buffer, at, FIELDS_BYTES / 4);
    let next = at + FIELDS_BYTES;
    const place = (bytes: number): number => {
      next += bytes;
      return next - bytes;
    };
    const endsAt = place(8 * STAGE_DOCUMENTS);
    const signalsAt = place(8 * STAGE_DOCUMENTS * columns);
    const recordsAt = place(RECORD_BYTES * STAGE_DOCUMENTS);
    const sourcesAt = place(SOURCE_BYTES * STAGE_DOCUMENTS);
    const idsAt = place(STAGE_TEXT);
    const textsAt = place(STAGE_TEXT);
    this.ends = new Uint32Array(buffer, endsAt, 2 * STAGE_DOCUMENTS);
    this.columns = new Float64Array(buffer, signalsAt, STAGE_DOCUMENTS * columns);
    this.records = new Uint32Array(buffer, recordsAt, (RECORD_BYTES / 4) * STAGE_DOCUMENTS);
    this.sources = new Uint32Array(buffer, sourcesAt, (SOURCE_BYTES / 4) * STAGE_DOCUMENTS);
    this.ids = new Uint8Array(buffer, idsAt, STAGE_TEXT);
    this.texts = new Uint8Array(buffer, textsAt, STAGE_TEXT);
    const [idsEnd, textsEnd] = [idsAt + STAGE_TEXT, textsAt + STAGE_TEXT];
    const places = { endsAt, recordsAt, idsAt, idsEnd, sourcesAt, signalsAt, textsAt, textsEnd };
    const values = { ...places, columns, stride: STAGE_DOCUMENTS };
    for (const [name, value] of Object.entries(values))
      this.fields[FIELD[name as keyof typeof FIELD]] = value;
  }

  /** Tells the kernel how many tokens and bytes of ids the shard has before the documents to come. */
  begin(tokens: number, idBytes: number): void {
    this.before[0] = tokens;
    this.before[1] = idBytes;
  }

  /** Bytes of ids that the kernel put down. */
  get idsUsed(): number {
    return this.fields[FIELD.idsUsed]!;
  }

  /** Column `k` of the first `n` documents. */
  signals(k: number, n: number): Float64Array {
    return this.columns.subarray(k * STAGE_DOCUMENTS, k * STAGE_DOCUMENTS + n);
  }
}
