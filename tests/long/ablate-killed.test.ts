import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import type { AblationOutcome } from '../../src/ablate/outcome.ts';
import { Random } from '../../src/core/random.ts';
import { AblationFolder, SMALL } from '../ablate/small-ablation.ts';

/** An ablation killed KILLS times at random moments (SEED) must end with the report of an undisturbed one. */
const KILLS = Number(process.env.KILLS ?? 10);
const SEED = process.env.SEED ?? String(Date.now());
const CLI = new URL('../../dist/cli.js', import.meta.url).pathname;

/** More blocks, probes and canaries: more that can be half done. */
const FILE = SMALL.replace('seeds: 2', 'seeds: 3')
  .replace('tokens: 640', 'tokens: 6400')
  .concat('probes: true\nleaveOneOut: true\n');

/** The report's data without what the clock says. */
function timeless(path: string): string {
  const outcome = JSON.parse(readFileSync(join(path, 'ablation.json'), 'utf8')) as AblationOutcome;
  return JSON.stringify(outcome, (key, value) => (key === 'seconds' ? 0 : value));
}

const folder = new AblationFolder();
const ERRORS = join(folder.path, 'errors');
afterAll(() => folder.remove());

function start(out: string): ChildProcess {
  const file = folder.write('ablation.yaml', FILE);
  // A group of its own, so that the training processes can be killed with it.
  const errors = openSync(ERRORS, 'w');
  return spawn(process.execPath, [CLI, 'ablate', file, '--out', out], {
    stdio: ['ignore', 'ignore', errors],
    detached: true,
  });
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('exit', (code) => resolve(code)));
}

describe('an ablation that is killed', () => {
  it(`comes to the report of an undisturbed one (${KILLS} times, SEED=${SEED})`, async () => {
    const random = new Random(SEED);
    const calm = join(folder.path, 'calm');
    const began = performance.now();
    expect(await ended(start(calm))).toBe(0);
    const usual = performance.now() - began;
    const expected = timeless(calm);

    let kills = 0;
    for (let round = 0; kills < KILLS; round++) {
      const out = join(folder.path, `killed-${round}`);
      for (;;) {
        const child = start(out);
        const end = ended(child);
        // A little longer each time: what a short life cannot finish must not be tried for ever.
        const life = 300 + random.next() * usual * 0.5 + (kills % 10) * usual * 0.02;
        const code = await Promise.race([end, wait(life).then(() => 'running' as const)]);
        if (code !== 'running' || kills >= KILLS) {
          expect([await end, readFileSync(ERRORS, 'utf8')]).toEqual([0, expect.anything()]);
          break;
        }
        // All processes at once, or the first only: its children must end by themselves and spoil nothing.
        process.kill(random.next() < 0.5 ? -child.pid! : child.pid!, 'SIGKILL');
        await end;
        kills++;
      }
      expect(timeless(out)).toEqual(expected);
    }
  });
});
