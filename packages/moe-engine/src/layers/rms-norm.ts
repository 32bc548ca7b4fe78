/**
 * Root-mean-square normalisation over the last axis.
 *
 * @see Zhang and Sennrich, Root Mean Square Layer Normalization, 2019
 * @module
 */
import { fixed, float, integers, scalar, type Graph, type Value } from '../graph/graph.ts';

/**
 * `y = w ⊙ x̂` with `x̂ = x · r`, `r = (mean(x²) + ε)^(−1/2)`; `x` — `[…, D]`, `weight` — `[D]`.
 * Rules: `dx = r · (gw − x̂ · mean(gw ⊙ x̂))` with `gw = g ⊙ w`, `dw = Σ_rows g ⊙ x̂`.
 */
export function rmsNorm(graph: Graph, x: Value, weight: Value, epsilon: number): Value {
  const width = fixed(x.shape.at(-1));
  const spec = float(...x.shape);
  const perRow = float(...x.shape.slice(0, -1), 1);
  const [out, second] = graph.nodes('SimplifiedLayerNormalization', [x, weight], [spec, perRow], { axis: { int: -1 }, epsilon: { float: epsilon } }) as [Value, Value];
  const inverse = graph.profile === 'webgpu' ? inverseRoot(graph, x, epsilon) : second;
  const pullInput = (g: Value, normalised: Value): Value => {
    const weighted = graph.node('Mul', [g, weight], spec);
    const product = graph.node('Mul', [weighted, normalised], spec);
    const mean = graph.node('ReduceMean', [product, integers(graph, -1)], float(...x.shape.slice(0, -1), 1), { keepdims: { int: 1 } });
    const correction = graph.node('Mul', [normalised, mean], spec);
    return graph.node('Mul', [graph.node('Sub', [weighted, correction], spec), inverse], spec);
  };
  const pullback = (g: Value): (Value | undefined)[] => {
    const normalised = graph.node('Mul', [x, inverse], spec);
    return [graph.isTracked(x) ? pullInput(g, normalised) : undefined, graph.isTracked(weight) ? sumRows(graph, graph.node('Mul', [g, normalised], spec)) : undefined];
  };
  if (fixed(weight.shape[0]) !== width) throw new TypeError(`a norm weight of ${width} elements is needed`);
  graph.differentiable({ inputs: [x, weight], outputs: [out], pullback: ([g]) => (g === undefined ? [] : pullback(g)) });
  return out;
}

/** Sum over all axes but the last. */
function sumRows(graph: Graph, x: Value): Value {
  const axes = x.shape.slice(1).map((_, axis) => axis);
  return graph.node('ReduceSum', [x, integers(graph, ...axes)], float(fixed(x.shape.at(-1))), { keepdims: { int: 0 } });
}

/** `r` from its definition: the WebGPU kernel of the norm leaves its second output wrong (onnxruntime-node 1.30). */
function inverseRoot(graph: Graph, x: Value, epsilon: number): Value {
  const perRow = float(...x.shape.slice(0, -1), 1);
  const squares = graph.node('Mul', [x, x], float(...x.shape));
  const mean = graph.node('ReduceMean', [squares, integers(graph, -1)], perRow, { keepdims: { int: 1 } });
  return graph.node('Reciprocal', [graph.node('Sqrt', [graph.node('Add', [mean, scalar(graph, epsilon)], perRow)], perRow)], perRow);
}
