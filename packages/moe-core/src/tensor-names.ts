/**
 * Names and shapes of a family's tensors, as they stand on disk (one tensor per expert and projection).
 * @see https://github.com/huggingface/transformers/blob/v5.18.0/src/transformers/models/qwen3_moe/modeling_qwen3_moe.py
 * @module
 */
import type { Topology } from './topology.ts';

/** An expert's place in the model. */
export interface ExpertId {
  readonly layer: number;
  readonly expert: number;
}

/** The three matrices of an expert: `down(silu(gate x) ∘ up x)`; gate and up are `[I, H]`, down is `[H, I]`. */
export interface ExpertTensorNames {
  readonly gate: string;
  readonly up: string;
  readonly down: string;
}

/** Which of an expert's matrices. */
export type Projection = keyof ExpertTensorNames;

/** Names of an expert's tensors. */
export function expertTensorNames(_topology: Topology, id: ExpertId): ExpertTensorNames {
  const prefix = `model.layers.${id.layer}.mlp.experts.${id.expert}`;
  return { gate: `${prefix}.gate_proj.weight`, up: `${prefix}.up_proj.weight`, down: `${prefix}.down_proj.weight` };
}

/** Shape of an expert's tensor. */
export function expertTensorShape(topology: Topology, projection: Projection): readonly number[] {
  const { expertWidth, hiddenSize } = topology;
  return projection === 'down' ? [hiddenSize, expertWidth] : [expertWidth, hiddenSize];
}

const EXPERT_NAME = /^model\.layers\.(0|[1-9]\d{0,8})\.mlp\.experts\.(0|[1-9]\d{0,8})\.(gate|up|down)_proj\.weight$/;

/** The expert and projection that a tensor's name stands for, or `undefined` where it is no expert tensor of this model. */
export function parseExpertTensorName(topology: Topology, name: string): (ExpertId & { readonly projection: Projection }) | undefined {
  const match = EXPERT_NAME.exec(name);
  if (match === null) return undefined;
  const layer = Number(match[1]);
  const expert = Number(match[2]);
  if (!topology.moeLayers.includes(layer) || expert >= topology.expertsPerLayer) return undefined;
  return { layer, expert, projection: match[3] as Projection };
}

/** Name of the router's matrix `[E, H]` of a layer. */
export function routerTensorName(_topology: Topology, layer: number): string {
  return `model.layers.${layer}.mlp.gate.weight`;
}

/** The part of the model that a tensor belongs to. */
export type ModelPart = 'embedding' | 'attention' | 'norms' | 'router' | 'dense' | 'experts' | 'head';

/** A tensor that a checkpoint of this topology must have. */
export interface ExpectedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly part: ModelPart;
}

/**
 * Every tensor of the model, layer by layer. With tied embeddings there is no `lm_head.weight`.
 * @example
 * const names = [...expectedTensors(topology)].map(({ name }) => name);
 */
export function* expectedTensors(topology: Topology): Generator<ExpectedTensor, void, undefined> {
  const { hiddenSize, vocabularySize } = topology;
  yield { name: 'model.embed_tokens.weight', shape: [vocabularySize, hiddenSize], part: 'embedding' };
  for (let layer = 0; layer < topology.layers; layer++) {
    yield* attentionTensors(topology, layer);
    if (topology.moeLayers.includes(layer)) yield* expertLayerTensors(topology, layer);
    else yield* denseTensors(topology, layer);
  }
  yield { name: 'model.norm.weight', shape: [hiddenSize], part: 'norms' };
  if (!topology.tiedEmbeddings) yield { name: 'lm_head.weight', shape: [vocabularySize, hiddenSize], part: 'head' };
}

function* attentionTensors(topology: Topology, layer: number): Generator<ExpectedTensor, void, undefined> {
  const { hiddenSize, headDim } = topology;
  const queries = topology.heads * headDim;
  const keys = topology.keyValueHeads * headDim;
  const prefix = `model.layers.${layer}`;
  yield { name: `${prefix}.input_layernorm.weight`, shape: [hiddenSize], part: 'norms' };
  yield { name: `${prefix}.self_attn.q_proj.weight`, shape: [queries, hiddenSize], part: 'attention' };
  yield { name: `${prefix}.self_attn.k_proj.weight`, shape: [keys, hiddenSize], part: 'attention' };
  yield { name: `${prefix}.self_attn.v_proj.weight`, shape: [keys, hiddenSize], part: 'attention' };
  yield { name: `${prefix}.self_attn.o_proj.weight`, shape: [hiddenSize, queries], part: 'attention' };
  yield { name: `${prefix}.self_attn.q_norm.weight`, shape: [headDim], part: 'norms' };
  yield { name: `${prefix}.self_attn.k_norm.weight`, shape: [headDim], part: 'norms' };
  yield { name: `${prefix}.post_attention_layernorm.weight`, shape: [hiddenSize], part: 'norms' };
}

function* expertLayerTensors(topology: Topology, layer: number): Generator<ExpectedTensor, void, undefined> {
  yield { name: routerTensorName(topology, layer), shape: [topology.expertsPerLayer, topology.hiddenSize], part: 'router' };
  for (let expert = 0; expert < topology.expertsPerLayer; expert++) {
    const names = expertTensorNames(topology, { layer, expert });
    for (const projection of ['gate', 'up', 'down'] as const) {
      yield { name: names[projection], shape: expertTensorShape(topology, projection), part: 'experts' };
    }
  }
}

function* denseTensors(topology: Topology, layer: number): Generator<ExpectedTensor, void, undefined> {
  const { hiddenSize, denseWidth } = topology;
  const prefix = `model.layers.${layer}.mlp`;
  yield { name: `${prefix}.gate_proj.weight`, shape: [denseWidth, hiddenSize], part: 'dense' };
  yield { name: `${prefix}.up_proj.weight`, shape: [denseWidth, hiddenSize], part: 'dense' };
  yield { name: `${prefix}.down_proj.weight`, shape: [hiddenSize, denseWidth], part: 'dense' };
}

/** Parameters per part of a model. */
export interface ParameterCounts {
  readonly parts: Readonly<Record<ModelPart, number>>;
  readonly total: number;
  /** One expert: `3 · H · I`. */
  readonly perExpert: number;
  /** Parameters that take part in one token's forward pass: all but the experts that were not chosen. */
  readonly activePerToken: number;
}

/** Counts parameters; bytes of a checkpoint: {@link countBytes}. */
export function countParameters(topology: Topology): ParameterCounts {
  const parts: Record<ModelPart, number> = { embedding: 0, attention: 0, norms: 0, router: 0, dense: 0, experts: 0, head: 0 };
  for (const { shape, part } of expectedTensors(topology)) parts[part] += shape.reduce((product, size) => product * size, 1);
  const total = Object.values(parts).reduce((sum, count) => sum + count, 0);
  const perExpert = 3 * topology.hiddenSize * topology.expertWidth;
  const idle = topology.moeLayers.length * (topology.expertsPerLayer - topology.expertsPerToken);
  return { parts, total, perExpert, activePerToken: total - idle * perExpert };
}

/** Bytes per part, of a checkpoint's own tensors and dtypes; tensors that the topology does not know are left out. */
export function countBytes(
  topology: Topology,
  tensors: ReadonlyMap<string, { readonly sizeBytes: number }>,
): { readonly parts: Readonly<Record<ModelPart, number>>; readonly total: number; readonly perExpert: number } {
  const parts: Record<ModelPart, number> = { embedding: 0, attention: 0, norms: 0, router: 0, dense: 0, experts: 0, head: 0 };
  for (const { name, part } of expectedTensors(topology)) parts[part] += tensors.get(name)?.sizeBytes ?? 0;
  const total = Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
  const perExpert = parts.experts / (topology.moeLayers.length * topology.expertsPerLayer);
  return { parts, total, perExpert };
}
