// KIND FOLDER: deduplicates FOLDER/documents/texts.jsonl.gz below the document, as dedup_units_peer.py does.
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../../dist/core/random.js';
import { paragraphDedup, paragraphDedupOptions } from '../../dist/dedup/paragraph-dedup.js';
import { sentenceDedup, sentenceDedupOptions } from '../../dist/dedup/sentence-dedup.js';
import { readStep } from '../../dist/io/steps/read.js';

const [kind, folder] = process.argv.slice(2);
const signal = new AbortController().signal;
const common = { random: new Random(1), seed: 1, baseFolder: '.', signal, count() {}, watch() {}, say() {} };
const own = { keep: 'earliest', minBytesLeft: 0, minWordsLeft: 0 };
const { barrier } = kind === 'paragraphs' ? paragraphDedup : sentenceDedup;
const options =
  kind === 'paragraphs'
    ? paragraphDedupOptions.parse({ ...own, unit: 'line', minBytes: 1 })
    : sentenceDedupOptions.parse(own);

/** Batches of the file by the reader that pipelines use. */
async function readFile() {
  const options = readStep.options.parse({ inputs: [{ files: 'documents/texts.jsonl.gz' }] });
  const [file] = await readStep.source.list(options, { baseFolder: folder, signal });
  const context = { consumed() {}, signal, batchBytes: 1 << 20, batchDocuments: 256, reject: fail };
  const slice = { ...file, start: 0, end: file.size };
  const batches = [];
  for await (const { batch } of readStep.source.read(slice, undefined, context)) batches.push(batch);
  return batches;
}

function fail(_reason, error) {
  throw error;
}

// dolma reads the file, datatrove is given the texts.
const given = kind === 'paragraphs' ? undefined : await readFile();
const started = performance.now();
const path = join(folder, `${kind}.side`);
const sink = await barrier.tap(options, common, path);
const batches = given ?? (await readFile());
for (const batch of batches) await sink.add(batch);
await sink.finish();
const job = join(folder, kind);
mkdirSync(job, { recursive: true });
const sides = [
  {
    path,
    partition: 0,
    part: 0,
    firstDocument: 0,
    documents: batches.reduce((sum, batch) => sum + batch.length, 0),
  },
];
const context = { ...common, folder: job, threads: 1, progress: { report() {} } };
const { summary } = await barrier.reduce(options, sides, context);
const stage = await barrier.apply(options, { ...common, outcome: job, firstDocument: 0, refuse() {} });
const texts = [];
for (const batch of batches) {
  const out = await stage.process(batch);
  for (let i = 0; i < out.length; i++) texts.push(out.bytes(i));
}
await stage.close();
const seconds = (performance.now() - started) / 1000;
const digest = createHash('sha256');
for (const text of texts) digest.update(`${Buffer.from(text).toString().replace(/\s+/g, '')}\n`);
console.log(JSON.stringify({ seconds, duplicates: summary.duplicateUnits, sha256: digest.digest('hex') }));
