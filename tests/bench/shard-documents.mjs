// The documents of the shard benchmarks, and how they become shards.
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { xxh64 } from '../../dist/core/hash.js';
import { Random } from '../../dist/core/random.js';
import { buildShards } from '../../dist/shard/build.js';
import { SideWriter } from '../../dist/shard/side-writer.js';

export const VOCABULARY = 50257;
export const DIGEST = createHash('sha256').update('bench').digest('hex');

/**
 * Documents of 50 to 1,450 tokens with an id, a URL and three signals, like filtered web pages, in batches as the step
 * `encode` makes them: rows, and the tokens of all of them with offsets. The rows are made when they are asked for: in a run
 * those of one batch live at a time, and what the engine's collector takes to mark those of all parts is no part of it.
 */
export function* batches(tokens, seed = 1) {
  const random = new Random(seed);
  const text = Uint32Array.from({ length: 1 << 16 }, () => random.below(VOCABULARY - 1));
  for (let made = 0, i = 0; made < tokens; ) {
    const offsets = [0];
    const into = new Uint32Array(256 * 1450);
    const first = i;
    let at = 0;
    for (; offsets.length <= 256 && made < tokens; i++) {
      const length = 50 + random.below(1400);
      const start = random.below(text.length - length);
      into.set(text.subarray(start, start + length), at);
      at += length;
      made += length + 1;
      offsets.push(at);
    }
    yield { tokens: into.slice(0, at), offsets, rows: () => rowsOf(seed, first, offsets) };
  }
}

function rowsOf(seed, first, offsets) {
  return Array.from({ length: offsets.length - 1 }, (_, k) => {
    const i = first + k;
    const length = offsets[k + 1] - offsets[k];
    return {
      id: `${seed}-doc-${i}`,
      corpus: i % 3 ? 'web' : 'books',
      source: `https://example.org/${seed}/page/${i}`,
      start: 0,
      end: 4 * length,
      split: 'train',
      metadata: {},
      signals: { 'length.characters': 4 * length, 'gopher.stopWords': 7, 'dedup.size': 1 },
      ordinal: i,
    };
  });
}

export const SIDE_SETTING = {
  tokenizerDigest: DIGEST,
  tokenWidth: 2,
  endOfText: VOCABULARY - 1,
  keySeed: xxh64(Buffer.from('bench')),
};

/**
 * Gives the batches of one part to a side file; tells how many tokens that were, ends of text included, the seconds that
 * their rows took to make, which are the benchmark's own, and how to end the file.
 */
export async function fillSide(path, part) {
  const writer = new SideWriter(path, SIDE_SETTING);
  let written = 0;
  let making = 0;
  for (const { rows: make, tokens, offsets } of part) {
    // As reading the next documents does.
    await setImmediate();
    const started = performance.now();
    const rows = make();
    making += (performance.now() - started) / 1000;
    writer.addAll(rows, (i) => 4 * (offsets[i + 1] - offsets[i]), tokens, offsets);
    written += tokens.length + rows.length;
  }
  return { written, making, finish: () => writer.finish() };
}

/** Writes the batches of one part to a side file; gives its tokens, and the seconds of making rows and of the end. */
export async function writeSide(path, part) {
  const { written, making, finish } = await fillSide(path, part);
  const started = performance.now();
  await finish();
  return { written, making, ending: (performance.now() - started) / 1000 };
}

/** In as many threads as the machine has, as a run does. */
export async function buildSet(sides, folder, memoryBytes = 256 << 20, shardTokens = 1e8) {
  mkdirSync(folder, { recursive: true });
  return buildShards(
    {
      sides,
      folder,
      tokenizer: {
        digest: DIGEST,
        vocabularySize: VOCABULARY,
        specialTokens: new Map([['<|endoftext|>', VOCABULARY - 1]]),
      },
      endOfText: VOCABULARY - 1,
      progress: { report() {} },
      signal: new AbortController().signal,
      threads: availableParallelism(),
      say() {},
    },
    { shardTokens, signals: 'all', weightsBy: 'tokens', temperature: 1, maxEpochs: 4, memoryBytes },
  );
}
