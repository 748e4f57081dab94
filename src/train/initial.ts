/** Weights that a training begins from, instead of random ones: a model of ours, or one that `transformers` saved. */

import { readdirSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { ConfigurationError } from '../core/errors.ts';
import { digestOf, sha256File } from '../core/hash.ts';
import { loadTokenizer, type Tokenizer } from '../tokenize/tokenizer.ts';
import { readForeignModel } from './hand-over/import-model.ts';
import { type ModelOptions, type ModelShape, resolveModel } from './model/options.ts';
import { modelPresets } from './model/presets.ts';
import { MODEL_FILE, type ModelTokens, readModel, TOKENIZER_FILE } from './model-folder.ts';
import type { SessionState } from './session.ts';

export const initOptions = z.strictObject({
  from: z
    .string()
    .min(1)
    .describe(
      'folder of a model of ours, or of one that transformers saved (GPT-2, Llama, Qwen3, BERT, RoBERTa); relative to the pipeline file',
    ),
});

export interface InitialModel {
  /** Its vocabulary included, which may be larger than the tokenizer's. */
  readonly shape: ModelShape;
  readonly parameters: SessionState['parameters'];
  /** Of the files that it was read from. */
  readonly digest: string;
}

/** Names, in `from`, of all that a training which begins there depends on. */
export function initialFiles({ from }: z.output<typeof initOptions>, baseFolder: string): string[] {
  const folder = resolve(baseFolder, from);
  let names: string[];
  try {
    names = readdirSync(folder).sort();
  } catch {
    throw new ConfigurationError('train.init.from: no such folder', { file: folder });
  }
  const kept = names.includes(MODEL_FILE)
    ? [MODEL_FILE, 'model.safetensors']
    : names.filter((name) => /^config\.json$|^model.*\.safetensors(\.index\.json)?$/.test(name));
  return kept.map((name) => join(from, name));
}

/** One digest over the files' contents. */
export async function initialDigest(
  options: z.output<typeof initOptions>,
  baseFolder: string,
): Promise<string> {
  const files = initialFiles(options, baseFolder);
  return digestOf(await Promise.all(files.map((file) => sha256File(resolve(baseFolder, file)))));
}

/**
 * Reads what a training is to begin from, and holds it against what the training asks for: options of the model that
 * are named must be its own, and the tokenizer of the shards must give ids the meaning that they had.
 * Throws a ConfigurationError that names the option or the token.
 */
export async function readInitialModel(
  options: z.output<typeof initOptions>,
  wanted: { readonly model: ModelOptions; readonly tokenizer: Tokenizer; readonly tokens: ModelTokens },
  baseFolder: string,
): Promise<InitialModel> {
  const folder = resolve(baseFolder, options.from);
  const digest = await initialDigest(options, baseFolder);
  const isOurs = await isThere(join(folder, MODEL_FILE));
  const { shape, parameters } = isOurs ? await readModel(folder) : await readForeignModel(folder);
  requireVocabulary(shape, wanted, folder);
  const tokenizerPath = join(folder, TOKENIZER_FILE);
  if (await isThere(tokenizerPath)) {
    requireSameTokens(await loadTokenizer(tokenizerPath), wanted.tokenizer, folder);
  }
  return { shape: withOptions(shape, wanted.model, folder), parameters, digest };
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

function requireVocabulary(
  { vocabulary }: ModelShape,
  { tokens, tokenizer }: { readonly tokens: ModelTokens; readonly tokenizer: Tokenizer },
  folder: string,
): void {
  if (tokens.vocabulary <= vocabulary) return;
  const isMask = tokens.vocabulary > tokenizer.vocabularySize;
  throw new ConfigurationError('train.init: the model has fewer embeddings than the tokenizer has tokens', {
    file: folder,
    expected: isMask ? `${tokens.vocabulary}, one of them for a mask token` : `${tokens.vocabulary}`,
    found: `${vocabulary}`,
  });
}

/** An id that both know must be the same bytes; one that only one of them knows does no harm. */
function requireSameTokens(theirs: Tokenizer, ours: Tokenizer, folder: string): void {
  if (theirs.digest === ours.digest) return;
  const count = Math.min(theirs.vocabularySize, ours.vocabularySize);
  for (let id = 0; id < count; id++) {
    const [known, given] = [bytesOf(theirs, id), bytesOf(ours, id)];
    if (known === undefined || given === undefined || Buffer.compare(known, given) === 0) continue;
    const shown = (bytes: Uint8Array) => JSON.stringify(Buffer.from(bytes).toString('utf8'));
    throw new ConfigurationError('train.init: the shards were encoded with another tokenizer', {
      file: folder,
      expected: `token ${id} to be ${shown(known)}, as the model knows it (the step load-tokenizer takes its tokenizer.json)`,
      found: shown(given),
    });
  }
}

function bytesOf(tokenizer: Tokenizer, id: number): Uint8Array | undefined {
  try {
    return tokenizer.tokenBytes(id);
  } catch {
    // A gap in the vocabulary.
    return undefined;
  }
}

/**
 * The head that judges pairs of sentences comes and goes with the objective: where the model has none it begins
 * anew, where nothing trains it it is left out.
 */
export function initialParameters(
  { parameters }: InitialModel,
  random: SessionState['parameters'],
): SessionState['parameters'] {
  const isHead = (name: string) => name.startsWith('pooledHead.');
  const kept = [...parameters].filter(([name]) => !isHead(name) || random.has(name));
  const fresh = [...random].filter(([name]) => isHead(name) && !parameters.has(name));
  return new Map([...kept, ...fresh]);
}

/** Rotary positions have no weights: a model that has them may be trained on longer sequences than before. */
function withOptions(shape: ModelShape, { preset, ...given }: ModelOptions, folder: string): ModelShape {
  const wanted = { ...(preset && modelPresets[preset]), ...given };
  const isFree = (name: string) => name === 'context' && shape.positions === 'rotary';
  for (const [name, value] of Object.entries(wanted)) {
    const own = shape[name as keyof ModelShape];
    if (value === undefined || value === own || isFree(name)) continue;
    throw new ConfigurationError(`train.model.${name}: the model to begin from has another`, {
      file: folder,
      expected: `${own}, or no such option`,
      found: `${value}`,
    });
  }
  const { kind: _, vocabulary, ...options } = shape;
  return resolveModel({ ...options, context: wanted.context ?? shape.context, vocabulary });
}
