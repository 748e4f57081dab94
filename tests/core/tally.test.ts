import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../src/core/errors.ts';
import { differences, fingerprint } from '../../src/core/fingerprint.ts';
import { bytes, duration, excerpt, table } from '../../src/core/format.ts';
import { canonicalJson } from '../../src/core/hash.ts';
import { addTally, binOf, binRange, checkTally, emptyTally, type StepTally } from '../../src/core/tally.ts';

const PROTO: string = '__proto__';
const amount = fc.record({ documents: fc.nat(1000), bytes: fc.nat(100000) });
const name = fc.constantFrom('a', 'b', 'constructor', '__proto__', 'toString');
const tally = fc
  .record({
    in: amount,
    out: amount,
    drops: fc.array(fc.tuple(name, amount)),
    counters: fc.array(fc.tuple(name, fc.nat(99))),
  })
  .map(({ drops, counters, ...sides }): StepTally => {
    const made = { ...emptyTally(), ...sides };
    for (const [key, value] of drops) made.drops[key] = value;
    for (const [key, value] of counters) made.counters[key] = value;
    return made;
  });

const plain = (value: unknown): string => canonicalJson(value);

describe('tallies', () => {
  it('add up in any order, whatever the reasons are called', () => {
    fc.assert(
      fc.property(fc.array(tally, { maxLength: 5 }), (tallies) => {
        const sum = (list: StepTally[]): StepTally => {
          const to = emptyTally();
          for (const one of list) addTally(to, JSON.parse(JSON.stringify(one)) as StepTally);
          return to;
        };
        const forward = sum(tallies);
        expect(plain(sum([...tallies].reverse()))).toBe(plain(forward));
        let proto = 0;
        for (const one of tallies) proto += one.drops[PROTO]?.documents ?? 0;
        expect(forward.drops[PROTO]?.documents ?? 0).toBe(proto);
      }),
    );
  });

  it('are checked: a document that is neither kept nor dropped is noticed', () => {
    const one = emptyTally();
    one.in.documents = 3;
    one.out.documents = 1;
    expect(() => checkTally('length', one)).toThrow(InvariantError);
    one.drops.short = { documents: 2, bytes: 0 };
    expect(() => checkTally('length', one)).not.toThrow();
  });

  it('put every value into the bin whose range holds it', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 }), (value) => {
        fc.pre(value === 0 || Math.abs(value) > 1e-300);
        const [low, high] = binRange(binOf(value))!;
        // A bin's edges are rounded powers of two to the quarter: one ulp of slack.
        const slack = Math.abs(value) * 1e-14;
        expect(low - slack <= value && value <= high + slack).toBe(true);
      }),
    );
    expect(binRange(binOf(Number.NaN))).toBeUndefined();
    expect(binRange(binOf(Number.POSITIVE_INFINITY))).toBeUndefined();
  });
});

describe('fingerprints', () => {
  it('do not depend on the order of options, and say what differs', () => {
    const a = fingerprint({ length: { minWords: 50, maxWords: 9 }, code: { length: 'x' }, seed: 1 });
    const b = fingerprint({ seed: 1, code: { length: 'x' }, length: { maxWords: 9, minWords: 50 } });
    expect(a.hash).toBe(b.hash);
    const c = fingerprint({ length: { minWords: 40 }, code: { length: 'y' }, seed: 1 });
    expect(differences(a.fields, c.fields).sort()).toEqual([
      'code.length changed',
      'length.maxWords: 9 -> (not set)',
      'length.minWords: 50 -> 40',
    ]);
  });
});

describe('what people read', () => {
  it('rounds at the edges', () => {
    expect([9.96, 59.6, 89.6, 119.6, 5399.6].map(duration)).toEqual([
      '10 s',
      '60 s',
      '1 min 30 s',
      '2 min 0 s',
      '1 h 30 min',
    ]);
    expect([999, 999_499, 999_500, 1e15].map(bytes)).toEqual(['999 B', '999 kB', '1.00 MB', '1.00 PB']);
  });

  it('shows no control characters and no direction overrides of a text', () => {
    expect(excerpt('a\u001b[31mb\u202ec\n d', 40)).toBe('a\ufffd[31mb\ufffdc d');
    expect(excerpt('x'.repeat(50), 10)).toBe(`${'x'.repeat(9)}…`);
  });

  it('pads columns to their widest cell', () => {
    expect(
      table(
        [
          ['a', '1'],
          ['bbb', '22'],
        ],
        ['left', 'right'],
      ),
    ).toEqual(['a     1', 'bbb  22']);
  });
});
