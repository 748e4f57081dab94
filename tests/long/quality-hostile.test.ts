import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { HOSTILE } from '../quality/hostile.ts';

/**
 * Every filter on texts that no reader would let through at their default bounds, each in a process of its own: time and
 * memory stay in proportion to the text. HOSTILE_SHARE=0.1 makes the texts smaller.
 */
const SHARE = Number(process.env.HOSTILE_SHARE ?? 1);
const KINDS = [
  'length',
  'gopher-quality',
  'gopher-repetition',
  'c4',
  'fineweb',
  'dolma-gopher',
  'dclm-gopher',
  'clean-lines',
  'word-filter',
  'redact-pii',
  'language',
];
const LARGE = ['one word', 'one line of different words'];
const LARGE_UNITS = 200_000_000 * SHARE;
/** 10 million lines of one character, and as much of everything else. */
const UNITS = 20_000_000 * SHARE;

/**
 * Two CPU seconds a megabyte; 40 bytes a unit, 16 of the long lines, beside what Node itself holds. On 200 MB of
 * different words the slowest, gopher-repetition, took 187 s and 2.4 GiB, the others at most 24 s: far below anything
 * quadratic.
 */
const bounds = (units: number, large: boolean) => ({
  seconds: 30 + (2 * units) / 1e6,
  mebibytes: 600 + ((large ? 16 : 40) * units) / 2 ** 20,
});

describe('hostile text of many megabytes', () => {
  for (const kind of KINDS) {
    for (const name of Object.keys(HOSTILE)) {
      const large = LARGE.includes(name);
      const units = Math.round(large ? LARGE_UNITS : UNITS);
      it(`${kind}: ${name}`, () => {
        const most = bounds(units, large);
        const script = 'tests/long/quality-hostile-process.ts';
        const { stdout, stderr } = spawnSync(
          'node',
          ['--max-old-space-size=8000', '--import', 'tsx', script, kind, name, String(units)],
          // A busy machine may take many times the CPU seconds.
          { timeout: (most.seconds * 4 + 60) * 1000, encoding: 'utf8' },
        );
        expect(stdout, stderr.slice(-2000)).not.toBe('');
        const { seconds, mebibytes } = JSON.parse(stdout) as { seconds: number; mebibytes: number };
        expect(seconds).toBeLessThan(most.seconds);
        expect(mebibytes).toBeLessThan(most.mebibytes);
      });
    }
  }
});
