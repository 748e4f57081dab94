import { tmpdir } from 'node:os';
import { KeySorter, SORTED_IN_MEMORY } from './key-sorter.ts';
import type { MinhashParameters } from './minhash-options.ts';

/** What a document costs in a side file apart from keys and shingles: meta, label, index. */
const OTHER_BYTES = 80;
/** Of an entry of a sorted run: key and document. */
const RUN_BYTES = 12;
/**
 * Bytes a document that reduction holds (forest, hashes of ids, places of sets, clusters), an entry that is sorted, and
 * what it takes besides: 384 MB were measured at a million documents (tests/long/dedup-scale.test.ts).
 */
const BYTES_PER_DOCUMENT = 24;
const FIXED_BYTES = 340e6;
const SORT_BYTES_PER_ENTRY = 20;
/** A worker that signs. */
const WORKER_BYTES = 200e6;

/** What the deduplication of a whole corpus would take. */
export interface Forecast {
  readonly documents: number;
  /** Side files, which stay until the run is cleaned, and sorted runs, which lie there for a while. */
  readonly diskBytes: number;
  readonly temporaryBytes: number;
  /** Of the process that finds the clusters, and of each that signs. */
  readonly memoryBytes: number;
  readonly workerBytes: number;
  /** By all workers together; reading the documents not counted. */
  readonly signatureSeconds: number;
  readonly clusterSeconds: number;
}

/** Scales what a sample took. The speed of sorting is measured here and now; the rest is proportional. */
export function forecastOf(
  { bands, rows, minJaccard }: MinhashParameters,
  sample: {
    readonly documents: number;
    readonly workers: number;
    readonly sampled: number;
    /** Words of all shingle sets of the sample. */
    readonly storedWords: number;
    readonly signSeconds: number;
  },
): Forecast {
  const { documents, workers, sampled } = sample;
  const scale = sampled === 0 ? 0 : documents / sampled;
  const stored = minJaccard === undefined ? sampled * bands * rows : 4 * sample.storedWords;
  return {
    documents,
    diskBytes: Math.round((stored + sampled * (8 * bands + OTHER_BYTES)) * scale),
    temporaryBytes: documents > SORTED_IN_MEMORY ? RUN_BYTES * documents : 0,
    memoryBytes:
      FIXED_BYTES +
      BYTES_PER_DOCUMENT * documents +
      SORT_BYTES_PER_ENTRY * Math.min(documents, SORTED_IN_MEMORY),
    workerBytes: WORKER_BYTES,
    signatureSeconds: (sample.signSeconds * scale) / workers,
    clusterSeconds: documents === 0 ? 0 : bands * documents * secondsPerEntry(),
  };
}

/** Sorts and groups some keys, in memory, and takes the time. */
function secondsPerEntry(entries = 200_000): number {
  const sorter = new KeySorter(2, tmpdir(), entries);
  const key = new Uint32Array(2);
  const started = performance.now();
  for (let i = 0; i < entries; i++) {
    key[0] = Math.imul(i, 0x9e3779b1);
    key[1] = i;
    sorter.add(key, 0, i);
  }
  sorter.groups(() => {});
  return (performance.now() - started) / 1000 / entries;
}
