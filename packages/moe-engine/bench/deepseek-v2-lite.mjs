/**
 * DeepSeek-V2-Lite as it is published, for measurements at its real size.
 * @see https://huggingface.co/deepseek-ai/DeepSeek-V2-Lite/blob/main/config.json
 * @module
 */

/**
 * `config.json`, at any depth: 27 layers are published. Left out are `routed_scaling_factor` and `attention_dropout`, whose 1.0 and 0.0 are the defaults: JSON of JavaScript has them as whole numbers,
 * which transformers refuses.
 */
export function deepseekV2Lite(layers = 27) {
  return {
    architectures: ['DeepseekV2ForCausalLM'], model_type: 'deepseek_v2', vocab_size: 102_400, hidden_size: 2048, intermediate_size: 10_944, moe_intermediate_size: 1408, num_hidden_layers: layers,
    num_attention_heads: 16, num_key_value_heads: 16, n_shared_experts: 2, n_routed_experts: 64, num_experts_per_tok: 6, moe_layer_freq: 1, first_k_dense_replace: 1, n_group: 1, topk_group: 1,
    topk_method: 'greedy', scoring_func: 'softmax', norm_topk_prob: false, aux_loss_alpha: 0.001, seq_aux: true, kv_lora_rank: 512, q_lora_rank: null,
    qk_nope_head_dim: 128, qk_rope_head_dim: 64, v_head_dim: 128, hidden_act: 'silu', rms_norm_eps: 1e-6, attention_bias: false, initializer_range: 0.02,
    max_position_embeddings: 163_840, rope_theta: 10_000, rope_scaling: { beta_fast: 32, beta_slow: 1, factor: 40, mscale: 0.707, mscale_all_dim: 0.707, original_max_position_embeddings: 4096, type: 'yarn' },
    tie_word_embeddings: false, bos_token_id: 100_000, eos_token_id: 100_001, pretraining_tp: 1, torch_dtype: 'bfloat16', use_cache: true,
  };
}
