/*
 * One process of the scale test: `tap FOLDER PART DOCUMENTS FIRST` writes a side file of generated documents,
 * `reduce FOLDER PARTS DOCUMENTS` finds the clusters, `apply FOLDER DOCUMENTS FIRST` streams a part's documents again
 * and removes. Prints one line of JSON.
 */
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type DocumentBatch, DocumentBatchBuilder } from '../../src/core/batch.ts';
import type { SideFile } from '../../src/core/stage.ts';
import { CLUSTERS_FILE, ClusterReader, KEPT } from '../../src/dedup/cluster-file.ts';
import { minhashDedup } from '../../src/dedup/minhash-dedup.ts';
import { minhashDedupOptions } from '../../src/dedup/minhash-options.ts';
import { jobContext, stageContext } from '../dedup/harness.ts';
import { DOCUMENT_BYTES, generatedRow, generateText, MEMBERS } from './dedup-generated.ts';

const [command, folder, ...rest] = process.argv.slice(2) as [string, string, ...string[]];
const numbers = rest.map(Number);
const options = minhashDedupOptions.parse({});
const started = performance.now();

/** The documents [first, first + documents) in batches: made as they are asked for, never all at once. */
function* batches(first: number, documents: number): Generator<DocumentBatch> {
  const text = new Uint8Array(DOCUMENT_BYTES);
  for (let from = 0; from < documents; from += 256) {
    const builder = new DocumentBatchBuilder();
    for (let i = from; i < Math.min(documents, from + 256); i++) {
      generateText(first + i, text);
      builder.addRow(generatedRow(first + i, i), text);
    }
    yield builder.take();
  }
}

async function tap(part: number, documents: number, first: number): Promise<object> {
  const path = join(folder, `side-${part}`);
  const sink = await minhashDedup.barrier.tap(options, stageContext(), path);
  for (const batch of batches(first, documents)) await sink.add(batch);
  await sink.finish();
  return { bytes: statSync(path).size };
}

async function reduce(parts: number, documents: number): Promise<object> {
  const sides = Array.from({ length: parts }, (_, part): SideFile => {
    return {
      path: join(folder, `side-${part}`),
      partition: part,
      part: 0,
      firstDocument: part * documents,
      documents,
    };
  });
  const job = join(folder, 'job');
  mkdirSync(job, { recursive: true });
  const context = jobContext(job);
  let runs = 0;
  context.progress.report = () => {
    // What lies on the disk while bands are sorted.
    const bytes = readdirSync(job).reduce((sum, name) => sum + statSync(join(job, name)).size, 0);
    runs = Math.max(runs, bytes);
  };
  const { summary } = await minhashDedup.barrier.reduce(options, sides, context);
  const removed = new Array<number>(MEMBERS).fill(0);
  const clusters = new ClusterReader(job);
  for (const { document, fate, other } of clusters) {
    if (fate === KEPT) continue;
    // Which of a pair stays is a matter of hashes: count the later one.
    removed[Math.max(document, other) % MEMBERS]!++;
  }
  clusters.close();
  return {
    summary: { ...summary, examples: undefined },
    removed,
    temporaryBytes: runs,
    bytes: statSync(join(job, CLUSTERS_FILE)).size,
  };
}

async function apply(documents: number, first: number): Promise<object> {
  let dropped = 0;
  let kept = 0;
  const stage = await minhashDedup.barrier.apply!(options, {
    ...stageContext(),
    refuse: () => {
      dropped++;
    },
    outcome: join(folder, 'job'),
    firstDocument: first,
  });
  for (const batch of batches(first, documents)) kept += (await stage.process(batch)).length;
  await stage.close?.();
  return { kept, dropped, bytes: 0 };
}

async function work(): Promise<object> {
  switch (command) {
    case 'tap':
      return tap(numbers[0]!, numbers[1]!, numbers[2]!);
    case 'reduce':
      return reduce(numbers[0]!, numbers[1]!);
    default:
      return apply(numbers[0]!, numbers[1]!);
  }
}

const result = await work();
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage();
// The most that was ever resident, as the kernel counts it.
const rss = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024;
console.log(JSON.stringify({ ...result, seconds, cpu: (user + system) / 1e6, rss }));
