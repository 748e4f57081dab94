import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { ConfigurationError, classifySystemError, IntegrityError } from '../../core/errors.ts';
import { writeFileAtomic } from '../../core/files.ts';
import { sha256File } from '../../core/hash.ts';
import { defineJob } from '../../core/step.ts';
import { PRE_TOKENIZER_NAMES } from '../pre-tokenizers.ts';
import {
  readTokenizerText,
  specialTokensMapJson,
  TIKTOKEN_ENCODINGS,
  tokenizerConfigJson,
  tokenizerFromJson,
  tokenizerFromTiktoken,
} from '../tokenizer.ts';
import { vocabularyJson } from '../write-json.ts';

export const LoadTokenizerOptions = z.strictObject({
  file: z
    .string()
    .min(1)
    .describe(
      'a tokenizer.json, plain or gzipped, or a rank file of tiktoken; relative to the pipeline file',
    ),
  sha256: z
    .string()
    .length(64)
    .optional()
    .describe('SHA-256 of the file in hex: one with another is refused'),
  preTokenizer: z
    .enum(PRE_TOKENIZER_NAMES)
    .optional()
    .describe("how text is cut, for a rank file that is none of tiktoken's own: it does not say so itself"),
  specialTokens: z
    .record(z.string().min(1), z.int().nonnegative())
    .optional()
    .describe("special tokens and their ids, for a rank file; by default those of tiktoken's own"),
});
type Options = z.infer<typeof LoadTokenizerOptions>;

const isRankFile = (path: string): boolean => path.endsWith('.tiktoken');

/** A rank file as the text of a tokenizer.json. */
async function ranksToJson(path: string, options: Options): Promise<string> {
  const known = TIKTOKEN_ENCODINGS.get(basename(path, '.tiktoken'));
  const preTokenizer = options.preTokenizer ?? known?.preTokenizer;
  if (preTokenizer === undefined) {
    throw new ConfigurationError('load-tokenizer: a rank file does not say how text is cut', {
      file: path,
      expected: `preTokenizer, one of ${PRE_TOKENIZER_NAMES.join(', ')}`,
    });
  }
  const specialTokens = options.specialTokens ?? known?.specialTokens ?? {};
  const ranks = await readFile(path, 'utf8').catch((error: unknown) => {
    throw classifySystemError(error, { file: path });
  });
  return vocabularyJson(tokenizerFromTiktoken(ranks, { preTokenizer, specialTokens }, path).vocabulary);
}

async function checkDigest(path: string, expected: string | undefined): Promise<void> {
  if (expected === undefined) return;
  const found = await sha256File(path).catch((error: unknown) => {
    throw classifySystemError(error, { file: path });
  });
  if (found !== expected.toLowerCase())
    throw new IntegrityError('load-tokenizer: another file than the pipeline wants', {
      file: path,
      expected: `SHA-256 ${expected}`,
      found,
    });
}

export const loadTokenizerStep = defineJob({
  kind: 'load-tokenizer',
  summary:
    'takes a tokenizer that exists instead of training one: a tokenizer.json, or a rank file of tiktoken',
  options: LoadTokenizerOptions,
  module: import.meta.url,
  needs: [],
  gives: ['tokenizer'],
  files: (options) => [options.file],
  async run(options, context) {
    const path = resolve(context.baseFolder, options.file);
    for (const name of ['preTokenizer', 'specialTokens'] as const) {
      if (options[name] !== undefined && !isRankFile(path))
        throw new ConfigurationError(`load-tokenizer: a tokenizer.json has its own ${name}`, { file: path });
    }
    await checkDigest(path, options.sha256);
    const json = await (isRankFile(path) ? ranksToJson(path, options) : readTokenizerText(path));
    const { vocabularySize, digest, specialTokens } = tokenizerFromJson(json, path);
    const files = {
      'tokenizer.json': json,
      'tokenizer_config.json': tokenizerConfigJson(specialTokens),
      'special_tokens_map.json': specialTokensMapJson(specialTokens),
    };
    for (const [name, content] of Object.entries(files))
      await writeFileAtomic(join(context.folder, name), content);
    return { files: Object.keys(files), summary: { vocabularySize, digest, file: path } };
  },
});
