/** A small random checkpoint, in memory. */
import { expectedTensors, parseTopology, type Tensor, type Topology } from '../src/index.ts';

export const CONFIG: Readonly<Record<string, unknown>> = {
  model_type: 'qwen3_moe', vocab_size: 16, hidden_size: 8, num_hidden_layers: 3, num_attention_heads: 2, num_key_value_heads: 1, head_dim: 4,
  intermediate_size: 8, moe_intermediate_size: 4, num_experts: 3, num_experts_per_tok: 2, mlp_only_layers: [1], tie_word_embeddings: true,
};

export const TOPOLOGY: Topology = parseTopology(CONFIG);

/** BF16 tensors whose values count up, so that every element differs from its neighbours. */
export function fixtureTensors(): Tensor[] {
  let next = 0x3c00;
  return Array.from(expectedTensors(TOPOLOGY), ({ name, shape }) => {
    const halves = Uint16Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => (next = next === 0x4200 ? 0x3c00 : next + 1));
    return { name, dtype: 'BF16' as const, shape, data: new Uint8Array(halves.buffer) };
  });
}
