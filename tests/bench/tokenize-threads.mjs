// Encodes documents in so many threads, each with a tokenizer of its own, and prints {megabytesPerSecond}. Documents are
// dealt out by bytes, as partitions are; loading is not timed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { TokenBuffer, tokenizerFromTiktoken } from '../../dist/tokenize/tokenizer.js';

const REPEAT = 24;

if (isMainThread) {
  const { documentsFile, threads } = JSON.parse(process.argv[2]);
  const workers = Array.from(
    { length: threads },
    (_, i) => new Worker(new URL(import.meta.url), { workerData: { documentsFile, i, threads } }),
  );
  const next = (worker) =>
    new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  const bytes = await Promise.all(workers.map(next));
  const start = performance.now();
  for (const worker of workers) worker.postMessage('go');
  await Promise.all(workers.map(next));
  const seconds = (performance.now() - start) / 1000;
  const total = bytes.reduce((a, b) => a + b, 0) * REPEAT;
  process.stdout.write(`${JSON.stringify({ megabytesPerSecond: total / 1e6 / seconds })}\n`);
  for (const worker of workers) await worker.terminate();
} else {
  const { documentsFile, i, threads } = workerData;
  const ranks = join(
    fileURLToPath(new URL('../../', import.meta.url)),
    'node_modules/gpt-tokenizer/data/r50k_base.tiktoken',
  );
  const tokenizer = tokenizerFromTiktoken(
    readFileSync(ranks, 'utf8'),
    { preTokenizer: 'gpt2', specialTokens: {} },
    ranks,
  );
  const all = JSON.parse(readFileSync(documentsFile, 'utf8')).map((text) => new TextEncoder().encode(text));
  const loads = Array(threads).fill(0);
  const mine = [];
  for (const text of all.sort((a, b) => b.length - a.length)) {
    const least = loads.indexOf(Math.min(...loads));
    loads[least] += text.length;
    if (least === i) mine.push(text);
  }
  const out = new TokenBuffer(1 << 20);
  const encodeAll = () => {
    for (const text of mine) {
      out.clear();
      tokenizer.encodeInto(text, out);
    }
  };
  // The engine compiles the kernel anew in the background while it runs: that must be over, since both cores are timed.
  for (const start = performance.now(); performance.now() - start < 1500; ) encodeAll();
  await setTimeout(300);
  parentPort.once('message', () => {
    for (let n = 0; n < REPEAT; n++) encodeAll();
    parentPort.postMessage('done');
  });
  parentPort.postMessage(loads[i]);
}
