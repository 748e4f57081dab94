/** A trained model as it is handed on: weights, what they are weights of, and the tokenizer, in one folder. */

import { copyFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigurationError, classifySystemError, IntegrityError } from '../core/errors.ts';
import { ensureFolder, readJsonIfThere, syncFolder, temporaryName, writeJsonAtomic } from '../core/files.ts';
import { sha256File } from '../core/hash.ts';
import { loadTokenizer, type Tokenizer } from '../tokenize/tokenizer.ts';
import { receiptSchema } from './checkpoint/receipt.ts';
import { readSafetensors } from './checkpoint/safetensors.ts';
import { writeVerified } from './checkpoint/store.ts';
import type { EngineOptions } from './engines/options.ts';
import { type ModelShape, modelOptions, resolveModel } from './model/options.ts';
import { type ModelTokens, modelTokens, objectiveTokens } from './model-tokens.ts';
import type { Objective } from './objectives/objective.ts';
import { objectiveOptions, openObjective } from './objectives/registry.ts';
import { openSession } from './open-session.ts';
import type { ModelSession, SessionState } from './session.ts';

export { type ModelTokens, modelTokens, objectiveTokens } from './model-tokens.ts';

export const MODEL_FILE = 'model.json';
export const WEIGHTS_FILE = 'model.safetensors';
export const TOKENIZER_FILE = 'tokenizer.json';
export const METRICS_FILE = 'metrics.jsonl';

const MODEL_FORMAT = 1;

/** Where a model that was taken over is from. */
const importedSchema = z.strictObject({
  architecture: z.string(),
  /** The files that it was read from: config.json, and those of the weights. */
  files: z.array(z.strictObject({ name: z.string(), bytes: z.int(), sha256: z.string() })),
});

const modelFileSchema = z.strictObject({
  format: z.literal(MODEL_FORMAT),
  /** Every option decided, so that a later version's defaults do not change what the weights mean. */
  model: modelOptions,
  vocabulary: z.int().min(1),
  /** Ids with a meaning to the objective, where it needs them; they may lie past the tokenizer's. */
  maskToken: z.int().min(0).optional(),
  classToken: z.int().min(0).optional(),
  separatorToken: z.int().min(0).optional(),
  /** Tokens a row in training. */
  context: z.int().min(1),
  parameters: z.int().min(0),
  objective: objectiveOptions,
  tokenizer: z.strictObject({ digest: z.string(), vocabularySize: z.int() }),
  weights: z.strictObject({ bytes: z.int(), sha256: z.string() }),
  /** Of the training; a model taken over from elsewhere has none. */
  receipt: receiptSchema.optional(),
  imported: importedSchema.optional(),
  /** What a text begins with and ends at, where it is not the tokenizer's end-of-text token. */
  beginToken: z.int().min(0).optional(),
  endToken: z.int().min(0).optional(),
});

export type ModelFile = z.output<typeof modelFileSchema>;

export interface SaveModel {
  readonly folder: string;
  readonly parameters: SessionState['parameters'];
  readonly tokenizerPath: string;
  readonly shape: ModelShape;
  readonly content: Omit<ModelFile, 'format' | 'model' | 'vocabulary' | 'weights'>;
}

/** Writes weights, tokenizer and, last, model.json; gives the names of the files. */
export async function saveModel({
  folder,
  parameters,
  tokenizerPath,
  shape,
  content,
}: SaveModel): Promise<string[]> {
  await ensureFolder(folder);
  const path = join(folder, WEIGHTS_FILE);
  const temporary = temporaryName(path);
  const weights = await writeVerified(temporary, parameters, { format: 'provender' });
  await rename(temporary, path);
  await copyFile(tokenizerPath, join(folder, TOKENIZER_FILE));
  syncFolder(folder);
  const { kind: _, vocabulary, ...model } = shape;
  await writeJsonAtomic(join(folder, MODEL_FILE), {
    format: MODEL_FORMAT,
    model,
    vocabulary,
    weights,
    ...content,
  });
  return [WEIGHTS_FILE, MODEL_FILE, TOKENIZER_FILE];
}

/** What a model's folder holds. */
export interface StoredModel {
  readonly tokenizer: Tokenizer;
  readonly shape: ModelShape;
  readonly file: ModelFile;
  readonly tokens: ModelTokens;
  readonly parameters: SessionState['parameters'];
}

export interface LoadedModel extends Omit<StoredModel, 'parameters'> {
  readonly session: ModelSession;
  readonly objective: Objective;
}

/**
 * Reads and checks all of a folder that `train` or `import-model` left. Throws ConfigurationError where there is no
 * model, IntegrityError where a file is not what model.json says.
 */
export async function readModel(folder: string): Promise<StoredModel> {
  const file = await readModelFile(folder);
  const tokenizer = await loadTokenizer(join(folder, TOKENIZER_FILE));
  if (tokenizer.digest !== file.tokenizer.digest) {
    throw new IntegrityError('not the tokenizer that the model was trained with', {
      file: join(folder, TOKENIZER_FILE),
      expected: file.tokenizer.digest,
      found: tokenizer.digest,
    });
  }
  const parameters = await readWeights(folder, file);
  const shape = resolveModel({ ...file.model, vocabulary: file.vocabulary });
  const tokens = { ...modelTokens(tokenizer, file.objective.kind), ...objectiveTokens(file) };
  return { tokenizer, shape, file, tokens, parameters };
}

/** Opens a model's folder for running it, with the errors of `readModel`. The caller releases the session. */
export async function loadModel(
  folder: string,
  options: { readonly engine?: EngineOptions; readonly rows?: number } = {},
): Promise<LoadedModel> {
  const { parameters, ...stored } = await readModel(folder);
  const { file, tokens } = stored;
  const length = file.context;
  const vocabulary = file.vocabulary;
  const objective = openObjective(file.objective, { ...tokens, vocabulary, length });
  const session = await openSession({
    model: { ...file.model, vocabulary },
    objective,
    batch: { rows: options.rows ?? 1, length },
    engine: options.engine,
    // Every parameter is read from the file next.
    random: () => () => 0.5,
  });
  const { moments } = await session.state();
  await session.load({ parameters, moments });
  return { ...stored, session, objective };
}

/** Reads and checks model.json alone. */
export async function readModelFile(folder: string): Promise<ModelFile> {
  const path = join(folder, MODEL_FILE);
  const json = await readJsonIfThere<unknown>(path);
  if (json === undefined) {
    throw new ConfigurationError('no model here', {
      file: folder,
      expected: `a ${MODEL_FILE} that train wrote`,
    });
  }
  const parsed = modelFileSchema.safeParse(json);
  if (!parsed.success) {
    throw new IntegrityError('not a model file of this version', {
      file: path,
      found: z.prettifyError(parsed.error),
    });
  }
  return parsed.data;
}

async function readWeights(folder: string, { weights }: ModelFile) {
  const path = join(folder, WEIGHTS_FILE);
  const { size } = await stat(path).catch((error: unknown) => {
    throw classifySystemError(error, { file: path });
  });
  const found = size === weights.bytes ? await sha256File(path) : `${size} bytes`;
  if (found !== weights.sha256) {
    throw new IntegrityError('not the weights that model.json speaks of', {
      file: path,
      expected: `${weights.bytes} bytes, sha256 ${weights.sha256}`,
      found,
    });
  }
  return readSafetensors(path);
}
