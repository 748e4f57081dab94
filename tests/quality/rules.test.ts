import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { atLeast, atMost, decideByRules, type Rule } from '../../src/core/rules.ts';
import { defineJudge, type JudgeStep } from '../../src/core/step.ts';
import { STEPS } from '../../src/steps.ts';

interface Ruled {
  readonly kind: string;
  readonly options: z.ZodObject;
  readonly rules: readonly Rule[];
  /** Undefined for a stage: its signals are its own affair. */
  readonly signals?: readonly string[];
}

const RULED: Ruled[] = STEPS.flatMap((step) => {
  const { judge } = step as unknown as JudgeStep<string, z.ZodObject>;
  const rules = judge?.rules ?? (step as { rules?: readonly Rule[] }).rules;
  return rules
    ? [{ kind: step.kind, options: step.options as z.ZodObject, rules, signals: judge?.signals }]
    : [];
});

describe('rules as data', () => {
  it('are what most judges decide by', () => {
    expect(RULED.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining([
        'length',
        'gopher-quality',
        'gopher-repetition',
        'c4',
        'fineweb',
        'dolma-gopher',
        'dclm-gopher',
      ]),
    );
  });

  for (const { kind, options, rules, signals } of RULED) {
    it(`${kind}: every rule names a signal and an option that there are`, () => {
      for (const rule of rules) {
        if (signals) expect(signals).toContain(rule.signal);
        if (typeof rule.bound === 'string') expect(Object.keys(options.shape)).toContain(rule.bound);
        if (rule.spareZero !== undefined) expect(Object.keys(options.shape)).toContain(rule.spareZero);
        // What is named for a minimum is one.
        if (typeof rule.bound === 'string') expect(rule.bound.startsWith(rule.comparison)).toBe(true);
      }
    });
  }

  it('drop at the first rule broken, strictly, and not for NaN, null or a spared zero', () => {
    const rules = [
      { ...atLeast('a', 'minA', 'low'), spareZero: 'spare' },
      atMost('b', 'maxB', 'high'),
      atMost('a', 9, 'much'),
    ];
    const decide = decideByRules<{ minA: number | null; maxB: number | null; spare: boolean }>(rules, [
      'b',
      'a',
    ]);
    const number = fc.oneof(fc.double(), fc.integer({ min: -3, max: 12 }), fc.constant(0));
    const bound = fc.option(fc.integer({ min: -3, max: 12 }), { nil: null });
    fc.assert(
      fc.property(number, number, bound, bound, fc.boolean(), (a, b, minA, maxB, spare) => {
        const verdict = decide([b, a], { minA, maxB, spare });
        const expected =
          minA !== null && a < minA && !(spare && a === 0)
            ? 'low'
            : maxB !== null && b > maxB
              ? 'high'
              : a > 9
                ? 'much'
                : '';
        expect(verdict.keep ? '' : verdict.reason).toBe(expected);
      }),
    );
  });

  it('stand in the place of `decide`, never beside it', () => {
    const { options, module } = STEPS.find(({ kind }) => kind === 'length')!;
    const judge = { kind: 'x', summary: '', options, module, signals: ['n'], measure: () => [1] };
    expect(() => defineJudge(judge)).toThrow('either rules or decide');
    expect(() => defineJudge({ ...judge, rules: [], decide: () => ({ keep: true }) })).toThrow('both');
  });
});
