import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/train/engines/engine.ts';
import { openEngine } from '../../src/train/engines/registry.ts';
import { matrixFlops } from '../../src/train/graph/cost.ts';
import { type EnergyMeter, openEnergyMeter } from '../../src/train/monitor/energy.ts';
import { LossHistory } from '../../src/train/monitor/loss-history.ts';
import { measurePeak } from '../../src/train/monitor/peak.ts';
import { RunMonitor } from '../../src/train/monitor/run-monitor.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'provender-monitor-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** A clock that tells the milliseconds that it is set to. */
function clockAt() {
  const clock = { now: 0, read: () => clock.now };
  return clock;
}

describe('openEnergyMeter', () => {
  const none = { powercap: '/nonexistent', nvidiaSmi: '/nonexistent' };

  it('takes a stated power over everything else', () => {
    const clock = clockAt();
    const meter = openEnergyMeter({ device: 'cpu', threads: 4, deviceWatts: 50, clock: clock.read })!;
    clock.now = 3000;
    expect(meter.read()).toBe(150);
    expect(meter.read()).toBe(0);
    expect(meter.source).toBe('50 W as stated');
  });

  it("sums the packages' counters, which begin again at their range, and leaves their parts out", async () => {
    const set = async (name: string, microjoules: number) => {
      await mkdir(join(folder, name), { recursive: true });
      await writeFile(join(folder, name, 'energy_uj'), `${microjoules}\n`);
      await writeFile(join(folder, name, 'max_energy_range_uj'), '262143328850\n');
    };
    await set('intel-rapl:0', 1_000_000);
    await set('intel-rapl:1', 262_143_328_000);
    await set('intel-rapl:0:0', 5_000_000);
    const meter = openEnergyMeter({ device: 'cpu', threads: 2, powercap: folder })!;
    await set('intel-rapl:0', 3_500_000);
    await set('intel-rapl:1', 999_150);
    await set('intel-rapl:0:0', 9_000_000);
    expect(meter.read()).toBeCloseTo(2.5 + 1, 9);
    expect(meter.read()).toBe(0);
    expect(meter.source).toMatch(/RAPL/);
  });

  it('says that nothing was measured where it takes so many watts a thread', () => {
    const clock = clockAt();
    const meter = openEnergyMeter({ device: 'cpu', threads: 2, clock: clock.read, ...none })!;
    clock.now = 1000;
    expect(meter.read()).toBe(16);
    expect(meter.source).toBe('2 threads guessed at 8 W each, nothing measured');
  });

  it('asks nvidia-smi where a GPU trains, and knows nothing of a GPU without it', async () => {
    const script = join(folder, 'nvidia-smi');
    await writeFile(script, '#!/bin/sh\necho 300.5\nexec sleep 5\n');
    await chmod(script, 0o755);
    const clock = clockAt();
    const meter = openEnergyMeter({
      ...none,
      device: 'gpu',
      threads: 2,
      nvidiaSmi: script,
      clock: clock.read,
    })!;
    for (let waited = 0; waited < 100; waited++) {
      clock.now += 1000;
      if (meter.read() > 0) break;
      await sleep(50);
    }
    clock.now += 2000;
    expect(meter.read()).toBe(601);
    meter.close();
    expect(openEnergyMeter({ ...none, device: 'gpu', threads: 2 })).toBeUndefined();
  });
});

describe('measurePeak', () => {
  it('counts the operations of the program that it runs, and measures once', async () => {
    const engine = await openEngine({ threads: 1 });
    const counted: number[] = [];
    const watched: Engine = {
      ...engine,
      description: 'watched',
      async compile(program) {
        const runnable = await engine.compile(program);
        return {
          ...runnable,
          async run(inputs, into) {
            counted.push(matrixFlops(program));
            const started = performance.now();
            const results = await runnable.run(inputs, into);
            const elapsed = performance.now() - started;
            rates.push((matrixFlops(program) * 1000) / elapsed);
            expect(Number.isFinite(results.sum!.data[0])).toBe(true);
            return results;
          },
          release: () => runnable.release(),
        };
      },
      resident: (shape) => engine.resident(shape),
    };
    const rates: number[] = [];
    const peak = await measurePeak(watched, 'cpu');
    expect(counted[0]).toBe(2 * 256 ** 3);
    expect(counted).toContain(2 * 768 ** 3);
    const best = Math.max(...rates);
    expect(peak / best).toBeGreaterThan(0.9);
    expect(peak / best).toBeLessThan(1.1);
    const runs = counted.length;
    expect(await measurePeak(watched, 'cpu')).toBe(peak);
    expect(counted.length).toBe(runs);
  });
});

describe('LossHistory', () => {
  const step = (loss: number, byCorpus = {}) => ({ kind: 'step', loss, byCorpus });

  it('keeps the whole curve in bounded space, as means of equally many steps', () => {
    const history = new LossHistory();
    for (let i = 0; i < 1000; i++) history.add(step(i));
    const { curve } = history;
    expect(curve.length).toBeLessThan(241);
    expect(curve[0]).toBe(3.5);
    expect(curve[1]).toBe(11.5);
    history.add(step(Number.NaN));
    expect(history.curve).toEqual(curve);
  });

  it('names the largest corpora', () => {
    const history = new LossHistory();
    const parts = { a: { loss: 2, tokens: 1 }, b: { loss: 3, tokens: 5 }, c: { loss: 4, tokens: 3 } };
    history.add(step(3, parts));
    history.add(step(3, { b: { loss: 2, tokens: 5 } }));
    expect(history.largest(2)).toEqual({ b: 2.9, c: 4 });
  });
});

describe('RunMonitor', () => {
  const energy = (joules: number): EnergyMeter => ({ source: 'made up', read: () => joules, close() {} });
  const timing = (step: number, milliseconds: number) => ({
    step,
    tokens: 100,
    milliseconds,
    tokensPerSecond: 1e5 / milliseconds,
  });

  it('gives operations, share of the peak and energy, the step that compiles left out of the rate', async () => {
    const monitor = new RunMonitor({ folder, steps: 5, flopsPerStep: 2e9, peak: 8e9, energy: energy(36) });
    await monitor.begin(0);
    monitor.timed(timing(1, 60_000));
    monitor.record({ kind: 'step', step: 1, loss: 5, learningRate: 0.1, gradientNorm: 2 });
    const told = monitor.timed(timing(2, 500));
    expect(told).toEqual({ gigaflopsPerSecond: 4, peakShare: 0.5, joulesEstimate: 36 });
    monitor.record({ kind: 'step', step: 2, loss: 4, learningRate: 0.2, gradientNorm: 1 });
    monitor.saved(2);
    const state = monitor.state();
    expect(state).toMatchObject({ step: 2, steps: 5, loss: 4, learningRate: 0.2, curve: [5, 4] });
    expect(state).toMatchObject({ flopsPerSecond: 4e9, peakShare: 0.5, secondsLeft: 1.5 });
    expect(state.checkpoint!.step).toBe(2);
    expect(monitor.note()).toBe('50 % of peak');
    const usage = monitor.usage();
    expect(usage).toMatchObject({ flops: 4e9, flopsPerSecond: 4e9, peakShare: 0.5 });
    // Two steps, and what came after the last of them.
    const joules = 3 * 36;
    expect(usage.energyEstimate!.kilowattHours).toBeCloseTo(joules / 3.6e6, 12);
    expect(usage.energyEstimate!.joulesPerMillionTokens).toBeCloseTo((joules / 200) * 1e6, 6);
    monitor.end();
  });

  it('remembers the curve of the calls before', async () => {
    const lines = [1, 2, 3].map((step) => JSON.stringify({ kind: 'step', step, loss: 10 - step }));
    await writeFile(join(folder, 'metrics.jsonl'), `${lines.join('\n')}\n`);
    const monitor = new RunMonitor({ folder, steps: 5, flopsPerStep: 1 });
    await monitor.begin(3);
    expect(monitor.state()).toMatchObject({ step: 3, loss: 7, curve: [9, 8, 7] });
    monitor.end();
    expect((await readFile(join(folder, 'events.out.tfevents.0000000003.provender'))).length).toBeGreaterThan(
      0,
    );
  });
});
