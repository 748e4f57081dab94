// Trains once on the files given and prints {seconds, kilobytes, merges}: a process of its own, so that its peak memory is
// the training's. Two workers count lines (as `tokenizers` reads its files), one job merges.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { mergeCounts, PreTokenCounter, tokenizerJson, trainBpe } from '../../dist/tokenize/tokenizer.js';

const BLOCK = 1 << 20;

function countRange(path, from, to) {
  const counter = new PreTokenCounter({ preTokenizer: 'gpt2' });
  const file = openSync(path, 'r');
  const block = Buffer.alloc(BLOCK * 2);
  let held = 0;
  let at = from;
  // A range takes the lines that begin in it.
  let skipping = from > 0;
  if (skipping) at--;
  for (let done = false; !done; ) {
    const n = readSync(file, block, held, BLOCK, at);
    at += n;
    const end = held + n;
    let p = 0;
    for (;;) {
      const newline = block.subarray(0, end).indexOf(10, p);
      const lineEnd = newline >= 0 ? newline + 1 : n === 0 ? end : -1;
      if (lineEnd < 0) break;
      const lineStart = at - end + p;
      if (p === lineEnd || (!skipping && lineStart >= to)) {
        done = true;
        break;
      }
      if (!skipping) counter.add(block.subarray(p, lineEnd));
      skipping = false;
      p = lineEnd;
    }
    block.copyWithin(0, p, end);
    held = end - p;
    if (n === 0) done = true;
  }
  closeSync(file);
  return counter.serialize();
}

if (isMainThread) {
  const { file, vocabularySize, minFrequency, workers } = JSON.parse(process.argv[2]);
  const start = performance.now();
  const handle = openSync(file, 'r');
  const { size } = fstatSync(handle);
  closeSync(handle);
  const parts = await Promise.all(
    Array.from({ length: workers }, (_, i) => {
      const range = [Math.floor((size * i) / workers), Math.floor((size * (i + 1)) / workers)];
      return new Promise((resolve, reject) => {
        const worker = new Worker(new URL(import.meta.url), { workerData: { file, range } });
        worker.once('message', resolve);
        worker.once('error', reject);
      });
    }),
  );
  const counted = performance.now();
  const trained = trainBpe(mergeCounts(parts), { vocabularySize, minFrequency, specialTokens: [] });
  const seconds = (performance.now() - start) / 1000;
  const { merges } = JSON.parse(tokenizerJson(trained)).model;
  const result = {
    seconds,
    countSeconds: (counted - start) / 1000,
    kilobytes: process.resourceUsage().maxRSS,
    merges,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
} else {
  const { file, range } = workerData;
  const counts = countRange(file, range[0], range[1]);
  parentPort.postMessage(counts, [counts.buffer]);
}
