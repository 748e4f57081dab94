import { availableParallelism } from 'node:os';
import pc from 'picocolors';
import { fastest, formatRate } from '../train/engines/choose.ts';
import { type Device, type EngineKind, engineDevices } from '../train/engines/options.ts';
import { type Probe, probe } from '../train/engines/probe.ts';

/** The reference interpreter is for tests. */
const KINDS = ['onnx', 'tensorflow'] as const satisfies readonly EngineKind[];

interface Row {
  readonly kind: EngineKind;
  readonly device: Device;
  readonly probe: Probe;
}

export interface DevicesOptions {
  readonly json?: boolean;
  readonly workers?: number;
}

/** `provender devices`: one after the other, so that none slows another down while it is measured. */
export async function devicesCommand({ json, workers }: DevicesOptions): Promise<string> {
  const threads = workers ?? availableParallelism();
  const rows: Row[] = [];
  for (const kind of KINDS) {
    for (const device of engineDevices[kind]) {
      rows.push({ kind, device, probe: await probe({ kind, device, threads }) });
    }
  }
  const auto = autoOf('onnx', rows);
  if (json) {
    const flat = rows.map(({ probe: result, ...row }) => ({ ...row, ...result }));
    return `${JSON.stringify({ threads, auto, devices: flat }, null, 2)}\n`;
  }
  return `${devicesLines(rows, threads, auto).join('\n')}\n`;
}

function autoOf(wanted: EngineKind, rows: readonly Row[]): Device {
  const probes = rows.filter(({ kind }) => kind === wanted).map((row) => [row.device, row.probe] as const);
  return fastest(engineDevices[wanted][0]!, new Map(probes)).device;
}

export function devicesLines(rows: readonly Row[], threads: number, auto: Device): string[] {
  const lines = rows.map(({ kind, device, probe: result }) => {
    const name = `${kind.padEnd(12)}${device.padEnd(8)}`;
    if (!result.works) return `${name}${pc.yellow('no')}   ${result.reason}`;
    const on = device === 'cpu' && kind === 'onnx' ? `, ${threads} threads` : '';
    return `${name}${pc.green('yes')}  ${formatRate(result.gigaflops)} in matrix products${on}`;
  });
  return [...lines, '', `engine: { device: auto } takes ${auto}`];
}
