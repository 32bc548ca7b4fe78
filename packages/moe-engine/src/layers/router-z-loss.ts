/**
 * The auxiliary loss that keeps router logits small.
 *
 * @see Zoph et al., ST-MoE, 2022, equation 5
 * @module
 */
import { fixed, float, integers, scalar, type Graph, type Value } from '../graph/graph.ts';
import type { Routing } from './routing.ts';

/**
 * `mean over layers of Σ_t share_t · z_t²` with `z = logsumexp(logits)`. Rule, for L layers: `dlogits = (2 / L) · share ⊙ z ⊙ softmax(logits)`.
 *
 * @param shares `[T, 1]`, what each token counts: they sum to 1, and padding has 0
 * @returns a scalar
 */
export function routerZLoss(graph: Graph, layers: readonly Pick<Routing, 'logits'>[], shares: Value): Value {
  const column = float(fixed(shares.shape[0]), 1);
  const logSums = layers.map(({ logits }) => graph.node('ReduceLogSumExp', [logits, integers(graph, 1)], column, { keepdims: { int: 1 } }));
  const weighted = logSums.map((z) => graph.node('Mul', [z, shares], column));
  const sums = logSums.map((z, layer) => graph.node('ReduceSum', [graph.node('Mul', [z, weighted[layer]!], column)], float(), { keepdims: { int: 0 } }));
  const total = sums.reduce((sum, value) => graph.node('Add', [sum, value], float()));
  const loss = graph.node('Mul', [total, scalar(graph, 1 / layers.length)], float());
  const pullback = (g: Value): Value[] => {
    const factor = graph.node('Mul', [g, scalar(graph, 2 / layers.length)], float());
    return layers.map(({ logits }, layer) => {
      const probabilities = graph.node('Softmax', [logits], float(...logits.shape), { axis: { int: -1 } });
      return graph.node('Mul', [probabilities, graph.node('Mul', [weighted[layer]!, factor], column)], float(...logits.shape));
    });
  };
  graph.differentiable({ inputs: layers.map(({ logits }) => logits), outputs: [loss], pullback: ([g]) => (g === undefined ? [] : pullback(g)) });
  return loss;
}
