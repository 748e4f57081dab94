/** Reverse-mode differentiation: adds to a graph the gradient of a scalar. */

import { gradientRules } from './gradients.ts';
import { add, zeros } from './ops.ts';
import { type Adjoints, type GradientRule, type Node, sameShape, type Tensor } from './tensor.ts';

/**
 * Gives the gradient of the scalar `loss` for each of `targets`, in their order.
 *
 * `initial` holds gradients to add to, such as the sums over earlier micro-batches. Nodes are visited against the
 * order in which they were added, so what flows to a tensor is complete before the tensor's own rule runs.
 * Throws an InvariantError that names the layer where an operation on the way has no gradient.
 */
export function differentiate(
  loss: Tensor,
  targets: readonly Tensor[],
  initial: ReadonlyMap<Tensor, Tensor> = new Map(),
): Tensor[] {
  const graph = loss.node.graph;
  if (loss.shape.length !== 0) throw graph.error('differentiate', `expected a scalar, got [${loss.shape}]`);
  const forward = graph.nodes.slice(0, loss.node.id + 1);
  const needed = reachableFrom(forward, targets);
  const flowed = new Map<Tensor, Tensor>(initial);
  flowed.set(loss, graph.scalar(1));
  for (const node of forward.toReversed()) {
    for (const output of node.outputs) {
      const dy = flowed.get(output);
      if (dy === undefined || !needed.has(output) || targets.includes(output)) continue;
      graph.at(`${node.scope}/gradient`, () => flowBack(node, output, dy, needed, flowed));
      flowed.delete(output);
    }
  }
  return targets.map((target) => flowed.get(target) ?? zeros(graph, target.shape));
}

/** Every tensor that depends on one of `targets`. */
function reachableFrom(nodes: readonly Node[], targets: readonly Tensor[]): Set<Tensor> {
  const reached = new Set<Tensor>(targets);
  for (const node of nodes) {
    if (!node.inputs.some((input) => reached.has(input))) continue;
    for (const output of node.outputs) reached.add(output);
  }
  return reached;
}

function flowBack(
  node: Node,
  output: Tensor,
  dy: Tensor,
  needed: ReadonlySet<Tensor>,
  flowed: Map<Tensor, Tensor>,
): void {
  const own = node.graph.ownGradients.get(output);
  const inputs = own?.inputs ?? node.inputs;
  (own?.rule ?? ruleOf(output))(inputs, output, dy, adjointsOf(inputs, needed, flowed));
}

function ruleOf(output: Tensor): GradientRule {
  const { graph, operation } = output.node;
  const rule = gradientRules[operation.kind];
  if (rule === 'refused' || output.index > 0) throw graph.error(operation.kind, 'has no gradient');
  return rule === 'const' ? () => undefined : rule;
}

function adjointsOf(
  inputs: readonly Tensor[],
  needed: ReadonlySet<Tensor>,
  flowed: Map<Tensor, Tensor>,
): Adjoints {
  const needs = (i: number) => needed.has(inputs[i]!);
  const put = (i: number, gradient: Tensor) => {
    const input = inputs[i]!;
    if (!sameShape(gradient.shape, input.shape)) {
      const what = `a gradient of [${gradient.shape}] flows to an input of [${input.shape}]`;
      throw gradient.node.graph.error('differentiate', what);
    }
    flowed.set(input, gradient);
  };
  return {
    needs,
    add(i, gradient) {
      if (!needs(i)) return;
      const existing = flowed.get(inputs[i]!);
      put(i, existing === undefined ? gradient : add(existing, gradient));
    },
    addWith(i, build) {
      if (needs(i)) put(i, build(flowed.get(inputs[i]!)));
    },
  };
}
