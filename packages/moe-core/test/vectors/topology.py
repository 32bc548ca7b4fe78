"""Configs and tensor lists as transformers saves them, of every family. Run: python topology.py"""
import json, pathlib, tempfile
import transformers
from safetensors import safe_open
from transformers import AutoConfig, AutoModelForCausalLM, Llama4ForConditionalGeneration
from vectors import write

SIZES = dict(vocab_size=48, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
             bos_token_id=None, eos_token_id=None, pad_token_id=None)
QWEN = dict(SIZES, moe_intermediate_size=8, num_experts=3, num_experts_per_tok=2)
DEEPSEEK = dict(SIZES, num_key_value_heads=4, moe_intermediate_size=8, n_routed_experts=4, num_experts_per_tok=2, kv_lora_rank=6, q_lora_rank=10, qk_nope_head_dim=4,
                qk_rope_head_dim=2, v_head_dim=6, first_k_dense_replace=1)
LOCAL = dict(SIZES, num_local_experts=3, num_experts_per_tok=2)
LLAMA4 = dict(LOCAL, num_experts_per_tok=1, head_dim=4, intermediate_size_mlp=20)
VISION = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, vision_output_dim=16, image_size=28, patch_size=14,
              projector_input_dim=16, projector_output_dim=16)
YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 2.0, "original_max_position_embeddings": 32, "mscale": 0.707, "mscale_all_dim": 0.707}
CASES = {
    "qwen3_moe plain": ("qwen3_moe", dict(vocab_size=96, hidden_size=32, intermediate_size=48, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
                                          moe_intermediate_size=24, num_experts=6, num_experts_per_tok=2, max_position_embeddings=64)),
    "qwen3_moe tied, normalised": ("qwen3_moe", dict(QWEN, tie_word_embeddings=True, norm_topk_prob=True, head_dim=16,
                                                     rope_parameters={"rope_type": "default", "rope_theta": 1000000.0})),
    "qwen3_moe some dense layers, biases": ("qwen3_moe", dict(QWEN, num_hidden_layers=4, mlp_only_layers=[1], decoder_sparse_step=2, rms_norm_eps=1e-5, attention_bias=True)),
    "deepseek_v2 query rank": ("deepseek_v2", DEEPSEEK),
    "deepseek_v2 full queries, yarn, tied": ("deepseek_v2", dict(DEEPSEEK, q_lora_rank=None, n_shared_experts=1, rope_parameters=YARN, tie_word_embeddings=True)),
    "deepseek_v2 groups, biases": ("deepseek_v2", dict(DEEPSEEK, first_k_dense_replace=0, topk_method="group_limited_greedy", n_group=2, topk_group=1, attention_bias=True,
                                                       mlp_bias=True, routed_scaling_factor=16.0)),
    "deepseek_v3 groups": ("deepseek_v3", dict(DEEPSEEK, n_group=2, topk_group=1, first_k_dense_replace=2)),
    "deepseek_v3 one group, full queries": ("deepseek_v3", dict(DEEPSEEK, n_group=1, topk_group=1, q_lora_rank=None, n_shared_experts=2, norm_topk_prob=False,
                                                                attention_bias=True, rope_interleave=False)),
    "qwen2_moe plain": ("qwen2_moe", dict(QWEN, shared_expert_intermediate_size=12)),
    "qwen2_moe dense layers, no bias": ("qwen2_moe", dict(QWEN, shared_expert_intermediate_size=20, mlp_only_layers=[0], qkv_bias=False, norm_topk_prob=True, tie_word_embeddings=True)),
    "qwen2_moe windows": ("qwen2_moe", dict(QWEN, use_sliding_window=True, sliding_window=16, max_window_layers=2)),
    "olmoe plain": ("olmoe", dict(SIZES, num_experts=3, num_experts_per_tok=2)),
    "olmoe biases, clipped": ("olmoe", dict(SIZES, num_experts=4, num_experts_per_tok=3, attention_bias=True, clip_qkv=8.0, tie_word_embeddings=True)),
    "mixtral plain": ("mixtral", LOCAL),
    "mixtral window, wide heads": ("mixtral", dict(LOCAL, sliding_window=16, head_dim=8, tie_word_embeddings=True)),
    "granitemoe plain": ("granitemoe", LOCAL),
    "granitemoe factors, biases": ("granitemoe", dict(LOCAL, attention_bias=True, tie_word_embeddings=True, embedding_multiplier=12.0, residual_multiplier=0.22,
                                                      attention_multiplier=0.015625, logits_scaling=6.0)),
    "gpt_oss plain": ("gpt_oss", dict(LOCAL, head_dim=4)),
    "gpt_oss no attention bias, default rope": ("gpt_oss", dict(LOCAL, head_dim=8, attention_bias=False, sliding_window=8, layer_types=["full_attention"] * 2 + ["sliding_attention"],
                                                                rope_parameters={"rope_type": "default", "rope_theta": 150000.0})),
    "llama4_text dense layers": ("llama4_text", dict(LLAMA4, interleave_moe_layer_step=2)),
    "llama4_text listed layers": ("llama4_text", dict(LLAMA4, moe_layers=[0, 2], no_rope_layers=[1, 0, 1], use_qk_norm=False, attn_temperature_tuning=False, attention_bias=True)),
    "llama4 with vision": ("llama4", dict(text_config=dict(LLAMA4, num_hidden_layers=2, num_local_experts=2), vision_config=VISION)),
}


def build(model_type: str, changes: dict):
    config = AutoConfig.for_model(model_type, **changes)
    return Llama4ForConditionalGeneration(config) if model_type == "llama4" else AutoModelForCausalLM.from_config(config)


out = []
for name, (model_type, changes) in CASES.items():
    with tempfile.TemporaryDirectory() as folder:
        model = build(model_type, changes)
        model.save_pretrained(folder)
        config = json.loads((pathlib.Path(folder) / "config.json").read_text())
        with safe_open(str(pathlib.Path(folder) / "model.safetensors"), "pt") as file:
            # The vision tower of llama4 is no part of a topology.
            keys = [key for key in sorted(file.keys()) if model_type != "llama4" or key.startswith("language_model.")]
            tensors = {key: " ".join(map(str, file.get_slice(key).get_shape())) for key in keys}
    buffers = sum(b.numel() for key, b in model.named_buffers() if key.endswith("e_score_correction_bias"))
    parameters = sum(p.numel() for p in (model.language_model if model_type == "llama4" else model).parameters())
    out.append({"name": name, "config": config, "tensors": tensors, "parameters": parameters + buffers})
write("topology", ["transformers", "safetensors"], {"cases": out})
