import { createRequire } from 'node:module';
import { openFastTextModel } from '../fasttext/model-file.ts';
import { FastTextScorer } from '../fasttext/scorer.ts';

const require = createRequire(import.meta.url);

/**
 * fastText's lid.176.ftz: 176 languages by the codes of their Wikipedias (Joulin et al. 2016, arXiv:1607.01759 and
 * arXiv:1612.03651; Creative Commons Attribution-ShareAlike 3.0). It comes inside the package fasttext.wasm.js.
 */
export function languageModelPath(): string {
  return require.resolve('fasttext.wasm.js/dist/models/language-identification/assets/lid.176.ftz');
}

const PREFIX = '__label__';
const loaded = new Map<string, LanguageIdentifier>();

export interface IdentifiedLanguage {
  readonly code: string;
  readonly probability: number;
}

/** Identifies languages with a fastText model whose labels are language codes. */
export class LanguageIdentifier {
  readonly codes: readonly string[];
  private readonly scorer: FastTextScorer;

  private constructor(path: string) {
    const model = openFastTextModel(path);
    try {
      this.scorer = new FastTextScorer(model);
    } finally {
      model.close();
    }
    this.codes = model.labels.map((label) => (label.startsWith(PREFIX) ? label.slice(PREFIX.length) : label));
  }

  /** One identifier a thread and model: it keeps the sums of frequent words. */
  static open(path = languageModelPath()): LanguageIdentifier {
    let identifier = loaded.get(path);
    if (!identifier) {
      identifier = new LanguageIdentifier(path);
      loaded.set(path, identifier);
    }
    return identifier;
  }

  /** The most probable language of a text of UTF-8; line breaks part words, they do not end the text. */
  identify(text: Uint8Array): IdentifiedLanguage {
    const top = this.scorer.top(text);
    return top
      ? { code: this.codes[top.label]!, probability: top.probability }
      : { code: 'und', probability: 0 };
  }
}
