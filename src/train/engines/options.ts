/** Which engines and devices can be named in options. */

import { z } from 'zod';

const KINDS = ['onnx', 'tensorflow', 'reference'] as const;
export type EngineKind = (typeof KINDS)[number];

export const DEVICES = ['cpu', 'webgpu', 'cuda'] as const;
export const deviceSchema = z.enum(DEVICES);
export type Device = (typeof DEVICES)[number];

/** The devices of each engine; the first is the one that is always there. */
export const engineDevices: Readonly<Record<EngineKind, readonly Device[]>> = {
  onnx: ['cpu', 'cuda', 'webgpu'],
  tensorflow: ['cpu', 'cuda'],
  reference: ['cpu'],
};

/**
 * Whether the arrays of an engine on a device lie in the process's memory and every result costs a copy: then what needs no
 * program is done there. onnxruntime-node gives back a new copy of every result, also of one that went to an array of
 * ours: 35 ms of the 640 of a step that gave weights and moments.
 */
export function updatesOnHost(kind: EngineKind, device: Device): boolean {
  return kind === 'onnx' && device === 'cpu';
}

export const engineOptions = z
  .strictObject({
    kind: z
      .enum(KINDS)
      .default('onnx')
      .describe(
        'onnx: ONNX Runtime; tensorflow: TensorFlow.js, packages of its own; reference: plain TypeScript, slow, for tests',
      ),
    device: z
      .enum([...DEVICES, 'auto'])
      .default('cpu')
      .describe(
        'where the programs run: cpu; webgpu: any GPU, weights stay on it; cuda: NVIDIA, with files that a command adds; auto: the fastest that works here; see `provender devices`',
      ),
    threads: z.int().min(1).optional().describe('of the CPU; default: as many as the machine has processors'),
  })
  .refine(({ kind, device }) => device === 'auto' || engineDevices[kind].includes(device), {
    path: ['device'],
    error: ({ input }) => {
      const { kind } = input as { readonly kind: EngineKind };
      return `the engine ${kind} has ${engineDevices[kind].join(', ')} and auto alone`;
    },
  });

export type EngineOptions = z.input<typeof engineOptions>;
