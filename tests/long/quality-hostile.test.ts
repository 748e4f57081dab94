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

/** A second a megabyte and 40 bytes a unit beside what Node itself holds: several times what they take, far below anything quadratic. */
const bounds = (units: number) => ({ seconds: 30 + units / 1e6, mebibytes: 600 + (40 * units) / 2 ** 20 });

describe('hostile text of many megabytes', () => {
  for (const kind of KINDS) {
    for (const name of Object.keys(HOSTILE)) {
      const units = Math.round(LARGE.includes(name) ? LARGE_UNITS : UNITS);
      it(`${kind}: ${name}`, () => {
        const most = bounds(units);
        const script = 'tests/long/quality-hostile-process.ts';
        const { stdout, stderr } = spawnSync(
          'node',
          ['--max-old-space-size=8000', '--import', 'tsx', script, kind, name, String(units)],
          { timeout: (most.seconds + 60) * 1000, encoding: 'utf8' },
        );
        expect(stdout, stderr.slice(-2000)).not.toBe('');
        const { seconds, mebibytes } = JSON.parse(stdout) as { seconds: number; mebibytes: number };
        expect(seconds).toBeLessThan(most.seconds);
        expect(mebibytes).toBeLessThan(most.mebibytes);
      });
    }
  }
});
