/**
 * A model as one ONNX file for inference, with the inputs and outputs that `@huggingface/transformers` (transformers.js)
 * and Optimum give such files. Sizes of batch and sequence are free; operators are ONNX's own (set 21).
 *
 * Decoder: input_ids, attention_mask, position_ids, past_key_values.N.key and .value (int64, then float32
 * [batch, keyValueHeads, past, size]) to logits [batch, sequence, vocabulary] and present.N.key and .value.
 * Encoder: input_ids, attention_mask, token_type_ids to logits.
 */

import { ConfigurationError } from '../../core/errors.ts';
import type { ModelShape } from '../model/options.ts';
import type { NamedArray } from '../session.ts';
import { OnnxBuilder } from './onnx-builder.ts';

/** A message of protocol buffers ends at 2 GiB; what is not weights takes some of it. */
const WEIGHT_LIMIT = 2 ** 31 - 2 ** 24;

/** Added to the score of a key that is not seen. */
const UNSEEN = -1e9;

/** Throws a ConfigurationError where the weights do not fit in one file. */
export function inferenceModel(shape: ModelShape, weights: ReadonlyMap<string, NamedArray>): Uint8Array {
  const bytes = [...weights.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
  if (bytes > WEIGHT_LIMIT) {
    throw new ConfigurationError('the weights do not fit in one ONNX file', {
      expected: `at most ${WEIGHT_LIMIT} bytes, or a hand-over without it (--no-onnx)`,
      found: `${bytes}`,
    });
  }
  return new Inference(shape, new OnnxBuilder(weights)).model();
}

class Inference {
  private readonly shape: ModelShape;
  private readonly onnx: OnnxBuilder;
  private readonly size: number;

  constructor(shape: ModelShape, onnx: OnnxBuilder) {
    this.shape = shape;
    this.onnx = onnx;
    this.size = shape.width / shape.heads;
  }

  model(): Uint8Array {
    const { onnx, shape } = this;
    const decodes = shape.kind === 'decoder';
    const ids = onnx.input('input_ids', 'int64', ['batch', 'sequence']);
    const seen = onnx.input('attention_mask', 'int64', ['batch', decodes ? 'total' : 'sequence']);
    const positions = decodes
      ? onnx.input('position_ids', 'int64', ['batch', 'sequence'])
      : this.range('0', this.sizeOf(ids, 1));
    const types = decodes ? undefined : onnx.input('token_type_ids', 'int64', ['batch', 'sequence']);
    onnx.output('logits', ['batch', 'sequence', shape.vocabulary]);
    const mask = onnx.within('mask', () => this.mask(ids, seen));
    const turn =
      shape.positions === 'rotary' ? onnx.within('rotary', () => this.rotary(positions)) : undefined;
    let x = onnx.within('embedding', () => this.embed(ids, positions, types));
    for (let layer = 0; layer < shape.layers; layer++) {
      x = onnx.within(`layers.${layer}`, () => this.block(layer, x, mask, turn));
    }
    onnx.within('head', () => this.head(shape.normPlace === 'before' ? this.norm('norm', x) : x, ids));
    return onnx.finish(`provender ${shape.family}`);
  }

  private sizeOf(x: string, axis: number): string {
    const { onnx } = this;
    return onnx.node('Gather', [onnx.node('Shape', [x]), onnx.integers([axis], [])]);
  }

  /** [from, to); '0' for a beginning at zero. */
  private range(from: string, to: string): string {
    const { onnx } = this;
    return onnx.node('Range', [from === '0' ? onnx.integers([0], []) : from, to, onnx.integers([1], [])]);
  }

  /** 0 where a query sees a key, [batch, 1, sequence or 1, total]. */
  private mask(ids: string, seen: string): string {
    const { onnx } = this;
    let visible = onnx.node('Unsqueeze', [onnx.node('Cast', [seen], { to: 9 }), onnx.integers([1, 2])]);
    if (this.shape.kind === 'decoder') {
      const total = this.sizeOf(seen, 1);
      const past = onnx.node('Sub', [total, this.sizeOf(ids, 1)]);
      const keys = onnx.node('Unsqueeze', [this.range('0', total), onnx.integers([0])]);
      const queries = onnx.node('Unsqueeze', [this.range(past, total), onnx.integers([1])]);
      visible = onnx.node('And', [visible, onnx.node('LessOrEqual', [keys, queries])]);
    }
    return onnx.node('Where', [visible, onnx.number(0), onnx.number(UNSEEN)]);
  }

  private embed(ids: string, positions: string, types: string | undefined): string {
    const { onnx, shape } = this;
    const rows = (table: string, of: string) => onnx.node('Gather', [onnx.weight(`embedding.${table}`), of]);
    let x = rows('token', ids);
    if (shape.positions === 'learned') x = onnx.node('Add', [x, rows('position', positions)]);
    if (types !== undefined) x = onnx.node('Add', [x, rows('tokenType', types)]);
    return shape.normPlace === 'after' ? this.norm('embedding.norm', x) : x;
  }

  /** Cosines and signed sines, [batch, 1, sequence, size]; the same tables as in training. */
  private rotary(positions: string): { cosine: string; signedSine: string } {
    const { onnx, size } = this;
    const { context, rotaryBase } = this.shape;
    const table = (value: (angle: number, firstHalf: boolean) => number) => {
      const values = Float32Array.from({ length: context * size }, (_, i) => {
        const element = i % size;
        const frequency = rotaryBase ** (-(element % (size / 2)) / (size / 2));
        return value(Math.floor(i / size) * frequency, element < size / 2);
      });
      const rows = onnx.node('Gather', [onnx.floats(values, [context, size]), positions]);
      return onnx.node('Unsqueeze', [rows, onnx.integers([1])]);
    };
    return {
      cosine: table(Math.cos),
      signedSine: table((angle, firstHalf) => (firstHalf ? -Math.sin(angle) : Math.sin(angle))),
    };
  }

  private norm(name: string, x: string): string {
    const { onnx, shape } = this;
    const gain = onnx.weight(`${name}.gain`);
    if (shape.norm === 'rms') return this.rmsNorm(x, gain);
    const inputs = [x, gain, onnx.weight(`${name}.offset`)];
    return onnx.node('LayerNormalization', inputs, { axis: -1, epsilon: { float: shape.normEpsilon } });
  }

  private rmsNorm(x: string, gain: string): string {
    const { onnx, shape } = this;
    const square = onnx.node('Mul', [x, x]);
    const mean = onnx.node('ReduceMean', [square, onnx.integers([-1])], { keepdims: 1 });
    const root = onnx.node('Sqrt', [onnx.node('Add', [mean, onnx.number(shape.normEpsilon)])]);
    return onnx.node('Mul', [onnx.node('Div', [x, root]), gain]);
  }

  private linear(name: string, x: string): string {
    const { onnx } = this;
    const y = onnx.node('MatMul', [x, onnx.weight(`${name}.weight`)]);
    return onnx.has(`${name}.bias`) ? onnx.node('Add', [y, onnx.weight(`${name}.bias`)]) : y;
  }

  private block(
    layer: number,
    x: string,
    mask: string,
    turn: ReturnType<Inference['rotary']> | undefined,
  ): string {
    const { onnx, shape } = this;
    const before = shape.normPlace === 'before';
    const sublayer = (part: string, input: string, compute: (x: string) => string) => {
      const name = `layers.${layer}.${part}.norm`;
      const sum = onnx.node('Add', [input, compute(before ? this.norm(name, input) : input)]);
      return before ? sum : this.norm(name, sum);
    };
    const attended = sublayer('attention', x, (input) => this.attention(layer, input, mask, turn));
    return sublayer('feedForward', attended, (input) => this.feedForward(layer, input));
  }

  private attention(
    layer: number,
    x: string,
    mask: string,
    turn: ReturnType<Inference['rotary']> | undefined,
  ): string {
    const { onnx, size } = this;
    const { heads, keyValueHeads, queryKeyNorm } = this.shape;
    const name = `layers.${layer}.attention`;
    const split = (part: string, count: number) => {
      const y = onnx.reshape(this.linear(`${name}.${part}`, x), [0, 0, count, size]);
      const isNormed = queryKeyNorm && part !== 'value';
      const normed = isNormed ? this.rmsNorm(y, onnx.weight(`${name}.${part}Norm.gain`)) : y;
      const byHead = onnx.node('Transpose', [normed], { perm: [0, 2, 1, 3] });
      return turn === undefined || part === 'value' ? byHead : this.rotate(byHead, turn);
    };
    const scaled = onnx.node('Mul', [split('query', heads), onnx.number(1 / Math.sqrt(size))]);
    const keys = this.remember(layer, 'key', split('key', keyValueHeads));
    const values = this.remember(layer, 'value', split('value', keyValueHeads));
    // The queries of one group are rows of one product with their shared keys.
    const grouped = (y: string) => (heads === keyValueHeads ? y : onnx.reshape(y, [0, keyValueHeads, -1, 0]));
    const perHead = (y: string) => (heads === keyValueHeads ? y : onnx.reshape(y, [0, heads, -1, 0]));
    const turned = onnx.node('Transpose', [keys], { perm: [0, 1, 3, 2] });
    const scores = perHead(onnx.node('MatMul', [grouped(scaled), turned]));
    const shares = onnx.node('Softmax', [onnx.node('Add', [scores, mask])], { axis: -1 });
    const mixed = perHead(onnx.node('MatMul', [grouped(shares), values]));
    const merged = onnx.node('Transpose', [mixed], { perm: [0, 2, 1, 3] });
    return this.linear(`${name}.output`, onnx.reshape(merged, [0, 0, heads * size]));
  }

  /** What is in the cache and then this; an encoder has no cache. */
  private remember(layer: number, part: 'key' | 'value', own: string): string {
    const { onnx, size } = this;
    const { kind, keyValueHeads } = this.shape;
    if (kind === 'encoder') return own;
    const dimensions = (length: string) => ['batch', keyValueHeads, length, size];
    const past = onnx.input(`past_key_values.${layer}.${part}`, 'float32', dimensions('past'));
    const present = onnx.output(`present.${layer}.${part}`, dimensions('total'));
    return onnx.node('Concat', [past, own], { axis: 2 }, present);
  }

  private rotate(x: string, { cosine, signedSine }: { cosine: string; signedSine: string }): string {
    const { onnx, size } = this;
    const halves = [onnx.slice(x, 3, size / 2, size), onnx.slice(x, 3, 0, size / 2)];
    const swapped = onnx.node('Concat', halves, { axis: -1 });
    return onnx.node('Add', [onnx.node('Mul', [x, cosine]), onnx.node('Mul', [swapped, signedSine])]);
  }

  private feedForward(layer: number, x: string): string {
    const name = `layers.${layer}.feedForward`;
    const up = this.linear(`${name}.up`, x);
    return this.linear(
      `${name}.down`,
      this.activate(up, () => this.linear(`${name}.gate`, x)),
    );
  }

  private activate(up: string, gate: () => string): string {
    const { onnx } = this;
    switch (this.shape.activation) {
      case 'gelu-tanh':
        return onnx.node('Gelu', [up], { approximate: 'tanh' });
      case 'gelu':
        return onnx.node('Gelu', [up]);
      case 'swiglu': {
        const g = gate();
        return onnx.node('Mul', [onnx.node('Mul', [g, onnx.node('Sigmoid', [g])]), up]);
      }
      default:
        return this.shape.activation satisfies never;
    }
  }

  private head(hidden: string, ids: string): void {
    const { onnx } = this;
    const { family, tied, width, vocabulary } = this.shape;
    let x = hidden;
    if (family === 'bert') x = this.norm('head.norm', onnx.node('Gelu', [this.linear('head.transform', x)]));
    // Gemm takes the embedding as it lies, which MatMul would need turned.
    const inputs = [onnx.reshape(x, [-1, width]), onnx.weight(tied ? 'embedding.token' : 'head.weight')];
    if (family === 'bert') inputs.push(onnx.weight('head.bias'));
    const flat = onnx.node('Gemm', inputs, { transB: 1 });
    const sizes = onnx.node('Concat', [onnx.node('Shape', [ids]), onnx.integers([vocabulary])], { axis: 0 });
    onnx.node('Reshape', [flat, sizes], {}, 'logits');
  }
}
