/** The engine that runs programs in ONNX Runtime. */

import { availableParallelism } from 'node:os';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { InvariantError, ResourceError } from '../../../core/errors.ts';
import { type Program, programInputs } from '../../graph/program.ts';
import { elementCount, type Tensor } from '../../graph/tensor.ts';
import type { NamedArray } from '../../session.ts';
import type { Engine, Runnable } from '../engine.ts';
import { lowerToOnnx } from './lower.ts';

type Ort = typeof import('onnxruntime-node');

export interface OnnxSettings {
  readonly device: 'cpu';
  readonly threads?: number | undefined;
  /** Writes a Chrome trace of every kernel to a file of this prefix, for measurements. */
  readonly profilePrefix?: string;
}

/** Throws a ResourceError where ONNX Runtime cannot be loaded. */
export async function onnxEngine(settings: OnnxSettings): Promise<Engine> {
  const ort = await loadRuntime();
  const threads = settings.threads ?? availableParallelism();
  return {
    description: `onnx on ${settings.device}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    async compile(program) {
      const model = lowerToOnnx(program);
      try {
        const session = await ort.InferenceSession.create(model, sessionOptions(settings, threads));
        return new OnnxRunnable(ort, session, program);
      } catch (cause) {
        throw runError(`program ${program.name}`, cause);
      }
    },
  };
}

async function loadRuntime(): Promise<Ort> {
  try {
    return await import('onnxruntime-node');
  } catch (cause) {
    throw new ResourceError('onnxruntime-node cannot be loaded on this machine', { cause });
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
    logSeverityLevel: 3,
    enableProfiling: settings.profilePrefix !== undefined,
    ...(settings.profilePrefix === undefined ? {} : { profileFilePrefix: settings.profilePrefix }),
  };
}

class OnnxRunnable implements Runnable {
  private readonly ort: Ort;
  private readonly session: InferenceSession;
  private readonly program: Program;
  private readonly inputs: ReadonlyMap<string, Tensor>;
  /** ONNX Runtime's view of an array, made once for those that come again (parameters). */
  private readonly views = new WeakMap<NamedArray, OrtTensor>();

  constructor(ort: Ort, session: InferenceSession, program: Program) {
    this.ort = ort;
    this.session = session;
    this.program = program;
    this.inputs = programInputs(program);
  }

  async run(
    inputs: Readonly<Record<string, NamedArray>>,
    into: Readonly<Record<string, NamedArray>> = {},
  ): Promise<Record<string, NamedArray>> {
    const feeds: Record<string, OrtTensor> = {};
    const fed = new Set<ArrayBufferLike>();
    for (const [name, tensor] of this.inputs) {
      const array = inputs[name];
      if (array === undefined) throw this.error(`input '${name}' is missing`);
      feeds[name] = this.view(name, array, tensor);
      fed.add(array.data.buffer);
    }
    const results: Record<string, NamedArray> = {};
    const fetches: Record<string, OrtTensor> = {};
    for (const [name, tensor] of Object.entries(this.program.outputs)) {
      const array = into[name] ?? emptyArray(tensor);
      // ONNX Runtime would take the same buffer and give silently wrong values.
      if (fed.has(array.data.buffer)) throw this.error(`output '${name}' would overwrite an input`);
      results[name] = array;
      fetches[name] = this.view(name, array, tensor);
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

  private view(name: string, array: NamedArray, tensor: Tensor): OrtTensor {
    const known = this.views.get(array);
    if (known !== undefined) return known;
    if (array.data.length !== elementCount(tensor.shape)) {
      throw this.error(`'${name}' has ${array.data.length} values, not [${tensor.shape}]`);
    }
    const view =
      array.data instanceof Float32Array
        ? new this.ort.Tensor('float32', array.data, tensor.shape)
        : new this.ort.Tensor('int32', array.data, tensor.shape);
    if (tensor.type !== view.type) throw this.error(`'${name}' is ${view.type}, not ${tensor.type}`);
    this.views.set(array, view);
    return view;
  }

  private error(what: string): InvariantError {
    return new InvariantError(`program ${this.program.name}: ${what}`);
  }
}

function emptyArray(tensor: Tensor): NamedArray {
  const count = elementCount(tensor.shape);
  return {
    shape: tensor.shape,
    data: tensor.type === 'float32' ? new Float32Array(count) : new Int32Array(count),
  };
}

/** ONNX Runtime says in words alone what went wrong. */
function runError(what: string, cause: unknown): ResourceError | InvariantError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return /bad_alloc|allocate memory|out of memory|Failed to allocate/i.test(message)
    ? new ResourceError(`${what}: out of memory; take fewer rows or a smaller model`, { cause })
    : new InvariantError(`${what}: ${message}`, { cause });
}
