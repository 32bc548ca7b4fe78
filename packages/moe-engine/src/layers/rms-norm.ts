/**
 * Root-mean-square normalisation over the last axis.
 *
 * @see Zhang and Sennrich, Root Mean Square Layer Normalization, 2019
 * @module
 */
import { fixed, float, integers, type Graph, type Value } from '../graph/graph.ts';

/**
 * `y = w ⊙ x̂` with `x̂ = x · r`, `r = (mean(x²) + ε)^(−1/2)`; `x` — `[…, D]`, `weight` — `[D]`, frozen.
 * Rule: `dx = r · (gw − x̂ · mean(gw ⊙ x̂))` with `gw = g ⊙ w`.
 */
export function rmsNorm(graph: Graph, x: Value, weight: Value, epsilon: number): Value {
  const width = fixed(x.shape.at(-1));
  const spec = float(...x.shape);
  const perRow = float(...x.shape.slice(0, -1), 1);
  const [out, inverse] = graph.nodes('SimplifiedLayerNormalization', [x, weight], [spec, perRow], { axis: { int: -1 }, epsilon: { float: epsilon } }) as [Value, Value];
  const pullback = (g: Value): Value => {
    const weighted = graph.node('Mul', [g, weight], spec);
    const normalised = graph.node('Mul', [x, inverse], spec);
    const product = graph.node('Mul', [weighted, normalised], spec);
    const mean = graph.node('ReduceMean', [product, integers(graph, -1)], float(...x.shape.slice(0, -1), 1), { keepdims: { int: 1 } });
    const correction = graph.node('Mul', [normalised, mean], spec);
    return graph.node('Mul', [graph.node('Sub', [weighted, correction], spec), inverse], spec);
  };
  if (fixed(weight.shape[0]) !== width) throw new TypeError(`a norm weight of ${width} elements is needed`);
  graph.differentiable({ inputs: [x], outputs: [out], pullback: ([g]) => [g && pullback(g)] });
  return out;
}
