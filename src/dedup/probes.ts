import { Random } from '../core/random.ts';

/** Texts of fewer words are not edited: a single word then makes too large a step. */
const LEAST_WORDS = 30;

/** A text and a copy of it that was edited to resemble it about so much. */
export interface Probe {
  readonly original: number;
  readonly copy: Uint8Array;
}

/**
 * Edited copies of texts of a sample, spread evenly over the similarities [from, 1): words are replaced by words of other
 * texts, each alone. A sample of a large corpus has few near-duplicates of its own; these show what becomes of those that
 * it would have.
 * @param shingleWords words that a shingle spans: a replaced word takes so many shingles with it
 */
export function makeProbes(
  texts: readonly Uint8Array[],
  from: number,
  number: number,
  shingleWords: number,
  seed: number,
): Probe[] {
  const random = new Random(`${seed}/probes`);
  const encoder = new TextEncoder();
  const others = vocabularyOf(texts);
  const probes: Probe[] = [];
  if (others.length === 0) return probes;
  // Texts that are too short cost a few tries, not the probe; where all are, there is none.
  for (let i = 0; i < number; i++) {
    const similarity = from + ((1 - from) * (i + 0.5)) / number;
    for (let tries = 0; tries < 20; tries++) {
      const original = random.below(texts.length);
      const parts = textOf(texts[original]!).split(/(\s+)/);
      if (parts.length < 2 * LEAST_WORDS) continue;
      probes.push({
        original,
        copy: encoder.encode(edited(parts, similarity, shingleWords, others, random)),
      });
      break;
    }
  }
  return probes;
}

function textOf({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString('utf8');
}

/** Words from all over the sample. */
function vocabularyOf(texts: readonly Uint8Array[]): string[] {
  const words: string[] = [];
  const step = Math.max(1, Math.floor(texts.length / 200));
  for (let i = 0; i < texts.length; i += step)
    words.push(...textOf(texts[i]!.subarray(0, 4096)).split(/\s+/).filter(Boolean).slice(0, 100));
  return words;
}

/** Replaces a share f of the words. A shingle of n words survives with (1 - f)^n = s, and then J = s / (2 - s). */
function edited(
  parts: string[],
  similarity: number,
  n: number,
  others: readonly string[],
  random: Random,
): string {
  const survives = (2 * similarity) / (1 + similarity);
  const share = 1 - survives ** (1 / n);
  return parts
    .map((part, i) =>
      i % 2 === 0 && part !== '' && random.next() < share ? others[random.below(others.length)]! : part,
    )
    .join('');
}
