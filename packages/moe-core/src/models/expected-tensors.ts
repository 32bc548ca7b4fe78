/**
 * Every tensor of a model: names and shapes as they stand in the files of the Hugging Face Hub and as transformers saves them. Quantised checkpoints hold
 * companions beside or in the place of some of these; a checkpoint that is opened shows these.
 * @module
 */
import { FAMILY_DEFINITIONS } from './families/registry.ts';
import { locateExpertTensor } from './expert-storage.ts';
import { blockPrefix, expertProjections, routerTensorNames, sharedTensorNames } from './tensor-names.ts';
import type { GroupedAttention, LatentAttention, Topology } from './topology.ts';

/** Parts of a model. */
export const MODEL_PARTS = ['embedding', 'attention', 'norms', 'router', 'dense', 'shared experts', 'experts', 'head'] as const;

/** The part of the model that a tensor belongs to. */
export type ModelPart = (typeof MODEL_PARTS)[number];

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
  const { hiddenSize, vocabularySize, namePrefix } = topology;
  yield { name: `${namePrefix}model.embed_tokens.weight`, shape: [vocabularySize, hiddenSize], part: 'embedding' };
  for (let layer = 0; layer < topology.layers; layer++) {
    yield* attentionTensors(topology, layer);
    if (topology.moeLayers.includes(layer)) yield* expertLayerTensors(topology, layer);
    else yield* networkTensors(topology, { prefix: blockPrefix(topology, layer), width: topology.denseWidth, part: 'dense' });
  }
  yield { name: `${namePrefix}model.norm.weight`, shape: [hiddenSize], part: 'norms' };
  if (!topology.tiedEmbeddings) yield { name: `${namePrefix}lm_head.weight`, shape: [vocabularySize, hiddenSize], part: 'head' };
}

function* attentionTensors(topology: Topology, layer: number): Generator<ExpectedTensor, void, undefined> {
  const { hiddenSize, attention } = topology;
  const prefix = `${topology.namePrefix}model.layers.${layer}.`;
  yield { name: `${prefix}input_layernorm.weight`, shape: [hiddenSize], part: 'norms' };
  if (attention.kind === 'latent') yield* latentTensors(attention, { prefix: `${prefix}self_attn.`, hiddenSize });
  else yield* groupedTensors(attention, { prefix: `${prefix}self_attn.`, hiddenSize });
  yield { name: `${prefix}post_attention_layernorm.weight`, shape: [hiddenSize], part: 'norms' };
}

interface AttentionPlace {
  readonly prefix: string;
  readonly hiddenSize: number;
}

/** A linear layer: `[outputs, inputs]`, and its bias. */
interface Linear {
  readonly name: string;
  readonly outputs: number;
  readonly inputs: number;
  readonly bias: boolean;
  readonly part: ModelPart;
}

function* linearTensors({ name, outputs, inputs, bias, part }: Linear): Generator<ExpectedTensor, void, undefined> {
  yield { name: `${name}.weight`, shape: [outputs, inputs], part };
  if (bias) yield { name: `${name}.bias`, shape: [outputs], part };
}

function* groupedTensors(attention: GroupedAttention, { prefix, hiddenSize }: AttentionPlace): Generator<ExpectedTensor, void, undefined> {
  const { heads, keyValueHeads, headDim, biases, norm, sinks } = attention;
  const [queries, keys] = [heads * headDim, keyValueHeads * headDim];
  const bias = biases !== 'none';
  yield* linearTensors({ name: `${prefix}q_proj`, outputs: queries, inputs: hiddenSize, bias, part: 'attention' });
  yield* linearTensors({ name: `${prefix}k_proj`, outputs: keys, inputs: hiddenSize, bias, part: 'attention' });
  yield* linearTensors({ name: `${prefix}v_proj`, outputs: keys, inputs: hiddenSize, bias, part: 'attention' });
  yield* linearTensors({ name: `${prefix}o_proj`, outputs: hiddenSize, inputs: queries, bias: biases === 'all', part: 'attention' });
  if (norm === 'head' || norm === 'width') {
    yield { name: `${prefix}q_norm.weight`, shape: [norm === 'head' ? headDim : queries], part: 'norms' };
    yield { name: `${prefix}k_norm.weight`, shape: [norm === 'head' ? headDim : keys], part: 'norms' };
  }
  if (sinks) yield { name: `${prefix}sinks`, shape: [heads], part: 'attention' };
}

function* latentTensors(attention: LatentAttention, { prefix, hiddenSize }: AttentionPlace): Generator<ExpectedTensor, void, undefined> {
  const { heads, queryRank, keyValueRank, plainDim, ropeDim, valueDim, bias } = attention;
  const queries = heads * (plainDim + ropeDim);
  if (queryRank === undefined) yield* linearTensors({ name: `${prefix}q_proj`, outputs: queries, inputs: hiddenSize, bias: false, part: 'attention' });
  else {
    yield* linearTensors({ name: `${prefix}q_a_proj`, outputs: queryRank, inputs: hiddenSize, bias, part: 'attention' });
    yield { name: `${prefix}q_a_layernorm.weight`, shape: [queryRank], part: 'norms' };
    yield* linearTensors({ name: `${prefix}q_b_proj`, outputs: queries, inputs: queryRank, bias: false, part: 'attention' });
  }
  yield* linearTensors({ name: `${prefix}kv_a_proj_with_mqa`, outputs: keyValueRank + ropeDim, inputs: hiddenSize, bias, part: 'attention' });
  yield { name: `${prefix}kv_a_layernorm.weight`, shape: [keyValueRank], part: 'norms' };
  yield* linearTensors({ name: `${prefix}kv_b_proj`, outputs: heads * (plainDim + valueDim), inputs: keyValueRank, bias: false, part: 'attention' });
  yield* linearTensors({ name: `${prefix}o_proj`, outputs: hiddenSize, inputs: heads * valueDim, bias, part: 'attention' });
}

function* expertLayerTensors(topology: Topology, layer: number): Generator<ExpectedTensor, void, undefined> {
  const { expertsPerLayer, hiddenSize, sharedExperts } = topology;
  const router = routerTensorNames(topology, layer);
  yield { name: router.weight, shape: [expertsPerLayer, hiddenSize], part: 'router' };
  if (router.bias !== undefined) yield { name: router.bias, shape: [expertsPerLayer], part: 'router' };
  if (router.selectionBias !== undefined) yield { name: router.selectionBias, shape: [expertsPerLayer], part: 'router' };
  yield* expertTensors(topology, layer);
  const shared = sharedTensorNames(topology, layer);
  if (sharedExperts === undefined || shared === undefined) return;
  yield* networkTensors(topology, { prefix: shared.prefix, width: sharedExperts.width, part: 'shared experts' });
  if (shared.gate !== undefined) yield { name: shared.gate, shape: [1, hiddenSize], part: 'shared experts' };
}

/** Stored tensors of a layer's experts: each once, however many experts and projections it holds. */
function* expertTensors(topology: Topology, layer: number): Generator<ExpectedTensor, void, undefined> {
  const isFused = FAMILY_DEFINITIONS[topology.family].naming.experts.kind === 'fused';
  for (let expert = 0; expert < (isFused ? 1 : topology.expertsPerLayer); expert++) {
    for (const projection of expertProjections(topology)) {
      if (isFused && (projection === 'up' || projection === 'upBias')) continue;
      const { tensor, storedShape } = locateExpertTensor(topology, { layer, expert }, projection);
      yield { name: tensor, shape: storedShape, part: 'experts' };
    }
  }
}

/** A SwiGLU network of linear layers: a dense layer, or the shared experts. */
function* networkTensors(topology: Topology, at: { prefix: string; width: number; part: ModelPart }): Generator<ExpectedTensor, void, undefined> {
  const { hiddenSize, denseBias: bias } = topology;
  const { prefix, width, part } = at;
  yield* linearTensors({ name: `${prefix}gate_proj`, outputs: width, inputs: hiddenSize, bias, part });
  yield* linearTensors({ name: `${prefix}up_proj`, outputs: width, inputs: hiddenSize, bias, part });
  yield* linearTensors({ name: `${prefix}down_proj`, outputs: hiddenSize, inputs: width, bias, part });
}
