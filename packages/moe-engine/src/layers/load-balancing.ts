/**
 * The auxiliary loss that asks the routers to use all experts alike.
 *
 * @see Fedus, Zoph and Shazeer, Switch Transformers, 2021, equations 4 to 6 · `load_balancing_loss_func` of transformers 5.18
 * @module
 */
import { fixed, float, integers, scalar, type Graph, type Value } from '../graph/graph.ts';
import { sumLast } from './elementwise.ts';

/** One layer's router: `logits` — `[T, E]`, `ids` — `int64 [T, K]`, the chosen experts. */
export interface RoutedTokens {
  readonly logits: Value;
  readonly ids: Value;
}

/**
 * `E · Σ_e f_e · P_e` with `f_e` the share of tokens that go to expert e and `P_e` the mean of `softmax(logits)_e`, both over all tokens of all layers together;
 * f sums to K, so that equal use gives K.
 *
 * Rule (the choice is piecewise constant): with `u_te = share_t · E · f_e / L` and `p = softmax(logits)`, `dlogits = p ⊙ (u − Σ_e p_e u_e)`.
 *
 * @param shares `[T, 1]`, what each token counts: they sum to 1, and padding has 0
 * @returns a scalar
 */
export function loadBalancingLoss(graph: Graph, layers: readonly RoutedTokens[], shares: Value): Value {
  const experts = fixed(layers[0]?.logits.shape[1]);
  const probabilities = layers.map(({ logits }) => graph.node('Softmax', [logits], float(...logits.shape), { axis: { int: -1 } }));
  const load = sumOf(graph, layers.map((layer) => weightedMean(graph, marks(graph, layer), shares)));
  const probability = sumOf(graph, probabilities.map((values) => weightedMean(graph, values, shares)));
  const products = graph.node('ReduceSum', [graph.node('Mul', [load, probability], float(1, experts))], float(), { keepdims: { int: 0 } });
  const loss = graph.node('Mul', [products, scalar(graph, experts / layers.length ** 2)], float());
  const pullback = (g: Value): Value[] => {
    const slope = graph.node('Mul', [load, graph.node('Mul', [g, scalar(graph, experts / layers.length ** 2)], float())], float(1, experts));
    return probabilities.map((values) => {
      const spec = float(...values.shape);
      const weighted = graph.node('Mul', [values, graph.node('Mul', [shares, slope], spec)], spec);
      return graph.node('Sub', [weighted, graph.node('Mul', [values, sumLast(graph, weighted)], spec)], spec);
    });
  };
  graph.differentiable({ inputs: layers.map(({ logits }) => logits), outputs: [loss], pullback: ([g]) => (g === undefined ? [] : pullback(g)) });
  return loss;
}

/**
 * What each token counts: `[T, 1]`, equal shares of 1.
 *
 * @param logits `[T, E]` of any layer
 * @param documents `int32 [B, S]`, negative for padding, which counts nothing; absent where there is none
 */
export function tokenShares(graph: Graph, logits: Value, documents?: Value): Value {
  const positions = fixed(logits.shape[0]);
  if (documents === undefined) return graph.constant(new Float32Array(positions).fill(1 / positions), [positions, 1]);
  const column = graph.node('Reshape', [documents, integers(graph, positions, 1)], { type: 'int32', shape: [positions, 1] });
  const isText = graph.node('GreaterOrEqual', [column, graph.constant(Int32Array.of(0), [])], { type: 'bool', shape: [positions, 1] });
  const ones = graph.node('Cast', [isText], float(positions, 1), { to: { int: 1 } });
  const count = graph.node('Max', [graph.node('ReduceSum', [ones], float(), { keepdims: { int: 0 } }), scalar(graph, 1)], float());
  return graph.node('Div', [ones, count], float(positions, 1));
}

/** `[T, E]`: 1 where a token goes to an expert. A token's ids are distinct, so nothing is written twice. */
function marks(graph: Graph, { logits, ids }: RoutedTokens): Value {
  const [tokens, experts] = logits.shape.map(fixed) as [number, number];
  const fill = (value: number, sizes: readonly number[]): Value => graph.constant(new Float32Array(sizes.reduce((product, size) => product * size, 1)).fill(value), sizes);
  return graph.node('ScatterElements', [fill(0, [tokens, experts]), ids, fill(1, ids.shape.map(fixed))], float(tokens, experts), { axis: { int: 1 } });
}

/** `Σ_t share_t · values_t`, `[1, E]`. */
function weightedMean(graph: Graph, values: Value, shares: Value): Value {
  const width = fixed(values.shape[1]);
  return graph.node('ReduceSum', [graph.node('Mul', [values, shares], float(...values.shape)), integers(graph, 0)], float(1, width), { keepdims: { int: 1 } });
}

function sumOf(graph: Graph, values: readonly Value[]): Value {
  return values.reduce((sum, value) => graph.node('Add', [sum, value], float(...value.shape)));
}
