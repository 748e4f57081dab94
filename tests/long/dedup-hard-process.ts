/*
 * One process of the test of hard inputs: `FOLDER CASE` taps, reduces and applies. Prints one line of JSON.
 */
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type DocumentBatch, DocumentBatchBuilder } from '../../src/core/batch.ts';
import type { Barrier } from '../../src/core/stage.ts';
import { exactDedup, exactDedupOptions } from '../../src/dedup/exact-dedup.ts';
import { minhashDedup } from '../../src/dedup/minhash-dedup.ts';
import { minhashDedupOptions } from '../../src/dedup/minhash-options.ts';
import { jobContext, stageContext } from '../dedup/harness.ts';
import { DOCUMENT_BYTES, generatedRow, generateText } from './dedup-generated.ts';

const [folder, name] = process.argv.slice(2) as [string, string];
const encoder = new TextEncoder();

function* numbered(texts: Iterable<Uint8Array>): Generator<DocumentBatch> {
  let builder = new DocumentBatchBuilder();
  let i = 0;
  for (const text of texts) {
    builder.addRow(generatedRow(i, i), text);
    i++;
    if (builder.length === 256 || builder.textBytes > 1 << 20) {
      yield builder.take();
      builder = new DocumentBatchBuilder();
    }
  }
  if (builder.length > 0) yield builder.take();
}

/** `bytes` of words, none of which comes twice: a tenth of them replaced where `edited`. */
function huge(bytes: number, edited: boolean): Uint8Array {
  const text = new Uint8Array(bytes);
  const part = new Uint8Array(DOCUMENT_BYTES);
  for (let at = 0, i = 0; at < bytes; at += DOCUMENT_BYTES, i++) {
    generateText(3 + 20 * (edited && i % 10 === 0 ? i + 1_000_000 : i), part);
    text.set(part.subarray(0, Math.min(DOCUMENT_BYTES, bytes - at)), at);
  }
  return text;
}

function* documents(): Generator<Uint8Array> {
  switch (name) {
    case 'identical': {
      const text = encoder.encode('the same text of a few words again and again and again');
      for (let i = 0; i < 1_000_000; i++) yield text;
      return;
    }
    case 'empty':
      for (let i = 0; i < 500_000; i++) yield encoder.encode(i % 2 ? '' : `word${i % 1000}`);
      return;
    case 'repeated':
      // One shingle repeated, as often as a document's number: sets of one shingle, texts of up to 2 MB.
      for (let i = 1; i <= 400; i++) yield encoder.encode('spam '.repeat(i * 1000));
      for (let i = 0; i < 400; i++) yield encoder.encode('a'.repeat(5_000 + i));
      return;
    case 'colliding': {
      // A thousand families share all of their shingles but a few with a text that everybody quotes.
      const quoted = Array.from({ length: 400 }, (_, i) => `quoted${i}`);
      for (let i = 0; i < 20_000; i++)
        yield encoder.encode(
          [...quoted, ...Array.from({ length: 300 }, (_, k) => `own${i % 1000}x${k}`)].join(' '),
        );
      return;
    }
    default: {
      // Half a gigabyte, the same with a tenth of its parts changed, the same again, and small ones.
      const bytes = Number(process.env.HUGE_BYTES ?? 500e6);
      yield huge(bytes, false);
      yield huge(bytes, true);
      yield huge(bytes, false);
      for (let i = 0; i < 100; i++) yield encoder.encode(`a small text of its own, number ${i} of a hundred`);
    }
  }
}

async function run<O>(barrier: Barrier<O, DocumentBatch>, options: O, step: string): Promise<object> {
  const started = performance.now();
  const path = join(folder, `${step}.side`);
  const sink = await barrier.tap(options, stageContext(), path);
  let count = 0;
  for (const batch of numbered(documents())) {
    await sink.add(batch);
    count += batch.length;
  }
  await sink.finish();
  const job = join(folder, step);
  mkdirSync(job);
  const side = { path, partition: 0, part: 0, firstDocument: 0, documents: count };
  const { summary } = await barrier.reduce(options, [side], jobContext(job));
  let dropped = 0;
  let kept = 0;
  const refuse = (): void => {
    dropped++;
  };
  const stage = await barrier.apply!(options, { ...stageContext(), refuse, outcome: job, firstDocument: 0 });
  for (const batch of numbered(documents())) kept += (await stage.process(batch)).length;
  await stage.close?.();
  const seconds = (performance.now() - started) / 1000;
  return {
    count,
    kept,
    dropped,
    bytes: statSync(path).size,
    seconds,
    summary: { ...summary, examples: undefined },
  };
}

const minhash = await run(minhashDedup.barrier, minhashDedupOptions.parse({}), 'minhash');
const exact = await run(exactDedup.barrier, exactDedupOptions.parse({ by: 'normalized-text' }), 'exact');
const rss = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024;
console.log(JSON.stringify({ minhash, exact, rss }));
