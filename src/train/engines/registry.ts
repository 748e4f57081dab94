/** Opens the engine that options name. */

import { ResourceError } from '../../core/errors.ts';
import { choiceLine, chooseDevice } from './choose.ts';
import type { Engine } from './engine.ts';
import { openOn } from './open.ts';
import { type Device, type EngineOptions, engineOptions } from './options.ts';
import { type Attempt, probe } from './probe.ts';

export interface ResolvedEngine {
  /** The options with the device by its name. */
  readonly engine: Attempt;
  /** How `auto` came to it. */
  readonly choice?: string;
}

/** Turns `device: auto` into the device that it takes here. `before` is that of a checkpoint to go on from. */
export async function resolveEngine(options: EngineOptions = {}, before?: Device): Promise<ResolvedEngine> {
  const { kind, device, threads } = engineOptions.parse(options);
  if (device !== 'auto') return { engine: { kind, device, threads } };
  const choice = await chooseDevice(kind, { threads, before });
  return { engine: { kind, device: choice.device, threads }, choice: choiceLine(choice) };
}

/**
 * Throws a ResourceError that says why where the engine or its device does not work on this machine. A GPU is tried
 * in another process first, since a broken driver may crash the one that tries it.
 */
export async function openEngine(options: EngineOptions = {}): Promise<Engine> {
  const { engine: resolved, choice } = await resolveEngine(options);
  if (resolved.device !== 'cpu') await requireWorking(resolved);
  const engine = await openOn(resolved);
  return choice === undefined ? engine : { ...engine, description: `${engine.description} (auto ${choice})` };
}

/** The same without opening it, of options that may be carried out hours later. `auto` finds what works. */
export async function requireDevice(options: EngineOptions = {}): Promise<void> {
  const { kind, device, threads } = engineOptions.parse(options);
  // Of ONNX Runtime and of the reference, the CPU is always there.
  if (device === 'auto' || (device === 'cpu' && kind !== 'tensorflow')) return;
  await requireWorking({ kind, device, threads });
}

async function requireWorking(attempt: Attempt): Promise<void> {
  const result = await probe(attempt);
  if (result.works) return;
  throw new ResourceError(`the engine ${attempt.kind} cannot use ${attempt.device} here: ${result.reason}`);
}
