/**
 * Causal attention whose query heads share key-value heads in groups.
 *
 * @see Ainslie et al., GQA, 2023 · `eager_attention_forward` of transformers 5.18
 * @module
 */
import { fixed, float, scalar, type Dimension, type Graph, type Value } from '../graph/graph.ts';
import { reshape, sumLast } from './elementwise.ts';

/** Queries, keys and values of one layer, positions applied; G query heads share a key-value head. */
export interface AttentionHeads {
  /** `[B, heads, S, D]`, heads ordered by key-value head. */
  readonly query: Value;
  /** `[B, keyValueHeads, S, D]` */
  readonly key: Value;
  /** `[B, keyValueHeads, S, Dv]` */
  readonly value: Value;
  /** Multiplies the scores; `1/√D` in most models. */
  readonly scale: number;
}

/** Heads and what their queries see. */
export interface AttentionInputs extends AttentionHeads {
  /** Broadcast to `[B, heads, S, S]`: 0 or −∞; the diagonal is 0. See `row-layout.ts`. */
  readonly mask: Value;
}

/**
 * `O = P · V`, `P = softmax(scale · Q Kᵀ + mask)`; query head h reads key-value head ⌊h / G⌋.
 * Rules: `dV = Pᵀ dO`, `dS = P ⊙ (dO Vᵀ − rowsum(dO ⊙ O))`, `dQ = scale · dS K`, `dK = scale · dSᵀ Q`.
 *
 * @returns `[B, heads, S, Dv]`
 */
export function causalAttention(graph: Graph, { query, key, value, mask, scale }: AttentionInputs): Value {
  const [batch, heads, positions, headDim] = query.shape.map(fixed) as [number, number, number, number];
  const [sharedHeads, valueDim] = [fixed(key.shape[1]), fixed(value.shape[3])];
  const rows = (heads / sharedHeads) * positions;
  const q = reshape(graph, query, [batch, sharedHeads, rows, headDim]);
  const probabilities = attentionProbabilities(graph, { query: q, key, mask, scale, heads });
  const out = product(graph, probabilities, value, { shape: [batch, sharedHeads, rows, valueDim] });
  graph.differentiable({
    inputs: [q, key, value],
    outputs: [out],
    pullback: ([g]) => (g === undefined ? [] : pullAttention(graph, { q, key, value, scale, probabilities, out, g })),
  });
  return reshape(graph, out, [batch, heads, positions, valueDim]);
}

function attentionProbabilities(graph: Graph, { query, key, mask, scale, heads }: Omit<AttentionInputs, 'value'> & { readonly heads: number }): Value {
  const [batch, sharedHeads, rows] = query.shape.map(fixed) as [number, number, number];
  const positions = fixed(key.shape[2]);
  const scores = product(graph, query, key, { transB: true, scale, shape: [batch, sharedHeads, rows, positions] });
  const perHead = float(batch, heads, positions, positions);
  const masked = graph.node('Add', [reshape(graph, scores, perHead.shape), mask], perHead);
  const floored = graph.node('Max', [masked, scoreFloor(graph, { query, key, scale, heads })], perHead);
  return reshape(graph, graph.node('Softmax', [floored], perHead, { axis: { int: -1 } }), scores.shape);
}

/**
 * The score of each position with itself, less 60: `[B, heads, S, 1]`. What lies lower, the masked scores above all, is raised to it.
 *
 * A row's greatest score is never below its own, so such an entry's probability is at most e⁻⁶⁰ ≈ 9e-27, which float32 sums do not
 * notice. Without the floor ONNX Runtime's exponential turns −∞ into denormal numbers, and those made Softmax 4 times and
 * the whole evaluation 1.3 times slower (measured on a Xeon with AVX-512).
 */
function scoreFloor(graph: Graph, { query, key, scale, heads }: Pick<AttentionInputs, 'query' | 'key' | 'scale'> & { readonly heads: number }): Value {
  const [batch, sharedHeads, , headDim] = query.shape.map(fixed) as [number, number, number, number];
  const positions = fixed(key.shape[2]);
  const group = heads / sharedHeads;
  const perGroup = reshape(graph, query, [batch, sharedHeads, group, positions, headDim]);
  const shared = reshape(graph, key, [batch, sharedHeads, 1, positions, headDim]);
  const own = sumLast(graph, graph.node('Mul', [perGroup, shared], float(...perGroup.shape)));
  const scaled = graph.node('Mul', [reshape(graph, own, [batch, heads, positions, 1]), scalar(graph, scale)], float(batch, heads, positions, 1));
  return graph.node('Sub', [scaled, scalar(graph, 60)], float(batch, heads, positions, 1));
}

interface AttentionResult {
  readonly q: Value;
  readonly key: Value;
  readonly value: Value;
  readonly scale: number;
  readonly probabilities: Value;
  readonly out: Value;
  readonly g: Value;
}

function pullAttention(graph: Graph, { q, key, value, scale, probabilities, out, g }: AttentionResult): Value[] {
  const spec = float(...probabilities.shape);
  const gradientOfP = product(graph, g, value, { transB: true, shape: probabilities.shape });
  const delta = sumLast(graph, graph.node('Mul', [g, out], float(...out.shape)));
  const gradientOfS = graph.node('Mul', [probabilities, graph.node('Sub', [gradientOfP, delta], spec)], spec);
  return [
    product(graph, gradientOfS, key, { scale, shape: q.shape }),
    product(graph, gradientOfS, q, { transA: true, scale, shape: key.shape }),
    product(graph, probabilities, g, { transA: true, shape: value.shape }),
  ];
}

/** Of {@link product}. */
export interface ProductOptions {
  readonly shape: Value['shape'];
  readonly transA?: boolean;
  readonly transB?: boolean;
  readonly scale?: number;
}

/** Batched `scale · op(a) · op(b)`. FusedMatMul measured 9 % faster than Transpose + MatMul; it has no float64 or WebGPU kernel. */
export function product(graph: Graph, a: Value, b: Value, { shape, transA = false, transB = false, scale = 1 }: ProductOptions): Value {
  if (graph.profile === 'webgpu') {
    const plain = graph.node('MatMul', [transA ? swapLast(graph, a) : a, transB ? swapLast(graph, b) : b], float(...shape));
    return scale === 1 ? plain : graph.node('Mul', [plain, scalar(graph, scale)], float(...shape));
  }
  return graph.node('com.microsoft:FusedMatMul', [a, b], float(...shape), {
    transA: { int: Number(transA) },
    transB: { int: Number(transB) },
    alpha: { float: scale },
  });
}

/** Transposes the matrices of `[B, heads, rows, columns]`. */
function swapLast(graph: Graph, x: Value): Value {
  const [batch, heads, rows, columns] = x.shape as [Dimension, Dimension, Dimension, Dimension];
  return graph.node('Transpose', [x], float(batch, heads, columns, rows), { perm: { ints: [0, 1, 3, 2] } });
}
