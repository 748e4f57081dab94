/** The process of a probe: opens the engine that its argument names, checks what it computes, and says how fast. */

import { writeSync } from 'node:fs';
import { InvariantError } from '../../core/errors.ts';
import { gemm } from '../graph/ops.ts';
import { Graph, type Tensor } from '../graph/tensor.ts';
import type { NamedArray } from '../session.ts';
import type { Engine } from './engine.ts';
import { openOn } from './open.ts';
import type { Attempt, Probe } from './probe.ts';

/** Sizes of the matrices, the next one tried where it should take less than the limit: a software GPU stops early. */
const SIZES = [64, 256, 1024, 2048];
const LIMIT_SECONDS = 1;
const PRODUCTS = 4;
const RUNS = 2;

async function answer(attempt: Attempt): Promise<Probe> {
  try {
    const engine = await openOn(attempt);
    let gigaflops = 0;
    for (const size of SIZES) {
      if (gigaflops > 0 && operations(size) / (gigaflops * 1e9) > LIMIT_SECONDS) break;
      gigaflops = await measure(engine, size);
    }
    return { works: true, gigaflops };
  } catch (error) {
    return { works: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

/** The rate of a chain of products of square matrices, the best of some runs. Throws where a value is wrong. */
async function measure(engine: Engine, size: number): Promise<number> {
  const graph = new Graph();
  const input = graph.input('x', [size, size]);
  let y: Tensor = input;
  for (let i = 0; i < PRODUCTS; i++) y = gemm(y, input);
  const runnable = await engine.compile({ name: 'probe', graph, outputs: { y } });
  const x = shiftMatrix(size);
  requireShift(await runnable.run({ x }), size);
  const seconds: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const started = performance.now();
    await runnable.run({ x });
    seconds.push((performance.now() - started) / 1000);
  }
  await runnable.release();
  return operations(size) / Math.min(...seconds) / 1e9;
}

function operations(size: number): number {
  return 2 * size ** 3 * PRODUCTS;
}

/** The matrix that moves each row by one; its powers are exact. */
function shiftMatrix(size: number): NamedArray {
  const data = new Float32Array(size * size);
  for (let row = 0; row < size; row++) data[row * size + ((row + 1) % size)] = 1;
  return { shape: [size, size], data };
}

function requireShift({ y }: Readonly<Record<string, NamedArray>>, size: number): void {
  const shift = PRODUCTS + 1;
  const isRight = y!.data.every((value, i) => {
    const isOne = (Math.floor(i / size) + shift) % size === i % size;
    return value === Number(isOne);
  });
  if (!isRight) throw new InvariantError('it computes wrong values');
}

const attempt = JSON.parse(process.argv[2]!) as Attempt;
// Written at once, for the process does not wait for what a driver may keep open.
writeSync(1, `${JSON.stringify(await answer(attempt))}\n`);
process.exit(0);
