// FOLDER LENGTH: finds what occurs again in FOLDER/texts.bin, and prints time, memory and a digest of the ranges.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DocumentBatch } from '../../dist/core/batch.js';
import { Random } from '../../dist/core/random.js';
import { SpanReader } from '../../dist/dedup/span-file.js';
import { substringDedup, substringDedupOptions } from '../../dist/dedup/substring-dedup.js';

const [folder, length] = process.argv.slice(2);
const texts = readFileSync(join(folder, 'texts.bin'));
const bytes = readFileSync(join(folder, 'lengths.bin'));
const lengths = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
const { barrier } = substringDedup;
const signal = new AbortController().signal;
const common = { random: new Random(1), seed: 1, baseFolder: '.', signal, count() {}, watch() {}, say() {} };

async function find(copies) {
  const options = substringDedupOptions.parse({ minLength: Number(length), copies, keep: 'earliest' });
  const started = performance.now();
  const path = join(folder, `${copies}.side`);
  const sink = await barrier.tap(options, common, path);
  let at = 0;
  for (let i = 0; i < lengths.length; i++) {
    const text = texts.subarray(at, at + lengths[i]);
    at += lengths[i];
    await sink.add(
      DocumentBatch.from([{ id: String(i), corpus: 'bench', source: '', start: 0, end: 0, text }], i),
    );
  }
  await sink.finish();
  const job = join(folder, copies);
  mkdirSync(job, { recursive: true });
  const sides = [{ path, partition: 0, part: 0, firstDocument: 0, documents: lengths.length }];
  await barrier.reduce(options, sides, { ...common, folder: job, threads: 1, progress: { report() {} } });
  const seconds = (performance.now() - started) / 1000;
  const starts = [];
  for (let i = 0, sum = 0; i < lengths.length; sum += lengths[i++]) starts.push(sum);
  const digest = createHash('sha256');
  let ranges = 0;
  const reader = new SpanReader(job);
  for (const spans of reader) {
    ranges += spans.starts.length;
    for (let i = 0; i < spans.starts.length; i++)
      digest.update(
        `${starts[spans.document] + spans.starts[i]} ${starts[spans.document] + spans.ends[i]}\n`,
      );
  }
  reader.close();
  return { seconds, ranges, sha256: digest.digest('hex') };
}

const first = await find('keep-first');
const none = await find('remove-all');
const rss = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ seconds: first.seconds, rss, first, none }));
