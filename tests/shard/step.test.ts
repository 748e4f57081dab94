import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { DocumentBatch, type TokenBatch } from '../../src/core/batch.ts';
import { CancelledError, ConfigurationError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import type { JobContext, SideFile, StageContext } from '../../src/core/stage.ts';
import { ShardLoader } from '../../src/shard/loader.ts';
import { type ShardOptions, shardStep } from '../../src/shard/steps/shard.ts';
import { encodeStep } from '../../src/tokenize/steps/encode.ts';
import { loadTokenizer } from '../../src/tokenize/tokenizer.ts';
import { newFolder } from './make-shards.ts';

/** A byte-level BPE of the 256 bytes, one merge and one special token, in the form of Hugging Face's files. */
function tokenizerJson(special: string[]): string {
  const printable = [...Array(256).keys()].filter(
    (b) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174,
  );
  const names = printable.map((b) => String.fromCharCode(b));
  for (let b = 0, n = 0; b < 256; b++) if (!printable.includes(b)) names.push(String.fromCharCode(256 + n++));
  const vocab = Object.fromEntries([...special, ...names, 'th'].map((name, id) => [name, id]));
  const added = special.map((content, id) => ({
    id,
    content,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  }));
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return JSON.stringify({
    version: '1.0',
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: { type: 'BPE', vocab, merges: ['t h'] },
  });
}

const TEXTS = ['the first', 'then <|endoftext|> inside', '', 'größer 😀', 'a'.repeat(3000), 'the last'];

describe('the steps encode and shard', () => {
  let tokenizerFolder: string;
  beforeAll(() => {
    tokenizerFolder = newFolder();
    writeFileSync(join(tokenizerFolder, 'tokenizer.json'), tokenizerJson(['<|endoftext|>']));
  });
  const counters: Record<string, number> = {};
  const stageContext = (): StageContext => ({
    random: new Random('5/shard'),
    baseFolder: '.',
    artifact: () => tokenizerFolder,
    refuse: () => {
      throw new Error('refused');
    },
    count: (name, by = 1) => {
      counters[name] = (counters[name] ?? 0) + by;
    },
    watch: () => {},
    signal: new AbortController().signal,
  });
  const options = (over: Partial<ShardOptions> = {}): ShardOptions => shardStep.options.parse(over);
  const jobContext = (folder: string, signal = new AbortController().signal): JobContext => ({
    ...stageContext(),
    seed: 5,
    folder,
    progress: { report: () => {} },
    signal,
    threads: 1,
    say: () => {},
  });
  const batchOf = (from: number, to: number): DocumentBatch =>
    DocumentBatch.from(
      TEXTS.slice(from, to).map((text, i) => ({
        id: `${from + i}`,
        corpus: 'texts',
        source: 'texts.txt',
        start: from + i,
        end: from + i + 1,
        text,
        split: from + i === 5 ? ('held-out' as const) : ('train' as const),
        signals: { length: text.length },
      })),
    );

  async function sidesOf(cuts: number[], chosen: ShardOptions): Promise<SideFile[]> {
    const stage = await encodeStep.open({ specialTokens: 'text' }, stageContext());
    const sides: SideFile[] = [];
    const folder = newFolder();
    for (let part = 0; part + 1 < cuts.length; part++) {
      const path = join(folder, `${part}.side`);
      const sink = await shardStep.barrier.tap(chosen, stageContext(), path);
      const batch = batchOf(cuts[part]!, cuts[part + 1]!);
      await sink.add((await stage.process(batch)) as TokenBatch);
      await sink.finish();
      sides.push({ path, partition: 0, part, firstDocument: cuts[part]!, documents: batch.length });
    }
    await stage.close?.();
    return sides;
  }

  it('give shards whose tokens decode to the texts, and a summary that adds up', async () => {
    const chosen = options();
    const folder = newFolder();
    const outcome = await shardStep.barrier.reduce(
      chosen,
      await sidesOf([0, 2, 6], chosen),
      jobContext(folder),
    );
    expect([...outcome.files].sort()).toEqual(readdirSync(folder).sort());
    const tokenizer = await loadTokenizer(join(tokenizerFolder, 'tokenizer.json'));
    let tokens = 0;
    for (const split of ['train', 'held-out'] as const) {
      const loader = await ShardLoader.open(folder, { split, context: 1, rows: 1, orderSeed: 0 });
      expect(loader.tokenizer).toEqual({ digest: tokenizer.digest, vocabularySize: 258, endOfText: 0 });
      for await (const { document, tokens: ids } of loader.documents()) {
        const text = TEXTS[Number(document.id)]!;
        expect(ids.at(-1)).toBe(0);
        expect([...ids.subarray(0, -1)]).not.toContain(0);
        expect(tokenizer.decode(ids.subarray(0, -1))).toBe(text);
        expect(document.bytes).toBe(Buffer.byteLength(text));
        expect(document.signals).toEqual({ length: text.length });
        tokens += ids.length - 1;
      }
      await loader.close();
    }
    expect(counters.tokens).toBe(tokens);
    const bytes = TEXTS.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    expect(outcome.summary).toMatchObject({ documents: 6, shards: 2, bytesPerToken: bytes / tokens });
    expect((outcome.summary.trainTokens as number) + (outcome.summary.heldOutTokens as number)).toBe(
      tokens + 6,
    );
  });

  it('give the same bytes on other parts, and other bytes for another seed', async () => {
    const digestOf = async (cuts: number[], chosen: ShardOptions): Promise<unknown> => {
      const folder = newFolder();
      const { summary } = await shardStep.barrier.reduce(
        chosen,
        await sidesOf(cuts, chosen),
        jobContext(folder),
      );
      return summary.digest;
    };
    const digest = await digestOf([0, 6], options());
    expect(await digestOf([0, 1, 2, 5, 6], options())).toBe(digest);
    expect(await digestOf([0, 6], options({ seed: 3 }))).not.toBe(digest);
  });

  it('start again where an earlier attempt was cut off, and stop when asked to', async () => {
    const chosen = options();
    const sides = await sidesOf([0, 6], chosen);
    const folder = newFolder();
    writeFileSync(join(folder, 'train-00000.shard.1.ab.tmp'), 'half');
    writeFileSync(join(folder, 'train-00007.shard'), 'of another attempt');
    const { files } = await shardStep.barrier.reduce(chosen, sides, jobContext(folder));
    expect(readdirSync(folder).sort()).toEqual([...files].sort());
    const aborter = new AbortController();
    aborter.abort();
    await expect(
      shardStep.barrier.reduce(chosen, sides, jobContext(newFolder(), aborter.signal)),
    ).rejects.toThrow(CancelledError);
  });

  it('refuse a tokenizer without the end-of-text token, unless none is to be appended', async () => {
    const plain = newFolder();
    writeFileSync(join(plain, 'tokenizer.json'), tokenizerJson([]));
    const context = { ...stageContext(), artifact: () => plain };
    await expect(
      (async () => shardStep.barrier.tap(options(), context, join(plain, 'a.side')))(),
    ).rejects.toThrow(ConfigurationError);
    const sink = await shardStep.barrier.tap(
      options({ appendEndOfText: false }),
      context,
      join(plain, 'b.side'),
    );
    await sink.finish();
  });

  it('know their options', () => {
    expect(() => shardStep.options.parse({ shardToken: 5 })).toThrow('shardToken');
    expect(() => shardStep.options.parse({ shardTokens: 0 })).toThrow();
    expect(options().shardTokens).toBe(100_000_000);
  });
});
