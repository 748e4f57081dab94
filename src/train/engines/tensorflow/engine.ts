/** The engine that runs programs operation by operation in TensorFlow.js. */

import { InvariantError } from '../../../core/errors.ts';
import { liveNodes, type Program, programInputs } from '../../graph/program.ts';
import { elementCount, type Node, type Shape, type Tensor } from '../../graph/tensor.ts';
import type { NamedArray } from '../../session.ts';
import type { Engine, ProgramInputs, Resident, Residents, Runnable } from '../engine.ts';
import { wrongLength } from '../host.ts';
import { loadTensorFlow } from './load.ts';
import { evaluate, type Tf, type TfTensor } from './operations.ts';
import type { TensorFlowDevice } from './packages.ts';

/** Throws a ResourceError where TensorFlow.js or its GPU library is missing. */
export async function tensorFlowEngine(device: TensorFlowDevice): Promise<Engine> {
  const tf = await loadTensorFlow(device);
  return {
    description: `tensorflow on ${device}`,
    compile: async (program) => new TfRunnable(tf, program),
    resident: (shape) => new TfResident(tf, shape),
  };
}

/** A tensor that TensorFlow.js holds in the memory of its backend. */
class TfResident implements Resident {
  readonly shape: Shape;
  private readonly tf: Tf;
  /** Undefined where the values are zeros that nothing has read yet. */
  private held: TfTensor | undefined;

  constructor(tf: Tf, shape: Shape) {
    this.tf = tf;
    this.shape = shape;
  }

  tensor(): TfTensor {
    this.held ??= this.tf.keep(this.tf.zeros([...this.shape]));
    return this.held;
  }

  /** Takes a tensor as the new values. */
  replace(tensor: TfTensor | undefined): void {
    this.held?.dispose();
    this.held = tensor;
  }

  async read(): Promise<NamedArray> {
    return { shape: this.shape, data: (await this.tensor().data<'float32'>()).slice() };
  }

  async write(values: Float32Array): Promise<void> {
    if (values.length !== elementCount(this.shape)) throw wrongLength(values, this.shape);
    this.replace(this.tf.tensor(values.slice(), [...this.shape], 'float32'));
  }

  async clear(): Promise<void> {
    this.replace(undefined);
  }

  async release(): Promise<void> {
    this.replace(undefined);
  }
}

class TfRunnable implements Runnable {
  private readonly tf: Tf;
  private readonly program: Program;
  private readonly nodes: readonly Node[];
  private readonly inputs: ReadonlyMap<string, Tensor>;
  private readonly constants = new Map<Tensor, TfTensor>();
  /** For each node, the results that nothing reads after it. */
  private readonly finished: ReadonlyMap<Node, readonly Tensor[]>;

  constructor(tf: Tf, program: Program) {
    this.tf = tf;
    this.program = program;
    const nodes = liveNodes(program);
    this.inputs = programInputs(program);
    for (const { operation, outputs } of nodes) {
      if (operation.kind !== 'constant') continue;
      const { shape, type } = outputs[0]!;
      this.constants.set(outputs[0]!, tf.tensor(operation.values, [...shape], type));
    }
    this.nodes = nodes.filter(({ operation: { kind } }) => kind !== 'input' && kind !== 'constant');
    this.finished = finishedAt(this.nodes, new Set(Object.values(program.outputs)));
  }

  async run(inputs: ProgramInputs, into: Residents = {}): Promise<Record<string, NamedArray>> {
    const values = new Map(this.constants);
    const fed: TfTensor[] = [];
    for (const [name, tensor] of this.inputs) values.set(tensor, this.feed(name, inputs[name], tensor, fed));
    for (const node of this.nodes) {
      const results = evaluate(
        this.tf,
        node,
        node.inputs.map((input) => values.get(input)!),
      );
      node.outputs.forEach((output, i) => {
        values.set(output, results[i]!);
      });
      for (const tensor of this.finished.get(node) ?? []) values.get(tensor)!.dispose();
    }
    const results: Record<string, NamedArray> = {};
    for (const [name, tensor] of Object.entries(this.program.outputs)) {
      const value = values.get(tensor)!;
      const kept = into[name];
      // A copy shares its values: an input that is also a result, or a result of two names, is let go on its own.
      if (kept !== undefined) this.target(name, kept, inputs).replace(value.clone());
      else results[name] = { shape: tensor.shape, data: (await value.data<'float32' | 'int32'>()).slice() };
    }
    const own = Object.values(this.program.outputs).filter(({ node }) => this.finished.has(node));
    for (const tensor of new Set(own)) values.get(tensor)!.dispose();
    for (const tensor of fed) tensor.dispose();
    return results;
  }

  async release(): Promise<void> {
    for (const tensor of this.constants.values()) tensor.dispose();
  }

  private feed(name: string, given: ProgramInputs[string] | undefined, tensor: Tensor, fed: TfTensor[]) {
    if (given === undefined) throw this.error(`input '${name}' is missing`);
    if (given instanceof TfResident) return given.tensor();
    if (!('data' in given)) throw this.error(`input '${name}' is a resident array of another engine`);
    if (given.data.length !== elementCount(tensor.shape)) {
      throw this.error(`'${name}' has ${given.data.length} values, not [${tensor.shape}]`);
    }
    const type = given.data instanceof Float32Array ? 'float32' : 'int32';
    if (type !== tensor.type) throw this.error(`'${name}' is ${type}, not ${tensor.type}`);
    const made = this.tf.tensor(given.data, [...tensor.shape], type);
    fed.push(made);
    return made;
  }

  private target(name: string, resident: Resident, inputs: ProgramInputs): TfResident {
    if (!(resident instanceof TfResident)) {
      throw this.error(`output '${name}' goes to a resident array of another engine`);
    }
    if (Object.values(inputs).includes(resident)) {
      throw this.error(`output '${name}' would overwrite an input`);
    }
    return resident;
  }

  private error(what: string): InvariantError {
    return new InvariantError(`program ${this.program.name}: ${what}`);
  }
}

/** For each of `nodes`, which results of theirs it is the last to read; those of `outputs` are read after all. */
function finishedAt(nodes: readonly Node[], outputs: ReadonlySet<Tensor>): Map<Node, Tensor[]> {
  const last = new Map<Tensor, Node>();
  const computed = new Set(nodes);
  for (const node of nodes) {
    // A result that nothing reads, such as a mean that only a gradient would, is finished where it is made.
    for (const output of node.outputs) last.set(output, node);
    for (const input of node.inputs) if (computed.has(input.node)) last.set(input, node);
  }
  const finished = new Map<Node, Tensor[]>(nodes.map((node) => [node, []]));
  for (const [tensor, node] of last) if (!outputs.has(tensor)) finished.get(node)!.push(tensor);
  return finished;
}
