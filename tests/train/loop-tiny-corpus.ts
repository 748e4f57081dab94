/** A tokenizer and shards of a made-up corpus, small enough that a model learns something of it in seconds. */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DocumentBatch } from '../../src/core/batch.ts';
import type { NewDocument } from '../../src/core/document.ts';
import { Random } from '../../src/core/random.ts';
import type { JobContext } from '../../src/core/stage.ts';
import { buildShards } from '../../src/shard/build.ts';
import { tokenWidthOf } from '../../src/shard/format.ts';
import { SideWriter } from '../../src/shard/side-writer.ts';
import { encodeBatch } from '../../src/tokenize/steps/encode.ts';
import {
  mergeCounts,
  PreTokenCounter,
  tokenizerFromJson,
  tokenizerJson,
  trainBpe,
} from '../../src/tokenize/tokenizer.ts';

const WORDS = {
  farm: 'the cow, a horse, two sheep, green grass, an old barn, cold milk, warm hay, high fence'.split(', '),
  town: 'die Straße, ein Turm, zwei Brücken, der Markt, große Häuser, ein Zug 🚂, viele Leute'.split(', '),
};

/** 60 documents of two corpora; every fifth is held out. */
export function tinyDocuments(): NewDocument[] {
  const random = new Random('tiny corpus');
  return Array.from({ length: 60 }, (_, i) => {
    const corpus = i % 3 === 0 ? 'town' : 'farm';
    const words = WORDS[corpus];
    const sentences = Array.from({ length: 3 + random.below(20) }, () => {
      const [a, b] = [words[random.below(words.length)], words[random.below(words.length)]];
      return `${a} and ${b}.`;
    });
    const text = sentences.join(i % 2 === 0 ? ' ' : '\n');
    const split = i % 5 === 4 ? 'held-out' : 'train';
    return {
      id: `${corpus}-${i}`,
      corpus,
      source: `${corpus}.txt`,
      start: i * 1000,
      end: i * 1000 + 999,
      text,
      split,
    };
  });
}

export async function buildTinyCorpus(
  folder: string,
  documents = tinyDocuments(),
  signals: 'all' | 'none' = 'none',
): Promise<{ shards: string; tokenizer: string }> {
  const shards = join(folder, 'shards');
  const tokenizerFolder = join(folder, 'tokenizer');
  for (const path of [shards, tokenizerFolder]) await mkdir(path, { recursive: true });
  const batch = DocumentBatch.from(documents);
  const counter = new PreTokenCounter({ preTokenizer: 'gpt2', normalizer: 'none' });
  for (let i = 0; i < batch.length; i++) counter.add(batch.bytes(i));
  const trained = trainBpe(mergeCounts([counter.serialize()]), {
    vocabularySize: 300,
    minFrequency: 2,
    preTokenizer: 'gpt2',
    specialTokens: ['<|endoftext|>'],
  });
  const json = tokenizerJson(trained);
  await writeFile(join(tokenizerFolder, 'tokenizer.json'), json);
  const tokenizer = tokenizerFromJson(json, 'tiny');
  const side = join(folder, 'side');
  const writer = new SideWriter(side, {
    tokenizerDigest: tokenizer.digest,
    tokenWidth: tokenWidthOf(tokenizer.vocabularySize),
    endOfText: tokenizer.endOfText,
    keySeed: 1n,
  });
  const { tokens, offsets } = encodeBatch(tokenizer, batch);
  for (let i = 0; i < batch.length; i++) {
    writer.add(batch.rows[i]!, batch.size(i), tokens, offsets[i]!, offsets[i + 1]!);
  }
  await writer.finish();
  const quiet = { progress: { report() {} }, signal: new AbortController().signal, say() {} };
  await buildShards(
    { sides: [side], folder: shards, tokenizer, endOfText: tokenizer.endOfText, ...quiet },
    {
      shardTokens: 2000,
      signals,
      weightsBy: 'tokens',
      temperature: 1,
      maxEpochs: 4,
      memoryBytes: 1 << 20,
    },
  );
  return { shards, tokenizer: tokenizerFolder };
}

/** What a job is given, its lines and reports kept. */
export function jobContext(
  folder: string,
  artifacts: Record<string, string>,
  onReport: (done: number, controller: AbortController) => void = () => {},
) {
  const lines: string[] = [];
  const controller = new AbortController();
  const context: JobContext = {
    random: new Random('11/train'),
    seed: 11,
    baseFolder: folder,
    folder,
    artifact: (name) => artifacts[name]!,
    progress: { report: (done) => onReport(done, controller) },
    signal: controller.signal,
    threads: 2,
    say: (line) => lines.push(line),
  };
  return { context, lines };
}

/** Options of a run that takes a second or two. */
export const TINY_RUN = {
  model: { family: 'gpt2', layers: 1, width: 32, heads: 2, context: 32 },
  rows: 4,
  steps: 24,
  schedule: { learningRate: 0.01, warmupSteps: 4 },
  evaluateEvery: 10,
  checkpoint: { everySteps: 5, everySeconds: 0, keepLast: 2 },
} as const;
