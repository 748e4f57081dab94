import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { CancelledError, IntegrityError } from '../core/errors.ts';
import { isTemporaryName, syncFolder, temporaryName } from '../core/files.ts';
import { xxh64 } from '../core/hash.ts';
import type { Progress } from '../core/stage.ts';
import type { ShardSplit } from './format.ts';
import { mergeRuns, openRuns, type RunReader } from './merge.ts';
import { type MixtureOptions, type MixturePlan, planMixture, Sampler } from './mixture.ts';
import { type Counts, type ShardIndex, writeShardIndex } from './shard-set.ts';
import { type ShardRow, type ShardSetting, ShardSetWriter } from './shard-writer.ts';
import { HELD_OUT_BIT, SIDE, SIGNAL_BYTES, SideFile } from './side-file.ts';
import { SideWriter } from './side-writer.ts';
import { getBig, getU64 } from './u64.ts';

export interface BuildOptions extends MixtureOptions {
  /** A shard is closed before the document that would take it past this many tokens. */
  readonly shardTokens: number;
  /** Which signals the shards keep. */
  readonly signals: 'all' | 'none' | readonly string[];
  /** Buffers of the merge, all together. */
  readonly memoryBytes: number;
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
 * Merges the side files into shards: documents in order of their shuffle keys, so that the bytes depend on the
 * documents, the seed and the options alone, not on how the documents came in parts. Memory is bounded by
 * `memoryBytes`, one shard's index, and 0.3 MB a run.
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
  private readonly writers: Record<ShardSplit, ShardSetWriter>;
  /** By side file: index of its corpus -> index in `corpora`, of its signal -> column or -1. */
  private corpusOf: number[][] = [];
  private columnOf: number[][] = [];
  private rested = Number.NEGATIVE_INFINITY;

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
    const sampler = plan && Sampler.of(plan, this.options.weightsBy, this.sides);
    if (sampler) await this.writeCopies(sampler);
    this.mapNames();
    try {
      await this.merge(sampler);
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

  /** Second and further copies of upsampled documents, under keys of their own, as one more side file. */
  private async writeCopies(sampler: Sampler): Promise<void> {
    const first = this.sides[0]!;
    const { tokenWidth, keySeed } = first;
    const endOfText = this.input.endOfText;
    const tokenizerDigest = this.input.tokenizer.digest;
    const made: SideFile[] = [];
    for (const side of this.sides) {
      const path = temporaryName(join(this.input.folder, 'copies.side'));
      const writer = new SideWriter(path, { tokenizerDigest, tokenWidth, endOfText, keySeed });
      try {
        for (const reader of openRuns([side], this.options.memoryBytes)) {
          while (reader.next()) {
            if (this.tired()) await this.rest();
            this.addCopies(sampler, reader, writer);
          }
        }
        await writer.finish();
      } catch (error) {
        writer.abandon();
        throw error;
      }
      made.push(new SideFile(path));
    }
    this.sides.push(...made);
  }

  private addCopies(sampler: Sampler, reader: RunReader, writer: SideWriter): void {
    const { words, at, side } = reader;
    if (words[at + SIDE.corpus]! & HELD_OUT_BIT) return;
    const copies = sampler.copies(side.footer.corpora[words[at + SIDE.corpus]!]!, words, at);
    if (copies < 2) return;
    const record = words.slice(at, at + 16);
    const body = reader.body();
    const name = new Uint8Array(record.buffer, 4 * SIDE.hash, 8);
    for (let copy = 1; copy < copies; copy++) {
      const key = xxh64(name, getBig(record, SIDE.key) + BigInt(copy));
      writer.addCopy(side, record, body, copy, key);
    }
  }

  private mapNames(): void {
    const corpora = this.corpora.map(({ name }) => name);
    this.corpusOf = this.sides.map(({ footer }) => footer.corpora.map((name) => corpora.indexOf(name)));
    this.columnOf = this.sides.map(({ footer }) => footer.signals.map((name) => this.signals.indexOf(name)));
  }

  private async merge(sampler: Sampler | undefined): Promise<void> {
    const { progress } = this.input;
    const total = this.sides.reduce((sum, side) => sum + side.documents, 0);
    const row = emptyRow(this.signals.length);
    let done = 0;
    for (const reader of mergeRuns(openRuns(this.sides, this.options.memoryBytes))) {
      done++;
      if (this.tired()) {
        await this.rest();
        progress.report(done, total, 'documents shuffled');
      }
      const { words, at } = reader;
      const split: ShardSplit = words[at + SIDE.corpus]! & HELD_OUT_BIT ? 'held-out' : 'train';
      const corpus =
        this.corpora[this.corpusOf[reader.sideIndex]![words[at + SIDE.corpus]! & ~HELD_OUT_BIT]!]!;
      // A further copy is there because its document is taken; only the first can be left out.
      const first = split === 'train' && words[at + SIDE.copy] === 0;
      if (sampler && first && sampler.copies(corpus.name, words, at) === 0) continue;
      this.fillRow(row, reader);
      const writer = this.writers[split];
      if (writer.needsRotation(row.tokens)) await writer.rotate();
      writer.add(row);
      const counts = corpus.splits[split];
      counts.documents++;
      counts.tokens += row.tokens;
      counts.bytes += row.textBytes;
    }
    progress.report(total, total, 'documents shuffled');
  }

  private fillRow(row: ShardRow, reader: RunReader): void {
    const { words, at, side, sideIndex } = reader;
    const signals = words[at + SIDE.signals]!;
    row.tokens = words[at + SIDE.tokens]!;
    row.hashLow = words[at + SIDE.hash]!;
    row.hashHigh = words[at + SIDE.hash + 1]!;
    row.corpus = this.corpusOf[sideIndex]![words[at + SIDE.corpus]! & ~HELD_OUT_BIT]!;
    row.copy = words[at + SIDE.copy]!;
    row.start = getU64(words, at + SIDE.sourceStart);
    row.end = getU64(words, at + SIDE.sourceEnd);
    row.textBytes = getU64(words, at + SIDE.textBytes);
    const idBytes = words[at + SIDE.idBytes]!;
    const body = reader.body();
    const signalsAt = row.tokens * side.tokenWidth;
    const idAt = signalsAt + signals * SIGNAL_BYTES;
    row.tokenBytes = body.subarray(0, signalsAt);
    row.id = body.subarray(idAt, idAt + idBytes);
    row.source = body.subarray(idAt + idBytes);
    this.readSignals(row, body, signalsAt, idAt, this.columnOf[sideIndex]!);
  }

  /** The signals at body[at .. end) that have columns. */
  private readSignals(row: ShardRow, body: Uint8Array, at: number, end: number, columnOf: number[]): void {
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
