import { ConfigurationError } from '../core/errors.ts';
import { xxh64 } from '../core/hash.ts';
import type { ShardDocument } from './batch.ts';
import { RECORD, SHARD_SPLITS, type ShardSplit } from './format.ts';
import { noWindow } from './loader.ts';
import type { Packing } from './packing.ts';
import { WindowOrder } from './permutation.ts';
import { lastAtMost, type ShardFile, text } from './shard-file.ts';
import { openShard, readShardIndex, type ShardIndex } from './shard-set.ts';
import { setBig } from './u64.ts';
import { planWindows, type WindowPlan } from './window-plan.ts';

/** One document where it lies in a set of shards. */
export interface DocumentPlace {
  readonly split: ShardSplit;
  readonly shard: number;
  /** Name of the shard's file in the folder. */
  readonly file: string;
  /** Number of the document in its shard. */
  readonly number: number;
  /** Which copy of an upsampled document this is, from 0. */
  readonly copy: number;
  readonly document: ShardDocument;
}

/** One token, and the document that it belongs to. */
export interface TokenPlace extends DocumentPlace {
  /** Offset in tokens of the shard. */
  readonly token: number;
  /** Position of the token inside its document. */
  readonly position: number;
  readonly tokenId: number;
}

/** What the loader of a training run was opened with. */
export interface OrderSettings {
  readonly split: ShardSplit;
  readonly context: number;
  readonly rows: number;
  readonly ranks?: number;
  readonly orderSeed: number;
  readonly packing?: Packing;
  readonly epochsInOrder?: number;
}

/** One reading of a token in training: `row` counts over all ranks. */
export interface Visit {
  readonly step: number;
  readonly row: number;
  readonly column: number;
}

/** Finds the document of a token and the tokens of a document. Shards are opened as they are needed. */
export class ShardTracer {
  readonly index: ShardIndex;
  private readonly folder: string;
  private readonly opened = new Map<string, ShardFile>();

  private constructor(folder: string, index: ShardIndex) {
    this.folder = folder;
    this.index = index;
  }

  /** Throws InputError where the folder holds no shards. */
  static async open(folder: string): Promise<ShardTracer> {
    return new ShardTracer(folder, await readShardIndex(folder));
  }

  /** The document of token `token` of a shard. Throws ConfigurationError for a shard or token that is not there. */
  atToken(split: ShardSplit, shard: number, token: number): TokenPlace {
    const entry = this.index.splits[split].shards[shard];
    if (!entry) this.outside(`shard ${shard}`, this.index.splits[split].shards.length, split);
    if (!(Number.isSafeInteger(token) && token >= 0 && token < entry.tokens)) {
      this.outside(`token ${token}`, entry.tokens, entry.file);
    }
    const file = this.shard(split, shard);
    const number = file.documentAt(token);
    const id = new Int32Array(1);
    file.copyTokens(token, 1, id, 0);
    const position = token - file.starts[number]!;
    return { ...this.place(split, shard, number), token, position, tokenId: id[0]! >>> 0 };
  }

  /** What stood at `column` of row `row` of the batch of `step`; rows count over all ranks. */
  atStep(order: OrderSettings, { step, row, column }: Visit): TokenPlace {
    const { context, rows, ranks = 1, split } = order;
    const plan = this.plan(order);
    const fail = (found: string): never => {
      throw new ConfigurationError('no such place in a batch', {
        expected: `row below ${rows * ranks}, column at most ${context}`,
        found: `step ${step}, row ${row}, column ${column}${found}`,
      });
    };
    if (!(row >= 0 && row < rows * ranks && column >= 0 && column <= context && step >= 0)) fail('');
    const window = orderOf(plan, order).at(step * rows * ranks + row);
    let left = column;
    for (const { start, length } of plan.pieces(window)) {
      if (left < length) return this.atSequence(split, start + left);
      left -= length;
    }
    return fail(', which is padding');
  }

  /** Every place of the documents with this id (of one corpus, or of all), or from this source, a file or a URL. */
  find(wanted: { id: string; corpus?: string } | { source: string }): DocumentPlace[] {
    const places: DocumentPlace[] = [];
    for (const split of SHARD_SPLITS) {
      for (let shard = 0; shard < this.index.splits[split].shards.length; shard++) {
        const file = this.shard(split, shard);
        const numbers = 'source' in wanted ? bySource(file, wanted.source) : byId(file, wanted);
        for (const number of numbers) places.push(this.place(split, shard, number));
      }
    }
    return places;
  }

  /** When in epoch `epoch` token `token` of a shard is read: usually one visit, two where it joins two windows. */
  visits(order: OrderSettings, shard: number, token: number, epoch = 0): Visit[] {
    const { rows, ranks = 1, split } = order;
    const plan = this.plan(order);
    const at = this.bases(split)[shard]! + token;
    const windows = orderOf(plan, order);
    const visits = plan.placesOf(at).map(({ window, column }) => {
      const place = windows.placeOf(window, epoch);
      const step = Math.floor(place / (rows * ranks));
      return { step, row: place - step * rows * ranks, column };
    });
    return visits.sort((a, b) => a.step - b.step || a.row - b.row);
  }

  async close(): Promise<void> {
    for (const shard of this.opened.values()) shard.close();
    this.opened.clear();
  }

  /** Packed windows follow from the lengths of all documents: then every shard of the split is opened. */
  private plan({ split, context, packing = 'concatenate' }: OrderSettings): WindowPlan {
    const { tokens, shards } = this.index.splits[split];
    const files = packing === 'concatenate' ? [] : shards.map((_, shard) => this.shard(split, shard));
    const plan = planWindows(files, tokens, context, packing);
    if (plan.windows === 0) throw noWindow({ split, context }, tokens);
    return plan;
  }

  private atSequence(split: ShardSplit, at: number): TokenPlace {
    const bases = this.bases(split);
    const shard = lastAtMost(bases, bases.length - 1, at);
    return this.atToken(split, shard, at - bases[shard]!);
  }

  private bases(split: ShardSplit): Float64Array {
    const { shards } = this.index.splits[split];
    const bases = new Float64Array(shards.length + 1);
    shards.forEach((entry, i) => {
      bases[i + 1] = bases[i]! + entry.tokens;
    });
    return bases;
  }

  private shard(split: ShardSplit, shard: number): ShardFile {
    const entry = this.index.splits[split].shards[shard]!;
    let file = this.opened.get(entry.file);
    if (!file) {
      file = openShard(this.folder, this.index, entry, 'touch');
      this.opened.set(entry.file, file);
    }
    return file;
  }

  private place(split: ShardSplit, shard: number, number: number): DocumentPlace {
    const file = this.shard(split, shard);
    const name = this.index.splits[split].shards[shard]!.file;
    const copy = file.record(number)[RECORD.copy]!;
    return { split, shard, file: name, number, copy, document: file.document(number) };
  }

  private outside(what: string, count: number, where: string): never {
    throw new ConfigurationError(`no ${what} in ${where}`, {
      file: this.folder,
      expected: `0 to ${count - 1}`,
    });
  }
}

function orderOf(plan: WindowPlan, { orderSeed, epochsInOrder }: OrderSettings): WindowOrder {
  return new WindowOrder(plan.windows, orderSeed, epochsInOrder);
}

function* bySource(file: ShardFile, source: string): Generator<number> {
  const wanted = file.sourcesOf(source);
  if (wanted.size === 0) return;
  for (const { i, words, at } of file.eachRecord()) if (wanted.has(words[at + RECORD.source]!)) yield i;
}

/** Where the corpus is known, the hash of (corpus, id) rules out nearly all documents without reading their ids. */
function* byId(file: ShardFile, { id, corpus }: { id: string; corpus?: string }): Generator<number> {
  const corpora = corpus === undefined ? file.corpora : [corpus];
  const hashes = new Uint32Array(2 * corpora.length);
  corpora.forEach((name, k) => {
    setBig(hashes, 2 * k, xxh64(Buffer.from(`${name}\0${id}`, 'utf8')));
  });
  for (const { i, words, at } of file.eachRecord()) {
    const name = file.corpora[words[at + RECORD.corpus]!]!;
    const k = corpora.indexOf(name);
    if (k < 0 || words[at] !== hashes[2 * k] || words[at + 1] !== hashes[2 * k + 1]) continue;
    if (text(file.idBytes(words.slice(at))) === id) yield i;
  }
}
