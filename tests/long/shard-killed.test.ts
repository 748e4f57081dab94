import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { xxh64 } from '../../src/core/hash.ts';
import { Random } from '../../src/core/random.ts';
import { buildShards } from '../../src/shard/build.ts';
import { removeDocuments } from '../../src/shard/remove.ts';
import { SideWriter } from '../../src/shard/side-writer.ts';
import { BUILD_OPTIONS, buildInput, makeDocuments, newFolder, TOKENIZER } from '../shard/make-shards.ts';

const PROCESS = fileURLToPath(new URL('./shard-process.mjs', import.meta.url));
const SEED = 20261127;

function filesOf(folder: string): Record<string, string> {
  const names = readdirSync(folder).sort();
  return Object.fromEntries(names.map((name) => [name, `${xxh64(readFileSync(join(folder, name)))}`]));
}

/** Runs the script and kills it, later from time to time, until it comes to its end; gives how often it was killed. */
async function killUntilDone(order: object, random: Random): Promise<number> {
  for (let kills = 0; ; kills++) {
    const child = spawn(process.execPath, [PROCESS, JSON.stringify(order)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    // From the first line on it works: the start of Node takes most of the time.
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const killing = setTimeout(kills * 12 + random.below(25)).then(() => kills < 12 && child.kill('SIGKILL'));
    const code = await ended;
    await killing;
    if (code === 0) return kills;
    expect(code).toBeNull();
  }
}

it(`killed again and again while shards are built, and while documents are removed: the same bytes (seed ${SEED})`, async () => {
  const random = new Random(SEED);
  const documents = makeDocuments(9000, 3, 300, 250);
  const side = join(newFolder(), 'side');
  const writer = new SideWriter(side, {
    ...{ tokenizerDigest: TOKENIZER, tokenWidth: 2, endOfText: 299, keySeed: 1n },
  });
  for (const { row, tokens, textBytes } of documents) writer.add(row, textBytes, tokens, 0, tokens.length);
  await writer.finish();
  const options = { ...BUILD_OPTIONS, shardTokens: 40_000, weights: { alpha: 2, beta: 1, gamma: 1 } };
  const whole = newFolder();
  await buildShards(buildInput([side], whole, 300, 299), options);

  const killed = newFolder();
  const built = await killUntilDone({ side, folder: killed, options, tokenizer: TOKENIZER }, random);
  expect(built).toBeGreaterThan(0);
  expect(filesOf(killed)).toEqual(filesOf(whole));

  const request = { sources: ['books/one.txt'], reason: 'asked for' };
  await removeDocuments(whole, request);
  const removed = await killUntilDone({ folder: killed, request }, random);
  expect(removed).toBeGreaterThan(0);
  expect(filesOf(killed)).toEqual(filesOf(whole));
}, 60_000);
