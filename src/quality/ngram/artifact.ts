import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { classifySystemError } from '../../core/errors.ts';
import { type LanguageModel, readLanguageModel } from './model.ts';

/** The artifact: the model, and beside it what perplexities the reference documents have. */
export const LANGUAGE_MODEL_FILE = 'language-model.ngrams';
export const LANGUAGE_MODEL_MARK = 'language-model.json';
export const ARPA_FILE = 'language-model.arpa';

export interface TrainedLanguageModel {
  readonly model: LanguageModel;
  /** [101] perplexity of the reference documents at percentiles 0 to 100. */
  readonly percentiles: readonly number[];
}

let last: { readonly key: string; readonly trained: TrainedLanguageModel } | undefined;

/** The model in `folder`; a thread keeps the last one, so that not every task reads it again. */
export function openLanguageModel(folder: string): TrainedLanguageModel {
  const path = join(folder, LANGUAGE_MODEL_FILE);
  const mark = join(folder, LANGUAGE_MODEL_MARK);
  try {
    const { mtimeMs, size } = statSync(path);
    const key = `${path} ${mtimeMs} ${size}`;
    if (last?.key !== key) {
      const { percentiles } = JSON.parse(readFileSync(mark, 'utf8')) as { percentiles: number[] };
      last = { key, trained: { model: readLanguageModel(path), percentiles } };
    }
    return last.trained;
  } catch (error) {
    throw classifySystemError(error, { file: path });
  }
}

/** Values at percentiles 0 to 100 of a sample: the nearest rank. */
export function percentilesOf(values: readonly number[]): number[] {
  const sorted = Float64Array.from(values).sort();
  return Array.from({ length: 101 }, (_, p) => {
    const rank = Math.ceil((p / 100) * sorted.length);
    return sorted[Math.min(sorted.length - 1, Math.max(0, rank - 1))] ?? 0;
  });
}
