/**
 * Cutting, joining and repeating the heads of attention.
 *
 * @module
 */
import { fixed, float, integers, type Graph, type Value } from '../graph/graph.ts';

/** Cuts the last axis into parts of the given widths. Rule: the parts' gradients side by side, zeros where a part has none. */
export function splitLast(graph: Graph, x: Value, widths: readonly number[]): Value[] {
  const leading = x.shape.slice(0, -1);
  const parts = graph.nodes('Split', [x, integers(graph, ...widths)], widths.map((width) => float(...leading, width)), { axis: { int: -1 } });
  const whole = (gradients: readonly (Value | undefined)[]): Value => join(graph, parts.map((part, index) => gradients[index] ?? zeros(graph, part)));
  graph.differentiable({ inputs: [x], outputs: parts, pullback: (gradients) => [whole(gradients)] });
  return parts;
}

/** Puts values side by side along the last axis. Rule: cuts the gradient. */
export function joinLast(graph: Graph, parts: readonly Value[]): Value {
  const out = join(graph, parts);
  const widths = parts.map((part) => fixed(part.shape.at(-1)));
  const cut = (g: Value): Value[] => graph.nodes('Split', [g, integers(graph, ...widths)], parts.map((part) => float(...part.shape)), { axis: { int: -1 } });
  graph.differentiable({ inputs: parts, outputs: [out], pullback: ([g]) => (g === undefined ? [] : cut(g)) });
  return out;
}

/** One head for all: `[B, 1, S, D]` → `[B, heads, S, D]`. Rule: the sum over heads. */
export function repeatHead(graph: Graph, x: Value, heads: number): Value {
  const [batch, , positions, width] = x.shape.map(fixed) as [number, number, number, number];
  const shape = [batch, heads, positions, width];
  const out = graph.node('Expand', [x, integers(graph, ...shape)], float(...shape));
  const sum = (g: Value): Value => graph.node('ReduceSum', [g, integers(graph, 1)], float(...x.shape), { keepdims: { int: 1 } });
  graph.differentiable({ inputs: [x], outputs: [out], pullback: ([g]) => [g && sum(g)] });
  return out;
}

function join(graph: Graph, parts: readonly Value[]): Value {
  const width = parts.reduce((sum, part) => sum + fixed(part.shape.at(-1)), 0);
  return graph.node('Concat', parts, float(...parts[0]!.shape.slice(0, -1), width), { axis: { int: -1 } });
}

function zeros(graph: Graph, like: Value): Value {
  const sizes = like.shape.map(fixed);
  return graph.constant(new Float32Array(sizes.reduce((product, size) => product * size, 1)), sizes);
}
