import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/core/hash.ts';
import { Random } from '../../src/core/random.ts';

/**
 * The quickstart, smaller (fewer training steps), killed with SIGKILL at random moments until it is through: shards
 * and final weights must be those of an undisturbed run, byte for byte. KILLS and SEED can be set in the environment.
 */
const root = fileURLToPath(new URL('../../', import.meta.url));
const KILLS = Number(process.env.KILLS ?? 10);
const SEED = process.env.SEED ?? String(Date.now());
const SMALL = [
  'train.steps=40',
  'train.evaluateEvery=0',
  'train.checkpoint.everySteps=5',
  'train.model.width=64',
  'train.model.heads=2',
  'train.model.layers=2',
  'generate.maxTokens=20',
  'run.partBytes=500000',
];

const folder = mkdtempSync(join(tmpdir(), 'provender-killed-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start(out: string): ChildProcess {
  const set = SMALL.flatMap((override) => ['--set', override]);
  return spawn(
    process.execPath,
    [
      join(root, 'dist/cli.js'),
      'run',
      join(root, 'pipelines/quickstart.yaml'),
      '--out',
      out,
      '--quiet',
      ...set,
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
}

function ended(child: ChildProcess): Promise<number | string | null> {
  return new Promise((resolve) => child.on('exit', (code, signal) => resolve(signal ?? code)));
}

/** What must be the same: every shard, and the final weights. */
function outcome(out: string): Record<string, string> {
  const digests: Record<string, string> = {};
  for (const unit of readdirSync(join(out, 'units'))) {
    if (!/-(shard|train|train-tokenizer)$/.test(unit)) continue;
    const artifact = join(out, 'units', unit, 'artifact');
    for (const name of readdirSync(artifact)) {
      const path = join(artifact, name);
      if (
        statSync(path).isFile() &&
        /\.(safetensors|json|shard|bin|pvs|metrics)$|^shard|^train|^held/.test(name) &&
        name !== 'timing.jsonl'
      ) {
        digests[`${unit}/${name}`] = sha256(readFileSync(path));
      }
    }
  }
  return digests;
}

describe('the quickstart under kill -9', () => {
  it(`ends with the same bytes after ${KILLS} kills (SEED=${SEED})`, async () => {
    const calm = join(folder, 'calm');
    const began = performance.now();
    expect(await ended(start(calm))).toBe(0);
    const usual = performance.now() - began;
    const expected = outcome(calm);
    expect(Object.keys(expected).some((name) => name.endsWith('.safetensors'))).toBe(true);

    const random = new Random(SEED);
    const out = join(folder, 'killed');
    let kills = 0;
    for (; kills < KILLS; ) {
      const child = start(out);
      const exit = ended(child);
      const after = 500 + random.next() * (usual / 2);
      const timer = setTimeout(() => child.kill('SIGKILL'), after);
      const how = await exit;
      clearTimeout(timer);
      if (how === 'SIGKILL') {
        kills++;
        continue;
      }
      expect(how).toBe(0);
      // It got through before its kill: start over elsewhere until all kills were made.
      expect(outcome(out)).toEqual(expected);
      rmSync(out, { recursive: true });
    }
    expect(await ended(start(out))).toBe(0);
    expect(outcome(out)).toEqual(expected);
  }, 1_800_000);

  it('leaves nothing half-written under a final name', () => {
    expect(existsSync(join(folder, 'killed', 'lock'))).toBe(false);
    const names = readdirSync(join(folder, 'killed'), { recursive: true }) as string[];
    expect(names.filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});
