/*
 * One process of the scale test: `tap FOLDER PART DOCUMENTS FIRST` writes a side file of generated documents,
 * `reduce FOLDER PARTS DOCUMENTS` finds the clusters. Prints one line of JSON.
 */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DocumentBatch } from '../../src/core/batch.ts';
import type { SideFile } from '../../src/core/stage.ts';
import { CLUSTERS_FILE, ClusterReader, KEPT } from '../../src/dedup/cluster-file.ts';
import { minhashDedup } from '../../src/dedup/minhash-dedup.ts';
import { minhashDedupOptions } from '../../src/dedup/minhash-options.ts';
import { jobContext, stageContext } from '../dedup/harness.ts';
import { generated, MEMBERS } from './dedup-generated.ts';

const [command, folder, ...rest] = process.argv.slice(2) as [string, string, ...string[]];
const numbers = rest.map(Number);
const options = minhashDedupOptions.parse({});
const started = performance.now();

async function tap(part: number, documents: number, first: number): Promise<object> {
  const path = join(folder, `side-${part}`);
  const sink = await minhashDedup.barrier.tap(options, stageContext(), path);
  for (let from = 0; from < documents; from += 256) {
    const n = Math.min(256, documents - from);
    await sink.add(
      DocumentBatch.from(
        Array.from({ length: n }, (_, i) => generated(first + from + i)),
        from,
      ),
    );
  }
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
  const { summary } = await minhashDedup.barrier.reduce(options, sides, jobContext(job));
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
    bytes: statSync(join(job, CLUSTERS_FILE)).size,
  };
}

const result =
  command === 'tap'
    ? await tap(numbers[0]!, numbers[1]!, numbers[2]!)
    : await reduce(numbers[0]!, numbers[1]!);
const seconds = (performance.now() - started) / 1000;
const rss = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ ...result, seconds, rss }));
