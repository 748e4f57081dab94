import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { choiceLine, chooseDevice, fastest } from '../../../src/train/engines/choose.ts';
import { missingCuda } from '../../../src/train/engines/onnx/cuda-files.ts';
import type { Device } from '../../../src/train/engines/options.ts';
import { type Probe, probeWith } from '../../../src/train/engines/probe.ts';
import { tidyReason } from '../../../src/train/engines/probe-reason.ts';
import { openEngine, resolveEngine } from '../../../src/train/engines/registry.ts';
import { missingTensorFlow } from '../../../src/train/engines/tensorflow/packages.ts';

const rates = (given: Partial<Record<Device, number | string>>) =>
  new Map(
    Object.entries(given).map(([device, rate]): [Device, Probe] => [
      device as Device,
      typeof rate === 'number' ? { works: true, gigaflops: rate } : { works: false, reason: rate },
    ]),
  );

describe('device: auto', () => {
  it.each([
    ['a GPU that is ahead', { cuda: 'no files', webgpu: 3000, cpu: 90 }, undefined, 'webgpu'],
    ['the faster of two', { cuda: 9000, webgpu: 3000, cpu: 90 }, undefined, 'cuda'],
    ['no software GPU', { cuda: 'no files', webgpu: 0.06, cpu: 90 }, undefined, 'cpu'],
    ['no GPU that is barely ahead', { cuda: 'no files', webgpu: 100, cpu: 90 }, undefined, 'cpu'],
    ['the CPU where nothing else works', { cuda: 'no files', webgpu: 'no adapter' }, undefined, 'cpu'],
    ['what the checkpoint had', { cuda: 9000, webgpu: 3000, cpu: 90 }, 'webgpu', 'webgpu'],
    ['another where that is gone', { cuda: 'no files', webgpu: 'no adapter' }, 'webgpu', 'cpu'],
  ] as const)('takes %s', (_, given, before, taken) => {
    expect(fastest('cpu', rates(given), before).device).toBe(taken);
  });

  it('says what it took, and why not the others', () => {
    const choice = fastest('cpu', rates({ cuda: 'no files', webgpu: 3210, cpu: 90 }));
    expect(choiceLine(choice)).toBe('took webgpu (3,210 GFLOP/s); cuda: no files; cpu: 90 GFLOP/s');
  });

  it('tries nothing where the checkpoint was made on the CPU', async () => {
    expect(choiceLine(await chooseDevice('onnx', { before: 'cpu' }))).toBe('took cpu (as in the checkpoint)');
    expect((await resolveEngine({ device: 'auto', threads: 2 }, 'cpu')).engine).toEqual({
      kind: 'onnx',
      device: 'cpu',
      threads: 2,
    });
  });

  it('opens an engine that says the same', async () => {
    const engine = await openEngine({ kind: 'reference', device: 'auto' });
    expect(engine.description).toBe('reference interpreter (auto took cpu)');
  });
});

describe('a probe', () => {
  const attempt = { kind: 'onnx', device: 'webgpu' } as const;
  const program = (name: string) => fileURLToPath(new URL(`programs/${name}.mjs`, import.meta.url));

  it.each([
    ['crashes', 30_000, "crashed (SIGABRT) (Couldn't load Vulkan)"],
    ['crashes-at-the-end', 30_000, 'crashed (SIGSEGV)'],
    ['says-nothing', 30_000, 'ended with code 0'],
    ['hangs', 500, 'gave no answer in 0.5 s'],
  ])('whose process %s is a device that does not work', async (name, timeout, reason) => {
    expect(await probeWith(program(name), attempt, timeout)).toEqual({ works: false, reason });
  });

  it('keeps of what a library says what can be used', () => {
    const said =
      '/src/webgpu_context.cc:136 Initialize(const Config&)::<lambda()> result.status == Success was false. Failed to get a WebGPU adapter: No supported adapters\n';
    expect(tidyReason(said, '')).toBe('Failed to get a WebGPU adapter: No supported adapters');
    const loader =
      'Failed to load library x.so with error: libcublasLt.so.12: cannot open shared object file: No';
    expect(tidyReason('Failed to load shared library', loader)).toBe(
      'Failed to load shared library (libcublasLt.so.12: cannot open shared object file)',
    );
  });
});

describe('what is missing', () => {
  it('is said with the command that adds it', () => {
    expect(missingCuda('linux', 'x64')).toMatch(/are missing: node .*onnxruntime-node\/script\/install\.js/);
    expect(missingCuda('darwin', 'arm64')).toBe(
      'onnxruntime-node has CUDA on linux x64 alone, not on darwin arm64',
    );
    expect(missingTensorFlow('cuda', '22.1.0')).toMatch(
      /^@tensorflow\/tfjs-node-gpu not installed: npm install .* npm rebuild --ignore-scripts=false/,
    );
    expect(missingTensorFlow('cuda', '24.0.0')).toMatch(/does not run on Node 24/);
    expect(missingTensorFlow('cpu')).toBeUndefined();
  });

  it('is an error where the device was asked for', async () => {
    await expect(openEngine({ kind: 'tensorflow', device: 'cuda' })).rejects.toThrow(
      'the engine tensorflow cannot use cuda here: @tensorflow/tfjs-node-gpu',
    );
    await expect(openEngine({ kind: 'tensorflow', device: 'webgpu' })).rejects.toThrow(
      'the engine tensorflow has cpu, cuda and auto alone',
    );
  });
});
