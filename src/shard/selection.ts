import { Sampler, type SamplerState } from './mixture.ts';
import { Quality, type QualityOptions } from './quality.ts';
import { isTraining, SIDE, type SideFile } from './side-file.ts';

/** What makes the same selection in another thread. */
export interface SelectionState {
  readonly sampler: SamplerState | undefined;
  readonly upsample: QualityOptions | undefined;
}

/** Which documents the shards take: decided from the document alone, so that every thread decides alike. */
export class Selection {
  readonly sampler: Sampler | undefined;
  readonly quality: Quality | undefined;

  constructor(sampler: Sampler | undefined, quality: Quality | undefined) {
    this.sampler = sampler;
    this.quality = sampler && quality;
  }

  static restore({ sampler, upsample }: SelectionState, sides: readonly SideFile[]): Selection {
    return new Selection(sampler && new Sampler(sampler), upsample && new Quality(upsample, sides));
  }

  get state(): SelectionState {
    return { sampler: this.sampler?.state, upsample: this.quality?.options };
  }

  /** Whether the document of words[at ..) with its body at bytes[bodyAt ..), which only quality looks at, is taken. */
  takes(words: Uint32Array, at: number, side: SideFile, bytes: Uint8Array, bodyAt: number): boolean {
    const { sampler } = this;
    // A further copy is there because its document is taken; only the first can be left out.
    if (!sampler || words[at + SIDE.copy] !== 0) return true;
    const corpus = words[at + SIDE.corpus]!;
    if (!isTraining(corpus)) return true;
    const times = this.quality?.times(side, words, at, bytes, bodyAt);
    return sampler.copies(side.footer.corpora[corpus]!, words, at, times) > 0;
  }
}
