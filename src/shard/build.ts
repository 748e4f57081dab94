import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { CancelledError, IntegrityError } from '../core/errors.ts';
import { isTemporaryName, syncFolder, temporaryName } from '../core/files.ts';
import { xxh64 } from '../core/hash.ts';
import type { Progress } from '../core/stage.ts';
import { writeInLanes } from './build-lanes.ts';
import { Curriculum, type CurriculumOptions } from './curriculum.ts';
import { bySplit, type ShardSplit } from './format.ts';
import { eachDocument, type SeeDocument } from './key-order.ts';
import { type MixtureOptions, type MixturePlan, planMixture, Sampler } from './mixture.ts';
import { Quality, type QualityOptions, requireSignal } from './quality.ts';
import { Selection } from './selection.ts';
import { planShards } from './shard-plan.ts';
import { type Counts, type ShardIndex, writeShardIndex } from './shard-set.ts';
import type { ShardEntry, ShardSetting } from './shard-writer.ts';
import { isTraining, SIDE, SIDE_WORDS, SideFile } from './side-file.ts';
import { SideWriter } from './side-writer.ts';
import { asBytes, getBig } from './u64.ts';

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
  /** How many threads may write shards at a time, this one included; 1 unless said. The bytes do not depend on it. */
  readonly threads?: number;
  /** Bytes of side files that are worth a further thread; some megabytes unless said. */
  readonly bytesAThread?: number;
  say(line: string): void;
}

export interface BuildResult {
  readonly index: ShardIndex;
  readonly files: readonly string[];
  readonly mixture: MixturePlan | undefined;
}

const OWN_FILE = /^((train|held-out|validation)-\d+(\.r\d+)?\.shard|removal-\d+\.json|index\.json)$/;

/**
 * Puts the documents of side files into shards in order of their shuffle keys, so that the bytes depend on the documents,
 * the seed and the options alone, not on how the documents came in parts. Which documents go into which shard
 * is planned first, so that threads write whole shards side by side. Memory is bounded by `memoryBytes` in all, and in each
 * thread one shard's index, and 80 bytes for each 256 KiB of side file.
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

const noCounts = (): Counts => ({ documents: 0, tokens: 0, bytes: 0 });
type CorpusCounts = { name: string; splits: Record<ShardSplit, Counts> };

class Builder {
  private readonly input: BuildInput;
  private readonly options: BuildOptions;
  private readonly sides: SideFile[];
  private readonly corpora: CorpusCounts[];
  private readonly signals: readonly string[];
  private readonly setting: ShardSetting;
  private readonly entries: Record<ShardSplit, ShardEntry[]> = bySplit(() => []);
  private rested = Number.NEGATIVE_INFINITY;
  private quality: Quality | undefined;
  /** What the shuffle reads, where that is not all side files. */
  private read: readonly SideFile[] | undefined;

  constructor(input: BuildInput, options: BuildOptions, sides: SideFile[]) {
    this.input = input;
    this.options = options;
    this.sides = sides;
    const names = [...new Set(sides.flatMap((side) => side.footer.corpora))].sort();
    this.corpora = names.map((name) => ({ name, splits: bySplit(noCounts) }));
    this.signals = this.signalColumns();
    this.setting = {
      tokenizerDigest: input.tokenizer.digest,
      vocabularySize: input.tokenizer.vocabularySize,
      endOfText: input.endOfText,
      corpora: names,
      signals: this.signals,
    };
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
    const selection = new Selection(sampler, this.quality);
    if (orderBy) await this.writeInOrder(orderBy, selection);
    // What was left out is not among the documents that were put in order.
    await this.write(orderBy ? new Selection(undefined, undefined) : selection);
    return this.finish(plan);
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
        if (!isTraining(corpus)) return;
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
    see: (side: SideFile, ...document: Parameters<SeeDocument>) => void,
  ): Promise<void> {
    for (const side of this.sides) {
      for (const extent of side.footer.extents) {
        if (this.tired()) await this.rest();
        eachDocument(side, extent, (...document) => see(side, ...document));
      }
    }
  }

  /** All documents that are taken, under keys that follow a signal, as the only side file that is read from then on. */
  private async writeInOrder(orderBy: CurriculumOptions, selection: Selection): Promise<void> {
    requireSignal('orderBy.signal', orderBy.signal, this.sides);
    const curriculum = new Curriculum(orderBy);
    await this.eachDocument((side, words, at, body) => curriculum.see(side, words, at, body, 0));
    curriculum.rank();
    const side = await this.writeSide('ordered', (writer) =>
      this.eachDocument((from, words, at, body, first) => {
        if (!selection.takes(words, at, from, body, 0)) return;
        const record = words.subarray(at, at + SIDE_WORDS);
        const key = curriculum.key(from, words, at, body, 0);
        writer.addFrom(from, record, body, first, record[SIDE.copy]!, key);
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
      this.eachDocument((side, words, at, body, first) =>
        this.addCopies(sampler, side, words.subarray(at, at + SIDE_WORDS), body, first, writer),
      ),
    );
  }

  private addCopies(
    sampler: Sampler,
    side: SideFile,
    record: Uint32Array,
    body: Uint8Array,
    first: Uint8Array,
    writer: SideWriter,
  ): void {
    if (!isTraining(record[SIDE.corpus]!)) return;
    const times = this.quality?.times(side, record, 0, body, 0);
    const copies = sampler.copies(side.footer.corpora[record[SIDE.corpus]!]!, record, 0, times);
    if (copies < 2) return;
    const name = asBytes(record.slice(SIDE.hash, SIDE.hash + 2));
    for (let copy = 1; copy < copies; copy++) {
      writer.addFrom(side, record, body, first, copy, xxh64(name, getBig(record, SIDE.key) + BigInt(copy)));
    }
  }

  /** Plans the shards, and writes them in as many threads as pay. */
  private async write(selection: Selection): Promise<void> {
    const { input, options, setting } = this;
    const { folder, signal, progress } = input;
    const sides = this.read ?? this.sides;
    const shards = await planShards(sides, options.shardTokens, selection, async () => {
      if (this.tired()) await this.rest();
    });
    const lanes = { sides, folder, setting, selection, memoryBytes: options.memoryBytes, signal, progress };
    for (const { entries, counts, split } of await writeInLanes(lanes, shards, input)) {
      this.entries[split].push(...entries);
      counts.forEach((more, i) => {
        const sum = this.corpora[i]!.splits[split];
        sum.documents += more.documents;
        sum.tokens += more.tokens;
        sum.bytes += more.bytes;
      });
    }
  }

  private async finish(mixture: MixturePlan | undefined): Promise<BuildResult> {
    const { tokenizer, endOfText, folder } = this.input;
    const { train, 'held-out': heldOut, validation } = this.entries;
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
        validation: { ...this.sum('validation'), shards: validation },
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
    const shards = [...train, ...heldOut, ...validation];
    return { index, files: ['index.json', ...shards.map((entry) => entry.file)], mixture };
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
