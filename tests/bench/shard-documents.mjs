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
 * `encode` makes them: rows, and the tokens of all of them with offsets.
 */
export function* batches(tokens, seed = 1) {
  const random = new Random(seed);
  const text = Uint32Array.from({ length: 1 << 16 }, () => random.below(VOCABULARY - 1));
  for (let made = 0, i = 0; made < tokens; ) {
    const batch = { rows: [], tokens: new Uint32Array(256 * 1450), offsets: [0] };
    let at = 0;
    for (; batch.rows.length < 256 && made < tokens; i++) {
      const length = 50 + random.below(1400);
      const start = random.below(text.length - length);
      batch.tokens.set(text.subarray(start, start + length), at);
      at += length;
      made += length + 1;
      batch.offsets.push(at);
      batch.rows.push({
        id: `${seed}-doc-${i}`,
        corpus: i % 3 ? 'web' : 'books',
        source: `https://example.org/${seed}/page/${i}`,
        start: 0,
        end: 4 * length,
        split: 'train',
        metadata: {},
        signals: { 'length.characters': 4 * length, 'gopher.stopWords': 7, 'dedup.size': 1 },
        ordinal: i,
      });
    }
    batch.tokens = batch.tokens.slice(0, at);
    yield batch;
  }
}

export const SIDE_SETTING = {
  tokenizerDigest: DIGEST,
  tokenWidth: 2,
  endOfText: VOCABULARY - 1,
  keySeed: xxh64(Buffer.from('bench')),
};

/** Gives the batches of one part to a side file; tells how many tokens that were, ends of text included, and how to end it. */
export async function fillSide(path, part) {
  const writer = new SideWriter(path, SIDE_SETTING);
  let written = 0;
  for (const { rows, tokens, offsets } of part) {
    // As reading the next documents does.
    await setImmediate();
    for (let i = 0; i < rows.length; i++)
      writer.add(rows[i], 4 * (offsets[i + 1] - offsets[i]), tokens, offsets[i], offsets[i + 1]);
    written += tokens.length + rows.length;
  }
  return { written, finish: () => writer.finish() };
}

/** Writes the batches of one part to a side file; gives its tokens. `finished`: told the seconds of the end. */
export async function writeSide(path, part, finished = () => {}) {
  const { written, finish } = await fillSide(path, part);
  const started = performance.now();
  await finish();
  finished((performance.now() - started) / 1000);
  return written;
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
