import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { CancelledError, InvariantError } from '../core/errors.ts';
import { temporaryName } from '../core/files.ts';
import { wholeSource } from './format.ts';
import { columnsOf, type GroupMemory, type SideNames } from './group-memory.ts';
import { DocumentCursor, type Group, KeyOrder } from './key-order.ts';
import type { Selection } from './selection.ts';
import type { PlannedShard, ShardRun } from './shard-plan.ts';
import type { Counts } from './shard-set.ts';
import {
  type ShardEntry,
  type ShardRow,
  type ShardSetting,
  ShardWriter,
  shardFileName,
} from './shard-writer.ts';
import { corpusOf, SIDE, SIGNAL_BYTES, type SideFile, shapeOf, sharedOf, sourceIn } from './side-file.ts';
import { getU64 } from './u64.ts';

/** What a run has come to. */
export interface WrittenRun {
  readonly entries: readonly ShardEntry[];
  /** By index into the setting's corpora. */
  readonly counts: readonly Counts[];
}

export interface RunWriterInput {
  readonly sides: readonly SideFile[];
  readonly folder: string;
  readonly setting: ShardSetting;
  readonly selection: Selection;
  /** Of the documents that are held at a time. */
  readonly memoryBytes: number;
  readonly signal: AbortSignal;
  /** Told of documents that were gone through since the last time. */
  progress(documents: number): void;
}

/** So many documents go by before the clock is looked at. */
const DOCUMENTS_A_LOOK = 512;

/** Writes planned shards from side files, run by run. */
export class RunWriter {
  private readonly input: RunWriterInput;
  private readonly names = new Map<SideFile, SideNames>();
  private readonly order: KeyOrder;
  private readonly row: ShardRow;
  private readonly cursor = new DocumentCursor();
  private open: OpenShard | undefined;
  /** The shard before the open one, on its way to the disk and to its name. */
  private syncing: Promise<void> | undefined;
  private rested = Number.NEGATIVE_INFINITY;

  constructor(input: RunWriterInput) {
    this.input = input;
    const { memoryBytes, folder, setting } = input;
    this.order = new KeyOrder(memoryBytes, folder, undefined, setting.signals.length);
    this.row = emptyRow(setting.signals.length);
  }

  async write(run: ShardRun): Promise<WrittenRun> {
    const entries: ShardEntry[] = [];
    const counts = this.input.setting.corpora.map(() => ({ documents: 0, tokens: 0, bytes: 0 }));
    try {
      await this.fill(run, entries, counts);
      await this.syncing;
    } catch (error) {
      await this.syncing?.catch(() => {});
      this.syncing = undefined;
      this.open?.writer.abandon();
      this.open = undefined;
      throw error;
    }
    return { entries, counts };
  }

  private async fill(run: ShardRun, entries: ShardEntry[], counts: readonly Counts[]): Promise<void> {
    const { sides, progress, selection } = this.input;
    let { skip } = run[0]!;
    for await (const group of this.order.groups(sides, { from: run[0]!.bucket, to: run.at(-1)!.endBucket })) {
      const found = group.length;
      if (selection.sampler)
        group.keep(({ words, at, side, bytes, bodyAt }) => selection.takes(words, at, side, bytes, bodyAt));
      const skipped = Math.min(skip, group.length);
      skip -= skipped;
      for (let k = skipped; k < group.length; ) {
        if (performance.now() - this.rested > 10) await this.rest();
        const planned = run[entries.length]!;
        this.open ??= this.begin(planned, group.memory);
        const { writer } = this.open;
        const left = planned.documents - writer.documents;
        k += this.add(this.open, group, k, Math.min(group.length, k + left, k + DOCUMENTS_A_LOOK));
        if (writer.documents < planned.documents) continue;
        writer.counts.forEach((more, i) => {
          addCounts(counts[i]!, more);
        });
        entries.push(await this.seal(planned));
        if (entries.length < run.length) continue;
        progress(found);
        return;
      }
      progress(found);
    }
    throw new InvariantError('the shards were planned with more documents than there are');
  }

  /** Adds documents of [from, to) in the order of the keys to the open shard; gives how many, at least one. */
  private add({ writer, memory }: OpenShard, group: Group, from: number, to: number): number {
    // A bucket that was dealt out again may lie in another memory than the shard's buffers.
    if (memory === group.memory) {
      memory.name(group.sides, (side) => this.namesOf(side));
      const added = writer.addGroup(from, to);
      if (added > 0) return added;
    }
    group.moveTo(from, this.cursor);
    this.fillRow(this.cursor);
    writer.add(this.row);
    return 1;
  }

  private begin({ split, shard }: PlannedShard, memory: GroupMemory): OpenShard {
    const temporary = temporaryName(join(this.input.folder, shardFileName(split, shard)));
    const writer = new ShardWriter(temporary, split, shard, this.input.setting, memory);
    return { writer, temporary, memory };
  }

  private async seal({ split, shard }: PlannedShard): Promise<ShardEntry> {
    const { writer, temporary } = this.open!;
    const file = shardFileName(split, shard);
    const entry = await writer.complete();
    await this.syncing;
    this.open = undefined;
    // The next shard is filled meanwhile.
    this.syncing = this.publish(writer, temporary, file);
    // Its failure is reported when it is waited for.
    this.syncing.catch(() => {});
    return { file, ...entry };
  }

  private async publish(writer: ShardWriter, temporary: string, file: string): Promise<void> {
    await writer.sync();
    await rename(temporary, join(this.input.folder, file));
  }

  private namesOf(side: SideFile): SideNames {
    let names = this.names.get(side);
    if (!names) {
      const { corpora, signals } = this.input.setting;
      names = {
        corpusOf: side.footer.corpora.map((name) => corpora.indexOf(name)),
        columnsOf: columnsOf(side, signals),
      };
      this.names.set(side, names);
    }
    return names;
  }

  private fillRow({ words, at, side, bytes, bodyAt, firstAt }: DocumentCursor): void {
    const { row } = this;
    const names = this.namesOf(side);
    row.tokens = words[at + SIDE.tokens]!;
    row.hashLow = words[at + SIDE.hash]!;
    row.hashHigh = words[at + SIDE.hash + 1]!;
    row.corpus = names.corpusOf[corpusOf(words[at + SIDE.corpus]!)]!;
    row.copy = words[at + SIDE.copy]!;
    row.start = getU64(words, at + SIDE.sourceStart);
    row.end = getU64(words, at + SIDE.sourceEnd);
    row.textBytes = getU64(words, at + SIDE.textBytes);
    const signalsAt = bodyAt + row.tokens * side.tokenWidth;
    const sourceAt = bodyAt + sourceIn(words, at, side);
    const own = bytes.subarray(sourceAt, sourceAt + words[at + SIDE.sourceBytes]!);
    const shared = sharedOf(words[at + SIDE.signals]!);
    row.tokenBytes = bytes.subarray(bodyAt, signalsAt);
    row.id = bytes.subarray(sourceAt - words[at + SIDE.idBytes]!, sourceAt);
    row.source = wholeSource(bytes.subarray(firstAt), shared, own);
    this.readSignals(bytes, signalsAt, names.columnsOf[shapeOf(words[at + SIDE.signals]!)]!);
  }

  /** The signals at body[at ..) that have columns. */
  private readSignals(body: Uint8Array, at: number, columns: readonly number[]): void {
    const { row } = this;
    row.signalCount = 0;
    for (const [i, column] of columns.entries()) {
      if (column < 0) continue;
      for (let k = 0; k < 8; k++) doubleBytes[k] = body[at + i * SIGNAL_BYTES + k]!;
      row.signals[2 * row.signalCount] = column;
      row.signals[2 * row.signalCount++ + 1] = double[0]!;
    }
  }

  /** Lets timers, signals and messages have their turn. */
  private async rest(): Promise<void> {
    await setImmediate();
    if (this.input.signal.aborted) throw new CancelledError();
    this.rested = performance.now();
  }
}

interface OpenShard {
  readonly writer: ShardWriter;
  readonly temporary: string;
  /** Whose buffers the shard is written from. */
  readonly memory: GroupMemory;
}

function addCounts(sum: Counts, more: Counts): void {
  sum.documents += more.documents;
  sum.tokens += more.tokens;
  sum.bytes += more.bytes;
}

const double = new Float64Array(1);
const doubleBytes = new Uint8Array(double.buffer);

function emptyRow(signals: number): ShardRow {
  const none = new Uint8Array(0);
  return {
    tokenBytes: none,
    tokens: 0,
    hashLow: 0,
    hashHigh: 0,
    id: none,
    source: none,
    corpus: 0,
    copy: 0,
    start: 0,
    end: 0,
    textBytes: 0,
    signals: new Float64Array(2 * signals),
    signalCount: 0,
  };
}
