/**
 * Next-token loss, fused with the output projection so that a frozen head needs no one-hot matrix.
 *
 * @module
 */
import { float, fixed, integers, type Graph, type Value } from '../graph/graph.ts';
import { indicator, meanOfRows } from './embedding.ts';
import { logSoftmax } from './log-softmax.ts';

/** Inputs of {@link tokenLosses}. */
export interface TokenLossInputs {
  /** `[T, H]`, after the final norm. */
  readonly hidden: Value;
  /** `[V, H]` */
  readonly head: Value;
  /** `int32 [T, s]`, each in `[0, V)`: the next token, or the next bag of s tokens. */
  readonly targets: Value;
}

/**
 * `loss_t = −Σ_j log softmax(h_t · headᵀ)[target_tj] / s` in nats: for s = 1, cross-entropy of the next token.
 * Rules: `dh = d · head`, `dhead = dᵀ · h` with `d_t = g_t · (softmax(h_t · headᵀ) − indicator(target_t))`; where the head is frozen,
 * `dh_t = g_t · (softmax(h_t · headᵀ) · head − Σ_j head[target_tj] / s)`.
 *
 * @returns `[T, 1]`
 */
export function tokenLosses(graph: Graph, { hidden, head, targets }: TokenLossInputs): Value {
  const [tokens, bag] = [fixed(hidden.shape[0]), fixed(targets.shape[1])];
  const wide = float(tokens, fixed(head.shape[0]));
  const logits = graph.node('Gemm', [hidden, head], wide, { transB: { int: 1 } });
  const logProbabilities = logSoftmax(graph, logits);
  const picked = graph.node('GatherElements', [logProbabilities, targets], float(tokens, bag), { axis: { int: 1 } });
  const mean = bag === 1 ? picked : graph.node('ReduceMean', [picked, integers(graph, 1)], float(tokens, 1), { keepdims: { int: 1 } });
  const losses = graph.node('Neg', [mean], float(tokens, 1));
  const pullback = (g: Value): (Value | undefined)[] => {
    const result = { hidden, head, targets, probabilities: graph.node('Exp', [logProbabilities], wide), g };
    return graph.isTracked(head) ? pullBoth(graph, result) : [pullHidden(graph, result)];
  };
  graph.differentiable({ inputs: [hidden, head], outputs: [losses], pullback: ([g]) => (g === undefined ? [] : pullback(g)) });
  return losses;
}

interface TokenLossResult extends TokenLossInputs {
  /** `[T, V]` */
  readonly probabilities: Value;
  /** `[T, 1]` */
  readonly g: Value;
}

function pullBoth(graph: Graph, { hidden, head, targets, probabilities, g }: TokenLossResult): (Value | undefined)[] {
  const wide = float(...probabilities.shape);
  const difference = graph.node('Sub', [probabilities, indicator(graph, targets, fixed(head.shape[0]))], wide);
  const gradientOfLogits = graph.node('Mul', [difference, g], wide);
  return [
    graph.isTracked(hidden) ? graph.node('Gemm', [gradientOfLogits, head], float(...hidden.shape)) : undefined,
    graph.node('Gemm', [gradientOfLogits, hidden], float(...head.shape), { transA: { int: 1 } }),
  ];
}

function pullHidden(graph: Graph, { hidden, head, targets, probabilities, g }: TokenLossResult): Value {
  const spec = float(...hidden.shape);
  const expected = graph.node('Gemm', [probabilities, head], spec);
  return graph.node('Mul', [graph.node('Sub', [expected, meanOfRows(graph, head, targets)], spec), g], spec);
}
