import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { DocumentRow } from '../../src/core/batch.ts';
import { sha256, xxh64 } from '../../src/core/hash.ts';
import { Random } from '../../src/core/random.ts';
import { type BuildInput, type BuildOptions, type BuildResult, buildShards } from '../../src/shard/build.ts';
import { tokenWidthOf } from '../../src/shard/format.ts';
import { SideWriter } from '../../src/shard/side-writer.ts';

export interface TestDocument {
  row: DocumentRow;
  tokens: Uint32Array;
  textBytes: number;
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'provender-shard-'));
  folders.push(folder);
  return folder;
}

/** Documents of three corpora with random tokens below `vocabulary - 1` (the last id ends documents). */
export function makeDocuments(n: number, seed: number, vocabulary = 300, longest = 40): TestDocument[] {
  const random = new Random(seed);
  return Array.from({ length: n }, (_, i) => {
    const tokens = Uint32Array.from({ length: random.below(longest) }, () => random.below(vocabulary - 1));
    const signals: Record<string, number> = { 'length.characters': tokens.length * 4 };
    if (i % 3 === 0) signals['gopher.ratio'] = random.next();
    const start = i * 1000;
    const row: DocumentRow = {
      id: `dé-${i}`,
      corpus: ['alpha', 'beta', 'gamma'][random.below(3)]!,
      source: i % 2 ? `https://example.org/${i}` : 'books/one.txt',
      start,
      end: start + tokens.length * 4,
      split: random.below(5) === 0 ? 'held-out' : 'train',
      metadata: {},
      signals,
      ordinal: i,
    };
    return { row, tokens, textBytes: tokens.length * 4 };
  });
}

export interface TestBuild extends Partial<BuildOptions> {
  parts?: number;
  vocabulary?: number;
  endOfText?: number | undefined;
  chunkBytes?: number;
  seed?: number;
}

export const TOKENIZER = sha256('a tokenizer');

/** Writes the documents to `parts` side files, round-robin, and builds shards of them in a new folder. */
export async function build(
  documents: readonly TestDocument[],
  options: TestBuild = {},
): Promise<BuildResult & { folder: string }> {
  const { parts = 1, vocabulary = 300, endOfText = vocabulary - 1, chunkBytes, seed = 1, ...rest } = options;
  const folder = newFolder();
  const sides: string[] = [];
  for (let part = 0; part < parts; part++) {
    const path = join(newFolder(), `${part}.side`);
    const setting = {
      tokenizerDigest: TOKENIZER,
      tokenWidth: tokenWidthOf(vocabulary),
      endOfText: 'endOfText' in options ? options.endOfText : endOfText,
      keySeed: xxh64(Buffer.from(String(seed))),
    };
    const writer = new SideWriter(path, setting, chunkBytes);
    documents.forEach(({ row, tokens, textBytes }, i) => {
      if (i % parts === part) writer.add(row, textBytes, tokens, 0, tokens.length);
    });
    await writer.finish();
    sides.push(path);
  }
  const input = buildInput(sides, folder, vocabulary, 'endOfText' in options ? options.endOfText : endOfText);
  const result = await buildShards(input, { ...BUILD_OPTIONS, ...rest });
  return { ...result, folder };
}

export const BUILD_OPTIONS: BuildOptions = {
  shardTokens: 8000,
  signals: 'all',
  weightsBy: 'tokens',
  temperature: 1,
  maxEpochs: 4,
  memoryBytes: 1 << 20,
};

export function buildInput(
  sides: readonly string[],
  folder: string,
  vocabulary = 300,
  endOfText?: number,
): BuildInput {
  return {
    sides,
    folder,
    tokenizer: {
      digest: TOKENIZER,
      vocabularySize: vocabulary,
      specialTokens: new Map([['<|endoftext|>', vocabulary - 1]]),
    },
    endOfText,
    progress: { report() {} },
    signal: new AbortController().signal,
    say() {},
  };
}
