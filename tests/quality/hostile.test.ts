import { describe, expect, it } from 'vitest';
import { viewOf } from '../../src/core/text-view.ts';
import { c4, cleanC4 } from '../../src/quality/judges/c4.ts';
import { cleanLines, cleanLinesStep } from '../../src/quality/judges/clean-lines.ts';
import { dclmGopher } from '../../src/quality/judges/dclm-gopher.ts';
import { dolmaGopher } from '../../src/quality/judges/dolma-gopher.ts';
import { fineweb } from '../../src/quality/judges/fineweb.ts';
import { gopherQuality } from '../../src/quality/judges/gopher-quality.ts';
import { gopherRepetition } from '../../src/quality/judges/gopher-repetition.ts';
import { PhraseSet } from '../../src/quality/phrases.ts';
import { HOSTILE } from './hostile.ts';

const SIZE = 100_000;
/** Far above what it takes on a busy machine (under 1 s), far below what anything quadratic takes (minutes). */
const MOST_MS = 10_000;

describe('hostile text is judged in bounded time', () => {
  for (const [name, make] of Object.entries(HOSTILE)) {
    it(name, () => {
      const text = make(SIZE);
      expect(text.length).toBeGreaterThanOrEqual(SIZE - 1);
      const view = viewOf(text);
      const started = performance.now();
      for (const step of [gopherQuality, gopherRepetition, fineweb, dolmaGopher, dclmGopher] as const) {
        const options = step.options.parse({}) as never;
        const values = Array.from(step.judge.measure(view, options));
        for (const value of values) expect(Number.isFinite(value)).toBe(true);
        expect(typeof step.judge.decide(values, options).keep).toBe('boolean');
      }
      const left = cleanC4(
        text,
        c4.options.parse({ requireTerminalPunctuation: false, minWordsPerLine: null }),
      );
      if ('text' in left) expect(left.text.length).toBeLessThanOrEqual(text.length);
      expect(cleanLines(text, cleanLinesStep.options.parse({}))).toBeDefined();
      expect(new PhraseSet(['a-a-a-b', 'aaaaaaab'], true).count(text)).toBeLessThan(text.length);
      expect(performance.now() - started).toBeLessThan(MOST_MS);
    });
  }
});
