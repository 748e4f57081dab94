import { constants } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { ConfigurationError, classifySystemError } from '../../core/errors.ts';
import { writeJsonAtomic } from '../../core/files.ts';
import { defineJob } from '../../core/step.ts';
import { CLASSIFIER_FILE, CLASSIFIER_MARK } from '../classifier/artifact.ts';
import { openFastTextModel } from '../fasttext/model-file.ts';

const options = z.strictObject({
  file: z.string().min(1).describe('a fastText classifier (.bin, .ftz); relative to the pipeline file'),
  label: z.string().min(1).describe('the label whose probability is the score, such as __label__hq'),
});

/** Takes a fastText classifier that exists, as the score of `learned-quality`. */
export const loadClassifier = defineJob({
  kind: 'load-classifier',
  summary: 'takes a fastText classifier (.bin, .ftz) that exists instead of training one',
  options,
  module: import.meta.url,
  needs: [],
  gives: ['classifier'],
  files: (o) => [o.file],
  async run(o, context) {
    const path = resolve(context.baseFolder, o.file);
    const model = openFastTextModel(path);
    model.close();
    const { labels, dimension, wordNgrams, minn, maxn, words, buckets } = model;
    if (!labels.includes(o.label))
      throw new ConfigurationError('the classifier has no such label', {
        file: path,
        expected: labels.slice(0, 20).join(', '),
        found: o.label,
      });
    const copy = join(context.folder, CLASSIFIER_FILE);
    await copyFile(path, copy, constants.COPYFILE_FICLONE).catch((error: unknown) => {
      throw classifySystemError(error, { file: copy });
    });
    const summary = { label: o.label, labels: labels.length, words: words.length, dimension };
    await writeJsonAtomic(join(context.folder, CLASSIFIER_MARK), {
      ...summary,
      wordNgrams,
      minn,
      maxn,
      buckets,
    });
    return { files: [CLASSIFIER_FILE, CLASSIFIER_MARK], summary };
  },
});
