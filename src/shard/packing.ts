/**
 * How documents fill windows of a fixed width. `concatenate`: one after the other, cut where a window ends.
 * `best-fit`: whole documents together in a window where they fit, longest first into the fullest window that still
 * has room (best-fit decreasing; "Fewer Truncations Improve Language Modeling", arXiv 2404.10830), the rest padding.
 * `pad`: one document a window, the rest padding.
 */
export const PACKINGS = ['concatenate', 'best-fit', 'pad'] as const;
export type Packing = (typeof PACKINGS)[number];

/** Windows as lists of pieces: window r holds the pieces [rows[r], rows[r + 1]). */
export interface PackedWindows {
  readonly rows: Uint32Array;
  /** First token of each piece, in tokens of the shard. */
  readonly starts: Float64Array;
  readonly lengths: Uint32Array;
}

/** Pieces that are packed together: bounds the work, and keeps a window's documents near each other in the shard. */
const GROUP = 65536;

/**
 * Packs the documents of one shard into windows of `width` tokens. A document longer than a window is cut into pieces
 * that overlap by one token, so that each token but a document's first is a target exactly once; a document of one
 * token has no target and is left out. Windows come in the order of their first documents.
 */
export function packDocuments(
  documentStarts: Float64Array,
  width: number,
  packing: Exclude<Packing, 'concatenate'>,
): PackedWindows {
  const { starts, lengths } = cutDocuments(documentStarts, width);
  const n = lengths.length;
  if (packing === 'pad') return { rows: Uint32Array.from({ length: n + 1 }, (_, i) => i), starts, lengths };
  const sorted = { starts: new Float64Array(n), lengths: new Uint32Array(n) };
  const rows = [0];
  for (let from = 0; from < n; from += GROUP) {
    const to = Math.min(n, from + GROUP);
    const row = bestFit(lengths.subarray(from, to), width);
    placeGroup(row, from, { starts, lengths }, sorted, rows);
  }
  return { rows: Uint32Array.from(rows), ...sorted };
}

function cutDocuments(documentStarts: Float64Array, width: number) {
  const step = width - 1;
  let count = 0;
  for (let d = 0; d + 1 < documentStarts.length; d++) {
    const n = documentStarts[d + 1]! - documentStarts[d]!;
    count += Math.ceil(Math.max(0, n - 1) / step);
  }
  const starts = new Float64Array(count);
  const lengths = new Uint32Array(count);
  let piece = 0;
  for (let d = 0; d + 1 < documentStarts.length; d++) {
    const end = documentStarts[d + 1]!;
    for (let at = documentStarts[d]!; at + 1 < end; at += step) {
      starts[piece] = at;
      lengths[piece++] = Math.min(width, end - at);
    }
  }
  return { starts, lengths };
}

/** The window of each piece, numbered in the order of their first pieces. */
function bestFit(lengths: Uint32Array, width: number): Uint32Array {
  const n = lengths.length;
  const bin = new Uint32Array(n);
  const rooms = new Rooms(width, n);
  let bins = 0;
  for (const i of longestFirst(lengths, width)) {
    const length = lengths[i]!;
    const room = rooms.smallestFrom(length);
    const chosen = room < 0 ? bins++ : rooms.take(room);
    bin[i] = chosen;
    rooms.put((room < 0 ? width : room) - length, chosen);
  }
  const rowOf = new Int32Array(bins).fill(-1);
  let rows = 0;
  for (let i = 0; i < n; i++) {
    const b = bin[i]!;
    if (rowOf[b]! < 0) rowOf[b] = rows++;
    bin[i] = rowOf[b]!;
  }
  return bin;
}

/** Indexes by descending length, equal ones in order: a counting sort. */
function longestFirst(lengths: Uint32Array, width: number): Uint32Array {
  const at = new Uint32Array(width + 2);
  for (const length of lengths) at[width - length + 1]!++;
  for (let k = 1; k < at.length; k++) at[k]! += at[k - 1]!;
  const order = new Uint32Array(lengths.length);
  lengths.forEach((length, i) => {
    order[at[width - length]!++] = i;
  });
  return order;
}

/** Writes a group's pieces window by window behind those that are there, and the windows' ends to `rows`. */
function placeGroup(
  row: Uint32Array,
  from: number,
  pieces: { starts: Float64Array; lengths: Uint32Array },
  out: { starts: Float64Array; lengths: Uint32Array },
  rows: number[],
): void {
  const first = rows.length - 1;
  const counts: number[] = [];
  for (const r of row) counts[r] = (counts[r] ?? 0) + 1;
  const next = counts.map(() => 0);
  counts.forEach((count, r) => {
    next[r] = rows[first + r]!;
    rows.push(rows[first + r]! + count);
  });
  row.forEach((r, i) => {
    const at = next[r]!++;
    out.starts[at] = pieces.starts[from + i]!;
    out.lengths[at] = pieces.lengths[from + i]!;
  });
}

/** Windows by the room that is left in them: a stack for each room, and a bit for each stack that is not empty. */
class Rooms {
  private readonly top: Int32Array;
  private readonly below: Int32Array;
  private readonly bits: Uint32Array;

  constructor(width: number, most: number) {
    this.top = new Int32Array(width + 1).fill(-1);
    this.below = new Int32Array(most);
    this.bits = new Uint32Array((width >>> 5) + 1);
  }

  /** The smallest room of at least `room` that a window has, or -1. */
  smallestFrom(room: number): number {
    const { bits } = this;
    let word = room >>> 5;
    let found = bits[word]! & (0xffffffff << (room & 31));
    while (found === 0) {
      if (++word >= bits.length) return -1;
      found = bits[word]!;
    }
    return (word << 5) + 31 - Math.clz32(found & -found);
  }

  /** Takes out a window with exactly this room. */
  take(room: number): number {
    const window = this.top[room]!;
    this.top[room] = this.below[window]!;
    if (this.top[room]! < 0) this.bits[room >>> 5]! &= ~(1 << (room & 31));
    return window;
  }

  put(room: number, window: number): void {
    // No piece is shorter than two tokens.
    if (room < 2) return;
    this.below[window] = this.top[room]!;
    this.top[room] = window;
    this.bits[room >>> 5]! |= 1 << (room & 31);
  }
}
