import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { countBytes, countParameters, expectedTensors, expertProjections, expertTensorNames, expertTensorShape, FAMILIES, isMoeError, parseExpertTensorName, parseTopology, routerTensorNames, type Topology } from '../../src/index.ts';
import { expectCode } from '../expect-code.ts';
import { RELEASED } from './released-configs.ts';
import { readVectors } from '../vectors/read-vectors.ts';

interface SavedModel {
  readonly name: string;
  readonly config: Record<string, unknown>;
  /** Name to sizes, separated by spaces. */
  readonly tensors: Readonly<Record<string, string>>;
  readonly parameters: number;
}

const { cases } = readVectors<{ cases: readonly SavedModel[] }>('topology');
const configOf = (name: string): Record<string, unknown> => cases.find((saved) => saved.name === name)!.config;
const base = configOf('qwen3_moe plain');
const parsed = (name: string): Topology => parseTopology(configOf(name));
const of = (name: string, changes: object): unknown => ({ ...configOf(name), ...changes });
const without = (...fields: string[]): Record<string, unknown> => Object.fromEntries(Object.entries(base).filter(([field]) => !fields.includes(field)));

describe('against models that transformers saved', () => {
  test.each(cases)('$name: names, shapes, number of parameters', ({ config, tensors, parameters }) => {
    const topology = parseTopology(config);
    const names = Object.fromEntries(Array.from(expectedTensors(topology), ({ name, shape }) => [name, shape.join(' ')]));
    expect(names).toEqual(tensors);
    const counts = countParameters(topology);
    expect(counts.total).toBe(parameters);
    expect(Object.values(counts.parts).reduce((a, b) => a + b, 0)).toBe(parameters);
    const sizes = new Map(Array.from(expectedTensors(topology), ({ name, shape }) => [name, { sizeBytes: 2 * shape.reduce((a, b) => a * b, 1) }]));
    expect(countBytes(topology, sizes).total).toBe(2 * parameters);
    expect(countBytes(topology, sizes).perExpert).toBe(2 * counts.perExpert);
    expect(counts.perExpert * topology.expertsPerLayer * topology.moeLayers.length).toBe(counts.parts.experts);
    expect(JSON.parse(JSON.stringify(topology))).toEqual(JSON.parse(JSON.stringify(structuredClone(topology))));
  });

  it('covers every family', () => {
    expect(new Set(cases.map(({ config }) => parseTopology(config).family))).toEqual(new Set(FAMILIES));
  });

  it('reads every field', () => {
    expect(parseTopology(configOf('qwen3_moe tied, normalised'))).toEqual({
      family: 'qwen3_moe', layers: 3, hiddenSize: 16, vocabularySize: 48,
      attention: { kind: 'grouped', heads: 4, keyValueHeads: 2, headDim: 16, biases: 'none', norm: 'head', sinks: false, clip: undefined, temperature: undefined },
      spans: [{ kind: 'full' }, { kind: 'full' }, { kind: 'full' }],
      rope: { theta: 1_000_000, kind: 'default', parameters: {}, pairs: 'halves', skippedLayers: [] },
      denseWidth: 24, denseBias: false, expertsPerLayer: 3, expertsPerToken: 2, expertWidth: 8, moeLayers: [0, 1, 2], sharedExperts: undefined,
      routing: { experts: 3, expertsPerToken: 2, normalizeTopK: true }, routingWeightsOn: 'output', activation: { kind: 'swiglu' }, multipliers: undefined,
      rmsNormEpsilon: 1e-6, maxPositions: 64, tiedEmbeddings: true, quantization: undefined, namePrefix: '',
    });
    expect(parseTopology(configOf('qwen3_moe some dense layers, biases'))).toMatchObject({ moeLayers: [3], rmsNormEpsilon: 1e-5, attention: { biases: 'all' } });
    expect(countParameters(parseTopology(base)).activePerToken).toBe(cases[0]!.parameters - 4 * 4 * 3 * 32 * 24);
  });

  it('reads what the families differ in', () => {
    expect(parsed('deepseek_v2 full queries, yarn, tied')).toMatchObject({
      attention: { kind: 'latent', heads: 4, queryRank: undefined, keyValueRank: 6, plainDim: 4, ropeDim: 2, valueDim: 6, bias: false },
      rope: { kind: 'yarn', theta: 10_000, pairs: 'neighbours', parameters: { factor: 2, original_max_position_embeddings: 32, mscale: 0.707, mscale_all_dim: 0.707 } },
      moeLayers: [1, 2], sharedExperts: { width: 8, gated: false },
    });
    expect(parsed('deepseek_v2 query rank')).toMatchObject({ attention: { queryRank: 10 }, sharedExperts: { width: 16 }, routing: { scale: 1, groups: undefined } });
    expect(parsed('deepseek_v2 groups, biases')).toMatchObject({ moeLayers: [0, 1, 2], denseBias: true, routing: { scale: 16, normalizeTopK: false, groups: { count: 2, kept: 1, score: 'max' } } });
    expect(parsed('deepseek_v3 groups')).toMatchObject({ moeLayers: [2], rope: { pairs: 'neighbours' }, routing: { scoring: 'sigmoid', normalizeTopK: true, scale: 2.5, groups: { count: 2, kept: 1, score: 'top2-sum' } } });
    expect(parsed('deepseek_v3 one group, full queries')).toMatchObject({ rope: { pairs: 'halves' }, routing: { normalizeTopK: false, groups: undefined }, sharedExperts: { width: 16 } });
    expect(parsed('qwen2_moe plain')).toMatchObject({ attention: { biases: 'qkv', norm: 'none' }, sharedExperts: { width: 12, gated: true } });
    expect(parsed('qwen2_moe windows').spans).toEqual([{ kind: 'window', tokens: 16 }, { kind: 'full' }, { kind: 'full' }]);
    expect(parsed('olmoe biases, clipped')).toMatchObject({ expertWidth: 24, denseWidth: 0, attention: { biases: 'all', norm: 'width', clip: 8, keyValueHeads: 2 } });
    expect(parsed('mixtral window, wide heads')).toMatchObject({ spans: Array.from({ length: 3 }, () => ({ kind: 'window', tokens: 16 })), attention: { headDim: 8 }, routing: { normalizeTopK: true } });
    expect(parsed('granitemoe factors, biases').multipliers).toEqual({ embedding: 12, attention: 0.015625, residual: 0.22, logits: 6 });
    expect(parsed('gpt_oss plain')).toMatchObject({
      spans: [{ kind: 'window', tokens: 128 }, { kind: 'full' }, { kind: 'window', tokens: 128 }], rope: { kind: 'yarn', theta: 150_000, parameters: { truncate: false, factor: 32 } },
      attention: { sinks: true, biases: 'all' }, activation: { kind: 'clamped-swiglu', alpha: 1.702, limit: 7 },
    });
    expect(parsed('llama4_text dense layers')).toMatchObject({ moeLayers: [1], denseWidth: 20, expertWidth: 24, routingWeightsOn: 'input', attention: { norm: 'l2', temperature: { floor: 8192, scale: 0.1 } } });
    expect(parsed('llama4_text listed layers')).toMatchObject({
      moeLayers: [0, 2], rope: { skippedLayers: [1] }, spans: [{ kind: 'chunk', tokens: 8192 }, { kind: 'full' }, { kind: 'chunk', tokens: 8192 }],
      attention: { norm: 'none', temperature: undefined, biases: 'all' }, routing: { scoring: 'sigmoid', normalizeTopK: false },
    });
    expect(parsed('llama4 with vision')).toMatchObject({ family: 'llama4', namePrefix: 'language_model.', expertsPerLayer: 2 });
  });
});

const billions = (parameters: number, digits: number): number => Number((parameters / 1e9).toFixed(digits));
/** Digits after the point in a publisher's figure. */
const digitsOf = (figure: number): number => (Number.isInteger(figure) ? 0 : 1);

describe('released models', () => {
  test.each(RELEASED)('$name has the parameters that its publisher states', ({ config, totalBillions, activeBillions, withoutEmbedding }) => {
    const topology = parseTopology(config);
    const { total, activePerToken, parts } = countParameters(topology);
    expect(billions(total, digitsOf(totalBillions))).toBe(totalBillions);
    const active = withoutEmbedding ? activePerToken - parts.embedding : activePerToken;
    expect(Math.abs(billions(active, 2) - activeBillions)).toBeLessThanOrEqual(activeBillions < 10 ? 0.1 : 0.6);
  });
});

describe('parseTopology', () => {
  it('finds the number of experts under both names', () => {
    expect(parseTopology({ ...without('num_local_experts'), num_experts: 8 }).expertsPerLayer).toBe(8);
    expect(parseTopology({ ...base, num_local_experts: 8 }).expertsPerLayer).toBe(8);
    expect(parseTopology({ ...base, num_local_experts: 8, num_experts: 8 }).expertsPerLayer).toBe(8);
  });

  it('finds theta in all three places', () => {
    const config = without('rope_parameters');
    expect(parseTopology(config).rope.theta).toBe(10_000);
    expect(parseTopology({ ...config, rope_theta: 5e5 }).rope.theta).toBe(5e5);
    expect(parseTopology({ ...config, rope_scaling: { type: 'default', rope_theta: 5e5 } }).rope.theta).toBe(5e5);
    expect(parseTopology({ ...config, rope_theta: 5e5, rope_scaling: null }).rope.theta).toBe(5e5);
    expect(parseTopology({ ...config, rope_theta: 5e5, rope_parameters: { rope_type: 'default', rope_theta: 5e5, partial_rotary_factor: 1 } }).rope.theta).toBe(5e5);
  });

  it('takes an unused sliding window and the defaults', () => {
    expect(parseTopology({ ...base, sliding_window: 4096, use_sliding_window: false }).layers).toBe(4);
    const few = without('hidden_act', 'rms_norm_eps', 'tie_word_embeddings', 'attention_bias', 'decoder_sparse_step', 'mlp_only_layers', 'norm_topk_prob', 'head_dim', 'use_sliding_window', 'intermediate_size', 'max_position_embeddings');
    expect(parseTopology(few)).toMatchObject({ rmsNormEpsilon: 1e-6, tiedEmbeddings: false, routing: { normalizeTopK: false }, attention: { headDim: 8, biases: 'none' }, moeLayers: [0, 1, 2, 3], denseWidth: 6144, maxPositions: 32768 });
    expect(parseTopology({ ...base, layer_types: Array.from({ length: 4 }, () => 'full_attention') }).layers).toBe(4);
  });

  const invalid: readonly (readonly [string, unknown, string])[] = [
    ['not an object', null, ''],
    ['an array', [], ''],
    ['no model_type', without('model_type'), 'model_type'],
    ['model_type a number', { ...base, model_type: 3 }, 'model_type'],
    ['architectures a string', { ...base, architectures: 'Qwen3MoeForCausalLM' }, 'architectures'],
    ['architectures of numbers', { ...base, architectures: [3] }, 'architectures'],
    ...['num_hidden_layers', 'hidden_size', 'vocab_size', 'num_attention_heads', 'num_experts_per_tok', 'moe_intermediate_size'].flatMap((field) => [
      [`no ${field}`, without(field), field] as const,
      [`${field} fraction`, { ...base, [field]: 1.5 }, field] as const,
      [`${field} text`, { ...base, [field]: '4' }, field] as const,
      [`${field} zero`, { ...base, [field]: 0 }, field] as const,
      [`${field} huge`, { ...base, [field]: 2 ** 31 }, field] as const,
    ]),
    ['no experts', without('num_local_experts'), 'num_experts'],
    ['too many experts', { ...base, num_local_experts: 65_537 }, 'num_experts'],
    ['odd head_dim', { ...base, head_dim: 7 }, 'head_dim'],
    ['norm_topk_prob a number', { ...base, norm_topk_prob: 1 }, 'norm_topk_prob'],
    ['rms_norm_eps negative', { ...base, rms_norm_eps: -1 }, 'rms_norm_eps'],
    ['rope_parameters a number', { ...base, rope_parameters: 1 }, 'rope_parameters'],
    ['rope theta text', { ...base, rope_parameters: { rope_theta: 'x' } }, 'rope_parameters.rope_theta'],
    ['mlp_only_layers out of range', { ...base, mlp_only_layers: [4] }, 'mlp_only_layers'],
    ['mlp_only_layers a number', { ...base, mlp_only_layers: 1 }, 'mlp_only_layers'],
    ['no layer with experts', { ...base, decoder_sparse_step: 5 }, 'decoder_sparse_step'],
    ['too many layers', { ...base, num_hidden_layers: 4097 }, 'num_hidden_layers'],
    ['a window without its length', of('gpt_oss plain', { sliding_window: 0 }), 'sliding_window'],
    ['all layers dense', of('deepseek_v2 query rank', { first_k_dense_replace: 3 }), 'first_k_dense_replace'],
    ['groups without their number', of('deepseek_v2 query rank', { topk_method: 'group_limited_greedy' }), 'n_group'],
    ['odd rope dimension', of('deepseek_v3 groups', { qk_rope_head_dim: 3 }), 'qk_rope_head_dim'],
    ['first_k_dense_replace negative', of('deepseek_v3 groups', { first_k_dense_replace: -1 }), 'first_k_dense_replace'],
    ['no text_config', { model_type: 'llama4' }, 'text_config'],
    ['moe_layers empty', of('llama4_text dense layers', { moe_layers: [] }), 'moe_layers'],
    ['interleave_moe_layer_step beyond the layers', of('llama4_text dense layers', { moe_layers: null, interleave_moe_layer_step: 4 }), 'interleave_moe_layer_step'],
    ['no_rope_layers of words', of('llama4_text dense layers', { no_rope_layers: ['a'] }), 'no_rope_layers'],
    ['multiplier zero', of('granitemoe plain', { logits_scaling: 0 }), 'logits_scaling'],
    ['rope factor text', { ...base, rope_parameters: { rope_type: 'linear', factor: 'x' } }, 'rope_parameters.factor'],
    ['no width of experts', of('mixtral plain', { intermediate_size: null }), 'intermediate_size'],
  ];
  test.each(invalid)('invalid: %s', async (_, config, field) => {
    const error = await expectCode('config-invalid', () => parseTopology(config));
    expect(error.context.field).toBe(field);
    expect(error.message).toContain(field);
  });

  const unsupported: readonly (readonly [string, unknown])[] = [
    ['model_type', { ...base, model_type: 'llama' }],
    ['hidden_act', { ...base, hidden_act: 'gelu' }],
    ['layer_types', { ...base, layer_types: ['linear_attention', 'full_attention', 'full_attention', 'full_attention'] }],
    ['rope_parameters.rope_type', { ...base, rope_parameters: { rope_type: 'mrope', rope_theta: 1e4 } }],
    ['rope_scaling.type', { ...base, rope_parameters: null, rope_scaling: { type: 'ntk' } }],
    ['rope_scaling.factor', { ...base, rope_parameters: null, rope_scaling: { factor: 2 } }],
    ['rope_scaling.short_factor', { ...base, rope_parameters: null, rope_scaling: { type: 'linear', factor: 2, short_factor: [1] } }],
    ['rope_parameters.partial_rotary_factor', { ...base, rope_parameters: { partial_rotary_factor: 0.5 } }],
    ['quantization_config.quant_method', { ...base, quantization_config: { quant_method: 'gptq', bits: 4 } }],
    ['quantization_config.quant_method', { ...base, quantization_config: { bits: 4 } }],
    ['quantization_config.weight_block_size', { ...base, quantization_config: { quant_method: 'fp8' } }],
    ['quantization_config.fmt', { ...base, quantization_config: { quant_method: 'fp8', fmt: 'e5m2', weight_block_size: [128, 128] } }],
    ['quantization_config.quant_method', { ...base, quantization_config: { quant_method: 'mxfp4' } }],
    ['quantization_config.quant_method', of('gpt_oss plain', { quantization_config: { quant_method: 'fp8', weight_block_size: [128, 128] } })],
    ['quantization_config', of('llama4 with vision', { quantization_config: { quant_method: 'compressed-tensors' } })],
    ['scoring_func', of('deepseek_v2 query rank', { scoring_func: 'sigmoid' })],
    ['scoring_func', of('deepseek_v3 groups', { scoring_func: 'softmax' })],
    ['topk_method', of('deepseek_v2 query rank', { topk_method: 'noaux_tc' })],
    ['topk_method', of('deepseek_v3 groups', { topk_method: 'greedy' })],
    ['text_config.model_type', of('llama4 with vision', { text_config: { model_type: 'llama' } })],
  ];
  test.each(unsupported)('unsupported: %s', async (field, config) => {
    const error = await expectCode('config-unsupported', () => parseTopology(config));
    expect(error.context.field).toBe(field);
    expect(error.message).toContain(field);
  });

  it('names the supported families', async () => {
    const error = await expectCode('config-unsupported', () => parseTopology({ model_type: 'llama' }));
    expect(error.message).toBe('config field model_type: the family "llama" is not supported; supported: deepseek_v2, deepseek_v3, qwen2_moe, qwen3_moe, olmoe, mixtral, granitemoe, gpt_oss, llama4');
  });

  const contradictions: readonly (readonly [string, string, unknown])[] = [
    ['num_experts', 'num_local_experts', { ...base, num_experts: 7 }],
    ['rope_theta', 'rope_parameters', { ...base, rope_theta: 3 }],
    ['num_experts_per_tok', 'num_local_experts', { ...base, num_experts_per_tok: 7 }],
    ['n_group', 'n_routed_experts', of('deepseek_v3 groups', { n_group: 3 })],
    ['n_group', 'n_routed_experts', of('deepseek_v3 groups', { n_group: 4, topk_group: 2 })],
    ['topk_group', 'n_group', of('deepseek_v3 groups', { topk_group: 3 })],
    ['topk_group', 'num_experts_per_tok', of('deepseek_v2 groups, biases', { num_experts_per_tok: 3 })],
    ['experts_per_token', 'num_experts_per_tok', of('gpt_oss plain', { experts_per_token: 3 })],
    ['head_dim', 'hidden_size', of('olmoe plain', { head_dim: 8 })],
    ['no_rope_layers', 'num_hidden_layers', of('llama4_text dense layers', { no_rope_layers: [1] })],
    ['no_rope_layers', 'num_hidden_layers', of('llama4_text dense layers', { no_rope_layers: [1, 1, 1, 0] })],
    ['num_key_value_heads', 'num_attention_heads', of('deepseek_v3 groups', { num_key_value_heads: 1 })],
    ['text_config.num_experts_per_tok', 'text_config.num_local_experts', of('llama4 with vision', { text_config: { num_local_experts: 2, num_experts_per_tok: 3 } })],
    ['rope_parameters', 'rope_scaling', { ...base, rope_scaling: { type: 'linear', factor: 2 } }],
    ['rope_scaling.rope_type', 'rope_scaling.type', { ...base, rope_parameters: null, rope_scaling: { type: 'linear', rope_type: 'yarn', factor: 2 } }],
    ['num_key_value_heads', 'num_attention_heads', { ...base, num_key_value_heads: 3 }],
    ['hidden_size', 'num_attention_heads', { ...base, hidden_size: 30 }],
    ['layer_types', 'num_hidden_layers', { ...base, layer_types: ['full_attention'] }],
    ['moe_layers', 'interleave_moe_layer_step', of('llama4_text dense layers', { moe_layers: [0, 2] })],
    ['text_config.moe_layers', 'text_config.interleave_moe_layer_step', { model_type: 'llama4', text_config: { interleave_moe_layer_step: 2, moe_layers: [1] } }],
    ['architectures', 'model_type', { ...base, architectures: ['Qwen2MoeForCausalLM'] }],
    ['architectures', 'model_type', { ...base, architectures: ['MyMixtral', 'Llama4TextModel'] }],
    ['architectures', 'model_type', of('llama4 with vision', { architectures: ['DeepseekV3Model'] })],
  ];
  test.each(contradictions)('contradiction: %s and %s', async (field, other, config) => {
    expect((await expectCode('config-contradiction', () => parseTopology(config))).context).toEqual({ field, other });
  });

  it('what says the same twice, and classes of nobody here', () => {
    const dense = parseTopology(configOf('llama4_text dense layers'));
    expect(parseTopology(of('llama4_text dense layers', { moe_layers: dense.moeLayers.toReversed() }))).toEqual(dense);
    // As the reference writes a list: beside the step's default.
    expect(parseTopology(of('llama4_text dense layers', { moe_layers: [0], interleave_moe_layer_step: 1 })).moeLayers).toEqual([0]);
    const plain = parseTopology(base);
    for (const architectures of [null, [], ['Qwen3MoeForSequenceClassification'], ['MyMixtralForCausalLM', 'GraniteMoeSharedForCausalLM']]) expect(parseTopology({ ...base, architectures })).toEqual(plain);
  });

  it('the defaults of nested configs and of the reference', () => {
    expect(parseTopology({ model_type: 'llama4', text_config: {} })).toMatchObject({ layers: 48, hiddenSize: 5120, expertsPerLayer: 16, expertsPerToken: 1, denseWidth: 16_384, rope: { theta: 500_000, skippedLayers: [3, 7, 11, 15, 19, 23, 27, 31, 35, 39, 43, 47] } });
    const { q_lora_rank: _, n_shared_experts: __, first_k_dense_replace: ___, ...few } = configOf('deepseek_v2 query rank');
    expect(parseTopology(few)).toMatchObject({ attention: { queryRank: 1536 }, moeLayers: [0, 1, 2], sharedExperts: { width: 16 } });
    expect(parseTopology({ ...few, n_shared_experts: null, moe_layer_freq: 2, norm_topk_prob: true })).toMatchObject({ sharedExperts: undefined, moeLayers: [0, 2], routing: { normalizeTopK: false } });
    expect(parseTopology(of('gpt_oss plain', { rope_parameters: null, layer_types: null, sliding_window: null }))).toMatchObject({ rope: { kind: 'yarn', theta: 150_000 } });
    expect(parseTopology(of('llama4_text dense layers', { attention_chunk_size: null })).spans).toEqual([{ kind: 'full' }, { kind: 'full' }, { kind: 'full' }]);
    expect(parseTopology({ ...base, use_sliding_window: true, sliding_window: 16 }).spans[3]).toEqual({ kind: 'window', tokens: 16 });
    expect(parseTopology({ ...base, use_sliding_window: true, sliding_window: null }).spans[3]).toEqual({ kind: 'full' });
    expect(parseTopology({ ...base, quantization_config: { quant_method: 'fp8', weight_block_size: [128, 64] } }).quantization).toEqual({ kind: 'fp8-blocks', rows: 128, columns: 64 });
    expect(parseTopology({ ...base, rope_parameters: { rope_type: 'longrope', factor: 2, original_max_position_embeddings: 32, short_factor: [1, 2], long_factor: [3, 4] } }).rope.parameters).toMatchObject({ long_factor: [3, 4] });
  });

  it('takes any object, or fails with a code', () => {
    const configs = fc.constantFrom(...cases.map(({ config }) => config));
    const field = fc.constantFrom(...new Set(cases.flatMap(({ config }) => Object.keys(config))), 'num_experts', 'rope_theta', 'rope_scaling', 'quantization_config', 'moe_layer_freq', '__proto__');
    fc.assert(
      fc.property(configs, fc.dictionary(field, fc.oneof(fc.jsonValue(), fc.nat(64), fc.constant(undefined))), (config, changes) => {
        try {
          const topology = parseTopology({ ...config, ...changes });
          expect(topology.spans).toHaveLength(topology.layers);
          expect(topology.routing.experts).toBe(topology.expertsPerLayer);
        } catch (error) {
          if (!isMoeError(error)) throw error;
        }
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 300) },
    );
  });
});

describe('names', () => {
  const topology = parseTopology({ ...base, mlp_only_layers: [0] });

  it('there and back, in every family', () => {
    for (const { config } of cases) {
      const model = parseTopology(config);
      const id = { layer: model.moeLayers.at(-1)!, expert: model.expertsPerLayer - 1 };
      const names = expertTensorNames(model, id);
      expect(Object.keys(names)).toEqual(expertProjections(model));
      for (const projection of expertProjections(model)) expect(parseExpertTensorName(model, names[projection]!)).toEqual({ ...id, projection });
    }
    expect(expertTensorNames(parseTopology(configOf('mixtral plain')), { layer: 1, expert: 2 }).up).toBe('model.layers.1.block_sparse_moe.experts.2.w3.weight');
    expect(expertTensorNames(parseTopology(configOf('llama4 with vision')), { layer: 1, expert: 0 }).up).toBe('model.layers.1.mlp.experts.0.up_proj.weight');
    expect(expertTensorNames(parseTopology(configOf('gpt_oss plain')), { layer: 1, expert: 0 }).downBias).toBe('model.layers.1.mlp.experts.0.down_proj.bias');
    expect(routerTensorNames(parseTopology(configOf('gpt_oss plain')), 1)).toEqual({ weight: 'model.layers.1.mlp.router.weight', bias: 'model.layers.1.mlp.router.bias', selectionBias: undefined });
    expect(routerTensorNames(parseTopology(configOf('deepseek_v3 groups')), 2).selectionBias).toBe('model.layers.2.mlp.gate.e_score_correction_bias');
    expect(routerTensorNames(parseTopology(configOf('llama4 with vision')), 0).weight).toBe('language_model.model.layers.0.feed_forward.router.weight');
  });

  it('there and back', () => {
    const { gate, up, down } = expertTensorNames(topology, { layer: 3, expert: 5 });
    expect(gate).toBe('model.layers.3.mlp.experts.5.gate_proj.weight');
    expect(parseExpertTensorName(topology, up)).toEqual({ layer: 3, expert: 5, projection: 'up' });
    expect(parseExpertTensorName(topology, down)).toEqual({ layer: 3, expert: 5, projection: 'down' });
    expect(expertTensorShape(topology, 'down')).toEqual([32, 24]);
    expect(expertTensorShape(topology, 'gate')).toEqual([24, 32]);
    expect(routerTensorNames(topology, 3).weight).toBe('model.layers.3.mlp.gate.weight');
  });

  test.each(['model.layers.0.mlp.experts.0.gate_proj.weight', 'model.layers.3.mlp.experts.6.gate_proj.weight', 'model.layers.03.mlp.experts.0.gate_proj.weight', 'model.layers.3.mlp.experts.0.gate_proj.bias', 'model.layers.3.mlp.gate.weight', 'x', ''])('%j is no expert tensor', (name) => {
    expect(parseExpertTensorName(topology, name)).toBeUndefined();
  });
});
