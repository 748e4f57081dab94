/** Model folders as `train` leaves them, without the training. */

import { join } from 'node:path';
import { loadTokenizer } from '../../../src/tokenize/tokenizer.ts';
import type { ModelOptions } from '../../../src/train/model/options.ts';
import {
  loadModel,
  modelTokens,
  objectiveTokens,
  saveModel,
  TOKENIZER_FILE,
} from '../../../src/train/model-folder.ts';
import { objectiveOptions } from '../../../src/train/objectives/registry.ts';
import type { SessionState } from '../../../src/train/session.ts';
import { openTiny, sessionInputs, shapeOf } from './models.ts';

const sizes = { width: 32, heads: 4, layers: 2, context: 32 } as const;

export interface TinyModel {
  readonly shape: ReturnType<typeof shapeOf>;
  readonly parameters: SessionState['parameters'];
  readonly vocabulary: number;
}

/** Writes a model of the golden formulas' weights with the tokenizer of a folder. */
export async function writeTinyModel(
  folder: string,
  options: ModelOptions,
  tokenizerFolder: string,
  kind: 'causal' | 'masked' | 'next-sentence' = options.family === 'bert' ? 'masked' : 'causal',
): Promise<TinyModel> {
  const tokenizerPath = join(tokenizerFolder, TOKENIZER_FILE);
  const tokenizer = await loadTokenizer(tokenizerPath);
  const tokens = modelTokens(tokenizer, kind);
  const { vocabulary } = tokens;
  const session = await openTiny(options, 1, { ...sizes, vocabulary }, kind);
  const { parameters } = await session.state();
  const shape = shapeOf(options, { ...sizes, vocabulary });
  await saveModel({
    folder,
    parameters,
    tokenizerPath,
    shape,
    content: {
      ...objectiveTokens(tokens),
      context: sizes.context,
      parameters: session.parameterCount,
      objective: objectiveOptions.parse({ kind }),
      tokenizer: { digest: tokenizer.digest, vocabularySize: tokenizer.vocabularySize },
    },
  });
  await session.release();
  return { shape, parameters, vocabulary };
}

/** Logits of rows of tokens by the model of a folder of ours, [rows * length, vocabulary]. */
export async function logitsOf(folder: string, tokens: Int32Array, rows: number): Promise<Float32Array> {
  const { session, shape } = await loadModel(folder, { rows, engine: { threads: 1 } });
  try {
    return (await session.logits(sessionInputs(shape, tokens, rows))).data as Float32Array;
  } finally {
    await session.release();
  }
}
