/** Finds the fastest device that works. */

import { count } from '../../core/format.ts';
import { type Device, type EngineKind, engineDevices } from './options.ts';
import type { Probe } from './probe.ts';
import { probe } from './probe.ts';

/** A GPU that is barely ahead in bare matrix products is behind in training. */
const LEAST_GAIN = 1.5;

export interface Choice {
  readonly device: Device;
  /** A few words on each device: its rate, or why it was not taken. */
  readonly reasons: Readonly<Partial<Record<Device, string>>>;
}

export interface ChoiceSettings {
  readonly threads?: number | undefined;
  /** The device of the checkpoint that a run goes on from: taken where it still works. */
  readonly before?: Device | undefined;
}

/**
 * The CPU is measured only where it has a rival: on a machine without a GPU the choice takes one process that fails
 * at once, mostly none.
 */
export async function chooseDevice(kind: EngineKind, settings: ChoiceSettings = {}): Promise<Choice> {
  const { threads, before } = settings;
  const [last, ...rivals] = engineDevices[kind] as readonly [Device, ...Device[]];
  if (before === last) return { device: last, reasons: { [last]: 'as in the checkpoint' } };
  const tried = await Promise.all(
    rivals.map(async (device) => [device, await probe({ kind, device, threads })] as const),
  );
  const probes = new Map<Device, Probe>(tried);
  if (tried.some(([, { works }]) => works)) probes.set(last, await probe({ kind, device: last, threads }));
  return fastest(last, probes, before);
}

/** `last` is what remains where no other device works. */
export function fastest(last: Device, probes: ReadonlyMap<Device, Probe>, before?: Device): Choice {
  const reasons: Partial<Record<Device, string>> = {};
  for (const [device, result] of probes) {
    reasons[device] = result.works ? formatRate(result.gigaflops) : result.reason;
  }
  const gigaflops = (device: Device) => {
    const result = probes.get(device);
    return result?.works ? result.gigaflops : 0;
  };
  if (before !== undefined && gigaflops(before) > 0) {
    return { device: before, reasons: { ...reasons, [before]: `${reasons[before]}, as in the checkpoint` } };
  }
  const rivals = [...probes.keys()].filter((device) => device !== last);
  const best = rivals.reduce((a, b) => (gigaflops(b) > gigaflops(a) ? b : a), last);
  const device = gigaflops(best) >= LEAST_GAIN * gigaflops(last) ? best : last;
  return { device, reasons };
}

export function formatRate(gigaflops: number): string {
  const figure = gigaflops < 10 ? gigaflops.toFixed(1) : count(gigaflops);
  return `${figure} GFLOP/s`;
}

/** `took webgpu (2,310 GFLOP/s); cpu: 95 GFLOP/s; cuda: ... are missing` */
export function choiceLine({ device, reasons }: Choice): string {
  const own = reasons[device] === undefined ? '' : ` (${reasons[device]})`;
  const others = Object.entries(reasons).filter(([name]) => name !== device);
  return [`took ${device}${own}`, ...others.map(([name, reason]) => `${name}: ${reason}`)].join('; ');
}
