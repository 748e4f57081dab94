import { BlockStream } from './block-stream.ts';
import { bodyBytesOf, compareKeys, SIDE_WORDS, type SideFile, type SideRun } from './side-file.ts';
import { asWords } from './u64.ts';

const RECORD_BYTES = SIDE_WORDS * 4;
const RECORDS_A_READ = 512;

/** The documents of one run in order. Record and body are valid until the next `next`. */
export class RunReader {
  readonly side: SideFile;
  readonly sideIndex: number;
  words: Uint32Array = new Uint32Array(0);
  /** words[at ..] is the current record. */
  at = 0;
  private readonly records: BlockStream;
  private readonly bodies: BlockStream;
  private left: number;
  private pendingBody = 0;

  constructor(side: SideFile, sideIndex: number, run: SideRun, bufferBytes: number) {
    const { file } = side;
    this.side = side;
    this.sideIndex = sideIndex;
    this.left = run.documents;
    this.records = new BlockStream(file, run.recordsAt, run.recordsAt + run.documents * RECORD_BYTES, 0);
    this.bodies = new BlockStream(file, run.bodiesAt, run.bodiesAt + run.bodiesBytes, bufferBytes);
  }

  /** Moves to the next document; false at the end. */
  next(): boolean {
    if (this.pendingBody > 0) this.bodies.take(this.pendingBody);
    if (this.left === 0) return false;
    this.at += SIDE_WORDS;
    if (this.at >= this.words.length) {
      const bytes = this.records.take(Math.min(RECORDS_A_READ, this.left) * RECORD_BYTES);
      this.words = asWords(bytes);
      this.at = 0;
    }
    this.left--;
    this.pendingBody = bodyBytesOf(this.words, this.at, this.side.tokenWidth);
    return true;
  }

  /** The current document's body; once a document. */
  body(): Uint8Array {
    const bytes = this.pendingBody;
    this.pendingBody = 0;
    return this.bodies.take(bytes);
  }
}

/** Readers of every run of `sides`, each with its share of `memoryBytes`. */
export function openRuns(sides: readonly SideFile[], memoryBytes: number): RunReader[] {
  const runs = sides.reduce((sum, side) => sum + side.footer.runs.length, 0);
  const share = Math.floor(memoryBytes / Math.max(1, runs));
  return sides.flatMap((side, i) => side.footer.runs.map((run) => new RunReader(side, i, run, share)));
}

/** Documents of all runs in order of their keys: a binary heap of readers. The yielded reader stands on the document. */
export function* mergeRuns(readers: readonly RunReader[]): Generator<RunReader> {
  const heap = readers.filter((reader) => reader.next());
  const less = (a: RunReader, b: RunReader): boolean => compareKeys(a.words, a.at, b.words, b.at) < 0;
  const sink = (from: number): void => {
    const item = heap[from]!;
    let i = from;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && less(heap[child + 1]!, heap[child]!)) child++;
      if (!less(heap[child]!, item)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = item;
  };
  for (let i = (heap.length >>> 1) - 1; i >= 0; i--) sink(i);
  while (heap.length > 0) {
    const top = heap[0]!;
    yield top;
    if (!top.next()) {
      const last = heap.pop()!;
      if (heap.length === 0) return;
      heap[0] = last;
    }
    sink(0);
  }
}
