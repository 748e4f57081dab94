/** The programs that give logits: of whole rows, of a prompt, and of one more token over a key-value cache. */

import { cacheWrite, concat, gather, zeros } from '../graph/ops.ts';
import type { Program } from '../graph/program.ts';
import { Graph, type Tensor } from '../graph/tensor.ts';
import { attentionMask } from '../model/attention.ts';
import type { ModelShape } from '../model/options.ts';
import { Parameters } from '../model/parameters.ts';
import { type KeysAndValues, transformer } from '../model/transformer.ts';
import type { NamedArray } from '../session.ts';
import { type BatchShape, next } from './training.ts';

/** Yields `logits` [rows * length, vocabulary]; reads tokens, segment, order and, where told so, position. */
export function logitsProgram(
  shape: ModelShape,
  { rows, length }: BatchShape,
  withPosition: boolean,
): Program {
  const graph = new Graph();
  const token = (name: string) => graph.input(name, [rows, length], 'int32');
  const { hidden, tokenHead } = transformer(graph, new Parameters(graph), shape, {
    tokens: token('tokens'),
    segment: token('segment'),
    order: token('order'),
    position: withPosition ? token('position') : undefined,
  });
  return { name: 'logits', graph, outputs: { logits: tokenHead.logits(hidden) } };
}

export const cacheInput = (layer: number, part: 'k' | 'v') => `cache:${layer}/${part}`;

/** Shape of one layer's cached keys, or values. */
export function cacheShape({ keyValueHeads, context, width, heads }: ModelShape): readonly number[] {
  return [1, keyValueHeads, context, width / heads];
}

/**
 * Runs a prompt padded to `length` tokens behind its end, where causality hides the padding. Reads `tokens`
 * [1, length] and `last` [1], the prompt's last position; yields `logits` [1, vocabulary] after it and the caches.
 */
export function prefillProgram(shape: ModelShape, length: number): Program {
  const graph = new Graph();
  const outputs: Record<string, Tensor> = {};
  const fill = (x: Tensor) =>
    length === shape.context
      ? x
      : concat([x, zeros(graph, cacheShape(shape).with(2, shape.context - length))], 2);
  const remember = (layer: number, own: KeysAndValues) => {
    outputs[next(cacheInput(layer, 'k'))] = fill(own.k);
    outputs[next(cacheInput(layer, 'v'))] = fill(own.v);
    return own;
  };
  const inputs = { tokens: graph.input('tokens', [1, length], 'int32'), ...rowKeys(graph, length) };
  const settings = { causal: true, remember };
  const { hidden, tokenHead } = transformer(graph, new Parameters(graph), shape, inputs, settings);
  outputs.logits = tokenHead.logits(gather(hidden, graph.input('last', [1], 'int32')));
  return { name: 'prefill', graph, outputs };
}

/** Name of the output that is a token's entry of a cache. */
export const entryOutput = (cache: string) => `entry/${cache}`;

export interface DecodeSettings {
  /** Parameters that are constants. */
  readonly frozen?: ReadonlyMap<string, NamedArray>;
  /** Yields the token's entries, `entry/*`, for the caller to write to the caches, instead of the caches with them. */
  readonly yieldsEntries?: boolean;
}

/**
 * Runs one token. Reads `tokens` [1, 1], `position` [1, 1] and the caches; yields `logits` [1, vocabulary] and the
 * caches with this token's entry. Entries behind the position have a higher order and so are not seen.
 */
export function decodeProgram(shape: ModelShape, settings: DecodeSettings = {}): Program {
  const { frozen, yieldsEntries = false } = settings;
  const graph = new Graph();
  const outputs: Record<string, Tensor> = {};
  const position = graph.input('position', [1, 1], 'int32');
  const index = graph.input('index', [1], 'int32');
  const written = (name: string, entry: Tensor) => {
    const cache = cacheWrite(graph.input(name, cacheShape(shape)), index, entry);
    if (yieldsEntries) outputs[entryOutput(name)] = entry;
    else outputs[next(name)] = cache;
    return cache;
  };
  const remember = (layer: number, own: KeysAndValues) => ({
    k: written(cacheInput(layer, 'k'), own.k),
    v: written(cacheInput(layer, 'v'), own.v),
  });
  const segment = graph.constant(Int32Array.of(0), [1, 1]);
  const mask = attentionMask({ segment, order: position }, rowKeys(graph, shape.context));
  const inputs = { tokens: graph.input('tokens', [1, 1], 'int32'), segment, order: position, position };
  const parameters = new Parameters(graph, frozen);
  const { hidden, tokenHead } = transformer(graph, parameters, shape, inputs, { mask, remember });
  outputs.logits = tokenHead.logits(hidden);
  return { name: 'decode', graph, outputs };
}

/** One row in one segment, in the order of its places. */
function rowKeys(graph: Graph, length: number) {
  return {
    segment: graph.constant(new Int32Array(length), [1, length]),
    order: graph.constant(
      Int32Array.from({ length }, (_, i) => i),
      [1, length],
    ),
  };
}
