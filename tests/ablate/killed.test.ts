import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { AblationOutcome } from '../../src/ablate/outcome.ts';
import { AblationFolder, SMALL } from './small-ablation.ts';

const CLI = new URL('../../dist/cli.js', import.meta.url).pathname;

/** All but the clock. */
function timeless(outcome: AblationOutcome): unknown {
  return { ...outcome, trainings: outcome.trainings.map((training) => ({ ...training, seconds: 0 })) };
}

function start(folder: AblationFolder, out: string): ChildProcess {
  const file = folder.write('ablation.yaml', SMALL);
  return spawn(process.execPath, [CLI, 'ablate', file, '--out', out], { stdio: ['ignore', 'pipe', 'pipe'] });
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('exit', (code) => resolve(code)));
}

/** Waits until standard error says something. */
function says(child: ChildProcess, what: RegExp): Promise<void> {
  let heard = '';
  return new Promise((resolve, reject) => {
    child.stderr!.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
      if (what.test(heard)) resolve();
    });
    child.once('exit', () => reject(new Error(`ended before it said ${what}: ${heard}`)));
  });
}

describe('an ablation that is killed, and one that several processes share', () => {
  const folder = new AblationFolder();
  afterAll(() => folder.remove());

  it('comes to the same outcome', async () => {
    const whole = await folder.go(SMALL, join(folder.path, 'whole'));
    const out = join(folder.path, 'killed');
    // In the preparation, then in the trainings.
    for (const when of [/base|ruler/, /trainings/]) {
      const child = start(folder, out);
      await says(child, when);
      await new Promise((resolve) => setTimeout(resolve, 400));
      child.kill('SIGKILL');
      await ended(child);
    }
    const [one, other] = [start(folder, out), start(folder, out)];
    expect(await Promise.all([ended(one), ended(other)])).toEqual([0, 0]);
    const outcome = () => JSON.parse(readFileSync(join(out, 'ablation.json'), 'utf8')) as AblationOutcome;
    expect(timeless(outcome())).toEqual(timeless(whole.outcome));
    // Only what is missing is made anew.
    const results = whole.units.map(({ task }) => task.folder.replace(`${whole.folder}/`, ''));
    const times = () => results.map((name) => statSync(join(out, name, 'result.json')).mtimeMs);
    const before = times();
    rmSync(join(out, results[0]!, 'result.json'));
    expect(await ended(start(folder, out))).toBe(0);
    expect(times().map((time, i) => time === before[i])).toEqual(results.map((_, i) => i !== 0));
    expect(timeless(outcome())).toEqual(timeless(whole.outcome));
  }, 240_000);
});
