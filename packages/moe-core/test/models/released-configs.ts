/**
 * The `config.json` of released models, without the fields that say nothing of shapes or the forward pass (token ids, dropout, dtype, loss coefficients), and the
 * parameter counts that their publishers state, in billions.
 */

export interface ReleasedModel {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly totalBillions: number;
  readonly activeBillions: number;
  /** Whether the stated active parameters leave out the embedding, which is only looked up. */
  readonly withoutEmbedding?: true;
}

const DEEPSEEK = {
  attention_bias: false, hidden_act: 'silu', max_position_embeddings: 163_840, moe_layer_freq: 1, n_shared_experts: 2, pretraining_tp: 1, qk_nope_head_dim: 128, qk_rope_head_dim: 64,
  kv_lora_rank: 512, v_head_dim: 128, rms_norm_eps: 1e-6, rope_theta: 10_000, tie_word_embeddings: false, seq_aux: true, aux_loss_alpha: 0.001, ep_size: 1, norm_topk_prob: false,
} as const;

export const RELEASED: readonly ReleasedModel[] = [
  {
    name: 'deepseek-ai/DeepSeek-V2-Lite', totalBillions: 15.7, activeBillions: 2.4, withoutEmbedding: true,
    config: {
      ...DEEPSEEK, architectures: ['DeepseekV2ForCausalLM'], auto_map: { AutoConfig: 'configuration_deepseek.DeepseekV2Config' }, model_type: 'deepseek_v2', vocab_size: 102_400, hidden_size: 2048,
      intermediate_size: 10_944, moe_intermediate_size: 1408, num_hidden_layers: 27, num_attention_heads: 16, num_key_value_heads: 16, n_routed_experts: 64, num_experts_per_tok: 6,
      first_k_dense_replace: 1, q_lora_rank: null, n_group: 1, topk_group: 1, topk_method: 'greedy', scoring_func: 'softmax', routed_scaling_factor: 1,
      rope_scaling: { beta_fast: 32, beta_slow: 1, factor: 40, mscale: 0.707, mscale_all_dim: 0.707, original_max_position_embeddings: 4096, type: 'yarn' },
    },
  },
  {
    name: 'deepseek-ai/DeepSeek-V2', totalBillions: 236, activeBillions: 21,
    config: {
      ...DEEPSEEK, architectures: ['DeepseekV2ForCausalLM'], model_type: 'deepseek_v2', vocab_size: 102_400, hidden_size: 5120, intermediate_size: 12_288, moe_intermediate_size: 1536,
      num_hidden_layers: 60, num_attention_heads: 128, num_key_value_heads: 128, n_routed_experts: 160, num_experts_per_tok: 6, first_k_dense_replace: 1, q_lora_rank: 1536, n_group: 8,
      topk_group: 3, topk_method: 'group_limited_greedy', scoring_func: 'softmax', routed_scaling_factor: 16,
      rope_scaling: { beta_fast: 32, beta_slow: 1, factor: 40, mscale: 0.707, mscale_all_dim: 0.707, original_max_position_embeddings: 4096, type: 'yarn' },
    },
  },
  {
    name: 'deepseek-ai/DeepSeek-V3', totalBillions: 671, activeBillions: 37,
    config: {
      ...DEEPSEEK, architectures: ['DeepseekV3ForCausalLM'], model_type: 'deepseek_v3', vocab_size: 129_280, hidden_size: 7168, intermediate_size: 18_432, moe_intermediate_size: 2048,
      num_hidden_layers: 61, num_attention_heads: 128, num_key_value_heads: 128, n_routed_experts: 256, n_shared_experts: 1, num_experts_per_tok: 8, first_k_dense_replace: 3,
      num_nextn_predict_layers: 1, q_lora_rank: 1536, n_group: 8, topk_group: 4, topk_method: 'noaux_tc', scoring_func: 'sigmoid', norm_topk_prob: true, routed_scaling_factor: 2.5,
      quantization_config: { activation_scheme: 'dynamic', fmt: 'e4m3', quant_method: 'fp8', weight_block_size: [128, 128] },
      rope_scaling: { beta_fast: 32, beta_slow: 1, factor: 40, mscale: 1, mscale_all_dim: 1, original_max_position_embeddings: 4096, type: 'yarn' },
    },
  },
  {
    name: 'Qwen/Qwen1.5-MoE-A2.7B', totalBillions: 14.3, activeBillions: 2.7,
    config: {
      architectures: ['Qwen2MoeForCausalLM'], model_type: 'qwen2_moe', hidden_act: 'silu', vocab_size: 151_936, hidden_size: 2048, intermediate_size: 5632, moe_intermediate_size: 1408,
      shared_expert_intermediate_size: 5632, num_hidden_layers: 24, num_attention_heads: 16, num_key_value_heads: 16, num_experts: 60, num_experts_per_tok: 4, norm_topk_prob: false,
      decoder_sparse_step: 1, max_position_embeddings: 8192, max_window_layers: 21, sliding_window: 32_768, use_sliding_window: false, rms_norm_eps: 1e-6, rope_theta: 1_000_000,
      tie_word_embeddings: false,
    },
  },
  {
    name: 'Qwen/Qwen3-30B-A3B', totalBillions: 30.5, activeBillions: 3.3,
    config: {
      architectures: ['Qwen3MoeForCausalLM'], model_type: 'qwen3_moe', attention_bias: false, hidden_act: 'silu', vocab_size: 151_936, hidden_size: 2048, intermediate_size: 6144,
      moe_intermediate_size: 768, num_hidden_layers: 48, num_attention_heads: 32, num_key_value_heads: 4, head_dim: 128, num_experts: 128, num_experts_per_tok: 8, norm_topk_prob: true,
      decoder_sparse_step: 1, mlp_only_layers: [], max_position_embeddings: 40_960, max_window_layers: 48, sliding_window: null, use_sliding_window: false, rms_norm_eps: 1e-6,
      rope_scaling: null, rope_theta: 1_000_000, tie_word_embeddings: false,
    },
  },
  {
    name: 'allenai/OLMoE-1B-7B-0924', totalBillions: 6.9, activeBillions: 1.3,
    config: {
      architectures: ['OlmoeForCausalLM'], model_type: 'olmoe', attention_bias: false, clip_qkv: null, hidden_act: 'silu', vocab_size: 50_304, hidden_size: 2048, intermediate_size: 1024,
      num_hidden_layers: 16, num_attention_heads: 16, num_key_value_heads: 16, num_experts: 64, num_experts_per_tok: 8, norm_topk_prob: false, max_position_embeddings: 4096,
      rms_norm_eps: 1e-5, rope_scaling: null, rope_theta: 10_000, tie_word_embeddings: false,
    },
  },
  {
    name: 'mistralai/Mixtral-8x7B-v0.1', totalBillions: 46.7, activeBillions: 12.9,
    config: {
      architectures: ['MixtralForCausalLM'], model_type: 'mixtral', hidden_act: 'silu', vocab_size: 32_000, hidden_size: 4096, intermediate_size: 14_336, num_hidden_layers: 32,
      num_attention_heads: 32, num_key_value_heads: 8, num_local_experts: 8, num_experts_per_tok: 2, max_position_embeddings: 32_768, rms_norm_eps: 1e-5, rope_theta: 1_000_000,
      sliding_window: null, tie_word_embeddings: false, router_aux_loss_coef: 0.02, output_router_logits: false,
    },
  },
  {
    name: 'ibm-granite/granite-3.0-1b-a400m-base', totalBillions: 1.3, activeBillions: 0.4,
    config: {
      architectures: ['GraniteMoeForCausalLM'], model_type: 'granitemoe', attention_bias: false, attention_multiplier: 0.015625, embedding_multiplier: 12, hidden_act: 'silu', vocab_size: 49_155,
      hidden_size: 1024, intermediate_size: 512, logits_scaling: 6, num_hidden_layers: 24, num_attention_heads: 16, num_key_value_heads: 8, num_local_experts: 32, num_experts_per_tok: 8,
      max_position_embeddings: 4096, residual_multiplier: 0.22, rms_norm_eps: 1e-6, rope_scaling: null, rope_theta: 10_000, tie_word_embeddings: true,
    },
  },
  {
    name: 'openai/gpt-oss-20b', totalBillions: 20.9, activeBillions: 3.6, withoutEmbedding: true,
    config: {
      architectures: ['GptOssForCausalLM'], model_type: 'gpt_oss', attention_bias: true, hidden_act: 'silu', vocab_size: 201_088, hidden_size: 2880, intermediate_size: 2880, num_hidden_layers: 24,
      num_attention_heads: 64, num_key_value_heads: 8, head_dim: 64, num_local_experts: 32, num_experts_per_tok: 4, experts_per_token: 4, initial_context_length: 4096, swiglu_limit: 7,
      max_position_embeddings: 131_072, rms_norm_eps: 1e-5, sliding_window: 128, rope_theta: 150_000, tie_word_embeddings: false,
      layer_types: Array.from({ length: 24 }, (_, layer) => (layer % 2 === 0 ? 'sliding_attention' : 'full_attention')),
      rope_scaling: { beta_fast: 32, beta_slow: 1, factor: 32, original_max_position_embeddings: 4096, rope_type: 'yarn', truncate: false },
      quantization_config: { modules_to_not_convert: ['model.layers.*.self_attn', 'model.layers.*.mlp.router', 'model.embed_tokens', 'lm_head'], quant_method: 'mxfp4' },
    },
  },
  {
    // The stated 109 have the vision tower in them, which is no part of a topology: 108.6 on the Hub, of which 0.9 are the tower.
    name: 'meta-llama/Llama-4-Scout-17B-16E', totalBillions: 107.8, activeBillions: 17,
    config: {
      architectures: ['Llama4ForConditionalGeneration'], model_type: 'llama4', boi_token_index: 200_080, eoi_token_index: 200_081, image_token_index: 200_092, tie_word_embeddings: false,
      text_config: {
        model_type: 'llama4_text', attention_bias: false, attention_chunk_size: 8192, attn_scale: 0.1, attn_temperature_tuning: 4, floor_scale: 8192, for_llm_compressor: false, head_dim: 128,
        hidden_act: 'silu', hidden_size: 5120, interleave_moe_layer_step: 1, intermediate_size: 8192, intermediate_size_mlp: 16_384, max_position_embeddings: 262_144, no_rope_layers: [],
        num_attention_heads: 40, num_experts_per_tok: 1, num_hidden_layers: 48, num_key_value_heads: 8, num_local_experts: 16, rms_norm_eps: 1e-5, rope_theta: 500_000, use_qk_norm: true,
        rope_scaling: { factor: 16, high_freq_factor: 1, low_freq_factor: 1, original_max_position_embeddings: 8192, rope_type: 'llama3' }, vocab_size: 202_048,
      },
      vision_config: { model_type: 'llama4_vision_model', hidden_size: 1408, num_hidden_layers: 34 },
    },
  },
];
