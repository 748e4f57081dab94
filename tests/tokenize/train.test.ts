import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigurationError, IntegrityError } from '../../src/core/errors.ts';
import { bytesToAlphabet } from '../../src/tokenize/byte-alphabet.ts';
import {
  mergeCounts,
  PreTokenCounter,
  type TrainedBpe,
  tokenizerFromJson,
  tokenizerJson,
  trainBpe,
} from '../../src/tokenize/tokenizer.ts';
import { encoder, hasData, readDocuments, readText, TRAIN_DEFAULTS, trainOn } from './helpers.ts';

const require = createRequire(import.meta.url);

function mergesOf(trained: TrainedBpe): string[] {
  const { merges } = JSON.parse(tokenizerJson(trained)).model;
  return merges;
}

function linesOf(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let p = 0; p < bytes.length; ) {
    const e = bytes.indexOf(10, p) + 1 || bytes.length;
    lines.push(bytes.subarray(p, e));
    p = e;
  }
  return lines;
}

/** Merges of Hugging Face's BpeTrainer with its defaults (30,000 ids, no special tokens), which reads files by line. */
function huggingFaceMerges(text: Uint8Array): string[] {
  const { BPE, Tokenizer, byteLevelPreTokenizer } = require('tokenizers');
  const folder = mkdtempSync(join(tmpdir(), 'provender-tokenize-'));
  try {
    writeFileSync(join(folder, 'text.txt'), text);
    const tokenizer = new Tokenizer(BPE.empty());
    tokenizer.setPreTokenizer(byteLevelPreTokenizer(false));
    tokenizer.train([join(folder, 'text.txt')]);
    tokenizer.save(join(folder, 'tokenizer.json'));
    const { merges } = JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')).model;
    return merges.map((merge: string | string[]) => (Array.isArray(merge) ? merge.join(' ') : merge));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** BPE training by the book: count all pairs anew after every merge. */
function naiveMerges(
  words: Map<string, number>,
  minFrequency: number,
  merges: number,
  maxLength: number,
): string[] {
  const alphabet = [...Array(256).keys()]
    .map((b) => bytesToAlphabet(Uint8Array.of(b)))
    .sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);
  const ids = new Map(alphabet.map((c, i) => [c, i]));
  const split = [...words].map(([word, count]) => ({ symbols: [...word], count }));
  const made: string[] = [];
  while (made.length < merges) {
    const counts = new Map<string, number>();
    for (const { symbols, count } of split)
      for (let i = 0; i + 1 < symbols.length; i++) {
        const key = `${symbols[i]} ${symbols[i + 1]}`;
        if (symbols[i]!.length + symbols[i + 1]!.length <= maxLength)
          counts.set(key, (counts.get(key) ?? 0) + count);
      }
    let best: { key: string; count: number; a: number; b: number } | undefined;
    for (const [key, count] of counts) {
      const [a, b] = key.split(' ').map((s) => ids.get(s)!) as [number, number];
      if (
        !best ||
        count > best.count ||
        (count === best.count && (a < best.a || (a === best.a && b < best.b)))
      )
        best = { key, count, a, b };
    }
    if (!best || best.count < Math.max(1, minFrequency)) break;
    made.push(best.key);
    const [left, right] = best.key.split(' ') as [string, string];
    ids.set(left + right, ids.size);
    for (const word of split)
      for (let i = 0; i + 1 < word.symbols.length; i++)
        if (word.symbols[i] === left && word.symbols[i + 1] === right)
          word.symbols.splice(i, 2, left + right);
  }
  return made;
}

/** Words over few letters, so that pairs overlap, tie and run out. */
const crowdedWords = fc.dictionary(
  fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 12 }),
  fc.integer({ min: 1, max: 4 }),
  {
    minKeys: 1,
    maxKeys: 20,
  },
);

describe('training', () => {
  it('equals training by the book', () => {
    fc.assert(
      fc.property(
        crowdedWords,
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 2, max: 9 }),
        (words, minFrequency, maxTokenLength) => {
          const documents = Object.entries(words).flatMap(([word, count]) => Array(count).fill(word));
          const trained = trainOn(documents, {
            vocabularySize: 400,
            minFrequency,
            maxTokenLength,
            preTokenizer: 'none',
          });
          const naive = naiveMerges(new Map(Object.entries(words)), minFrequency, 144, maxTokenLength);
          expect(mergesOf(trained)).toEqual(naive);
        },
      ),
      { numRuns: 60 },
    );
  });

  it.skipIf(!hasData)("makes the merges of Hugging Face's BpeTrainer", () => {
    const text = Buffer.concat([
      readText('tinyshakespeare.txt').subarray(0, 100_000),
      readText('wikitext-2-valid.txt').subarray(0, 150_000),
      encoder.encode(readDocuments('cc_en_head-0091.jsonl.gz').join('\n')),
    ]);
    const theirs = huggingFaceMerges(text);
    const ours = mergesOf(trainOn(linesOf(text), { vocabularySize: 256 + theirs.length }));
    expect(theirs.length).toBeGreaterThan(10_000);
    expect(ours).toEqual(theirs);
  });

  it('does not depend on order or partition', () => {
    const documents = ['the cat sat', 'on the mat', 'the the the', 'a cat, a mat', 'satisfaction'];
    const options = { vocabularySize: 300, ...TRAIN_DEFAULTS };
    const whole = tokenizerJson(trainOn(documents, options));
    const part = (texts: string[]) => {
      const counter = new PreTokenCounter({ preTokenizer: 'gpt2' });
      for (const t of texts) counter.add(encoder.encode(t));
      return counter.serialize();
    };
    const parts = [
      part([documents[3]!]),
      part([documents[4]!, documents[1]!]),
      part([]),
      part([documents[0]!, documents[2]!]),
    ];
    expect(tokenizerJson(trainBpe(mergeCounts(parts), options))).toBe(whole);
    expect(tokenizerJson(trainBpe(mergeCounts(parts.reverse()), options))).toBe(whole);
  });

  it('gives special tokens the first ids, then the bytes', () => {
    const trained = trainOn(['aa aa'], { vocabularySize: 300, specialTokens: ['<|endoftext|>', '[MASK]'] });
    expect(trained.tokens.slice(0, 3).map((t) => Buffer.from(t).toString())).toEqual([
      '<|endoftext|>',
      '[MASK]',
      '!',
    ]);
    expect(Buffer.from(trained.tokens[258]!).toString()).toBe('aa');
    expect([...trained.merges.subarray(0, 2)]).toEqual([66, 66]);
    expect([...trained.mergeCounts]).toEqual([2, 1]);
  });

  it('makes no merge whose text is a special token (BpeTrainer does: a known difference)', () => {
    const trained = trainOn(['PAD PAD PAD'], { vocabularySize: 300, specialTokens: ['PAD'] });
    const tokenizer = tokenizerFromJson(tokenizerJson(trained), 'trained');
    expect([...tokenizer.encode('PAD')]).not.toContain(tokenizer.specialTokens.get('PAD'));
    expect(tokenizer.decode(tokenizer.encode('PAD PAD'))).toBe('PAD PAD');
  });

  it('ends early where no pair is left, and reports progress', () => {
    const seen: number[][] = [];
    const trained = trainOn(['ab ab ab'], {
      vocabularySize: 1000,
      onProgress: (done, total) => seen.push([done, total]),
    });
    expect(mergesOf(trained)).toEqual(['a b', 'Ġ ab']);
    expect(seen).toEqual([[2, 744]]);
  });

  it.each([
    [{ vocabularySize: 255 }, /too small.*at least 256.*255/],
    [{ vocabularySize: 300, minFrequency: -1 }, /minFrequency/],
    [{ vocabularySize: 300, maxTokenLength: 0 }, /maxTokenLength/],
    [{ vocabularySize: 300, specialTokens: ['<x>', '<x>'] }, /twice.*<x>/],
    [{ vocabularySize: 300, specialTokens: [''] }, /empty/],
    [{ vocabularySize: 300, specialTokens: ['Ġ'] }, /writes a byte/],
  ])('refuses %j', (options, message) => {
    expect(() => trainOn(['a'], options)).toThrow(message);
    expect(() => trainOn(['a'], options)).toThrow(ConfigurationError);
  });
});

describe('pre-token counts', () => {
  const counter = (preTokenizer: 'gpt2' | 'none', ...texts: string[]) => {
    const c = new PreTokenCounter({ preTokenizer });
    for (const t of texts) c.add(encoder.encode(t));
    return c;
  };

  it('come back from their file, ascending by bytes', () => {
    const counts = mergeCounts([
      counter('gpt2', 'b ba b', 'b a').serialize(),
      counter('gpt2', 'ba').serialize(),
    ]);
    const entries: [string, number][] = [];
    for (let i = 0; i < counts.size; i++) {
      const start = i === 0 ? 0 : counts.ends[i - 1]!;
      entries.push([Buffer.from(counts.arena.subarray(start, counts.ends[i])).toString(), counts.counts[i]!]);
    }
    expect(entries).toEqual([
      [' a', 1],
      [' b', 1],
      [' ba', 1],
      ['b', 2],
      ['ba', 1],
    ]);
    expect([counts.preTokens, counts.bytes]).toEqual([6, 11]);
  });

  it('equal a map of strings, however often they spill', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme', maxLength: 30 }), { maxLength: 40 }),
        fc.boolean(),
        (texts, spill) => {
          const expected = new Map<string, number>();
          const files: Uint8Array[] = [];
          const c = new PreTokenCounter({
            preTokenizer: 'none',
            ...(spill && { memoryLimit: 0, onSpill: (f) => files.push(f) }),
          });
          for (const t of texts) {
            const utf8 = encoder.encode(t);
            if (utf8.length > 0) {
              const key = Buffer.from(utf8).toString('latin1');
              expected.set(key, (expected.get(key) ?? 0) + 1);
            }
            c.add(utf8);
          }
          files.push(c.serialize());
          if (spill) expect(files.length).toBe(texts.length + 1);
          const counts = mergeCounts(files);
          const found = new Map<string, number>();
          for (let i = 0; i < counts.size; i++)
            found.set(
              Buffer.from(counts.arena.subarray(counts.ends[i - 1] ?? 0, counts.ends[i])).toString('latin1'),
              counts.counts[i]!,
            );
          expect(found).toEqual(expected);
          expect([...found.keys()]).toEqual([...expected.keys()].sort((a, b) => (a < b ? -1 : 1)));
        },
      ),
      { numRuns: 80 },
    );
  });

  it('are read from the disk piece by piece as from memory', () => {
    const folder = mkdtempSync(join(tmpdir(), 'provender-counts-'));
    try {
      const long = 'x'.repeat(200_000);
      const words = Array.from({ length: 60_000 }, (_, i) => `word${(i * 7919) % 50_021}`).join(' ');
      const parts = [counter('gpt2', words, long).serialize(), counter('gpt2', words.slice(9)).serialize()];
      const path = join(folder, 'parts');
      writeFileSync(path, Buffer.concat([Buffer.alloc(5), ...parts]));
      const middle = 5 + parts[0]!.length;
      const ranges = [
        { path, start: 5, end: middle },
        { path, start: middle, end: middle + parts[1]!.length },
      ];
      expect(mergeCounts(ranges)).toEqual(mergeCounts(parts));
      expect(() => mergeCounts([{ path, start: 5, end: middle - 1 }])).toThrow(/damaged or cut off/);
      expect(() => mergeCounts([{ path, start: 6, end: middle }])).toThrow(IntegrityError);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('notice damage anywhere', () => {
    const file = counter('gpt2', 'some words to count').serialize();
    for (let i = 0; i < file.length; i++) {
      const damaged = file.slice();
      damaged[i]! ^= 0x10;
      expect(() => mergeCounts([damaged]), `byte ${i}`).toThrow(IntegrityError);
    }
    for (const length of [0, 7, 47, 48, file.length - 1])
      expect(() => mergeCounts([file.slice(0, length)])).toThrow(IntegrityError);
  });

  it('refuse to be added up across pre-tokenizers', () => {
    expect(() => mergeCounts([counter('gpt2', 'a').serialize(), counter('none', 'a').serialize()])).toThrow(
      /counts file 1: counted with another preTokenizer; expected gpt2; found none/,
    );
    expect(() =>
      trainBpe(mergeCounts([counter('gpt2').serialize()]), {
        vocabularySize: 300,
        ...TRAIN_DEFAULTS,
        preTokenizer: 'none',
      }),
    ).toThrow(ConfigurationError);
  });
});
