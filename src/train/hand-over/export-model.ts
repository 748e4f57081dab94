/** Hands a trained model over: a folder that `transformers` loads, and transformers.js by the ONNX file in it. */

import { rename } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { ConfigurationError } from '../../core/errors.ts';
import { ensureFolder, temporaryName, writeFileAtomic } from '../../core/files.ts';
import type { Receipt as DataReceipt } from '../../shard/receipt/receipt.ts';
import { readTokenizerText } from '../../tokenize/tokenizer.ts';
import { writeVerified } from '../checkpoint/store.ts';
import type { ModelShape } from '../model/options.ts';
import {
  objectiveTokens,
  readModel,
  type StoredModel,
  TOKENIZER_FILE,
  WEIGHTS_FILE,
} from '../model-folder.ts';
import type { NamedArray } from '../session.ts';
import type { Family } from './families/family.ts';
import { familyOfShape } from './families/registry.ts';
import { modelCard } from './model-card.ts';
import { inferenceModel } from './onnx-inference.ts';
import { toTheirs } from './tensor-map.ts';
import { type HandedTokens, handedTokenizer } from './tokenizer-files.ts';

export interface ExportModelOptions {
  /** Heads the card; default: the name of the folder. */
  readonly name?: string;
  /** Also write onnx/model.onnx; default: true. */
  readonly onnx?: boolean;
  /** Of the shards that the model was trained on, for the card. */
  readonly data?: DataReceipt;
}

export interface ExportedModel {
  /** The class of `transformers` that loads it. */
  readonly architecture: string;
  readonly parameters: number;
  readonly files: readonly string[];
}

const ONNX_FILE = 'onnx/model.onnx';

/**
 * Writes the model of `folder` to `out`. Throws a ConfigurationError that names the option of the model for which
 * `transformers` has no class that computes the same.
 */
export async function exportModel(
  folder: string,
  out: string,
  options: ExportModelOptions = {},
): Promise<ExportedModel> {
  if (resolve(folder) === resolve(out)) {
    throw new ConfigurationError('the model would be written over', {
      file: out,
      expected: 'another folder',
    });
  }
  const model = await readModel(folder);
  const family = handedFamily(model);
  const theirs = toTheirs(family.tensors(model.shape), model.parameters);
  const onnx = options.onnx === false ? undefined : inferenceModel(model.shape, model.parameters);
  const tokenizer = await readTokenizerText(join(folder, TOKENIZER_FILE));
  const name = options.name ?? basename(resolve(out));
  const texts = textFiles(model, family, tokenizer, { ...options, name });
  await ensureFolder(out);
  for (const [file, content] of Object.entries(texts)) await writeFileAtomic(join(out, file), content);
  await writeWeights(join(out, WEIGHTS_FILE), theirs);
  if (onnx !== undefined) {
    await ensureFolder(join(out, 'onnx'));
    await writeFileAtomic(join(out, ONNX_FILE), onnx);
  }
  const files = [...Object.keys(texts), WEIGHTS_FILE, ...(onnx ? [ONNX_FILE] : [])];
  return { architecture: family.architecture, parameters: model.file.parameters, files };
}

/** The class that has all that the model has, the head for pairs of sentences among it. */
function handedFamily({ shape, parameters }: StoredModel): Family {
  const family = familyOfShape(shape);
  const { pooled } = family;
  if (pooled === undefined || !parameters.has('pooledHead.classes.weight')) return family;
  const tensors = (of: ModelShape) => [...family.tensors(of), ...pooled.tensors];
  return { ...family, architecture: pooled.architecture, tensors };
}

async function writeWeights(path: string, tensors: ReadonlyMap<string, NamedArray>): Promise<void> {
  const temporary = temporaryName(path);
  // `transformers` refuses a file that does not say so.
  await writeVerified(temporary, tensors, { format: 'pt' });
  await rename(temporary, path);
}

/** What stands around a text as the model was trained to see it. */
function textMarks({ file, tokenizer, shape }: StoredModel): HandedTokens {
  const roles = objectiveTokens(file);
  if (file.objective.kind === 'next-sentence') {
    return { ...roles, begin: file.classToken, end: file.separatorToken, closes: true };
  }
  return {
    ...roles,
    begin: file.beginToken ?? tokenizer.endOfText,
    end: file.endToken ?? tokenizer.endOfText,
    closes: shape.kind === 'encoder' && file.endToken !== undefined,
  };
}

function textFiles(
  model: StoredModel,
  family: Family,
  tokenizerText: string,
  { name, data, onnx }: ExportModelOptions & { readonly name: string },
): Record<string, string> {
  const { file, shape, tokenizer } = model;
  const tokens = textMarks(model);
  const ids = { bos_token_id: tokens.begin ?? null, eos_token_id: tokens.end ?? null };
  const pad = ['<|pad|>', '[PAD]', '<pad>', '<|padding|>'].map((token) => tokenizer.specialTokens.get(token));
  const padding = { pad_token_id: pad.find((id) => id !== undefined) ?? tokens.end ?? null };
  const config = {
    architectures: [family.architecture],
    model_type: family.modelType,
    vocab_size: shape.vocabulary,
    ...family.config(shape),
    ...ids,
    ...padding,
    torch_dtype: 'float32',
  };
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  const hasTypes = shape.family === 'bert';
  return {
    'config.json': json(config),
    ...(shape.kind === 'decoder' && { 'generation_config.json': json({ ...ids, ...padding }) }),
    ...handedTokenizer(tokenizerText, tokenizer, tokens, { context: file.context, hasTypes }),
    ...(file.receipt && { 'receipt.json': json(file.receipt) }),
    'README.md': modelCard({ name, architecture: family.architecture, file, data, hasOnnx: onnx !== false }),
  };
}
