const END_OF_LINE = '</s>';
/** Distinct words that are counted at most before the rare ones are forgotten: a Map stops at 16.7 million. */
const MOST_WORDS = 4_000_000;

export interface WordVocabulary {
  /** [words] UTF-8, by count; "</s>" is the first. */
  readonly words: readonly Uint8Array[];
  readonly counts: Float64Array;
}

/** Counts the words of texts as fastText cuts them. */
export class WordCounter {
  private readonly counts = new Map<string, number>();
  private forgotten = 1;
  private texts = 0;

  add(text: Uint8Array): void {
    const { counts } = this;
    this.texts++;
    // One character a byte: what counts is that bytes are the same, and that is twice as fast as decoding.
    for (const word of Buffer.from(text.buffer, text.byteOffset, text.byteLength)
      .toString('latin1')
      .split(/[ \0\t-\r]+/))
      if (word !== '' && word !== END_OF_LINE && !word.startsWith('__label__'))
        counts.set(word, (counts.get(word) ?? 0) + 1);
    while (counts.size > MOST_WORDS) {
      for (const [word, count] of counts) if (count <= this.forgotten) counts.delete(word);
      this.forgotten++;
    }
  }

  /** Words that come at least `minCount` times, at most `maxWords` of them; ties by their bytes. */
  vocabulary(minCount: number, maxWords: number): WordVocabulary {
    const chosen = [...this.counts].filter(([, count]) => count >= minCount);
    chosen.sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
    chosen.length = Math.min(chosen.length, maxWords - 1);
    chosen.unshift([END_OF_LINE, this.texts]);
    return {
      words: chosen.map(([word]) => Uint8Array.from(Buffer.from(word, 'latin1'))),
      counts: Float64Array.from(chosen, ([, count]) => count),
    };
  }
}
