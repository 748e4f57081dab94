/** Takes over a model that `transformers` saved: its weights, its sizes and its tokenizer become a model of ours. */

import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { ConfigurationError, IntegrityError } from '../../core/errors.ts';
import { readJsonIfThere } from '../../core/files.ts';
import { sha256File } from '../../core/hash.ts';
import { loadTokenizer, type Tokenizer } from '../../tokenize/tokenizer.ts';
import { type ModelShape, resolveModel } from '../model/options.ts';
import { type ModelFile, modelTokens, objectiveTokens, saveModel, TOKENIZER_FILE } from '../model-folder.ts';
import { objectiveOptions } from '../objectives/registry.ts';
import type { NamedArray } from '../session.ts';
import { ConfigFields } from './config-fields.ts';
import type { Family } from './families/family.ts';
import { familyOfConfig } from './families/registry.ts';
import { modelParameters } from './model-parameters.ts';
import { TensorFiles, weightFiles } from './tensor-files.ts';
import { fromTheirs } from './tensor-map.ts';

export const CONFIG_FILE = 'config.json';

export interface ForeignModel {
  readonly family: Family;
  readonly shape: ModelShape;
  readonly parameters: ReadonlyMap<string, NamedArray>;
  readonly fields: ConfigFields;
}

/**
 * Reads a folder that `save_pretrained` wrote, in one file of safetensors or several; float16 and bfloat16 become
 * float32. Throws a ConfigurationError that names the field of config.json which our models have no counterpart for,
 * and an IntegrityError that names the tensor which is missing, has another shape, or belongs to nothing.
 */
export async function readForeignModel(folder: string): Promise<ForeignModel> {
  const fields = await readConfig(folder);
  const family = familyOfConfig(fields);
  const shape = resolveModel({ ...family.options(fields), vocabulary: fields.size('vocab_size') });
  const files = await TensorFiles.open(folder);
  try {
    return { family, shape, fields, parameters: await readParameters(files, family, shape, fields, folder) };
  } finally {
    await files.close();
  }
}

async function readConfig(folder: string): Promise<ConfigFields> {
  const file = join(folder, CONFIG_FILE);
  const json = await readJsonIfThere<Record<string, unknown>>(file);
  if (json === undefined) {
    throw new ConfigurationError('no model of transformers here', {
      file: folder,
      expected: 'config.json and model.safetensors, as save_pretrained writes them',
    });
  }
  return new ConfigFields(file, json);
}

async function readParameters(
  files: TensorFiles,
  family: Family,
  shape: ModelShape,
  fields: ConfigFields,
  folder: string,
): Promise<Map<string, NamedArray>> {
  const shapes = modelParameters(shape);
  const parameters = new Map<string, NamedArray>();
  const read = new Set<string>();
  const pooled = family.pooled?.tensors ?? [];
  const hasPooled = pooled.length > 0 && pooled.every(({ theirs }) => files.names.has(theirs));
  for (const [name, size] of pooledHeadShapes(shape)) shapes.set(name, size);
  for (const pair of [...family.tensors(shape, fields), ...(hasPooled ? pooled : [])]) {
    const name = storedName(pair.theirs, files.names, family.prefix);
    if (name === undefined) {
      throw new IntegrityError(`no tensor ${pair.theirs}`, {
        file: folder,
        expected: `one for ${pair.ours.join(', ')}`,
      });
    }
    read.add(name);
    for (const [ours, array] of fromTheirs(pair, await files.read(name), shapes, folder))
      parameters.set(ours, array);
  }
  await refuseOthers(files, family, read, shape, folder);
  return parameters;
}

function pooledHeadShapes({ width }: ModelShape): [name: string, shape: number[]][] {
  const layer = (name: string, columns: number): [string, number[]][] => [
    [`pooledHead.${name}.weight`, [width, columns]],
    [`pooledHead.${name}.bias`, [columns]],
  ];
  return [...layer('transform', width), ...layer('classes', 2)];
}

/** Models saved from the class of the body alone have no prefix; old ones call a norm's tensors gamma and beta. */
function storedName(name: string, names: ReadonlySet<string>, prefix: string): string | undefined {
  const bare = name.startsWith(prefix) ? name.slice(prefix.length) : name;
  const old = (text: string) =>
    text.replace(/LayerNorm\.weight$/, 'LayerNorm.gamma').replace(/LayerNorm\.bias$/, 'LayerNorm.beta');
  return [name, bare, old(name), old(bare)].find((candidate) => names.has(candidate));
}

/** Throws an IntegrityError for a tensor that would be lost. */
async function refuseOthers(
  files: TensorFiles,
  family: Family,
  read: ReadonlySet<string>,
  shape: ModelShape,
  folder: string,
): Promise<void> {
  for (const name of files.names) {
    if (read.has(name) || family.ignored.test(name)) continue;
    if (shape.tied && (await repeatsEmbedding(name, files, family, read))) continue;
    throw new IntegrityError(`tensor ${name} has no place in ${family.architecture} with this config.json`, {
      file: folder,
    });
  }
}

const HEADS = new Set(['lm_head.weight', 'cls.predictions.decoder.weight', 'lm_head.decoder.weight']);

/** A tied output matrix that was written beside the embedding; one that differs from it is another model. */
async function repeatsEmbedding(
  name: string,
  files: TensorFiles,
  family: Family,
  read: ReadonlySet<string>,
): Promise<boolean> {
  if (!HEADS.has(name)) return false;
  const embedding = [...read].find((other) => /(wte|embed_tokens|word_embeddings)\.weight$/.test(other))!;
  const [head, table] = [await files.read(name), await files.read(embedding)];
  if (Buffer.compare(bytesOf(head), bytesOf(table)) === 0) return true;
  throw new IntegrityError(`tensor ${name} differs from ${embedding}`, {
    expected: `the same in a ${family.architecture} whose tie_word_embeddings is true`,
  });
}

function bytesOf({ data }: NamedArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

export interface ImportedModel {
  readonly architecture: string;
  readonly parameters: number;
  readonly shape: ModelShape;
  readonly files: readonly string[];
}

/**
 * Writes the model of `folder` as a model folder of ours, which `train` begins from and `eval` and `sample` read.
 * Its tokenizer.json must lie beside it, or be given.
 */
export async function importModel(
  folder: string,
  out: string,
  options: { readonly tokenizer?: string } = {},
): Promise<ImportedModel> {
  if (resolve(folder) === resolve(out)) {
    throw new ConfigurationError('the model would be written over', {
      file: out,
      expected: 'another folder',
    });
  }
  const tokenizerPath = options.tokenizer ?? join(folder, TOKENIZER_FILE);
  if ((await stat(tokenizerPath).catch(() => undefined)) === undefined) {
    throw new ConfigurationError(`no ${TOKENIZER_FILE} beside the model`, {
      file: folder,
      expected:
        'one that AutoTokenizer.from_pretrained(...).save_pretrained(...) writes, or another by --tokenizer',
    });
  }
  const tokenizer = await loadTokenizer(tokenizerPath);
  const model = await readForeignModel(folder);
  const { shape } = model;
  const kind = objectiveOf(model, tokenizer);
  const parameters = kind === 'next-sentence' ? model.parameters : withoutPooledHead(model.parameters);
  const content = await contentOf(folder, { ...model, parameters }, tokenizer, kind);
  const files = await saveModel({ folder: out, parameters, tokenizerPath, shape, content });
  return {
    architecture: model.family.architecture,
    parameters: content.parameters,
    shape,
    files,
  };
}

/** What the model is for: pairs of sentences where it has their head, and its tokenizer their marks. */
function objectiveOf({ shape, parameters }: ForeignModel, tokenizer: Tokenizer) {
  if (shape.kind === 'decoder') return 'causal';
  // None had to be added: the tokenizer has them all.
  const hasMarks = modelTokens(tokenizer, 'next-sentence').vocabulary === tokenizer.vocabularySize;
  return hasMarks && parameters.has('pooledHead.classes.weight') ? 'next-sentence' : 'masked';
}

export function withoutPooledHead(
  parameters: ReadonlyMap<string, NamedArray>,
): ReadonlyMap<string, NamedArray> {
  return new Map([...parameters].filter(([name]) => !name.startsWith('pooledHead.')));
}

async function contentOf(
  folder: string,
  model: ForeignModel,
  tokenizer: Tokenizer,
  kind: ReturnType<typeof objectiveOf>,
) {
  const { shape, fields, family, parameters } = model;
  const tokens = modelTokens(tokenizer, kind);
  if (tokens.vocabulary > shape.vocabulary) {
    throw new ConfigurationError('vocab_size: the tokenizer has more tokens than the model has embeddings', {
      file: fields.file,
      expected: `at least ${tokens.vocabulary}${tokens.vocabulary > tokenizer.vocabularySize ? ' with a mask token' : ''}`,
      found: `${shape.vocabulary}`,
    });
  }
  const { begin, end } = textMarks(fields, tokenizer, shape);
  return {
    ...objectiveTokens(tokens),
    context: shape.context,
    parameters: [...parameters.values()].reduce((sum, { data }) => sum + data.length, 0),
    objective: objectiveOptions.parse({ kind }),
    tokenizer: { digest: tokenizer.digest, vocabularySize: tokenizer.vocabularySize },
    ...(begin !== undefined && { beginToken: begin }),
    ...(end !== undefined && { endToken: end }),
    imported: { architecture: family.architecture, files: await digestsOf(folder) },
  } satisfies Omit<ModelFile, 'format' | 'model' | 'vocabulary' | 'weights'>;
}

/** What stands around a text: by config.json where it says so, for BERT by the usual names. */
function textMarks(fields: ConfigFields, { specialTokens }: Tokenizer, shape: ModelShape) {
  const known = (id: number | undefined) => (id !== undefined && id < shape.vocabulary ? id : undefined);
  const usual = (name: string) => (shape.kind === 'encoder' ? specialTokens.get(name) : undefined);
  return {
    begin: known(fields.token('bos_token_id')) ?? usual('[CLS]'),
    end: known(fields.token('eos_token_id')) ?? usual('[SEP]'),
  };
}

async function digestsOf(folder: string) {
  const names = [CONFIG_FILE, ...(await weightFiles(folder))];
  return Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      return { name: basename(path), bytes: (await stat(path)).size, sha256: await sha256File(path) };
    }),
  );
}
