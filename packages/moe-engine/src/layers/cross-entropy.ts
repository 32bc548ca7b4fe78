/**
 * Next-token loss, fused with the output projection so that its gradient needs no one-hot matrix.
 *
 * @module
 */
import { float, fixed, type Graph, type Value } from '../graph/graph.ts';

/** Inputs of {@link tokenLosses}. */
export interface TokenLossInputs {
  /** `[T, H]`, after the final norm. */
  readonly hidden: Value;
  /** `[V, H]`, frozen. */
  readonly head: Value;
  /** `int32 [T, 1]`, each in `[0, V)`. */
  readonly targets: Value;
}

/**
 * `loss_t = −log softmax(h_t · headᵀ)[target_t]` in nats.
 * Rule: `dh_t = g_t · (softmax(h_t · headᵀ) · head − head[target_t])`.
 *
 * @returns `[T, 1]`
 */
export function tokenLosses(graph: Graph, { hidden, head, targets }: TokenLossInputs): Value {
  const tokens = fixed(hidden.shape[0]);
  const wide = float(tokens, fixed(head.shape[0]));
  const logits = graph.node('Gemm', [hidden, head], wide, { transB: { int: 1 } });
  const logProbabilities = graph.node('LogSoftmax', [logits], wide, { axis: { int: -1 } });
  const picked = graph.node('GatherElements', [logProbabilities, targets], float(tokens, 1), { axis: { int: 1 } });
  const losses = graph.node('Neg', [picked], float(tokens, 1));
  const pullback = (g: Value): Value => {
    const spec = float(...hidden.shape);
    const expected = graph.node('Gemm', [graph.node('Exp', [logProbabilities], wide), head], spec);
    const flat = graph.node('Reshape', [targets, graph.constant(BigInt64Array.of(BigInt(tokens)), [1])], { type: 'int32', shape: [tokens] });
    const actual = graph.node('Gather', [head, flat], spec);
    return graph.node('Mul', [graph.node('Sub', [expected, actual], spec), g], spec);
  };
  graph.differentiable({ inputs: [hidden], outputs: [losses], pullback: ([g]) => [g && pullback(g)] });
  return losses;
}
