/** Generation token by token over a fixed-size key-value cache. */

import { ConfigurationError, InvariantError } from '../../core/errors.ts';
import type { Engine, ProgramInputs, Resident, Residents, Runnable } from '../engines/engine.ts';
import { hostArray } from '../engines/host.ts';
import type { ModelShape } from '../model/options.ts';
import type { Decoder, Logits, NamedArray, NamedArrays } from '../session.ts';
import { cacheInput, cacheShape, entryOutput } from './inference.ts';
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

/** Whether a decode program yields entries, which the decoder writes where the caches are. */
export function yieldsEntries(engine: Engine): boolean {
  return engine.prefersHostUpdates === true;
}

class CachedDecoder implements Decoder {
  private readonly host: DecoderHost;
  private caches: Residents;
  /** A second set where programs yield whole caches: one is read while the other is written, and they take turns. */
  private spare: Residents | undefined;
  private position = 0;

  constructor(host: DecoderHost) {
    this.host = host;
    this.caches = emptyCaches(host);
    this.spare = yieldsEntries(host.engine) ? undefined : emptyCaches(host);
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
    const { logits } = await this.fill(runnable, inputs);
    this.position = tokens.length;
    return { data: logits!.data as Float32Array };
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
    const runnable = await this.host.decode();
    const given = { ...this.caches, ...inputs };
    const results =
      this.spare === undefined ? await this.append(runnable, given) : await this.fill(runnable, given);
    this.position += 1;
    return { data: results.logits!.data as Float32Array };
  }

  async release(): Promise<void> {
    const residents = [this.caches, this.spare ?? {}].flatMap((caches) => Object.values(caches));
    this.caches = {};
    this.spare = undefined;
    for (const resident of residents) await resident.release();
  }

  /** Runs a program that yields whole caches. */
  private async fill(runnable: Runnable, inputs: ProgramInputs): Promise<NamedArrays> {
    const written = this.spare ?? this.caches;
    const into = Object.fromEntries(Object.entries(written).map(([name, array]) => [next(name), array]));
    const results = await runnable.run({ ...this.host.parameters(), ...inputs }, into);
    if (this.spare !== undefined) [this.caches, this.spare] = [this.spare, this.caches];
    return results;
  }

  /** Runs a program that yields one entry of each cache. */
  private async append(runnable: Runnable, inputs: ProgramInputs): Promise<NamedArrays> {
    const results = await runnable.run({ ...this.host.parameters(), ...inputs });
    for (const [name, resident] of Object.entries(this.caches)) {
      const cache = hostArray(resident).data as Float32Array;
      const entry = results[entryOutput(name)]!.data as Float32Array;
      const [, heads, context, size] = resident.shape as [number, number, number, number];
      for (let head = 0; head < heads; head++) {
        const place = (head * context + this.position) * size;
        cache.set(entry.subarray(head * size, (head + 1) * size), place);
      }
    }
    return results;
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
