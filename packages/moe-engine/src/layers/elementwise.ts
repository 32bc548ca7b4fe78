/**
 * Shape changes and elementwise operations with their differentiation rules.
 *
 * @module
 */
import { fixed, float, integers, scalar, type Dimension, type Graph, type Value } from '../graph/graph.ts';

/** `a + b`, equal shapes. */
export function add(graph: Graph, a: Value, b: Value): Value {
  const sum = graph.node('Add', [a, b], float(...a.shape));
  graph.differentiable({ inputs: [a, b], outputs: [sum], pullback: ([g]) => [g, g] });
  return sum;
}

/** `factor · x`. */
export function scale(graph: Graph, x: Value, factor: number): Value {
  const times = (value: Value): Value => graph.node('Mul', [value, scalar(graph, factor)], float(...x.shape));
  const out = times(x);
  graph.differentiable({ inputs: [x], outputs: [out], pullback: ([g]) => [g && times(g)] });
  return out;
}

/** The same elements in another shape; row-major order is kept. */
export function reshape(graph: Graph, x: Value, shape: readonly Dimension[]): Value {
  const out = reshapeTo(graph, x, shape);
  graph.differentiable({ inputs: [x], outputs: [out], pullback: ([g]) => [g && reshapeTo(graph, g, x.shape)] });
  return out;
}

function reshapeTo(graph: Graph, x: Value, shape: readonly Dimension[]): Value {
  return graph.node('Reshape', [x, integers(graph, ...shape.map((size) => size ?? -1))], { type: x.type, shape });
}

/** Permutes axes: `out.shape[i] = x.shape[order[i]]`. */
export function transpose(graph: Graph, x: Value, order: readonly number[]): Value {
  const out = transposeTo(graph, x, order);
  const inverse = order.map((_, axis) => order.indexOf(axis));
  graph.differentiable({ inputs: [x], outputs: [out], pullback: ([g]) => [g && transposeTo(graph, g, inverse)] });
  return out;
}

function transposeTo(graph: Graph, x: Value, order: readonly number[]): Value {
  const shape = order.map((axis) => x.shape[axis] ?? null);
  return graph.node('Transpose', [x], float(...shape), { perm: { ints: order } });
}

/** All positions but the last of `x` — `[B, S, H]`; the rule pads the gradient with zeros. */
export function dropLastPosition(graph: Graph, x: Value): Value {
  const [batch, positions, width] = [fixed(x.shape[0]), fixed(x.shape[1]), fixed(x.shape[2])];
  const bounds = [integers(graph, 0), integers(graph, positions - 1), integers(graph, 1)];
  const out = graph.node('Slice', [x, ...bounds], float(batch, positions - 1, width));
  const padded = (g: Value): Value => graph.node('Pad', [g, integers(graph, 0, 0, 0, 0, 1, 0)], float(...x.shape));
  graph.differentiable({ inputs: [x], outputs: [out], pullback: ([g]) => [g && padded(g)] });
  return out;
}

/**
 * `rows[i, :] · weights[i]`: `x` — `[N, D]`, `weights` — `[N, 1]`.
 * Rules: `dx = g · w`, `dw = Σ_d g ⊙ x`.
 */
export function scaleRows(graph: Graph, x: Value, weights: Value): Value {
  const out = graph.node('Mul', [x, weights], float(...x.shape));
  const pullback = (g: Value): (Value | undefined)[] => [
    graph.isTracked(x) ? graph.node('Mul', [g, weights], float(...x.shape)) : undefined,
    graph.isTracked(weights) ? sumLast(graph, graph.node('Mul', [g, x], float(...x.shape))) : undefined,
  ];
  graph.differentiable({ inputs: [x, weights], outputs: [out], pullback: ([g]) => (g === undefined ? [] : pullback(g)) });
  return out;
}

/** `min(max(x, −limit), limit)`. Rule: passes the gradient where `|x| ≤ limit`, as PyTorch does. */
export function clamp(graph: Graph, x: Value, limit: number): Value {
  const out = graph.node('Clip', [x, scalar(graph, -limit), scalar(graph, limit)], float(...x.shape));
  const pullback = (g: Value): Value => {
    const inside = graph.node('LessOrEqual', [graph.node('Abs', [x], float(...x.shape)), scalar(graph, limit)], { type: 'bool', shape: x.shape });
    return graph.node('Where', [inside, g, scalar(graph, 0)], float(...x.shape));
  };
  graph.differentiable({ inputs: [x], outputs: [out], pullback: ([g]) => [g && pullback(g)] });
  return out;
}

/** `x ⊙ σ(z)`: `x` — `[N, D]`, `z` — `[N, 1]`. Rules: `dx = g · σ`, `dz = σ (1 − σ) · Σ_d g ⊙ x`. */
export function gateRows(graph: Graph, x: Value, z: Value): Value {
  const column = float(...z.shape);
  const sigmoid = graph.node('Sigmoid', [z], column);
  const slope = (g: Value): Value => {
    const complement = graph.node('Sub', [scalar(graph, 1), sigmoid], column);
    return graph.node('Mul', [g, graph.node('Mul', [sigmoid, complement], column)], column);
  };
  graph.differentiable({ inputs: [z], outputs: [sigmoid], pullback: ([g]) => [g && slope(g)] });
  return scaleRows(graph, x, sigmoid);
}

/** `silu(gate) ⊙ up` with `silu(z) = z · σ(z)`; `silu′(z) = σ + silu · (1 − σ)`. */
export function swiglu(graph: Graph, gate: Value, up: Value): Value {
  const spec = float(...gate.shape);
  const sigmoid = graph.node('Sigmoid', [gate], spec);
  const silu = graph.node('Mul', [gate, sigmoid], spec);
  const out = graph.node('Mul', [silu, up], spec);
  const pullback = (g: Value): Value[] => {
    const complement = graph.node('Sub', [scalar(graph, 1), sigmoid], spec);
    const slope = graph.node('Add', [sigmoid, graph.node('Mul', [silu, complement], spec)], spec);
    const gradientOfSilu = graph.node('Mul', [g, up], spec);
    return [graph.node('Mul', [gradientOfSilu, slope], spec), graph.node('Mul', [g, silu], spec)];
  };
  graph.differentiable({ inputs: [gate, up], outputs: [out], pullback: ([g]) => (g === undefined ? [] : pullback(g)) });
  return out;
}

/** `Σ weights ⊙ x`, a scalar; equal shapes, weights without a gradient. Float32 accumulation in ONNX Runtime's order. */
export function weightedSum(graph: Graph, x: Value, weights: Value): Value {
  const out = graph.node('ReduceSum', [graph.node('Mul', [x, weights], float(...x.shape))], float(), { keepdims: { int: 0 } });
  graph.differentiable({ inputs: [x], outputs: [out], pullback: ([g]) => [g && graph.node('Mul', [weights, g], float(...x.shape))] });
  return out;
}

/**
 * Sum over the last axis, kept as size 1. No rule: used inside rules. The axis is counted from the front, because ONNX Runtime 1.30 leaves the shape of a tensor without rows
 * as it is where the axis is negative.
 */
export function sumLast(graph: Graph, x: Value): Value {
  return graph.node('ReduceSum', [x, integers(graph, x.shape.length - 1)], float(...x.shape.slice(0, -1), 1), { keepdims: { int: 1 } });
}
