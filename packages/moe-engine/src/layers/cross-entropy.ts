/**
 * Next-token loss, fused with the output projection so that a frozen head needs no one-hot matrix.
 *
 * @module
 */
import { float, fixed, integers, type Graph, type Value } from '../graph/graph.ts';
import { bagShares, meanOfRows } from './embedding.ts';
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

/** Logits that are held at once where the head is frozen: 16 MiB, which a third-level cache holds and which bounds the memory whatever the vocabulary. */
const MAX_LOGITS = 2 ** 22;

/** Rows below which products would lose speed. */
const MIN_ROWS = 128;

/**
 * `loss_t = −Σ_j log softmax(h_t · headᵀ)[target_tj] / s` in nats: for s = 1, cross-entropy of the next token.
 * Rules: `dh = d · head`, `dhead = dᵀ · h` with `d_tv = g_t · (softmax(h_t · headᵀ)_v − share of v in target_t)`; where the head is frozen,
 * `dh_t = g_t · slope_t` with `slope_t = softmax(h_t · headᵀ) · head − Σ_j head[target_tj] / s`.
 *
 * @returns `[T, 1]`
 */
export function tokenLosses(graph: Graph, inputs: TokenLossInputs): Value {
  if (graph.isTracked(inputs.head)) return lossesOfTrainedHead(graph, inputs);
  const isTracked = graph.isTracked(inputs.hidden);
  const [tokens, width] = [fixed(inputs.hidden.shape[0]), fixed(inputs.hidden.shape[1])];
  const chunks = chunksOf(graph, inputs).map((chunk) => (isTracked ? lossesAndSlopes(graph, chunk) : lossesOf(graph, chunk).losses));
  const all = concat(graph, chunks, 0);
  if (!isTracked) return all;
  const [losses, slopes] = graph.nodes('Split', [all, integers(graph, 1, width)], [float(tokens, 1), float(tokens, width)], { axis: { int: 1 } }) as [Value, Value];
  graph.differentiable({ inputs: [inputs.hidden], outputs: [losses], pullback: ([g]) => [g && graph.node('Mul', [slopes, g], float(tokens, width))] });
  return losses;
}

/** Consecutive rows of about equal number. */
function chunksOf(graph: Graph, { hidden, head, targets }: TokenLossInputs): TokenLossInputs[] {
  const tokens = fixed(hidden.shape[0]);
  const count = Math.ceil(tokens / Math.max(MIN_ROWS, Math.floor(MAX_LOGITS / fixed(head.shape[0]))));
  if (count === 1) return [{ hidden, head, targets }];
  const bounds = Array.from({ length: count + 1 }, (_, index) => Math.round((index * tokens) / count));
  return bounds.slice(1).map((end, index) => {
    const start = bounds[index]!;
    const rows = (x: Value): Value => graph.node('Slice', [x, integers(graph, start), integers(graph, end), integers(graph, 0)], { type: x.type, shape: [end - start, x.shape[1]!] });
    return { hidden: rows(hidden), head, targets: rows(targets) };
  });
}

interface Losses {
  /** `[T, 1]` */
  readonly losses: Value;
  /** `[T, V]` */
  readonly logProbabilities: Value;
}

function lossesOf(graph: Graph, { hidden, head, targets }: TokenLossInputs): Losses {
  const [tokens, bag] = [fixed(hidden.shape[0]), fixed(targets.shape[1])];
  const logits = graph.node('Gemm', [hidden, head], float(tokens, fixed(head.shape[0])), { transB: { int: 1 } });
  const logProbabilities = logSoftmax(graph, logits);
  const picked = graph.node('GatherElements', [logProbabilities, targets], float(tokens, bag), { axis: { int: 1 } });
  const mean = bag === 1 ? picked : graph.node('ReduceMean', [picked, integers(graph, 1)], float(tokens, 1), { keepdims: { int: 1 } });
  return { losses: graph.node('Neg', [mean], float(tokens, 1)), logProbabilities };
}

/**
 * Each token's loss and, beside it, its slope: `[T, 1 + H]`. Taken forward, because the gradient of a loss only multiplies the slope; and as one value, so that a chunk's
 * logits are done with before the next chunk's are computed.
 */
function lossesAndSlopes(graph: Graph, inputs: TokenLossInputs): Value {
  const { losses, logProbabilities } = lossesOf(graph, inputs);
  const spec = float(...inputs.hidden.shape);
  const expected = graph.node('Gemm', [graph.node('Exp', [logProbabilities], float(...logProbabilities.shape)), inputs.head], spec);
  const slopes = graph.node('Sub', [expected, meanOfRows(graph, inputs.head, inputs.targets)], spec);
  return concat(graph, [losses, slopes], 1);
}

function concat(graph: Graph, parts: readonly Value[], axis: 0 | 1): Value {
  if (parts.length === 1) return parts[0]!;
  const shape = [0, 1].map((index) => (index === axis ? parts.reduce((sum, part) => sum + fixed(part.shape[index]), 0) : fixed(parts[0]!.shape[index])));
  return graph.node('Concat', parts, float(...shape), { axis: { int: axis } });
}

/** Here the gradient of the logits is needed whole. */
function lossesOfTrainedHead(graph: Graph, { hidden, head, targets }: TokenLossInputs): Value {
  const { losses, logProbabilities } = lossesOf(graph, { hidden, head, targets });
  const pullback = (g: Value): (Value | undefined)[] => {
    const probabilities = graph.node('Exp', [logProbabilities], float(...logProbabilities.shape));
    const gradient = gradientOfLogits(graph, { probabilities, targets, g });
    return [
      graph.isTracked(hidden) ? graph.node('Gemm', [gradient, head], float(...hidden.shape)) : undefined,
      graph.node('Gemm', [gradient, hidden], float(...head.shape), { transA: { int: 1 } }),
    ];
  };
  graph.differentiable({ inputs: [hidden, head], outputs: [losses], pullback: ([g]) => (g === undefined ? [] : pullback(g)) });
  return losses;
}

/** `g_t · (p_tv − share of v in target_t)`; an id that stands in its bag twice writes the same number to the same place twice. */
function gradientOfLogits(graph: Graph, { probabilities, targets, g }: { readonly probabilities: Value; readonly targets: Value; readonly g: Value }): Value {
  const [wide, narrow] = [float(...probabilities.shape), float(...targets.shape)];
  const spread = graph.node('Mul', [probabilities, g], wide);
  const atTargets = graph.node('GatherElements', [spread, targets], narrow, { axis: { int: 1 } });
  const lowered = graph.node('Sub', [atTargets, graph.node('Mul', [bagShares(graph, targets), g], narrow)], narrow);
  return graph.node('ScatterElements', [spread, targets, lowered], wide, { axis: { int: 1 } });
}
