import { describe, expect, it } from 'vitest';
import { bandsFor, minhashDedupOptions, resolveMinhash } from '../../src/dedup/minhash-options.ts';
import { permutationsOf } from '../../src/dedup/permutations.ts';
import { Signer } from '../../src/dedup/signer.ts';
import { datatroveWords, simplify } from '../../src/dedup/simplify.ts';
import { shingleHashes, signPlainly } from '../../src/dedup/twin.ts';

/* Golden values of datatrove's own code: reference/parity.md. */
const TEXT =
  "Hello, World! It's 3.14 o'clock on Monday; the quick brown fox jumps over the lazy dog — naïve café №5.";
const parameters = (options: Record<string, unknown>) => resolveMinhash(minhashDedupOptions.parse(options));
const utf8 = new TextEncoder().encode(TEXT);

describe("datatrove's signatures", () => {
  it('draws the permutations of RandomState(1)', () => {
    const { a, b } = permutationsOf(parameters({ preset: 'datatrove' }));
    expect([...a.subarray(0, 3)]).toEqual([775169054918279404n, 1758426461858698313n, 2109959069025162n]);
    expect(a[111]).toBe(223865076026037746n);
    expect([...b.subarray(0, 3)]).toEqual([1062448801025099917n, 1324811268927594100n, 1217488311597731462n]);
    expect(b[111]).toBe(1097409548522419201n);
  });

  it('simplifies and splits', () => {
    expect(simplify(TEXT)).toBe(
      'hello world it s 0 o clock on monday the quick brown fox jumps over the lazy dog naive cafe №0',
    );
    expect(datatroveWords(TEXT)).toHaveLength(22);
  });

  it.each([
    [
      'datatrove',
      64,
      14058299619092256513n,
      [
        [0, 85330943174081874n],
        [1, 33273341965438881n],
        [2, 220575814530214294n],
        [111, 3963570588256049n],
      ],
    ],
    ['fineweb', 64, 10723700683776763530n, [[0, 177518291450155224n]]],
    ['datatrove', 32, 3491454369n, [[0, 69844083n]]],
  ] as const)('%s in %i bits', (preset, bits, first, minima) => {
    const resolved = parameters({ preset, bits });
    const shingles = shingleHashes(TEXT, resolved);
    expect(shingles).toHaveLength(18);
    expect(shingles[0]).toBe(first);
    const signer = new Signer(resolved);
    expect(signer.sign(utf8)).toBe(true);
    const plain = signPlainly(TEXT, resolved)!;
    for (const [index, value] of minima) {
      expect(BigInt(signer.minima[index]!)).toBe(value);
      expect(plain.minima[index]).toBe(value);
    }
  });

  it.each([
    // text-dedup 0.4.0, `python -m text_dedup.minhash` with its defaults: RandomState(42), minima and hashes of 32 bits.
    [32, [24217909n, 264805313n, 119787983n], 273221732n],
    // Its embed_func with hashes and minima of 64 bits.
    [64, [20502411415873317n, 51883341740116710n, 4906179969049307n], 477063092064397415n],
  ] as const)("gives text-dedup's in %i bits", (bits, expected, last) => {
    const resolved = parameters({ preset: 'text-dedup', bits });
    expect(parameters({ preset: 'text-dedup' }).bits).toBe(32);
    const signer = new Signer(resolved);
    expect(signer.sign(utf8)).toBe(true);
    expect([...(signer.minima as BigUint64Array).subarray(0, 3)]).toEqual(expected);
    expect(signer.minima[249]).toBe(last);
    expect(signPlainly(TEXT, resolved)!.minima.slice(0, 3)).toEqual(expected);
    // 25 bands of 10, by its optimal_param(0.7, 250).
    expect(bandsFor(0.7, 250)).toEqual({ bands: 25, rows: 10 });
  });

  it('bears a document of one word longer than any part', () => {
    const signer = new Signer(parameters({ preset: 'datatrove' }));
    const long = new Uint8Array((1 << 24) + 100).fill(0x78);
    expect(signer.sign(long)).toBe(false);
    expect(signer.sign(utf8)).toBe(true);
    expect(signer.minima[0]).toBe(85330943174081874n);
  });

  it('gives documents of fewer than five words no signature', () => {
    const signer = new Signer(parameters({ preset: 'datatrove' }));
    expect(signer.sign(new TextEncoder().encode('only four words here'))).toBe(false);
    expect(signer.sign(new TextEncoder().encode('now there are five words'))).toBe(true);
  });
});
