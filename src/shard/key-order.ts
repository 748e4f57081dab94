import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryName } from '../core/files.ts';
import { ENTRY_WORDS, GroupMemory, nameBytes } from './group-memory.ts';
import { MAX_ROUGHLY_SORTED, sortedByKey } from './key-sort.ts';
import {
  ALL_BUCKETS,
  BUCKETS,
  type BucketRange,
  bodyBytesOf,
  isFirstBucket,
  LAST_LEVEL,
  SIDE,
  SIDE_RECORD_BYTES,
  SIDE_WORDS,
  type SideExtent,
  SideFile,
  sourceIn,
} from './side-file.ts';
import { SideWriter } from './side-writer.ts';
import { asWords, getBig } from './u64.ts';

/** Whole blocks of one file that are read at once, and where to. */
interface Read {
  readonly side: number;
  readonly firstBlock: number;
  blocks: number;
  /** Where in the group's buffer they go. */
  readonly to: number;
}

interface Piece {
  readonly side: number;
  readonly extent: SideExtent;
  /** Where in the group's buffer it begins. */
  readonly at: number;
}

/** Buckets that are in memory together. */
interface Plan {
  readonly firstBucket: number;
  readonly endBucket: number;
  readonly documents: number;
  readonly bytes: number;
  readonly reads: readonly Read[];
  readonly pieces: readonly Piece[];
}

const LEAST_BUDGET = 1 << 20;
const DIGESTS_A_CALL = 8192;
/** Ranges of a run differ by that little: one memory serves all. */
const SLACK = 1.15;

/** A document in memory. Everything is valid until the next one is moved to. */
export class DocumentCursor {
  /** words[at ..] is the record. */
  words: Uint32Array = new Uint32Array(0);
  at = 0;
  /** The body is bytes[bodyAt ..). */
  bytes: Uint8Array = new Uint8Array(0);
  bodyAt = 0;
  /** Where in the bytes the source of its extent's first document begins. */
  firstAt = 0;
  /** The file it is from: one of those given, or one made of them, with names of its own. */
  side!: SideFile;
}

/** Of each document of a group, in the order of the files. */
interface Places {
  readonly recordAt: Uint32Array;
  readonly bodyAt: Uint32Array;
  readonly sideOf: Uint32Array;
  readonly firstAt: Uint32Array;
}

/** Documents of a range of keys, all in memory. */
export class Group {
  readonly sides: readonly SideFile[];
  /** Its entries are those of this group until the next one is asked for. */
  readonly memory: GroupMemory;
  private readonly bytes: Uint8Array;
  private readonly words: Uint32Array;
  length: number;

  constructor(sides: readonly SideFile[], plan: Plan, memory: GroupMemory, bytes: Uint8Array) {
    this.sides = sides;
    this.memory = memory;
    this.bytes = bytes;
    this.words = asWords(bytes);
    this.length = plan.documents;
    const recordAt = new Uint32Array(this.length);
    const bodyAt = new Uint32Array(this.length);
    const sideOf = new Uint32Array(this.length);
    const firstAt = new Uint32Array(this.length);
    let i = 0;
    for (const { side, extent, at } of plan.pieces) {
      const { tokenWidth, shapeSizes } = sides[side]!;
      const layout = { tokenWidth, shapeSizes };
      let body = at + extent.documents * SIDE_RECORD_BYTES;
      const first = body + sourceIn(this.words, at >>> 2, layout);
      for (let record = at >>> 2, end = body >>> 2; record < end; record += SIDE_WORDS, i++) {
        recordAt[i] = record;
        bodyAt[i] = body;
        sideOf[i] = side;
        firstAt[i] = first;
        body += (bodyBytesOf(this.words, record, layout) + 3) & ~3;
      }
    }
    this.enter(sortedByKey(this.words, recordAt), { recordAt, bodyAt, sideOf, firstAt });
  }

  /** Puts the document that is number k by key under the cursor. */
  moveTo(k: number, cursor: DocumentCursor): void {
    const { entries } = this.memory;
    const { byteOffset } = this.bytes;
    const at = k * ENTRY_WORDS;
    cursor.words = this.words;
    cursor.at = (entries[at]! - byteOffset) >>> 2;
    cursor.bytes = this.bytes;
    cursor.bodyAt = entries[at + 1]! - byteOffset;
    cursor.side = this.sides[entries[at + 2]!]!;
    cursor.firstAt = entries[at + 3]! - byteOffset;
  }

  /** Leaves out the documents that `takes` does not take. */
  keep(takes: (cursor: DocumentCursor) => boolean): void {
    const { entries } = this.memory;
    const cursor = new DocumentCursor();
    let kept = 0;
    for (let k = 0; k < this.length; k++) {
      this.moveTo(k, cursor);
      if (!takes(cursor)) continue;
      for (let i = 0; i < ENTRY_WORDS; i++) entries[kept * ENTRY_WORDS + i] = entries[k * ENTRY_WORDS + i]!;
      kept++;
    }
    this.length = kept;
  }

  private enter(order: Uint32Array, { recordAt, bodyAt, sideOf, firstAt }: Places): void {
    const { entries } = this.memory;
    const { byteOffset } = this.bytes;
    for (let k = 0; k < order.length; k++) {
      const i = order[k]!;
      const at = k * ENTRY_WORDS;
      entries[at] = byteOffset + 4 * recordAt[i]!;
      entries[at + 1] = byteOffset + bodyAt[i]!;
      entries[at + 2] = sideOf[i]!;
      entries[at + 3] = byteOffset + firstAt[i]!;
    }
  }
}

/**
 * The documents of side files in order of their keys, the training documents first: a group of buckets at a time is read, in large pieces, while the one
 * before is gone through, and sorted in memory. A bucket too large for that is dealt out again by further bits of the key.
 */
export class KeyOrder {
  private readonly folder: string;
  private readonly budget: number;
  private readonly columns: number;
  private memory: GroupMemory | undefined;

  /** `memoryBytes`: of two groups. `folder`: for what is dealt out again. `columns`: of signals in the shards. */
  constructor(memoryBytes: number, folder: string, leastBudget = LEAST_BUDGET, columns = 0) {
    this.folder = folder;
    this.budget = Math.max(leastBudget, memoryBytes / 2);
    this.columns = columns;
  }

  async *groups(
    sides: readonly SideFile[],
    range: BucketRange = ALL_BUCKETS,
    level = 0,
  ): AsyncGenerator<Group> {
    const plans = planGroups(sides, this.budget, range);
    const fits = (plan: Plan | undefined): plan is Plan =>
      plan !== undefined && (level === LAST_LEVEL || plan.bytes <= this.budget || plan.documents < 2);
    const memory = this.memoryFor(plans.filter(fits), sides);
    let coming: Promise<void> | undefined;
    try {
      for (const [i, plan] of plans.entries()) {
        if (!fits(plan)) {
          yield* this.dealtAgain(sides, plan, level);
          continue;
        }
        const buffer = memory.groups[i % memory.groups.length]!;
        await (coming ?? fetchGroup(sides, plan, buffer));
        const next = plans[i + 1];
        coming = fits(next) ? fetchGroup(sides, next, memory.groups[(i + 1) % 2]!) : undefined;
        // Its failure is reported when its turn comes.
        coming?.catch(() => {});
        checkGroup(sides, plan, memory, buffer);
        yield new Group(sides, plan, memory, buffer);
      }
    } finally {
      // Whoever closes the files must not do so under a read.
      await coming?.catch(() => {});
    }
  }

  /** The memory of the range before, where it is large enough; else one with some room for the ranges that follow. */
  private memoryFor(plans: readonly Plan[], sides: readonly SideFile[]): GroupMemory {
    const most = (of: (plan: Plan) => number): number =>
      plans.reduce((largest, plan) => Math.max(largest, of(plan)), 0);
    const [bytes, documents] = [most((plan) => plan.bytes), most((plan) => plan.documents)];
    const room = { groups: Math.min(plans.length, 2), bytes, documents, names: nameBytes(sides) };
    const needed = { ...room, columns: this.columns };
    if (this.memory?.holds(needed)) return this.memory;
    this.memory = undefined;
    const more = (n: number): number => Math.ceil(n * SLACK);
    const ample = Math.max(bytes, Math.min(this.budget, more(bytes)));
    this.memory = new GroupMemory({ ...needed, bytes: ample, documents: more(documents) });
    return this.memory;
  }

  private async *dealtAgain(sides: readonly SideFile[], plan: Plan, level: number): AsyncGenerator<Group> {
    const { footer, tokenWidth, keySeed } = sides[0]!;
    const path = temporaryName(join(this.folder, 'bucket.side'));
    const setting = { tokenizerDigest: footer.tokenizer, tokenWidth, endOfText: undefined, keySeed };
    const writer = new SideWriter(path, { ...setting, level: level + 1 });
    try {
      for (const { side, extent } of plan.pieces) {
        eachDocument(sides[side]!, extent, (words, at, body, first) => {
          const record = words.subarray(at, at + SIDE_WORDS);
          const key = getBig(record, SIDE.key);
          writer.addFrom(sides[side]!, record, body, first, record[SIDE.copy]!, key);
        });
      }
      await writer.finish();
    } catch (error) {
      writer.abandon();
      throw error;
    }
    const dealt = new SideFile(path);
    try {
      yield* this.groups([dealt], ALL_BUCKETS, level + 1);
    } finally {
      dealt.close();
      await rm(path);
    }
  }
}

/** Is shown a document's record, its body, and the source of its extent's first document, which its own may begin with. */
export type SeeDocument = (words: Uint32Array, at: number, body: Uint8Array, first: Uint8Array) => void;

/** Calls `see` for every document of an extent. */
export function eachDocument(side: SideFile, extent: SideExtent, see: SeeDocument): void {
  const bytes = side.extent(extent);
  let body = extent.documents * SIDE_RECORD_BYTES;
  const words = asWords(bytes.subarray(0, body));
  const first = bytes.subarray(body + sourceIn(words, 0, side), body + bodyBytesOf(words, 0, side));
  for (let i = 0; i < extent.documents; i++) {
    const length = bodyBytesOf(words, i * SIDE_WORDS, side);
    see(words, i * SIDE_WORDS, bytes.subarray(body, body + length), first);
    body += (length + 3) & ~3;
  }
}

/** Bytes of memory and documents of each bucket. */
function weigh(sides: readonly SideFile[]): { costs: Float64Array; documents: Float64Array } {
  const costs = new Float64Array(BUCKETS);
  const documents = new Float64Array(BUCKETS);
  for (const { footer, file } of sides) {
    for (const { bucket, bytes, documents: n } of footer.extents) {
      costs[bucket]! += bytes + 2 * file.format.blockBytes;
      documents[bucket]! += n;
    }
  }
  return { costs, documents };
}

/** How many KeyOrders may share `memoryBytes` without that a bucket which fits one of them is too large for a share. */
export function mostOrders(memoryBytes: number, sides: readonly SideFile[]): number {
  const largest = weigh(sides).costs.reduce((most, cost) => Math.max(most, cost), LEAST_BUDGET);
  const fit = Math.floor(memoryBytes / 2 / largest);
  return fit > 0 ? fit : Number.POSITIVE_INFINITY;
}

/** As many buckets to a group as `budget` bytes hold, and one at least. */
function planGroups(sides: readonly SideFile[], budget: number, range: BucketRange): Plan[] {
  const { costs, documents } = weigh(sides);
  const plans: Plan[] = [];
  // A group is of one split: its documents are sorted by their keys alone.
  const fits = (bucket: number, cost: number, count: number): boolean =>
    bucket < range.to &&
    !isFirstBucket(bucket) &&
    cost + costs[bucket]! <= budget &&
    count + documents[bucket]! <= MAX_ROUGHLY_SORTED;
  for (let from = range.from; from < range.to; ) {
    let [cost, count, to] = [costs[from]!, documents[from]!, from + 1];
    while (fits(to, cost, count)) {
      cost += costs[to]!;
      count += documents[to]!;
      to++;
    }
    if (count > 0) plans.push(planGroup(sides, from, to));
    from = to;
  }
  return plans;
}

function planGroup(sides: readonly SideFile[], firstBucket: number, endBucket: number): Plan {
  const reads: Read[] = [];
  const pieces: Piece[] = [];
  let to = 0;
  let documents = 0;
  for (const [side, { footer, file }] of sides.entries()) {
    const { blockBytes } = file.format;
    let last: Read | undefined;
    for (const extent of footer.extents) {
      if (extent.bucket < firstBucket || extent.bucket >= endBucket) continue;
      const first = Math.floor(extent.at / blockBytes);
      const end = Math.ceil((extent.at + extent.bytes) / blockBytes);
      if (last === undefined || first > last.firstBlock + last.blocks) {
        last = { side, firstBlock: first, blocks: 0, to };
        reads.push(last);
      }
      const more = Math.max(0, end - last.firstBlock - last.blocks);
      last.blocks += more;
      to += more * blockBytes;
      pieces.push({ side, extent, at: last.to + extent.at - last.firstBlock * blockBytes });
      documents += extent.documents;
    }
  }
  return { firstBucket, endBucket, documents, bytes: to, reads, pieces };
}

async function fetchGroup(sides: readonly SideFile[], plan: Plan, buffer: Uint8Array): Promise<void> {
  const all = plan.reads.map(({ side, firstBlock, blocks, to }) =>
    sides[side]!.file.fetchBlocks(firstBlock, blocks, buffer.subarray(to)),
  );
  // All of them, even where one fails: none may be under way when the files are closed.
  for (const result of await Promise.allSettled(all)) if (result.status === 'rejected') throw result.reason;
}

function checkGroup(sides: readonly SideFile[], plan: Plan, memory: GroupMemory, buffer: Uint8Array): void {
  for (const { side, firstBlock, blocks, to } of plan.reads) {
    const { file } = sides[side]!;
    const { blockBytes } = file.format;
    for (let k = 0; k < blocks; k += DIGESTS_A_CALL) {
      const count = Math.min(DIGESTS_A_CALL, blocks - k);
      const end = Math.min(k + count - 1, blocks - 1);
      const bytes = (count - 1) * blockBytes + file.blockSize(firstBlock + end);
      const from = to + k * blockBytes;
      file.checkDigests(firstBlock + k, memory.digest(buffer, from, from + bytes, blockBytes));
    }
  }
}
