/** What the machine does at best in products of float32 matrices, measured by the engine that trains. */

import type { Engine } from '../engines/engine.ts';
import { gemm, sumTo } from '../graph/ops.ts';
import type { Program } from '../graph/program.ts';
import { Graph, type Tensor } from '../graph/tensor.ts';

/** Sizes of the matrices: the next larger one is tried while it should take less than the limit. */
const SIZES = [256, 768, 2048, 4096];
const LIMIT_SECONDS = 0.05;
/** Products a run: a GPU has to be kept busy, a processor's runs so short that a busy machine spares one of them. */
const CHAIN = { cpu: 1, gpu: 16 };
const MILLISECONDS_A_SIZE = 120;
const MAX_RUNS = 100;

const measured = new Map<string, Promise<number>>();

/**
 * Floating-point operations per second of the best run in some 0.3 s, two a multiply-add. Measured once a process
 * for an engine, device and number of threads. Work beside it on the machine makes it come out low.
 */
export function measurePeak(engine: Engine, device: keyof typeof CHAIN): Promise<number> {
  const key = engine.description;
  const known = measured.get(key);
  if (known !== undefined) return known;
  const started = largestRate(engine, CHAIN[device]);
  measured.set(key, started);
  return started;
}

async function largestRate(engine: Engine, chain: number): Promise<number> {
  let best = 0;
  for (const size of SIZES) {
    if (best > 0 && operations(size, chain) / best > LIMIT_SECONDS) break;
    best = Math.max(best, await rateAt(engine, size, chain));
  }
  return best;
}

function operations(size: number, chain: number): number {
  return 2 * size ** 3 * chain;
}

async function rateAt(engine: Engine, size: number, chain: number): Promise<number> {
  const runnable = await engine.compile(chainOfProducts(size, chain));
  const inputs = { a: engine.resident([size, size]), b: engine.resident([size, size]) };
  try {
    await inputs.a.write(scattered(size, 1));
    await inputs.b.write(scattered(size, 2));
    // The first run makes room and wakes the threads.
    await runnable.run(inputs);
    let seconds = Number.POSITIVE_INFINITY;
    const begun = performance.now();
    for (let i = 0; i < MAX_RUNS && (i === 0 || performance.now() - begun < MILLISECONDS_A_SIZE); i++) {
      const started = performance.now();
      await runnable.run(inputs);
      seconds = Math.min(seconds, (performance.now() - started) / 1000);
    }
    return operations(size, chain) / seconds;
  } finally {
    for (const matrix of Object.values(inputs)) await matrix.release();
    await runnable.release();
  }
}

/** One number is read back, whatever the size: what a GPU computes need not cross the bus. */
function chainOfProducts(size: number, chain: number): Program {
  const graph = new Graph();
  let x: Tensor = graph.input('a', [size, size]);
  const b = graph.input('b', [size, size]);
  // Entries of `b` have a variance of 1/3: so scaled, those of the products neither grow nor vanish.
  const alpha = Math.sqrt(3 / size);
  for (let i = 0; i < chain; i++) x = gemm(x, b, { alpha });
  return { name: 'peak', graph, outputs: { sum: sumTo(x, [1, 1]) } };
}

/** Values over [-1, 1) without a pattern that a product would cancel. */
function scattered(size: number, start: number): Float32Array {
  const values = new Float32Array(size * size);
  for (let i = 0; i < values.length; i++) values[i] = (Math.imul(i + start, 0x9e3779b1) >> 8) / 2 ** 23;
  return values;
}
