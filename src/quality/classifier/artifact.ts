import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { classifySystemError, IntegrityError } from '../../core/errors.ts';
import { openFastTextModel } from '../fasttext/model-file.ts';
import { FastTextScorer } from '../fasttext/scorer.ts';

/** The artifact: a fastText model, and beside it which of its labels is the good one. */
export const CLASSIFIER_FILE = 'classifier.bin';
export const CLASSIFIER_MARK = 'classifier.json';

let last: { readonly key: string; readonly classifier: QualityClassifier } | undefined;

/** Scores texts with the good label's probability. */
export class QualityClassifier {
  readonly label: string;
  private readonly scorer: FastTextScorer;
  private readonly index: number;

  /** The classifier in `folder`; a thread keeps the last one, so that not every task reads it again. */
  static open(folder: string): QualityClassifier {
    const { mtimeMs, size } = statSync(join(folder, CLASSIFIER_FILE));
    const key = `${folder} ${mtimeMs} ${size}`;
    if (last?.key !== key) last = { key, classifier: new QualityClassifier(folder) };
    return last.classifier;
  }

  private constructor(folder: string) {
    const mark = join(folder, CLASSIFIER_MARK);
    try {
      this.label = (JSON.parse(readFileSync(mark, 'utf8')) as { label: string }).label;
    } catch (error) {
      throw classifySystemError(error, { file: mark });
    }
    const model = openFastTextModel(join(folder, CLASSIFIER_FILE));
    try {
      this.scorer = new FastTextScorer(model);
    } finally {
      model.close();
    }
    this.index = this.scorer.labels.indexOf(this.label);
    if (this.index < 0)
      throw new IntegrityError('a classifier without its label', {
        file: model.file,
        expected: this.label,
        found: this.scorer.labels.slice(0, 20).join(', '),
      });
  }

  /** Probability of the good label for a text of UTF-8; 0 where the text has nothing that the model knows. */
  score(text: Uint8Array): number {
    return this.scorer.probabilities(text)?.[this.index] ?? 0;
  }
}
