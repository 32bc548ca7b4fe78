import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { modelDirectory } from '../src/index.ts';

type TensorEntry = { dtype: string; shape: number[]; data_offsets: [number, number] };

const config = JSON.parse(readFileSync(join(modelDirectory, 'config.json'), 'utf8'));

function readHeader(path: string): Record<string, TensorEntry> {
  const file = openSync(path, 'r');
  const length = Buffer.alloc(8);
  readSync(file, length);
  const header = Buffer.alloc(Number(length.readBigUInt64LE()));
  readSync(file, header);
  closeSync(file);
  const { __metadata__: _, ...tensors } = JSON.parse(header.toString('utf8'));
  return tensors;
}

const sha256 = (name: string) => createHash('sha256').update(readFileSync(join(modelDirectory, name))).digest('hex');
const readVectors = (name: string) => JSON.parse(readFileSync(new URL(`vectors/${name}.json`, import.meta.url), 'utf8'));

it('fits in 8 MB', () => {
  const names = readdirSync(modelDirectory);
  expect(names).toEqual(expect.arrayContaining(['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']));
  expect(names.reduce((sum, name) => sum + statSync(join(modelDirectory, name)).size, 0)).toBeLessThanOrEqual(8_000_000);
});

it('is the model that the configuration describes', () => {
  expect(config).toMatchObject({
    model_type: 'qwen3_moe',
    hidden_size: 128,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 32,
    num_experts_per_tok: 2,
    moe_intermediate_size: 96,
    norm_topk_prob: true,
    vocab_size: 1024,
    tie_word_embeddings: true,
  });
  expect(config.num_experts ?? config.num_local_experts).toBe(16);
});

it('stores one bfloat16 tensor per expert under the names of the hub, and no tied copy', () => {
  const tensors = readHeader(join(modelDirectory, 'model.safetensors'));
  const projections: [string, number[]][] = [['gate_proj', [96, 128]], ['up_proj', [96, 128]], ['down_proj', [128, 96]]];
  for (let layer = 0; layer < 4; layer++) {
    expect(tensors[`model.layers.${layer}.mlp.gate.weight`]?.shape).toEqual([16, 128]);
    for (let expert = 0; expert < 16; expert++)
      for (const [name, shape] of projections) expect(tensors[`model.layers.${layer}.mlp.experts.${expert}.${name}.weight`]?.shape).toEqual(shape);
  }
  expect(new Set(Object.values(tensors).map(({ dtype }) => dtype))).toEqual(new Set(['BF16']));
  expect(Object.values(tensors).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)).toBe(2_696_576);
  expect(Object.keys(tensors)).not.toContain('lm_head.weight');
});

it('is the model that the stored vectors were computed with', () => {
  expect(readVectors('transformers-loss').model.sha256).toBe(sha256('model.safetensors'));
  expect(readVectors('encodings').tokenizer.sha256).toBe(sha256('tokenizer.json'));
});
