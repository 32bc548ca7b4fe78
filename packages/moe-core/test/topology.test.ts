import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { countBytes, countParameters, expectedTensors, expertTensorNames, expertTensorShape, isMoeError, parseExpertTensorName, parseTopology, routerTensorName } from '../src/index.ts';
import { expectCode } from './expect-code.ts';
import { readVectors } from './vectors/read-vectors.ts';

interface SavedModel {
  readonly name: string;
  readonly config: Record<string, unknown>;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly parameters: number;
}

const { cases } = readVectors<{ cases: readonly SavedModel[] }>('topology');
const base = cases[0]!.config;
const without = (...fields: string[]): Record<string, unknown> => Object.fromEntries(Object.entries(base).filter(([field]) => !fields.includes(field)));

describe('against models that transformers saved', () => {
  test.each(cases)('$name: names, shapes, number of parameters', ({ config, shapes, parameters }) => {
    const topology = parseTopology(config);
    const names = Object.fromEntries(Array.from(expectedTensors(topology), ({ name, shape }) => [name, shape]));
    expect(names).toEqual(shapes);
    const counts = countParameters(topology);
    expect(counts.total).toBe(parameters);
    expect(Object.values(counts.parts).reduce((a, b) => a + b, 0)).toBe(parameters);
    const tensors = new Map(Object.entries(shapes).map(([name, shape]) => [name, { sizeBytes: 2 * shape.reduce((a, b) => a * b, 1) }]));
    expect(countBytes(topology, tensors).total).toBe(2 * parameters);
    expect(countBytes(topology, tensors).perExpert).toBe(2 * counts.perExpert);
  });

  it('reads every field', () => {
    expect(parseTopology(cases[1]!.config)).toEqual({
      family: 'qwen3_moe', layers: 4, hiddenSize: 32, vocabularySize: 96, heads: 4, keyValueHeads: 2, headDim: 16, denseWidth: 48,
      expertsPerLayer: 6, expertsPerToken: 2, expertWidth: 24, moeLayers: [0, 1, 2, 3], normalizeTopK: true, rmsNormEpsilon: 1e-6,
      ropeTheta: 1_000_000, maxPositions: 64, tiedEmbeddings: true,
    });
    expect(parseTopology(cases[2]!.config).moeLayers).toEqual([3]);
    expect(countParameters(parseTopology(base)).activePerToken).toBe(cases[0]!.parameters - 4 * 4 * 3 * 32 * 24);
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
    expect(parseTopology(config).ropeTheta).toBe(10_000);
    expect(parseTopology({ ...config, rope_theta: 5e5 }).ropeTheta).toBe(5e5);
    expect(parseTopology({ ...config, rope_scaling: { type: 'default', rope_theta: 5e5 } }).ropeTheta).toBe(5e5);
    expect(parseTopology({ ...config, rope_theta: 5e5, rope_scaling: null }).ropeTheta).toBe(5e5);
    expect(parseTopology({ ...config, rope_theta: 5e5, rope_parameters: { rope_type: 'default', rope_theta: 5e5, partial_rotary_factor: 1 } }).ropeTheta).toBe(5e5);
  });

  it('takes an unused sliding window and the defaults', () => {
    expect(parseTopology({ ...base, sliding_window: 4096, use_sliding_window: false }).layers).toBe(4);
    const few = without('hidden_act', 'rms_norm_eps', 'tie_word_embeddings', 'attention_bias', 'decoder_sparse_step', 'mlp_only_layers', 'norm_topk_prob', 'head_dim', 'use_sliding_window', 'intermediate_size', 'max_position_embeddings');
    expect(parseTopology(few)).toMatchObject({ rmsNormEpsilon: 1e-6, tiedEmbeddings: false, normalizeTopK: false, headDim: 8, moeLayers: [0, 1, 2, 3], denseWidth: 6144, maxPositions: 32768 });
    expect(parseTopology({ ...base, layer_types: Array.from({ length: 4 }, () => 'full_attention') }).layers).toBe(4);
  });

  const invalid: readonly (readonly [string, unknown, string])[] = [
    ['not an object', null, ''],
    ['an array', [], ''],
    ['no model_type', without('model_type'), 'model_type'],
    ['model_type a number', { ...base, model_type: 3 }, 'model_type'],
    ...['num_hidden_layers', 'hidden_size', 'vocab_size', 'num_attention_heads', 'num_key_value_heads', 'num_experts_per_tok', 'moe_intermediate_size'].flatMap((field) => [
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
  ];
  test.each(invalid)('invalid: %s', async (_, config, field) => {
    const error = await expectCode('config-invalid', () => parseTopology(config));
    expect(error.context.field).toBe(field);
    expect(error.message).toContain(field);
  });

  const unsupported: readonly (readonly [string, unknown])[] = [
    ['model_type', { ...base, model_type: 'mixtral' }],
    ['hidden_act', { ...base, hidden_act: 'gelu' }],
    ['attention_bias', { ...base, attention_bias: true }],
    ['use_sliding_window', { ...base, use_sliding_window: true }],
    ['quantization_config', { ...base, quantization_config: { bits: 4 } }],
    ['layer_types', { ...base, layer_types: ['sliding_attention'] }],
    ['rope_parameters.rope_type', { ...base, rope_parameters: { rope_type: 'yarn', rope_theta: 1e4 } }],
    ['rope_scaling.type', { ...base, rope_scaling: { type: 'linear' } }],
    ['rope_scaling.factor', { ...base, rope_scaling: { factor: 2 } }],
    ['rope_parameters.partial_rotary_factor', { ...base, rope_parameters: { partial_rotary_factor: 0.5 } }],
  ];
  test.each(unsupported)('unsupported: %s', async (field, config) => {
    const error = await expectCode('config-unsupported', () => parseTopology(config));
    expect(error.context.field).toBe(field);
    expect(error.message).toContain(field);
  });

  it('names the supported families', async () => {
    const error = await expectCode('config-unsupported', () => parseTopology({ model_type: 'llama' }));
    expect(error.message).toBe('config field model_type: the family "llama" is not supported; supported: qwen3_moe');
  });

  const contradictions: readonly (readonly [string, string, unknown])[] = [
    ['num_experts', 'num_local_experts', { ...base, num_experts: 7 }],
    ['rope_theta', 'rope_parameters', { ...base, rope_theta: 3 }],
    ['num_experts_per_tok', 'num_experts', { ...base, num_experts_per_tok: 7 }],
    ['num_key_value_heads', 'num_attention_heads', { ...base, num_key_value_heads: 3 }],
    ['hidden_size', 'num_attention_heads', { ...base, hidden_size: 30 }],
    ['layer_types', 'num_hidden_layers', { ...base, layer_types: ['full_attention'] }],
  ];
  test.each(contradictions)('contradiction: %s and %s', async (field, other, config) => {
    expect((await expectCode('config-contradiction', () => parseTopology(config))).context).toEqual({ field, other });
  });

  it('takes any object, or fails with a code', () => {
    const field = fc.constantFrom(...Object.keys(base), 'num_experts', 'rope_theta', 'rope_scaling', 'head_dim', 'layer_types', '__proto__');
    fc.assert(
      fc.property(fc.dictionary(field, fc.oneof(fc.jsonValue(), fc.nat(64), fc.constant(undefined))), (changes) => {
        try {
          parseTopology({ ...base, ...changes });
        } catch (error) {
          if (!isMoeError(error)) throw error;
        }
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 300) },
    );
  });
});

describe('names', () => {
  const topology = parseTopology(cases[2]!.config);

  it('there and back', () => {
    const { gate, up, down } = expertTensorNames(topology, { layer: 3, expert: 5 });
    expect(gate).toBe('model.layers.3.mlp.experts.5.gate_proj.weight');
    expect(parseExpertTensorName(topology, up)).toEqual({ layer: 3, expert: 5, projection: 'up' });
    expect(parseExpertTensorName(topology, down)).toEqual({ layer: 3, expert: 5, projection: 'down' });
    expect(expertTensorShape(topology, 'down')).toEqual([32, 24]);
    expect(expertTensorShape(topology, 'gate')).toEqual([24, 32]);
    expect(routerTensorName(topology, 3)).toBe('model.layers.3.mlp.gate.weight');
  });

  test.each(['model.layers.0.mlp.experts.0.gate_proj.weight', 'model.layers.3.mlp.experts.6.gate_proj.weight', 'model.layers.03.mlp.experts.0.gate_proj.weight', 'model.layers.3.mlp.experts.0.gate_proj.bias', 'model.layers.3.mlp.gate.weight', 'x', ''])('%j is no expert tensor', (name) => {
    expect(parseExpertTensorName(topology, name)).toBeUndefined();
  });
});
