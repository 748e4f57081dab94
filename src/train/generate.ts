/** Writes on from a prompt, token by token, with a key-value cache. */

import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { CancelledError, ConfigurationError, InvariantError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import type { Tokenizer } from '../tokenize/tokenizer.ts';
import { type Candidate, candidates, draw, likeliest, samplingOptions } from './sampling.ts';
import type { Decoder, Logits, ModelSession } from './session.ts';

export const generateOptions = z.strictObject({
  ...samplingOptions.shape,
  maxTokens: z.int().min(1).default(200).describe('most tokens to write'),
  stop: z.array(z.string().min(1)).default([]).describe('strings that end the text; they are left out of it'),
  stopAtEndOfText: z.boolean().default(true).describe('end where the model ends the document'),
});

export type GenerateOptions = z.output<typeof generateOptions>;

/** One step as `--show-probabilities` prints it. */
export interface GeneratedToken {
  /** From 0. */
  readonly index: number;
  readonly token: number;
  readonly text: string;
  /** Of the token that was taken, in the model's own distribution. */
  readonly probability: number;
  /** The likeliest tokens of the model's own distribution, before temperature and limits. */
  readonly top: readonly (Candidate & { readonly text: string })[];
}

export interface GenerateSettings {
  readonly session: Pick<ModelSession, 'decoder'>;
  readonly tokenizer: Tokenizer;
  /** Most tokens that the model sees at once. */
  readonly context: number;
  /** What every text begins with, and what ends it; by default the tokenizer's end-of-text token is both. */
  readonly begin?: number;
  readonly end?: number;
  readonly prompt: string;
  readonly options: GenerateOptions;
  /** One number is drawn from it for each token. */
  readonly random: Random;
  readonly signal?: AbortSignal;
  /** Text as soon as it is certain: whole characters that cannot be the beginning of a stop string. */
  readonly onText?: (text: string) => void;
  /** Called for each token; costs a sort of the vocabulary. */
  readonly onToken?: (token: GeneratedToken) => void;
  /** Length of `top` in what onToken gets. */
  readonly topCount?: number;
}

export interface Generated {
  readonly prompt: string;
  /** Without the prompt and without the stop string. */
  readonly text: string;
  readonly tokens: readonly number[];
  readonly finish: 'max-tokens' | 'stop' | 'end-of-text';
}

/**
 * Generates one text. The prompt follows the end-of-text token, as every document does in training; only its last tokens
 * are used where it is longer than the context. Past the context the newer half of it is fed anew, and writing goes
 * on from there. Throws CancelledError when the signal fires between two tokens.
 */
export async function generate(settings: GenerateSettings): Promise<Generated> {
  const { tokenizer, options, context, signal } = settings;
  const history = promptTokens(settings);
  const end = settings.end ?? tokenizer.endOfText;
  const seen = new Set(history);
  const text = new TextStream(options.stop, settings.onText);
  const tokens: number[] = [];
  const window = new SlidingDecoder(await settings.session.decoder(), context);
  try {
    let logits = await window.begin(history);
    for (;;) {
      await setImmediate();
      if (signal?.aborted) throw new CancelledError('generation was stopped');
      requireFinite(logits.data);
      const token = draw(candidates(logits.data, seen, options), settings.random.next());
      if (settings.onToken !== undefined) settings.onToken(describe(settings, token, logits, tokens.length));
      if (token === end && options.stopAtEndOfText) return finished('end-of-text');
      tokens.push(token);
      history.push(token);
      seen.add(token);
      if (text.add(tokenizer.tokenBytes(token))) return finished('stop');
      if (tokens.length >= options.maxTokens) return finished('max-tokens');
      logits = await window.next(token, history);
    }
  } finally {
    await window.release();
  }

  function finished(finish: Generated['finish']): Generated {
    return { prompt: settings.prompt, text: text.end(), tokens, finish };
  }
}

function promptTokens({ tokenizer, prompt, begin = tokenizer.endOfText }: GenerateSettings): number[] {
  const tokens = [...tokenizer.encode(prompt)];
  if (begin !== undefined) tokens.unshift(begin);
  if (tokens.length === 0)
    throw new ConfigurationError('an empty prompt, and a tokenizer without a token that ends a text');
  return tokens;
}

function requireFinite(logits: Float32Array): void {
  // The maximum alone would hide a NaN, since comparisons with it are false.
  if (!logits.some((value) => Number.isNaN(value) || value === Number.POSITIVE_INFINITY)) return;
  throw new InvariantError('the model gives logits that are not finite: its weights are damaged or diverged');
}

function describe(settings: GenerateSettings, token: number, logits: Logits, index: number): GeneratedToken {
  const all = likeliest(logits.data, logits.data.length);
  const textOf = (id: number) => Buffer.from(settings.tokenizer.tokenBytes(id)).toString('utf8');
  return {
    index,
    token,
    text: textOf(token),
    probability: all.find((candidate) => candidate.token === token)!.probability,
    top: all
      .slice(0, settings.topCount ?? 5)
      .map((candidate) => ({ ...candidate, text: textOf(candidate.token) })),
  };
}

/** Feeds a decoder whose cache holds `context` tokens with a sequence that may be longer. */
class SlidingDecoder {
  private readonly decoder: Decoder;
  private readonly context: number;
  private cached = 0;

  constructor(decoder: Decoder, context: number) {
    this.decoder = decoder;
    this.context = context;
  }

  async begin(tokens: readonly number[]): Promise<Logits> {
    const fed = tokens.slice(-this.context);
    this.cached = fed.length;
    return this.decoder.prefill(fed);
  }

  async next(token: number, history: readonly number[]): Promise<Logits> {
    if (this.cached < this.context) {
      this.cached += 1;
      return this.decoder.decode(token);
    }
    // Keeping half lets context / 2 tokens pass until the next such feed, and always leaves that much to look back on.
    return this.begin(history.slice(-Math.max(1, this.context >> 1)));
  }

  async release(): Promise<void> {
    await this.decoder.release();
  }
}

/** Joins the bytes of tokens to text, and holds back what may still become a stop string or half a character. */
class TextStream {
  private readonly decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  private readonly stops: readonly string[];
  private readonly emit: ((text: string) => void) | undefined;
  private done = '';
  private held = '';
  private stopped = false;

  constructor(stops: readonly string[], emit: ((text: string) => void) | undefined) {
    this.stops = stops;
    this.emit = emit;
  }

  /** True where a stop string is complete. */
  add(bytes: Uint8Array): boolean {
    this.held += this.decoder.decode(bytes, { stream: true });
    return this.settle();
  }

  /** The whole text; what was held back belongs to it, unless a stop string ended it. */
  end(): string {
    if (this.stopped) return this.done;
    this.held += this.decoder.decode();
    this.settle();
    this.release(this.held.length);
    return this.done;
  }

  private settle(): boolean {
    const found = this.stops.map((stop) => this.held.indexOf(stop)).filter((at) => at >= 0);
    if (found.length > 0) {
      this.release(Math.min(...found));
      this.held = '';
      this.stopped = true;
      return true;
    }
    const hold = Math.max(0, ...this.stops.map((stop) => overlap(this.held, stop)));
    this.release(this.held.length - hold);
    return false;
  }

  private release(length: number): void {
    const text = this.held.slice(0, length);
    this.held = this.held.slice(length);
    this.done += text;
    if (text !== '') this.emit?.(text);
  }
}

/** Length of the longest end of `text` with which `stop` begins. */
function overlap(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length--) {
    if (text.endsWith(stop.slice(0, length))) return length;
  }
  return 0;
}
