/** How much energy a training takes: an estimate, whose source is named beside it. */

import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface EnergyMeter {
  /** Where the figures come from, in words. */
  readonly source: string;
  /** Joules since the last call, or since the meter was opened. */
  read(): number;
  close(): void;
}

export interface EnergySettings {
  readonly device: 'cpu' | 'gpu';
  readonly threads: number;
  /** Power of the whole machine or device, stated by whoever knows it. */
  readonly deviceWatts?: number;
  /** For tests. */
  readonly powercap?: string;
  readonly nvidiaSmi?: string;
  readonly clock?: () => number;
}

/**
 * Of a processor that tells nothing: between what server processors are designed for (Xeon Platinum 8380: 270 W for
 * 40 cores, EPYC 7763: 280 W for 64) and desktop ones (Ryzen 9 7950X: 170 W for 16).
 */
const WATTS_PER_THREAD = 8;

/**
 * The best source there is: a stated power; the processor's own counters (RAPL), with the power that nvidia-smi tells
 * where a GPU trains; else a stated power per thread. Undefined for a GPU of which nothing is known.
 */
export function openEnergyMeter(settings: EnergySettings): EnergyMeter | undefined {
  const { deviceWatts, device, threads, clock = () => performance.now() } = settings;
  if (deviceWatts !== undefined) return constant(deviceWatts, `${deviceWatts} W as stated`, clock);
  const rapl = openRapl(settings.powercap ?? '/sys/class/powercap');
  if (device === 'gpu') {
    const gpu = openNvidiaSmi(settings.nvidiaSmi ?? 'nvidia-smi', clock);
    return gpu && (rapl ? both(gpu, rapl) : gpu);
  }
  if (rapl) return rapl;
  const watts = WATTS_PER_THREAD * threads;
  const each = threads === 1 ? '1 thread' : `${threads} threads`;
  return constant(watts, `${each} guessed at ${WATTS_PER_THREAD} W each, nothing measured`, clock);
}

function constant(watts: number, source: string, clock: () => number): EnergyMeter {
  let last = clock();
  return {
    source,
    read() {
      const now = clock();
      const joules = (watts * (now - last)) / 1000;
      last = now;
      return joules;
    },
    close() {},
  };
}

function both(a: EnergyMeter, b: EnergyMeter): EnergyMeter {
  return {
    source: `${a.source}, and ${b.source}`,
    read: () => a.read() + b.read(),
    close() {
      a.close();
      b.close();
    },
  };
}

interface RaplPackage {
  readonly path: string;
  /** Microjoules at which the counter begins again. */
  readonly range: number;
  last: number;
}

/** https://www.kernel.org/doc/html/latest/power/powercap/powercap.html; often readable by root alone. */
function openRapl(root: string): EnergyMeter | undefined {
  const packages: RaplPackage[] = [];
  try {
    // `intel-rapl:0` is a package, `intel-rapl:0:1` a part of it. AMD's processors are there under the same name.
    for (const name of readdirSync(root).filter((entry) => /^intel-rapl:\d+$/.test(entry))) {
      const path = join(root, name, 'energy_uj');
      const range = number(join(root, name, 'max_energy_range_uj'));
      packages.push({ path, range, last: number(path) });
    }
  } catch {
    return undefined;
  }
  if (packages.length === 0) return undefined;
  return {
    source: "the processor's counters (RAPL), whatever else runs on it",
    read: () => packages.reduce((sum, one) => sum + joulesSinceLast(one), 0),
    close() {},
  };
}

function joulesSinceLast(one: RaplPackage): number {
  let now: number;
  try {
    now = number(one.path);
  } catch {
    return 0;
  }
  const microjoules = now >= one.last ? now - one.last : now + one.range - one.last;
  one.last = now;
  return microjoules / 1e6;
}

function number(path: string): number {
  const value = Number(readFileSync(path, 'utf8'));
  if (!Number.isFinite(value)) throw new Error(`${path} holds no number`);
  return value;
}

/**
 * Asks for the power of the first visible GPU once a second. What comes between two steps is seen between them; until
 * the first answer the power counts as none.
 */
function openNvidiaSmi(command: string, clock: () => number): EnergyMeter | undefined {
  const gpu = /^\d+/.exec(process.env.CUDA_VISIBLE_DEVICES ?? '')?.[0] ?? '0';
  const query = ['--query-gpu=power.draw', '--format=csv,noheader,nounits', `--id=${gpu}`, '--loop-ms=1000'];
  let child: ChildProcess;
  try {
    child = spawn(command, query, { stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return undefined;
  }
  if (child.pid === undefined) {
    child.once('error', () => {});
    return undefined;
  }
  let watts = 0;
  let last = clock();
  child.once('error', () => {});
  child.unref();
  (child.stdout as unknown as { unref?(): void }).unref?.();
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    const value = Number(text.trim().split('\n').at(-1));
    if (Number.isFinite(value)) watts = value;
  });
  return {
    source: "the GPU's power as nvidia-smi tells it",
    read() {
      const now = clock();
      const joules = (watts * (now - last)) / 1000;
      last = now;
      return joules;
    },
    close() {
      child.kill();
    },
  };
}
