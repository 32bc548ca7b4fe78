"""Operations of transformers' models as torch counts them (torch.utils.flop_counter). Run: python flop-counts.py"""
import json
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModelForCausalLM
from vectors import write

SIZES = dict(vocab_size=44, hidden_size=24, intermediate_size=26, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
             bos_token_id=None, eos_token_id=None, pad_token_id=None)
QWEN = dict(SIZES, moe_intermediate_size=10, num_experts=5, num_experts_per_tok=2)
DEEPSEEK = dict(SIZES, num_key_value_heads=4, moe_intermediate_size=10, n_routed_experts=4, num_experts_per_tok=3, kv_lora_rank=6, q_lora_rank=10, qk_nope_head_dim=4,
                qk_rope_head_dim=2, v_head_dim=6, first_k_dense_replace=1)
CASES = {
    "qwen3_moe wide heads, a dense layer": ("qwen3_moe", dict(QWEN, head_dim=8, mlp_only_layers=[1])),
    "qwen2_moe shared expert": ("qwen2_moe", dict(QWEN, shared_expert_intermediate_size=14)),
    "olmoe": ("olmoe", dict(SIZES, num_experts=6, num_experts_per_tok=4)),
    "mixtral tied": ("mixtral", dict(SIZES, num_local_experts=3, num_experts_per_tok=2, tie_word_embeddings=True)),
    "deepseek_v2 query rank": ("deepseek_v2", DEEPSEEK),
    "deepseek_v2 full queries, two shared experts": ("deepseek_v2", dict(DEEPSEEK, q_lora_rank=None, n_shared_experts=2)),
    "deepseek_v3": ("deepseek_v3", dict(DEEPSEEK, n_group=2, topk_group=2)),
}
ROWS, POSITIONS = 2, 9


def count(action):
    """Of all modules but rotary embeddings, whose tables are made by a product of positions and frequencies."""
    with FlopCounterMode(display=False) as counter:
        action()
    modules = counter.get_flop_counts()
    rotary = sum(sum(counts.values()) for name, counts in modules.items() if name.endswith("rotary_emb"))
    return counter.get_total_flops() - rotary


def counts_of(model_type, changes):
    config = AutoConfig.for_model(model_type, **changes)
    config._experts_implementation = "eager"
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float()
    tokens = torch.randint(0, config.vocab_size, (ROWS, POSITIONS))

    def forward():
        hidden = model.model(input_ids=tokens).last_hidden_state
        return torch.nn.functional.cross_entropy(model.lm_head(hidden[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())

    experts = [layer for layer, block in enumerate(model.model.layers) if hasattr(block.mlp, "experts")]
    out = {"forward": count(lambda: torch.no_grad()(forward)()), "everything": count(lambda: forward().backward()), "experts": {}}
    for lowest in experts:
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        for parameter in model.model.layers[lowest].mlp.experts.parameters():
            parameter.requires_grad_(True)
        out["experts"][str(lowest)] = count(lambda: forward().backward())
    return json.loads(config.to_json_string()) | {"model_type": model_type}, out


torch.manual_seed(0)
cases = []
for name, (model_type, changes) in CASES.items():
    config, counts = counts_of(model_type, changes)
    cases.append({"name": name, "config": config, **counts})
write("flop-counts", ["torch", "transformers"], {"rows": ROWS, "positions": POSITIONS, "cases": cases})
