import { parseTopology, type Topology } from '@connito/moe-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { rotaryFrequencies } from '../src/model/rotary-frequencies.ts';
import { assertOwnTensors, assertSupported } from '../src/model/supported.ts';
import { loadTinyModel } from './tiny-model.ts';

const SIZES = { vocab_size: 48, hidden_size: 16, intermediate_size: 24, num_hidden_layers: 3, num_attention_heads: 4, num_key_value_heads: 2, num_local_experts: 3, num_experts_per_tok: 2 };

describe('what is refused, by name', () => {
  let plain: Topology;
  beforeAll(async () => {
    plain = (await loadTinyModel('grouped')).topology;
  });

  it.each<[string, (topology: Topology) => Partial<Topology>]>([
    ['attention sinks', ({ attention }) => ({ attention: { ...attention, sinks: true } as Topology['attention'] })],
    ['a clamped activation', () => ({ activation: { kind: 'clamped-swiglu', alpha: 1, limit: 7 } })],
    ['router biases', () => ({ family: 'gpt_oss' })],
  ])('%s', (feature, change) => {
    expect(() => assertSupported(plain)).not.toThrow();
    expect(() => assertSupported({ ...plain, ...change(plain) })).toThrow(expect.objectContaining({ code: 'unsupported-model', context: { feature } }));
  });

  it('gpt_oss', () => {
    expect(() => assertSupported(parseTopology({ ...SIZES, model_type: 'gpt_oss' }))).toThrow(/attention sinks \(family gpt_oss\)/);
  });
});

describe('experts that one tensor holds together', () => {
  it.each(['granitemoe', 'llama4_text'])('%s is computed, and not pretrained', (family) => {
    const topology = parseTopology({ ...SIZES, model_type: family });
    expect(() => assertSupported(topology)).not.toThrow();
    expect(() => assertOwnTensors(topology, 'export')).toThrow(expect.objectContaining({ code: 'unsupported-model' }));
  });

  it('mixtral is both', () => {
    expect(() => assertOwnTensors(parseTopology({ ...SIZES, model_type: 'mixtral' }), 'export')).not.toThrow();
  });
});

describe('rope parameters that are missing', () => {
  it.each([
    ['yarn', { factor: 2 }, 'original_max_position_embeddings'],
    ['linear', {}, 'factor'],
    ['llama3', { factor: 2, low_freq_factor: 1, original_max_position_embeddings: 8 }, 'high_freq_factor'],
    ['longrope', { original_max_position_embeddings: 8, short_factor: [1] }, 'short_factor of 2 numbers'],
  ])('%s', (kind, parameters, name) => {
    const topology = parseTopology({ ...SIZES, model_type: 'mixtral', rope_parameters: { rope_type: kind, ...parameters } });
    expect(() => rotaryFrequencies(topology, 4)).toThrow(expect.objectContaining({ code: 'unsupported-model', context: { feature: `rope of type ${kind} without ${name}` } }));
  });
});
