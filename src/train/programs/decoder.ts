/** Generation token by token over a fixed-size key-value cache. */

import { ConfigurationError, InvariantError } from '../../core/errors.ts';
import type { Engine, Resident, Residents, Runnable } from '../engines/engine.ts';
import type { ModelShape } from '../model/options.ts';
import type { Decoder, Logits, NamedArray, NamedArrays } from '../session.ts';
import { cacheInput, cacheShape } from './inference.ts';
import { next } from './training.ts';

/** What a decoder needs of its session. */
export interface DecoderHost {
  readonly shape: ModelShape;
  readonly engine: Engine;
  /** The parameters as they are now, by input name. */
  parameters(): Residents;
  prefill(length: number): Promise<Runnable>;
  decode(): Promise<Runnable>;
}

/** The smallest prompt length that is compiled; longer prompts take the next power of two. */
const SHORTEST_PREFILL = 16;

/** Throws a ConfigurationError for an encoder. */
export function openDecoder(host: DecoderHost): Decoder {
  if (host.shape.kind !== 'decoder') {
    throw new ConfigurationError(`a ${host.shape.family} model is an encoder: it cannot generate`);
  }
  return new CachedDecoder(host);
}

class CachedDecoder implements Decoder {
  private readonly host: DecoderHost;
  /** Two sets that take turns: one is read while the other is written. */
  private caches: [Residents, Residents];
  private position = 0;

  constructor(host: DecoderHost) {
    this.host = host;
    this.caches = [emptyCaches(host), emptyCaches(host)];
  }

  async prefill(tokens: readonly number[]): Promise<Logits> {
    const { context, vocabulary } = this.host.shape;
    if (tokens.length < 1 || tokens.length > context) {
      throw new InvariantError('the prompt does not fit', {
        expected: `1 to ${context} tokens`,
        found: `${tokens.length}`,
      });
    }
    checkIds(tokens, vocabulary);
    let length = SHORTEST_PREFILL;
    while (length < tokens.length) length *= 2;
    length = Math.min(length, context);
    const padded = new Int32Array(length);
    padded.set(tokens);
    const runnable = await this.host.prefill(length);
    const inputs = { tokens: { shape: [1, length], data: padded }, last: integer([1], tokens.length - 1) };
    const logits = await this.run(runnable, inputs);
    this.position = tokens.length;
    return logits;
  }

  async decode(token: number): Promise<Logits> {
    const { context, vocabulary } = this.host.shape;
    if (this.position >= context) {
      throw new InvariantError(`the model's context of ${context} tokens is full`);
    }
    checkIds([token], vocabulary);
    const inputs = {
      tokens: integer([1, 1], token),
      position: integer([1, 1], this.position),
      index: integer([1], this.position),
    };
    const logits = await this.run(await this.host.decode(), inputs);
    this.position += 1;
    return logits;
  }

  async release(): Promise<void> {
    const residents = this.caches.flatMap((caches) => Object.values(caches));
    this.caches = [{}, {}];
    for (const resident of residents) await resident.release();
  }

  private async run(runnable: Runnable, inputs: NamedArrays): Promise<Logits> {
    const [current, spare] = this.caches;
    const into = Object.fromEntries(Object.entries(spare).map(([name, array]) => [next(name), array]));
    const { logits } = await runnable.run({ ...this.host.parameters(), ...current, ...inputs }, into);
    this.caches = [spare, current];
    return { data: logits!.data as Float32Array };
  }
}

function integer(shape: readonly number[], value: number): NamedArray {
  return { shape, data: Int32Array.of(value) };
}

/** Throws an InvariantError where an id is not one of the vocabulary. */
export function checkIds(ids: ArrayLike<number>, vocabulary: number): void {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    if (id >= 0 && id < vocabulary) continue;
    throw new InvariantError("a token does not fit the model's vocabulary", {
      expected: `an id from 0 to ${vocabulary - 1}`,
      found: `${id}`,
    });
  }
}

function emptyCaches({ engine, shape }: DecoderHost): Residents {
  const caches: Record<string, Resident> = {};
  const size = cacheShape(shape);
  for (let layer = 0; layer < shape.layers; layer++) {
    for (const part of ['k', 'v'] as const) {
      caches[cacheInput(layer, part)] = engine.resident(size);
    }
  }
  return caches;
}
