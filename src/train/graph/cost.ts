/** What a program costs, read off its graph before it runs. */

import { liveNodes, type Program } from './program.ts';
import { elementCount, type Node, type Tensor } from './tensor.ts';

/** Floating-point operations of the matrix products, two a multiply-add; the rest is a few per cent of them. */
export function matrixFlops(program: Program): number {
  return liveNodes(program).reduce((total, node) => total + nodeFlops(node), 0);
}

function nodeFlops({ operation, inputs, outputs }: Node): number {
  if (operation.kind !== 'gemm' && operation.kind !== 'matmul') return 0;
  const inner = inputs[0]!.shape.at(operation.transposeA ? -2 : -1)!;
  return 2 * elementCount(outputs[0]!.shape) * inner;
}

const bytesOf = (tensor: Tensor) => elementCount(tensor.shape) * (tensor.type === 'bool' ? 1 : 4);

/**
 * The most bytes that intermediate results take at a time, run in the graph's order, each freed after its last
 * use. Inputs, constants and outputs, which somebody else holds, do not count; a reshape takes nothing.
 */
export function peakIntermediateBytes(program: Program): number {
  const nodes = liveNodes(program);
  const held = new Set(Object.values(program.outputs));
  const base = (tensor: Tensor): Tensor =>
    tensor.node.operation.kind === 'reshape' ? base(tensor.node.inputs[0]!) : tensor;
  const counts = (tensor: Tensor) => {
    const { kind } = tensor.node.operation;
    return kind !== 'input' && kind !== 'constant' && kind !== 'reshape' && !held.has(tensor);
  };
  const lastUse = new Map<Tensor, Node>();
  for (const node of nodes) for (const input of node.inputs) lastUse.set(base(input), node);
  let now = 0;
  let peak = 0;
  for (const node of nodes) {
    for (const output of node.outputs) if (counts(output)) now += bytesOf(output);
    peak = Math.max(peak, now);
    for (const input of new Set(node.inputs.map(base))) {
      if (lastUse.get(input) === node && counts(input)) now -= bytesOf(input);
    }
    for (const output of node.outputs) if (counts(output) && !lastUse.has(output)) now -= bytesOf(output);
  }
  return peak;
}
