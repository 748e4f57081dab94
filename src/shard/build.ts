import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { CancelledError, IntegrityError } from '../core/errors.ts';
import { isTemporaryName, syncFolder, temporaryName } from '../core/files.ts';
import { xxh64 } from '../core/hash.ts';
import type { Progress } from '../core/stage.ts';
import { Curriculum, type CurriculumOptions } from './curriculum.ts';
import type { ShardSplit } from './format.ts';
import { DocumentCursor, eachDocument, KeyOrder } from './key-order.ts';
import { type MixtureOptions, type MixturePlan, planMixture, Sampler } from './mixture.ts';
import { Quality, type QualityOptions, requireSignal } from './quality.ts';
import { type Counts, type ShardIndex, writeShardIndex } from './shard-set.ts';
import { type ShardRow, type ShardSetting, ShardSetWriter } from './shard-writer.ts';
import { HELD_OUT_BIT, SIDE, SIDE_WORDS, SIGNAL_BYTES, SideFile } from './side-file.ts';
import { SideWriter } from './side-writer.ts';
import { asBytes, getBig, getU64 } from './u64.ts';

export interface BuildOptions extends MixtureOptions {
  /** A shard is closed before the document that would take it past this many tokens. */
  readonly shardTokens: number;
  /** Which signals the shards keep. */
  readonly signals: 'all' | 'none' | readonly string[];
  /** Of the documents that the shuffle holds at a time. */
  readonly memoryBytes: number;
  /** Takes single training documents more or less often, by a signal. */
  readonly upsample?: QualityOptions | undefined;
  /** Puts training documents in the order of a signal instead of shuffling them. */
  readonly orderBy?: CurriculumOptions | undefined;
}

export interface BuildInput {
  /** Finished side files, in any order. */
  readonly sides: readonly string[];
  readonly folder: string;
  readonly tokenizer: {
    readonly digest: string;
    readonly vocabularySize: number;
    readonly specialTokens: ReadonlyMap<string, number>;
  };
  /** The id that the side files' documents end in. */
  readonly endOfText: number | undefined;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  say(line: string): void;
}

export interface BuildResult {
  readonly index: ShardIndex;
  readonly files: readonly string[];
  readonly mixture: MixturePlan | undefined;
}

const OWN_FILE = /^((train|held-out)-\d+(\.r\d+)?\.shard|removal-\d+\.json|index\.json)$/;

/**
 * Puts the documents of side files into shards in order of their shuffle keys, so that the bytes depend on the documents,
 * the seed and the options alone, not on how the documents came in parts. Memory is bounded by `memoryBytes`, one shard's
 * index, and 80 bytes for each 256 KiB of side file.
 */
export async function buildShards(input: BuildInput, options: BuildOptions): Promise<BuildResult> {
  await removeLeftovers(input.folder);
  const sides: SideFile[] = [];
  try {
    for (const path of input.sides) {
      sides.push(new SideFile(path));
      checkSide(sides[0]!, sides.at(-1)!, input);
    }
    return await new Builder(input, options, sides).run();
  } finally {
    for (const side of sides) side.close();
    for (const path of sides.slice(input.sides.length).map((side) => side.path)) await rm(path);
  }
}

/** What an earlier attempt left: half-written files, and shards that this attempt writes again. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (isTemporaryName(name) || OWN_FILE.test(name)) await rm(join(folder, name));
  }
}

function checkSide(first: SideFile, side: SideFile, input: BuildInput): void {
  const must = (what: string, expected: unknown, found: unknown): void => {
    if (expected !== found) {
      throw new IntegrityError(`parts of different runs were mixed: other ${what}`, {
        file: side.path,
        expected: String(expected),
        found: String(found),
      });
    }
  };
  must('tokenizer', input.tokenizer.digest, side.footer.tokenizer);
  must('token width', first.tokenWidth, side.tokenWidth);
  must('shuffle seed', first.keySeed, side.keySeed);
  must('end-of-text tokens', input.endOfText !== undefined, side.endOfTextAppended);
}

/** After so many documents the clock is looked at: that costs as much as moving to the next one. */
const DOCUMENTS_A_LOOK = 64;

const noCounts = (): Counts => ({ documents: 0, tokens: 0, bytes: 0 });
type CorpusCounts = { name: string; splits: Record<ShardSplit, Counts> };

/** What a side file's numbers stand for. */
interface Names {
  /** Index of its corpus -> index in `corpora`. */
  readonly corpusOf: readonly number[];
  /** Index of its signal -> column or -1. */
  readonly columnOf: readonly number[];
}

class Builder {
  private readonly input: BuildInput;
  private readonly options: BuildOptions;
  private readonly sides: SideFile[];
  private readonly corpora: CorpusCounts[];
  private readonly signals: readonly string[];
  private readonly writers: Record<ShardSplit, ShardSetWriter>;
  private readonly names = new Map<SideFile, Names>();
  private rested = Number.NEGATIVE_INFINITY;
  private quality: Quality | undefined;
  /** What the shuffle reads, where that is not all side files. */
  private read: readonly SideFile[] | undefined;

  constructor(input: BuildInput, options: BuildOptions, sides: SideFile[]) {
    this.input = input;
    this.options = options;
    this.sides = sides;
    const names = [...new Set(sides.flatMap((side) => side.footer.corpora))].sort();
    this.corpora = names.map((name) => ({ name, splits: { train: noCounts(), 'held-out': noCounts() } }));
    this.signals = this.signalColumns();
    const setting: ShardSetting = {
      tokenizerDigest: input.tokenizer.digest,
      vocabularySize: input.tokenizer.vocabularySize,
      endOfText: input.endOfText,
      corpora: names,
      signals: this.signals,
    };
    const writer = (split: ShardSplit): ShardSetWriter =>
      new ShardSetWriter(input.folder, split, setting, options.shardTokens);
    this.writers = { train: writer('train'), 'held-out': writer('held-out') };
  }

  async run(): Promise<BuildResult> {
    const plan = planMixture(this.options, this.available());
    for (const corpus of plan?.missing ?? []) {
      this.input.say(`warning: corpus ${corpus} has a weight in the mixture and no training documents`);
    }
    if (plan?.cappedBy !== undefined) {
      this.input.say(
        `the mixture is held to ${this.options.maxEpochs} epochs of ${plan.cappedBy}: it has fewer tokens than asked for`,
      );
    }
    const sampler = await this.sampler(plan);
    if (sampler) await this.writeCopies(sampler);
    const { orderBy } = this.options;
    try {
      if (orderBy) await this.writeInOrder(orderBy, sampler);
      // What was left out is not among the documents that were put in order.
      await this.merge(orderBy ? undefined : sampler);
      return await this.finish(plan);
    } catch (error) {
      this.writers.train.abandon();
      this.writers['held-out'].abandon();
      throw error;
    }
  }

  private signalColumns(): string[] {
    const { signals } = this.options;
    if (signals === 'none') return [];
    const all = [...new Set(this.sides.flatMap((side) => side.footer.signals))].sort();
    return signals === 'all' ? all : all.filter((name) => signals.includes(name));
  }

  /** Training tokens or documents by corpus, as they came. */
  private available(): Map<string, number> {
    const unit = this.options.weightsBy;
    const available = new Map(this.corpora.map(({ name }) => [name, 0]));
    for (const { footer } of this.sides) {
      footer.corpora.forEach((name, i) => {
        available.set(name, available.get(name)! + (footer.counts.train[i]?.[unit] ?? 0));
      });
    }
    // A corpus that is held out whole takes no part in the mixture.
    for (const [name, amount] of available) if (amount === 0) available.delete(name);
    return available;
  }

  private async sampler(plan: MixturePlan | undefined): Promise<Sampler | undefined> {
    const { upsample, weightsBy } = this.options;
    if (!upsample) return plan && Sampler.of(plan, weightsBy, this.sides);
    const quality = new Quality(upsample, this.sides);
    this.quality = quality;
    const sums = new Map<string, { amount: number; weighted: number }>();
    if (plan) {
      await this.eachDocument((side, words, at, body) => {
        const corpus = words[at + SIDE.corpus]!;
        if (corpus & HELD_OUT_BIT) return;
        const name = side.footer.corpora[corpus]!;
        const amount = weightsBy === 'tokens' ? words[at + SIDE.tokens]! : 1;
        const sum = sums.get(name) ?? { amount: 0, weighted: 0 };
        sum.amount += amount;
        sum.weighted += amount * quality.times(side, words, at, body, 0);
        sums.set(name, sum);
      });
    }
    const means = [...sums].map(([name, { amount, weighted }]) => [name, weighted / amount] as const);
    return Sampler.byQuality(plan, new Map(means));
  }

  /** Calls `see` for every document of the side files, file by file; a body begins where its bytes do. */
  private async eachDocument(
    see: (side: SideFile, words: Uint32Array, at: number, body: Uint8Array) => void,
  ): Promise<void> {
    for (const side of this.sides) {
      for (const extent of side.footer.extents) {
        if (this.tired()) await this.rest();
        eachDocument(side, extent, (words, at, body) => see(side, words, at, body));
      }
    }
  }

  /** All documents that are taken, under keys that follow a signal, as the only side file that is read from then on. */
  private async writeInOrder(orderBy: CurriculumOptions, sampler: Sampler | undefined): Promise<void> {
    requireSignal('orderBy.signal', orderBy.signal, this.sides);
    const curriculum = new Curriculum(orderBy);
    await this.eachDocument((side, words, at, body) => curriculum.see(side, words, at, body, 0));
    curriculum.rank();
    const side = await this.writeSide('ordered', (writer) =>
      this.eachDocument((from, words, at, body) => {
        if (!this.splitOf({ words, at, side: from, bytes: body, bodyAt: 0 }, sampler)) return;
        const record = words.subarray(at, at + SIDE_WORDS);
        const key = curriculum.key(from, words, at, body, 0);
        writer.addFrom(from, record, body, record[SIDE.copy]!, key);
      }),
    );
    this.read = [side];
  }

  /** One more side file, which is deleted in the end. */
  private async writeSide(name: string, fill: (writer: SideWriter) => Promise<void>): Promise<SideFile> {
    const { tokenWidth, keySeed } = this.sides[0]!;
    const endOfText = this.input.endOfText;
    const path = temporaryName(join(this.input.folder, `${name}.side`));
    const tokenizerDigest = this.input.tokenizer.digest;
    const writer = new SideWriter(path, { tokenizerDigest, tokenWidth, endOfText, keySeed });
    try {
      await fill(writer);
      await writer.finish();
    } catch (error) {
      writer.abandon();
      throw error;
    }
    const side = new SideFile(path);
    this.sides.push(side);
    return side;
  }

  /** Second and further copies of upsampled documents, under keys of their own, as one more side file. */
  private async writeCopies(sampler: Sampler): Promise<void> {
    await this.writeSide('copies', (writer) =>
      this.eachDocument((side, words, at, body) =>
        this.addCopies(sampler, side, words.subarray(at, at + SIDE_WORDS), body, writer),
      ),
    );
  }

  private addCopies(
    sampler: Sampler,
    side: SideFile,
    record: Uint32Array,
    body: Uint8Array,
    writer: SideWriter,
  ): void {
    if (record[SIDE.corpus]! & HELD_OUT_BIT) return;
    const times = this.quality?.times(side, record, 0, body, 0);
    const copies = sampler.copies(side.footer.corpora[record[SIDE.corpus]!]!, record, 0, times);
    if (copies < 2) return;
    const name = asBytes(record.slice(SIDE.hash, SIDE.hash + 2));
    for (let copy = 1; copy < copies; copy++) {
      writer.addFrom(side, record, body, copy, xxh64(name, getBig(record, SIDE.key) + BigInt(copy)));
    }
  }

  private namesOf(side: SideFile): Names {
    let names = this.names.get(side);
    if (!names) {
      const corpora = this.corpora.map(({ name }) => name);
      names = {
        corpusOf: side.footer.corpora.map((name) => corpora.indexOf(name)),
        columnOf: side.footer.signals.map((name) => this.signals.indexOf(name)),
      };
      this.names.set(side, names);
    }
    return names;
  }

  private async merge(sampler: Sampler | undefined): Promise<void> {
    const { progress } = this.input;
    const sides = this.read ?? this.sides;
    const total = sides.reduce((sum, side) => sum + side.documents, 0);
    const row = emptyRow(this.signals.length);
    const cursor = new DocumentCursor();
    let done = 0;
    const order = new KeyOrder(this.options.memoryBytes, this.input.folder);
    for await (const group of order.groups(sides)) {
      for (let k = 0; k < group.length; k++) {
        if (done++ % DOCUMENTS_A_LOOK === 0 && this.tired()) {
          await this.rest();
          progress.report(done, total, 'documents shuffled');
        }
        group.moveTo(k, cursor);
        const split = this.splitOf(cursor, sampler);
        if (!split) continue;
        this.fillRow(row, cursor);
        const writer = this.writers[split];
        if (writer.needsRotation(row.tokens)) await writer.rotate();
        writer.add(row);
        const counts = this.corpora[row.corpus]!.splits[split];
        counts.documents++;
        counts.tokens += row.tokens;
        counts.bytes += row.textBytes;
      }
    }
    progress.report(total, total, 'documents shuffled');
  }

  /** Where a document goes, or undefined where the mixture leaves it out. */
  private splitOf(
    { words, at, side, bytes, bodyAt }: DocumentCursor,
    sampler: Sampler | undefined,
  ): ShardSplit | undefined {
    const corpus = words[at + SIDE.corpus]!;
    if (corpus & HELD_OUT_BIT) return 'held-out';
    // A further copy is there because its document is taken; only the first can be left out.
    if (!sampler || words[at + SIDE.copy] !== 0) return 'train';
    const times = this.quality?.times(side, words, at, bytes, bodyAt);
    return sampler.copies(side.footer.corpora[corpus]!, words, at, times) === 0 ? undefined : 'train';
  }

  private fillRow(row: ShardRow, { words, at, side, bytes, bodyAt }: DocumentCursor): void {
    const names = this.namesOf(side);
    row.tokens = words[at + SIDE.tokens]!;
    row.hashLow = words[at + SIDE.hash]!;
    row.hashHigh = words[at + SIDE.hash + 1]!;
    row.corpus = names.corpusOf[words[at + SIDE.corpus]! & ~HELD_OUT_BIT]!;
    row.copy = words[at + SIDE.copy]!;
    row.start = getU64(words, at + SIDE.sourceStart);
    row.end = getU64(words, at + SIDE.sourceEnd);
    row.textBytes = getU64(words, at + SIDE.textBytes);
    const signalsAt = bodyAt + row.tokens * side.tokenWidth;
    const idAt = signalsAt + words[at + SIDE.signals]! * SIGNAL_BYTES;
    const sourceAt = idAt + words[at + SIDE.idBytes]!;
    row.tokenBytes = bytes.subarray(bodyAt, signalsAt);
    row.id = bytes.subarray(idAt, sourceAt);
    row.source = bytes.subarray(sourceAt, sourceAt + words[at + SIDE.sourceBytes]!);
    this.readSignals(row, bytes, signalsAt, idAt, names.columnOf);
  }

  /** The signals at body[at .. end) that have columns. */
  private readSignals(
    row: ShardRow,
    body: Uint8Array,
    at: number,
    end: number,
    columnOf: readonly number[],
  ): void {
    row.signalCount = 0;
    if (this.signals.length === 0) return;
    for (let i = at; i < end; i += SIGNAL_BYTES) {
      const column = columnOf[body[i]! | (body[i + 1]! << 8) | (body[i + 2]! << 16)]!;
      if (column < 0) continue;
      for (let k = 0; k < 8; k++) doubleBytes[k] = body[i + 4 + k]!;
      row.signals[2 * row.signalCount] = column;
      row.signals[2 * row.signalCount++ + 1] = double[0]!;
    }
  }

  private async finish(mixture: MixturePlan | undefined): Promise<BuildResult> {
    const { tokenizer, endOfText, folder } = this.input;
    const train = await this.writers.train.finish();
    const heldOut = await this.writers['held-out'].finish();
    syncFolder(folder);
    const { digest, vocabularySize, specialTokens } = tokenizer;
    const index = await writeShardIndex(folder, {
      tokenizer: {
        digest,
        vocabularySize,
        endOfText: endOfText ?? null,
        specialTokens: Object.fromEntries(specialTokens),
      },
      splits: {
        train: { ...this.sum('train'), shards: train },
        'held-out': { ...this.sum('held-out'), shards: heldOut },
      },
      corpora: this.corpora,
      signals: this.signals,
      build: {
        shuffleSeed: (this.sides[0]?.keySeed ?? 0n).toString(16),
        shardTokens: this.options.shardTokens,
        mixture: mixture ?? null,
        ...(this.options.upsample ? { upsample: this.options.upsample } : {}),
        ...(this.options.orderBy ? { orderBy: this.options.orderBy } : {}),
      },
    });
    return { index, files: ['index.json', ...[...train, ...heldOut].map((entry) => entry.file)], mixture };
  }

  private sum(split: ShardSplit): Counts {
    const sum = noCounts();
    for (const { splits } of this.corpora) {
      sum.documents += splits[split].documents;
      sum.tokens += splits[split].tokens;
      sum.bytes += splits[split].bytes;
    }
    return sum;
  }

  private tired(): boolean {
    return performance.now() - this.rested > 10;
  }

  /** Lets timers and signals have their turn. */
  private async rest(): Promise<void> {
    await setImmediate();
    if (this.input.signal.aborted) throw new CancelledError();
    this.rested = performance.now();
  }
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
