/**
 * The `qwen3_moe` decoder in the tensor language: embedding, attention with per-head norms, routed experts or a dense
 * SwiGLU layer, final norm, next-token loss.
 *
 * Tensors and sizes are those of the Hugging Face checkpoint; everything is float32.
 *
 * @see `modeling_qwen3_moe.py` of transformers 5.18
 * @module
 */
import { expertTensorNames, type GroupedAttention, type Topology } from '@connito/moe-core';
import { causalAttention, createCausalMask, createRotaryTables, rotate, type RotaryTables } from '../layers/attention.ts';
import { tokenLosses } from '../layers/cross-entropy.ts';
import { combineRows, createDispatch, dispatchRows, dispatchWeights } from '../layers/dispatch.ts';
import { add, dropLastPosition, reshape, scaleRows, swiglu, transpose } from '../layers/elementwise.ts';
import { float, integers, type Graph, type Value } from '../graph/graph.ts';
import { groupedLinear, linear } from '../layers/linear.ts';
import { rmsNorm } from '../layers/rms-norm.ts';
import { route, type Routing } from '../layers/routing.ts';

/** What a transformer graph is built from. */
export interface TransformerOptions {
  readonly topology: Topology;
  readonly batchSize: number;
  /** Positions per row; `sequenceLength − 1` of them predict a next token. */
  readonly sequenceLength: number;
  /** Declares a weight by its checkpoint name. */
  readonly weight: (name: string, shape: readonly number[]) => Value;
}

/** The graph's interesting values. */
export interface Transformer {
  /** `int32 [B, S]` input `tokens`. */
  readonly tokens: Value;
  /** Routing of each MoE layer, in layer order. */
  readonly routings: readonly { readonly layer: number; readonly routing: Routing }[];
  /** `[B·(S−1), 1]` nats, row-major. */
  readonly losses: Value;
}

interface Context extends TransformerOptions {
  readonly graph: Graph;
  readonly rotary: RotaryTables;
  readonly mask: Value;
}

/** Appends the whole model to `graph`. */
export function buildTransformer(graph: Graph, options: TransformerOptions): Transformer {
  const { topology, batchSize, sequenceLength, weight } = options;
  const tokens = graph.input({ name: 'tokens', type: 'int32', shape: [batchSize, sequenceLength] });
  const rotary = createRotaryTables(graph, { batchSize, sequenceLength, headDim: groupedAttention(topology).headDim, theta: topology.rope.theta });
  const context: Context = { ...options, graph, rotary, mask: createCausalMask(graph, sequenceLength) };
  const rows = batchSize * sequenceLength;
  const embedding = weight('model.embed_tokens.weight', [topology.vocabularySize, topology.hiddenSize]);
  const flatTokens = graph.node('Reshape', [tokens, integers(graph, rows)], { type: 'int32', shape: [rows] });
  let hidden = graph.node('Gather', [embedding, flatTokens], float(rows, topology.hiddenSize));
  const routings: { layer: number; routing: Routing }[] = [];
  for (let layer = 0; layer < topology.layers; layer++) {
    hidden = attentionBlock(context, hidden, layer);
    const block = topology.moeLayers.includes(layer) ? expertBlock(context, hidden, layer) : denseBlock(context, hidden, layer);
    hidden = block.hidden;
    if (block.routing !== undefined) routings.push({ layer, routing: block.routing });
  }
  return { tokens, routings, losses: nextTokenLosses(context, { hidden, embedding, tokens }) };
}

/** `x + Wo · attention(rmsNorm(x))`; `x` — `[T, H]`. */
function attentionBlock(context: Context, x: Value, layer: number): Value {
  const { graph, topology, weight, rotary, mask, batchSize, sequenceLength } = context;
  const { hiddenSize, rmsNormEpsilon } = topology;
  const { heads, keyValueHeads, headDim } = groupedAttention(topology);
  const prefix = `model.layers.${layer}.self_attn`;
  const normed = rmsNorm(graph, x, weight(`model.layers.${layer}.input_layernorm.weight`, [hiddenSize]), rmsNormEpsilon);
  const project = (name: string, count: number): Value => {
    const flat = linear(graph, normed, weight(`${prefix}.${name}.weight`, [count * headDim, hiddenSize]));
    return reshape(graph, flat, [batchSize, sequenceLength, count, headDim]);
  };
  const toHeads = (value: Value): Value => transpose(graph, value, [0, 2, 1, 3]);
  const normHeads = (value: Value, name: string): Value => rmsNorm(graph, value, weight(`${prefix}.${name}.weight`, [headDim]), rmsNormEpsilon);
  const query = rotate(graph, toHeads(normHeads(project('q_proj', heads), 'q_norm')), rotary);
  const key = rotate(graph, toHeads(normHeads(project('k_proj', keyValueHeads), 'k_norm')), rotary);
  const value = toHeads(project('v_proj', keyValueHeads));
  const mixed = reshape(graph, toHeads(causalAttention(graph, { query, key, value, mask })), [batchSize * sequenceLength, heads * headDim]);
  return linear(graph, mixed, weight(`${prefix}.o_proj.weight`, [hiddenSize, heads * headDim]), x);
}

/** Attention of a model that {@link assertSupported} let through. */
function groupedAttention({ attention }: Topology): GroupedAttention {
  if (attention.kind === 'grouped') return attention;
  throw new TypeError(`expected grouped attention, got ${attention.kind}`);
}

/** `x + Σ_k w_k · expert_k(rmsNorm(x))`. The weight multiplies the activation, before the down projection: same sum, less work. */
function expertBlock(context: Context, x: Value, layer: number): { readonly hidden: Value; readonly routing: Routing } {
  const { graph, topology, weight } = context;
  const { hiddenSize, expertWidth, expertsPerLayer } = topology;
  const normed = normAfterAttention(context, x, layer);
  const logits = linear(graph, normed, weight(`model.layers.${layer}.mlp.gate.weight`, [expertsPerLayer, hiddenSize]));
  const routing = route(graph, logits, topology.routing);
  const dispatch = createDispatch(graph, routing, expertsPerLayer);
  const names = Array.from({ length: expertsPerLayer }, (_, expert) => expertTensorNames(topology, { layer, expert }));
  const rows = dispatchRows(graph, normed, dispatch);
  const gate = groupedLinear(graph, rows, names.map((name) => weight(name.gate, [expertWidth, hiddenSize])), dispatch);
  const up = groupedLinear(graph, rows, names.map((name) => weight(name.up, [expertWidth, hiddenSize])), dispatch);
  const activation = scaleRows(graph, swiglu(graph, gate, up), dispatchWeights(graph, routing.weights, dispatch));
  const down = groupedLinear(graph, activation, names.map((name) => weight(name.down, [hiddenSize, expertWidth])), dispatch);
  return { hidden: add(graph, x, combineRows(graph, down, dispatch)), routing };
}

/** `x + Wd · swiglu(Wg · h, Wu · h)` with `h = rmsNorm(x)`: layers in `mlp_only_layers` or skipped by `decoder_sparse_step`. */
function denseBlock(context: Context, x: Value, layer: number): { readonly hidden: Value; readonly routing?: undefined } {
  const { graph, topology, weight } = context;
  const normed = normAfterAttention(context, x, layer);
  const project = (name: string): Value => linear(graph, normed, weight(`model.layers.${layer}.mlp.${name}.weight`, [topology.denseWidth, topology.hiddenSize]));
  const activation = swiglu(graph, project('gate_proj'), project('up_proj'));
  return { hidden: linear(graph, activation, weight(`model.layers.${layer}.mlp.down_proj.weight`, [topology.hiddenSize, topology.denseWidth]), x) };
}

function normAfterAttention({ graph, topology, weight }: Context, x: Value, layer: number): Value {
  return rmsNorm(graph, x, weight(`model.layers.${layer}.post_attention_layernorm.weight`, [topology.hiddenSize]), topology.rmsNormEpsilon);
}

function nextTokenLosses(context: Context, { hidden, embedding, tokens }: { readonly hidden: Value; readonly embedding: Value; readonly tokens: Value }): Value {
  const { graph, topology, weight, batchSize, sequenceLength } = context;
  const { hiddenSize, vocabularySize } = topology;
  const predicted = batchSize * (sequenceLength - 1);
  const kept = dropLastPosition(graph, reshape(graph, hidden, [batchSize, sequenceLength, hiddenSize]));
  const normed = rmsNorm(graph, reshape(graph, kept, [predicted, hiddenSize]), weight('model.norm.weight', [hiddenSize]), topology.rmsNormEpsilon);
  const head = topology.tiedEmbeddings ? embedding : weight('lm_head.weight', [vocabularySize, hiddenSize]);
  const bounds = [integers(graph, 1), integers(graph, sequenceLength), integers(graph, 1)];
  const next = graph.node('Slice', [tokens, ...bounds], { type: 'int32', shape: [batchSize, sequenceLength - 1] });
  const targets = graph.node('Reshape', [next, integers(graph, predicted, 1)], { type: 'int32', shape: [predicted, 1] });
  return tokenLosses(graph, { hidden: normed, head, targets });
}
