/** The engine that runs programs in ONNX Runtime: on the CPU, on a GPU through WebGPU, or through CUDA. */

import { availableParallelism } from 'node:os';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { ResourceError } from '../../../core/errors.ts';
import { type Program, programInputs } from '../../graph/program.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { NamedArray } from '../../session.ts';
import type { Engine, ProgramInputs, Residents, Runnable } from '../engine.ts';
import { emptyArray, HostResident, hostArray } from '../host.ts';
import { type Device, updatesOnHost } from '../options.ts';
import { missingCuda } from './cuda-files.ts';
import { lowerToOnnx } from './lower.ts';
import { ArrayViews, loadRuntime, type Ort, runError } from './runtime.ts';
import { GpuMemory, GpuResident, GpuRunnable } from './webgpu.ts';

export interface OnnxSettings {
  readonly device: Device;
  readonly threads?: number | undefined;
  /** Writes a Chrome trace of every kernel to a file of this prefix, for measurements. */
  readonly profilePrefix?: string;
}

/** Throws a ResourceError where ONNX Runtime or its CUDA files cannot be loaded. */
export async function onnxEngine(settings: OnnxSettings): Promise<Engine> {
  const missing = settings.device === 'cuda' ? missingCuda() : undefined;
  if (missing !== undefined) throw new ResourceError(missing);
  const ort = await loadRuntime();
  const threads = settings.threads ?? availableParallelism();
  const { device } = settings;
  const options = sessionOptions(settings, threads);
  if (device === 'webgpu') return webgpuEngine(ort, options);
  const used = device === 'cuda' ? '' : `, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  return {
    description: `onnx on ${device}${used}`,
    prefersConstants: device === 'cpu',
    prefersHostUpdates: updatesOnHost('onnx', device),
    async compile(program) {
      return new HostRunnable(
        ort,
        await open(ort, lowerToOnnx(program, { device, threads }), program.name, options),
        program,
      );
    },
    // With CUDA too: onnxruntime-node gives no hold of an array in CUDA's memory, so each run copies in and out.
    resident: (shape) => new HostResident(shape),
  };
}

async function webgpuEngine(ort: Ort, options: InferenceSession.SessionOptions): Promise<Engine> {
  const memory = await GpuMemory.open(ort, options);
  return {
    description: 'onnx on webgpu',
    async compile(program, kept = []) {
      const preferredOutputLocation = Object.fromEntries(kept.map((name) => [name, 'gpu-buffer' as const]));
      const model = lowerToOnnx(program, { device: 'webgpu' });
      const session = await open(ort, model, program.name, { ...options, preferredOutputLocation });
      return new GpuRunnable(ort, session, program, kept);
    },
    resident: (shape) => new GpuResident(memory, shape),
  };
}

async function open(
  ort: Ort,
  model: Uint8Array,
  name: string,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  try {
    return await ort.InferenceSession.create(model, options);
  } catch (cause) {
    throw runError(`program ${name}`, cause);
  }
}

function sessionOptions(settings: OnnxSettings, threads: number): InferenceSession.SessionOptions {
  return {
    executionProviders: [settings.device],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // Planning memory by pattern held 920 MB where 600 MB do, and was no faster.
    enableMemPattern: false,
    // As long as it takes to get from one operation to the next. ONNX Runtime's own default took half as much CPU
    // time again at two threads on a machine with other work to do (1,500 ms a step for 1,050).
    extra: {
      session: { intra_op: { spin_duration_us: '20' } },
      // It would turn back the products that the lowering turns round.
      optimization: { disable_specified_optimizers: 'GemmTransposeFusion' },
    },
    logSeverityLevel: 3,
    enableProfiling: settings.profilePrefix !== undefined,
    ...(settings.profilePrefix === undefined ? {} : { profileFilePrefix: settings.profilePrefix }),
  };
}

/** A program whose arrays are all in the process's memory. */
class HostRunnable implements Runnable {
  private readonly session: InferenceSession;
  private readonly program: Program;
  private readonly inputs: ReadonlyMap<string, Tensor>;
  private readonly views: ArrayViews;

  constructor(ort: Ort, session: InferenceSession, program: Program) {
    this.session = session;
    this.program = program;
    this.inputs = programInputs(program);
    this.views = new ArrayViews(ort, program.name);
  }

  async run(inputs: ProgramInputs, into: Residents = {}): Promise<Record<string, NamedArray>> {
    const feeds: Record<string, OrtTensor> = {};
    const fed: NamedArray['data'][] = [];
    for (const [name, tensor] of this.inputs) {
      const given = inputs[name];
      if (given === undefined) throw this.views.error(`input '${name}' is missing`);
      const array = hostArray(given);
      feeds[name] = this.views.of(name, array, tensor);
      fed.push(array.data);
    }
    const results: Record<string, NamedArray> = {};
    const fetches: Record<string, OrtTensor> = {};
    for (const [name, tensor] of Object.entries(this.program.outputs)) {
      const kept = into[name];
      const array = kept === undefined ? emptyArray(tensor) : hostArray(kept);
      // ONNX Runtime would take the same memory and give silently wrong values.
      if (fed.some((data) => overlap(data, array.data)))
        throw this.views.error(`output '${name}' would overwrite an input`);
      if (kept === undefined) results[name] = array;
      fetches[name] = this.views.of(name, array, tensor);
    }
    try {
      await this.session.run(feeds, fetches);
    } catch (cause) {
      throw runError(`program ${this.program.name}`, cause);
    }
    return results;
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}

function overlap(a: NamedArray['data'], b: NamedArray['data']): boolean {
  const isBehind = (x: NamedArray['data'], y: NamedArray['data']) =>
    x.byteOffset >= y.byteOffset + y.byteLength;
  return a.buffer === b.buffer && !isBehind(a, b) && !isBehind(b, a);
}
