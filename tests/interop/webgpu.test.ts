import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { largestGap, STEPS, trainings } from '../train/engines/tiny-training.ts';
import { findDriver } from './webgpu-driver.ts';

const driver = await findDriver();
if (driver === undefined) {
  console.warn('skipped: no Vulkan driver here, and no chromium-common (Debian) to take SwiftShader from');
}

const script = join(import.meta.dirname, 'webgpu-process.ts');

async function ask<T>(...args: string[]): Promise<T> {
  const argv = ['--import', 'tsx', script, ...args];
  const env = { ...process.env, ...driver!.environment };
  const { stdout } = await promisify(execFile)(process.execPath, argv, { env, maxBuffer: 2 ** 26 });
  return JSON.parse(stdout) as T;
}

interface Trained {
  readonly losses: number[];
  readonly logits: number[][];
}

interface Stepped {
  readonly losses: number[];
  readonly said: string[];
}

describe.skipIf(driver === undefined)(`onnx on webgpu, driver: ${driver?.name}`, () => {
  it('computes every operation and gradient as the reference does, and loses no update', async () => {
    const answer = await ask<{ differences: [string, number][]; wrongUpdates: number }>('operations');
    expect(answer.differences.length).toBeGreaterThan(40);
    for (const [name, difference] of answer.differences) expect(difference, name).toBeLessThan(1e-4);
    expect(answer.wrongUpdates).toBe(0);
  });

  it('runs every operation of every program on the GPU', async () => {
    expect(await ask<string[]>('placement')).toEqual(['NonZero']);
  });

  it.each(Object.keys(trainings))(`gives the CPU's losses over ${STEPS} steps: %s`, async (name) => {
    const { cpu, webgpu } = await ask<Record<'cpu' | 'webgpu', Trained>>('train', name);
    expect(webgpu.losses).toHaveLength(STEPS);
    expect(largestGap(webgpu.losses, cpu.losses)).toBeLessThan(1e-4);
    // The weights that the steps left on the GPU are read there, and give the same logits.
    expect(largestGap(webgpu.logits.flat(), cpu.logits.flat())).toBeLessThan(1e-3);
  });

  it('leaves checkpoints that a run on the CPU goes on from', async () => {
    const { mixed, cpu } = await ask<Record<'mixed' | 'cpu', Stepped>>('resume');
    expect(mixed.losses).toHaveLength(10);
    expect(largestGap(mixed.losses, cpu.losses)).toBeLessThan(1e-4);
    expect(mixed.said.join('\n')).toContain('device was "webgpu" and is now "cpu": later bits may differ');
  });
});
