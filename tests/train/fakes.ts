/** A model, a corpus and a tokenizer small enough to be computed by hand: for testing what stands around them. */

import { Random } from '../../src/core/random.ts';
import type { ShardDocument, WindowBatch } from '../../src/shard/batch.ts';
import type { Tokenizer } from '../../src/tokenize/tokenizer.ts';
import type {
  Decoder,
  ModelSession,
  NamedArrays,
  SessionState,
  StepResult,
  StepSettings,
} from '../../src/train/session.ts';

export const END_OF_TEXT = 256;
export const VOCABULARY = 257;

/** Bytes are tokens. */
export const byteTokenizer: Tokenizer = {
  vocabularySize: VOCABULARY,
  digest: 'bytes',
  specialTokens: new Map([['<|endoftext|>', END_OF_TEXT]]),
  endOfText: END_OF_TEXT,
  encodeInto(utf8, out) {
    for (const byte of utf8) out.push(byte);
    return utf8.length;
  },
  encode: (text) => Uint32Array.from(typeof text === 'string' ? Buffer.from(text) : text),
  decode: (ids) => Buffer.from(Array.from(ids).filter((id) => id < 256)).toString('utf8'),
  decodeBytes: (ids) => Uint8Array.from(Array.from(ids).filter((id) => id < 256)),
  tokenBytes: (id) => (id === END_OF_TEXT ? Buffer.from('<|endoftext|>') : Uint8Array.of(id)),
};

/**
 * P(next | previous) = softmax(table[previous]): a bigram model, trained by momentum on float32 tables. What it gives
 * for a token depends on the one before it alone, so every sum over a text can be had by a plain loop.
 */
export class BigramSession implements ModelSession {
  readonly vocabulary: number;
  readonly parameterCount: number;
  table: Float32Array;
  private momentum: Float32Array;
  /** Steps whose loss comes out as NaN, by update number, each once. */
  readonly failAt = new Set<number>();
  steps = 0;

  constructor(vocabulary = VOCABULARY, seed = 1) {
    this.vocabulary = vocabulary;
    this.parameterCount = vocabulary * vocabulary;
    const random = new Random(seed);
    this.table = Float32Array.from({ length: vocabulary * vocabulary }, () => random.normal());
    this.momentum = new Float32Array(vocabulary * vocabulary);
  }

  /** Nats of `target` after `previous`. */
  nats(previous: number, target: number): number {
    const row = this.table.subarray(previous * this.vocabulary, (previous + 1) * this.vocabulary);
    const top = Math.max(...row);
    let sum = 0;
    for (const score of row) sum += Math.exp(score - top);
    return top + Math.log(sum) - row[target]!;
  }

  private losses(inputs: NamedArrays): Float32Array {
    const { tokens, targets, lossWeight } = inputs as Record<string, { data: ArrayLike<number> }>;
    return Float32Array.from({ length: tokens!.data.length }, (_, i) =>
      lossWeight!.data[i] === 0 ? 0 : this.nats(tokens!.data[i]!, targets!.data[i]!),
    );
  }

  async step(microBatches: readonly NamedArrays[], settings: StepSettings): Promise<StepResult> {
    this.steps += 1;
    const tokenLoss = microBatches.map((inputs) => this.losses(inputs));
    const weights = microBatches.flatMap((inputs) => [...inputs.lossWeight!.data]);
    const total = weights.reduce((a, b) => a + b, 0);
    if (this.failAt.delete(settings.update)) {
      return { loss: Number.NaN, tokenLoss, gradientNorm: Number.NaN, skipped: true };
    }
    const loss = tokenLoss.reduce((sum, losses) => sum + losses.reduce((a, b) => a + b, 0), 0) / total;
    if (loss > (settings.maxLoss ?? Number.POSITIVE_INFINITY)) {
      return { loss, tokenLoss, gradientNorm: 1, skipped: true };
    }
    const gradient = new Float32Array(this.table.length);
    for (const inputs of microBatches) this.addGradient(inputs, gradient, 1 / total);
    let norm = 0;
    for (let i = 0; i < gradient.length; i++) {
      norm += gradient[i]! ** 2;
      this.momentum[i] = 0.9 * this.momentum[i]! + gradient[i]!;
      this.table[i]! -= settings.learningRate * this.momentum[i]!;
    }
    return { loss, tokenLoss, gradientNorm: Math.sqrt(norm), skipped: false };
  }

  private addGradient(inputs: NamedArrays, into: Float32Array, scale: number): void {
    const { tokens, targets, lossWeight } = inputs;
    for (let i = 0; i < tokens!.data.length; i++) {
      if (lossWeight!.data[i] === 0) continue;
      const base = tokens!.data[i]! * this.vocabulary;
      const row = this.table.subarray(base, base + this.vocabulary);
      const weights = row.map((score) => Math.exp(score));
      const sum = weights.reduce((a, b) => a + b, 0);
      for (let j = 0; j < row.length; j++) into[base + j]! += (scale * weights[j]!) / sum;
      into[base + targets!.data[i]!]! -= scale;
    }
  }

  async loss(inputs: NamedArrays): Promise<Float32Array> {
    return this.losses(inputs);
  }

  async logits(inputs: NamedArrays) {
    const { data, shape } = inputs.tokens!;
    const rows = [...data].map((token) => this.row(token));
    const all = new Float32Array(rows.length * this.vocabulary);
    for (const [i, row] of rows.entries()) all.set(row, i * this.vocabulary);
    return { shape: [...shape, this.vocabulary], data: all };
  }

  row(token: number): Float32Array {
    return this.table.slice(token * this.vocabulary, (token + 1) * this.vocabulary);
  }

  /** What decoders were fed: one list a prefill, its decoded tokens appended. */
  readonly fed: number[][] = [];

  async decoder(): Promise<Decoder> {
    return {
      prefill: async (tokens) => {
        this.fed.push([...tokens]);
        return { data: this.row(tokens.at(-1)!) };
      },
      decode: async (token) => {
        this.fed.at(-1)!.push(token);
        return { data: this.row(token) };
      },
      release: async () => {},
    };
  }

  async state(): Promise<SessionState> {
    const shape = [this.vocabulary, this.vocabulary];
    return {
      parameters: new Map([['table', { shape, data: this.table.slice() }]]),
      moments: new Map([['momentum', { shape, data: this.momentum.slice() }]]),
    };
  }

  async load(state: SessionState): Promise<void> {
    this.table = state.parameters.get('table')!.data.slice() as Float32Array;
    this.momentum = state.moments.get('momentum')!.data.slice() as Float32Array;
  }

  async release(): Promise<void> {}
}

export interface FakeDocument {
  readonly document: ShardDocument;
  /** With the end-of-text token appended. */
  readonly tokens: Int32Array;
}

export function fakeDocument(corpus: string, id: string, text: string): FakeDocument {
  const bytes = Buffer.from(text);
  return {
    document: {
      id,
      corpus,
      source: `${corpus}.txt`,
      sourceRange: [0, bytes.length],
      tokenRange: [0, bytes.length + 1],
      shard: 0,
      bytes: bytes.length,
      signals: {},
    },
    tokens: Int32Array.from([...bytes, END_OF_TEXT]),
  };
}

/** Documents one after another in windows, in order, over and over: what ShardLoader does but for the permutation. */
export class FakeLoader {
  readonly rows: number;
  readonly context: number;
  private readonly all: readonly FakeDocument[];
  private readonly tokens: number[] = [];
  private readonly owners: number[] = [];

  constructor(all: readonly FakeDocument[], rows: number, context: number) {
    this.all = all;
    this.rows = rows;
    this.context = context;
    for (const [i, { tokens }] of all.entries()) {
      for (const token of tokens) {
        this.tokens.push(token);
        this.owners.push(i);
      }
    }
  }

  batch(step: number): WindowBatch {
    const width = this.context + 1;
    const windows = Math.floor((this.tokens.length - 1) / this.context);
    const batch = {
      rows: this.rows,
      width,
      tokens: new Int32Array(this.rows * width),
      segments: new Int32Array(this.rows * width),
      positions: new Int32Array(this.rows * width),
      documentIndex: new Int32Array(this.rows * width),
      documents: this.all.map(({ document }) => document),
    };
    for (let row = 0; row < this.rows; row++) {
      const start = ((step * this.rows + row) % windows) * this.context;
      for (let t = 0; t < width; t++) {
        batch.tokens[row * width + t] = this.tokens[start + t]!;
        batch.documentIndex[row * width + t] = this.owners[start + t]!;
      }
    }
    return batch;
  }

  async *documents(): AsyncGenerator<FakeDocument> {
    yield* this.all;
  }
}

/** The causal objective's inputs, with one draw so that the generator's stream shows in the loss. */
export const fakeObjective = {
  kind: 'causal',
  inputSpecs: {
    position: { type: 'int32' as const, shape: (rows: number, length: number) => [rows, length] },
  },
  inputs(batch: WindowBatch, draw: () => number): NamedArrays {
    const { rows, width } = batch;
    const length = width - 1;
    const shape = [rows, length];
    const tokens = new Int32Array(rows * length);
    const targets = new Int32Array(rows * length);
    for (let row = 0; row < rows; row++) {
      tokens.set(batch.tokens.subarray(row * width, row * width + length), row * length);
      targets.set(batch.tokens.subarray(row * width + 1, (row + 1) * width), row * length);
    }
    const lossWeight = new Float32Array(rows * length).fill(1);
    lossWeight[Math.floor(draw() * lossWeight.length)] = 0;
    return {
      tokens: { shape, data: tokens },
      targets: { shape, data: targets },
      lossWeight: { shape, data: lossWeight },
    };
  },
};
