/**
 * Writes a qwen3_moe checkpoint of any size with random weights (bfloat16, as published models have) for measurements.
 * @module
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeSafetensorsFile } from '@connito/moe-core/node';

/** Standard deviation of the weights, transformers' `initializer_range`. */
const DEVIATION = 0.02;

/** Writes `config.json` and `model.safetensors`; `config` needs the sizes only. */
export async function writeRandomModel(directory, config) {
  const full = { architectures: ['Qwen3MoeForCausalLM'], model_type: 'qwen3_moe', hidden_act: 'silu', max_position_embeddings: 4096, rms_norm_eps: 1e-6, rope_theta: 10000, tie_word_embeddings: true, norm_topk_prob: true, decoder_sparse_step: 1, mlp_only_layers: [], intermediate_size: config.moe_intermediate_size, attention_bias: false, dtype: 'bfloat16', ...config };
  await writeFile(join(directory, 'config.json'), JSON.stringify(full, undefined, 2));
  const uniform = createUniform(1);
  const tensors = shapesOf(full).map(([name, shape]) => ({ name, dtype: 'BF16', shape, data: name.includes('norm') ? ones(shape) : normal(shape, uniform) }));
  await writeSafetensorsFile(join(directory, 'model.safetensors'), tensors);
}

function shapesOf({ vocab_size: V, hidden_size: H, moe_intermediate_size: I, num_experts: E, num_hidden_layers: L, num_attention_heads: heads, num_key_value_heads: shared, head_dim: D }) {
  const shapes = [['model.embed_tokens.weight', [V, H]], ['model.norm.weight', [H]]];
  for (let layer = 0; layer < L; layer++) {
    const at = `model.layers.${layer}`;
    shapes.push([`${at}.input_layernorm.weight`, [H]], [`${at}.post_attention_layernorm.weight`, [H]]);
    shapes.push([`${at}.self_attn.q_proj.weight`, [heads * D, H]], [`${at}.self_attn.k_proj.weight`, [shared * D, H]], [`${at}.self_attn.v_proj.weight`, [shared * D, H]]);
    shapes.push([`${at}.self_attn.o_proj.weight`, [H, heads * D]], [`${at}.self_attn.q_norm.weight`, [D]], [`${at}.self_attn.k_norm.weight`, [D]], [`${at}.mlp.gate.weight`, [E, H]]);
    for (let expert = 0; expert < E; expert++) {
      const prefix = `${at}.mlp.experts.${expert}`;
      shapes.push([`${prefix}.gate_proj.weight`, [I, H]], [`${prefix}.up_proj.weight`, [I, H]], [`${prefix}.down_proj.weight`, [H, I]]);
    }
  }
  return shapes;
}

/** Numbers in (0, 1) from a 32-bit linear congruential generator. */
export function createUniform(seed) {
  let state = seed;
  return () => ((state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) + 0.5) / 2 ** 32;
}

/** Box and Muller; the low half of each float32 is cut off. */
function normal(shape, uniform) {
  const values = Float32Array.from({ length: count(shape) }, () => DEVIATION * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
  return upperHalves(values);
}

function ones(shape) {
  return upperHalves(new Float32Array(count(shape)).fill(1));
}

function upperHalves(values) {
  const halves = new Uint16Array(values.buffer);
  return new Uint8Array(Uint16Array.from({ length: values.length }, (_, index) => halves[2 * index + 1]).buffer);
}

function count(shape) {
  return shape.reduce((product, size) => product * size, 1);
}
