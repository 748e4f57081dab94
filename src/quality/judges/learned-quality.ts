import { z } from 'zod';
import { atLeast } from '../../core/rules.ts';
import { defineJudge } from '../../core/step.ts';
import { QualityClassifier } from '../classifier/artifact.ts';
import { share } from '../options.ts';

const options = z.strictObject({
  minScore: share(0.5, 'smallest probability of the good label'),
});

/**
 * Scores documents with the classifier of `train-classifier` or `load-classifier`. The bound of 0.5 is where the good
 * label is the likelier one: no published figure, for publications keep a share of the corpus (DCLM, Li et al. 2024,
 * arXiv:2406.11794, section 4.4: the best tenth) and that bound depends on the classifier.
 */
export const learnedQuality = defineJudge({
  kind: 'learned-quality',
  summary: 'scores documents with a learned classifier and drops those below a score',
  module: import.meta.url,
  options,
  needs: ['classifier'],
  signals: ['score'],
  load: (_options, context) => QualityClassifier.open(context.artifact('classifier')),
  measure: (view, _options, classifier) => [classifier.score(view.utf8)],
  rules: [atLeast('score', 'minScore', 'low-learned-quality')],
});
