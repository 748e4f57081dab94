import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import {
  readSafetensors,
  SafetensorsFile,
  writeSafetensors,
} from '../../src/train/checkpoint/safetensors.ts';
import type { NamedArray } from '../../src/train/session.ts';

/** A Python with `pip install safetensors numpy`; tried with safetensors 0.8.0. */
const PYTHON = process.env.SAFETENSORS_PYTHON ?? 'python3';
const isThere = spawnSync(PYTHON, ['-c', 'import safetensors.numpy']).status === 0;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'provender-interop-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const run = (script: string, ...args: string[]) =>
  JSON.parse(execFileSync(PYTHON, ['-c', script, ...args], { encoding: 'utf8' }));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe.skipIf(!isThere)(
  'safetensors from PyPI (skipped: set SAFETENSORS_PYTHON to a Python that has it)',
  () => {
    it('reads what we write, bit for bit', async () => {
      const random = new Random(5);
      const tensors = new Map<string, NamedArray>([
        [
          'transformer.wte',
          { shape: [7, 3], data: Float32Array.from({ length: 21 }, () => random.normal()) },
        ],
        ['scalar', { shape: [], data: Float32Array.of(-0) }],
        ['empty', { shape: [0, 4], data: new Float32Array(0) }],
        ['ids é', { shape: [3], data: Int32Array.of(-1, 0, 2 ** 31 - 1) }],
      ]);
      const path = join(folder, 'ours.safetensors');
      await writeSafetensors(path, tensors, { format: 'provender', step: '12' });
      const script = `
import sys, json, hashlib
from safetensors import safe_open
with safe_open(sys.argv[1], framework="numpy") as f:
    print(json.dumps({"metadata": f.metadata(), "tensors": {k: [list(f.get_tensor(k).shape), str(f.get_tensor(k).dtype),
        hashlib.sha256(f.get_tensor(k).tobytes()).hexdigest()] for k in f.keys()}}))`;
      const found = run(script, path);
      expect(found.metadata).toEqual({ format: 'provender', step: '12' });
      const wanted = [...tensors].map(([name, { shape, data }]) => [
        name,
        [shape, data instanceof Float32Array ? 'float32' : 'int32', sha256(new Uint8Array(data.buffer))],
      ]);
      expect(found.tensors).toEqual(Object.fromEntries(wanted));
    });

    it('writes what we read, half precision among it', async () => {
      const path = join(folder, 'theirs.safetensors');
      const script = `
import sys, json
import numpy as np
from safetensors.numpy import save_file
r = np.random.default_rng(3)
a = {"f32": r.standard_normal((5, 2)).astype(np.float32), "i32": r.integers(-9, 9, 4).astype(np.int32),
     "f16": np.concatenate([r.standard_normal(50), [0.0, -0.0, 6e-8, 65504.0, np.inf]]).astype(np.float16)}
save_file(a, sys.argv[1], metadata={"k": "v"})
print(json.dumps({k: [float(x) if np.isfinite(x) else None for x in v.astype(np.float64).ravel()] for k, v in a.items()}))`;
      const wanted = run(script, path);
      const tensors = await readSafetensors(path);
      expect(tensors.get('f32')!.shape).toEqual([5, 2]);
      for (const [name, values] of Object.entries(wanted) as [string, (number | null)[]][]) {
        const found = [...tensors.get(name)!.data].map((value) => (Number.isFinite(value) ? value : null));
        expect(found, name).toEqual(values);
      }
      const file = await SafetensorsFile.open(path);
      expect(file.metadata).toEqual({ k: 'v' });
      await file.close();
    });

    it('refuses the damaged files that we refuse', async () => {
      const header = (entries: object) => {
        const json = Buffer.from(JSON.stringify(entries));
        const length = Buffer.alloc(8);
        length.writeBigUInt64LE(BigInt(json.length));
        return Buffer.concat([length, json]);
      };
      const entry = (start: number, end: number) => ({
        dtype: 'F32',
        shape: [1],
        data_offsets: [start, end],
      });
      const files = {
        whole: Buffer.concat([header({ a: entry(0, 4) }), Buffer.alloc(4)]),
        gap: Buffer.concat([header({ a: entry(4, 8) }), Buffer.alloc(8)]),
        overlong: Buffer.concat([header({ a: entry(0, 4) }), Buffer.alloc(5)]),
        short: Buffer.concat([header({ a: entry(0, 4) }), Buffer.alloc(3)]),
        overlap: Buffer.concat([header({ a: entry(0, 4), b: entry(0, 4) }), Buffer.alloc(4)]),
      };
      const script = `
import sys, json
from safetensors.numpy import load_file
def ok(p):
    try:
        load_file(p); return True
    except Exception:
        return False
print(json.dumps([ok(p) for p in sys.argv[1:]]))`;
      const paths = Object.entries(files).map(([name, bytes]) => ({ path: join(folder, name), bytes }));
      for (const { path, bytes } of paths) await writeFile(path, bytes);
      const theirs = run(script, ...paths.map(({ path }) => path));
      const ours = await Promise.all(
        paths.map(({ path }) =>
          readSafetensors(path).then(
            () => true,
            () => false,
          ),
        ),
      );
      expect(ours).toEqual(theirs);
      expect(ours).toEqual([true, false, false, false, false]);
    });
  },
);
