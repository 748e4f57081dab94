/**
 * Programs on ONNX Runtime's WebGPU device, whose resident arrays stay on the GPU from run to run.
 *
 * Two traps: `getData()` on a GPU tensor aborts the process, so values come back through a session that copies; and
 * a GPU tensor fed to a session of another device is silently garbage, so each tensor's location is looked at.
 */

import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { InvariantError } from '../../../core/errors.ts';
import { type Program, programInputs } from '../../graph/program.ts';
import { elementCount, type Shape, type Tensor } from '../../graph/tensor.ts';
import type { NamedArray } from '../../session.ts';
import type { ProgramInputs, Resident, Residents, Runnable } from '../engine.ts';
import { wrongLength } from '../host.ts';
import { ModelWriter } from './model-writer.ts';
import { ArrayViews, type Ort, runError } from './runtime.ts';

const GPU = 'gpu-buffer';

/** Moves arrays between the host and the GPU, by sessions that do nothing else. */
export class GpuMemory {
  readonly ort: Ort;
  private readonly upload: InferenceSession;
  private readonly download: InferenceSession;
  private readonly fill: InferenceSession;

  private constructor(
    ort: Ort,
    upload: InferenceSession,
    download: InferenceSession,
    fill: InferenceSession,
  ) {
    this.ort = ort;
    this.upload = upload;
    this.download = download;
    this.fill = fill;
  }

  static async open(ort: Ort, options: InferenceSession.SessionOptions): Promise<GpuMemory> {
    const onGpu = { ...options, preferredOutputLocation: { y: GPU } } as const;
    const create = ort.InferenceSession.create;
    return new GpuMemory(
      ort,
      await create(copyModel(), onGpu),
      await create(copyModel(), options),
      await create(zerosModel(), onGpu),
    );
  }

  async toGpu(values: Float32Array, shape: Shape): Promise<OrtTensor> {
    const { y } = await this.upload.run({ x: new this.ort.Tensor('float32', values, shape) });
    return onGpu(y!);
  }

  async toHost(tensor: OrtTensor): Promise<Float32Array> {
    const { y } = await this.download.run({ x: onGpu(tensor) });
    return y!.data as Float32Array;
  }

  async zeros(shape: Shape): Promise<OrtTensor> {
    const sizes = BigInt64Array.from(shape, (size) => BigInt(size));
    const { y } = await this.fill.run({ x: new this.ort.Tensor('int64', sizes, [shape.length]) });
    return onGpu(y!);
  }
}

/** x of any shape to y. */
function copyModel(): Uint8Array {
  const writer = new ModelWriter();
  writer.addNode('Identity', ['x'], ['y'], {}, 'copy');
  return writer.finish('copy', [{ name: 'x', type: 'float32' }], [{ name: 'y', type: 'float32' }]);
}

/** A shape x to zeros y of it. */
function zerosModel(): Uint8Array {
  const writer = new ModelWriter();
  const zero = writer.addInitializer('float32', [], new Uint8Array(4));
  writer.addNode('Expand', [zero, 'x'], ['y'], {}, 'zeros');
  return writer.finish('zeros', [{ name: 'x', type: 'int64' }], [{ name: 'y', type: 'float32' }]);
}

function onGpu(tensor: OrtTensor): OrtTensor {
  if (tensor.location === GPU) return tensor;
  throw new InvariantError('a resident array is not on the GPU', { expected: GPU, found: tensor.location });
}

export class GpuResident implements Resident {
  readonly shape: Shape;
  private readonly memory: GpuMemory;
  /** Undefined where the values are zeros that nothing has read yet. */
  private held: OrtTensor | undefined;

  constructor(memory: GpuMemory, shape: Shape) {
    this.memory = memory;
    this.shape = shape;
  }

  async tensor(): Promise<OrtTensor> {
    this.held ??= await this.memory.zeros(this.shape);
    return this.held;
  }

  /** Takes a tensor as the new values. */
  replace(tensor: OrtTensor | undefined): void {
    this.held?.dispose();
    this.held = tensor === undefined ? undefined : onGpu(tensor);
  }

  async read(): Promise<NamedArray> {
    const data =
      this.held === undefined
        ? new Float32Array(elementCount(this.shape))
        : await this.memory.toHost(this.held);
    return { shape: this.shape, data };
  }

  async write(values: Float32Array): Promise<void> {
    if (values.length !== elementCount(this.shape)) throw wrongLength(values, this.shape);
    this.replace(await this.memory.toGpu(values, this.shape));
  }

  async clear(): Promise<void> {
    this.replace(undefined);
  }

  async release(): Promise<void> {
    this.replace(undefined);
  }
}

export class GpuRunnable implements Runnable {
  private readonly session: InferenceSession;
  private readonly program: Program;
  private readonly kept: ReadonlySet<string>;
  private readonly inputs: ReadonlyMap<string, Tensor>;
  private readonly views: ArrayViews;

  /** The session's preferred location of each of `kept` is the GPU. */
  constructor(ort: Ort, session: InferenceSession, program: Program, kept: readonly string[]) {
    this.session = session;
    this.program = program;
    this.kept = new Set(kept);
    this.inputs = programInputs(program);
    this.views = new ArrayViews(ort, program.name);
  }

  async run(inputs: ProgramInputs, into: Residents = {}): Promise<Record<string, NamedArray>> {
    const feeds: Record<string, OrtTensor> = {};
    for (const [name, tensor] of this.inputs) feeds[name] = await this.feed(name, inputs[name], tensor);
    // What is written anew is let go first: its memory serves the results.
    for (const [name, resident] of Object.entries(into))
      this.target(name, resident, inputs).replace(undefined);
    let outputs: InferenceSession.ReturnType;
    try {
      outputs = await this.session.run(feeds);
    } catch (cause) {
      throw runError(`program ${this.program.name}`, cause);
    }
    const results: Record<string, NamedArray> = {};
    for (const [name, { shape }] of Object.entries(this.program.outputs)) {
      const output = outputs[name]!;
      const kept = into[name];
      if (kept !== undefined) this.target(name, kept, inputs).replace(output);
      else if (this.kept.has(name)) throw this.views.error(`output '${name}' is kept, and nothing takes it`);
      else results[name] = { shape, data: output.data as Float32Array | Int32Array };
    }
    return results;
  }

  async release(): Promise<void> {
    await this.session.release();
  }

  private async feed(name: string, given: ProgramInputs[string] | undefined, tensor: Tensor) {
    if (given === undefined) throw this.views.error(`input '${name}' is missing`);
    if (given instanceof GpuResident) return onGpu(await given.tensor());
    if ('data' in given) return this.views.of(name, given, tensor);
    throw this.views.error(`input '${name}' is a resident array of another engine`);
  }

  private target(name: string, resident: Resident, inputs: ProgramInputs): GpuResident {
    if (!(resident instanceof GpuResident)) {
      throw this.views.error(`output '${name}' goes to a resident array of another engine`);
    }
    if (!this.kept.has(name)) throw this.views.error(`output '${name}' was not compiled to be kept`);
    if (Object.values(inputs).includes(resident)) {
      throw this.views.error(`output '${name}' would overwrite an input`);
    }
    return resident;
  }
}
