import type { Graph, Node, Tensor } from './tensor.ts';

/** A graph with names for what it yields: what an engine compiles. Its inputs are the graph's that it reads. */
export interface Program {
  readonly name: string;
  readonly graph: Graph;
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/** The nodes that the outputs depend on, in order. */
export function liveNodes(program: Program): Node[] {
  const live = new Set<Node>(Object.values(program.outputs).map((tensor) => tensor.node));
  for (const node of program.graph.nodes.toReversed()) {
    if (live.has(node)) for (const input of node.inputs) live.add(input.node);
  }
  return program.graph.nodes.filter((node) => live.has(node));
}

/** Names and tensors of the inputs that the outputs depend on. */
export function programInputs(program: Program): Map<string, Tensor> {
  const live = new Set(liveNodes(program));
  return new Map([...program.graph.inputs].filter(([, tensor]) => live.has(tensor.node)));
}
