import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { classifySystemError } from '../../core/errors.ts';
import { writeFileAtomic } from '../../core/files.ts';
import { defineJob } from '../../core/step.ts';
import { tokenizerFromJson } from '../tokenizer.ts';

export const LoadTokenizerOptions = z.strictObject({
  file: z.string().min(1).describe('a tokenizer.json, plain or gzipped; relative to the pipeline file'),
  sha256: z.string().length(64).optional().describe('refuse the file where its digest is another'),
});

export const loadTokenizerStep = defineJob({
  kind: 'load-tokenizer',
  summary: 'takes a tokenizer.json that exists instead of training one',
  options: LoadTokenizerOptions,
  module: import.meta.url,
  needs: [],
  gives: ['tokenizer'],
  files: (options) => [options.file],
  async run(options, context) {
    const path = resolve(context.baseFolder, options.file);
    let bytes: Buffer = await readFile(path).catch((error: unknown) => {
      throw classifySystemError(error, { file: path });
    });
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes);
    const json = bytes.toString('utf8');
    const tokenizer = tokenizerFromJson(json, path);
    await writeFileAtomic(join(context.folder, 'tokenizer.json'), json);
    const { vocabularySize, digest } = tokenizer;
    return { files: ['tokenizer.json'], summary: { vocabularySize, digest, file: path } };
  },
});
