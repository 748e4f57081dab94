import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findDuplicates, WordRuns } from '../../src/quality/repetition.ts';
import { Spans } from '../../src/quality/spans.ts';
import { spacySpans } from '../../src/quality/words.ts';

const length = (text: string) => Array.from(text).length;

/** The slow, obvious twins. */
function duplicatesOf(parts: string[]): { count: number; characters: number } {
  const seen = new Set<string>();
  const out = { count: 0, characters: 0 };
  for (const part of parts) {
    if (seen.has(part)) {
      out.count++;
      out.characters += length(part);
    } else seen.add(part);
  }
  return out;
}

function topOf(words: string[], n: number): number {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= words.length; i++) {
    const gram = words.slice(i, i + n).join(' ');
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  let top = '';
  let most = 0;
  for (const [gram, count] of counts) if (count > most) [top, most] = [gram, count];
  return length(top) * most;
}

function duplicateNgramsOf(words: string[], n: number): number {
  const seen = new Set<string>();
  let characters = 0;
  for (let i = 0; i + n <= words.length; ) {
    const gram = words.slice(i, i + n).join('');
    if (seen.has(gram)) {
      characters += length(gram);
      i += n;
    } else {
      seen.add(gram);
      i++;
    }
  }
  return characters;
}

const someWords = fc.array(
  fc.constantFrom('a', 'ab', 'b', 'aab', 'ba', 'naïve', '日', '\u{20000}', '😀', 'the', 'of'),
  { maxLength: 120 },
);

describe('repetition against its slow twin', () => {
  it('duplicate parts', () => {
    fc.assert(
      fc.property(someWords, (parts) => {
        const spans = new Spans();
        let at = 0;
        for (const part of parts) {
          spans.push(at, at + part.length);
          at += part.length;
        }
        const text = parts.join('');
        expect(findDuplicates(text, spans, length(text) === text.length)).toEqual(duplicatesOf(parts));
      }),
      { seed: 4101, numRuns: 300 },
    );
  });

  it('n-grams, also where the same letters are cut into other words', () => {
    let hits = 0;
    fc.assert(
      fc.property(someWords, fc.integer({ min: 1, max: 7 }), (parts, n) => {
        const text = parts.join(' ');
        const words = spacySpans(text);
        const strings = Array.from({ length: words.length }, (_, i) =>
          text.slice(words.starts[i], words.ends[i]),
        );
        const runs = new WordRuns(words, length(text) === text.length);
        expect(runs.topNgramCharacters(n)).toBe(topOf(strings, n));
        const duplicate = duplicateNgramsOf(strings, n);
        expect(runs.duplicateNgramCharacters(n)).toBe(duplicate);
        if (duplicate > 0) hits++;
      }),
      { seed: 4102, numRuns: 400 },
    );
    expect(hits).toBeGreaterThan(20);
    const cut = 'a b aa b c d e f ab aab c d e f';
    const runs = new WordRuns(spacySpans('x ab c d e f g a bc d e f g'), true);
    expect(runs.duplicateNgramCharacters(5)).toBe(
      duplicateNgramsOf('x ab c d e f g a bc d e f g'.split(' '), 5),
    );
    expect(duplicateNgramsOf('x ab c d e f g a bc d e f g'.split(' '), 6)).toBe(7);
    expect(new WordRuns(spacySpans(cut), true).topNgramCharacters(2)).toBe(topOf(cut.split(' '), 2));
  });

  it('a text of 263,000 words, most of them there once', () => {
    const words = Array.from({ length: 263_000 }, (_, i) => `w${(i * 7919) % 999_983}`);
    // Repeated passages, one cut into other words.
    for (let i = 0; i < 40; i++) words.splice(6000 * i + 3000, 12, ...words.slice(50 * i, 50 * i + 12));
    words.splice(260_000, 6, 'ab', 'c', 'd', 'e', 'f', 'g', 'a', 'bc', 'd', 'e', 'f', 'g');
    const text = words.join(' ');
    const runs = new WordRuns(spacySpans(text), true);
    const characters = runs.duplicateNgramCharacters(5);
    expect(characters).toBe(duplicateNgramsOf(words, 5));
    expect(characters).toBeGreaterThan(40 * 10 * 5);
    expect(runs.topNgramCharacters(2)).toBe(topOf(words, 2));
  });

  it('words longer than the table of powers', () => {
    const long = 'x'.repeat(5000);
    const text = `${long} a ${long} a ${long}y a`;
    expect(new WordRuns(spacySpans(text), true).duplicateNgramCharacters(2)).toBe(5001);
  });
});
