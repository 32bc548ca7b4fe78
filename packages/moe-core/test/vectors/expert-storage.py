"""Tiny models of every family as transformers saves them, and what one expert's own forward gives for some inputs. Run: python expert-storage.py

The oracle is the module's forward with a routing weight of 1, whatever its layout in memory: gate, up, down and biases taken from the file must give the same."""
import json, pathlib, tempfile
import torch
from transformers import AutoConfig, AutoModelForCausalLM, Llama4ForConditionalGeneration
from vectors import b64, write

SIZES = dict(vocab_size=8, hidden_size=6, intermediate_size=5, num_hidden_layers=1, num_attention_heads=1, num_key_value_heads=1, head_dim=2, max_position_embeddings=16,
             tie_word_embeddings=True, bos_token_id=None, eos_token_id=None, pad_token_id=None)
QWEN = dict(SIZES, intermediate_size=4, moe_intermediate_size=5, num_experts=3, num_experts_per_tok=1)
DEEPSEEK = dict(SIZES, intermediate_size=4, moe_intermediate_size=5, n_routed_experts=4, num_experts_per_tok=1, kv_lora_rank=2, q_lora_rank=None, qk_nope_head_dim=2, qk_rope_head_dim=2,
                v_head_dim=2, n_shared_experts=1, first_k_dense_replace=0, n_group=1, topk_group=1)
LOCAL = dict(SIZES, num_local_experts=3, num_experts_per_tok=1)
VISION = dict(hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4, vision_output_dim=4, image_size=2, patch_size=1, projector_input_dim=4, projector_output_dim=4)
CASES = {
    "deepseek_v2": DEEPSEEK, "deepseek_v3": DEEPSEEK, "qwen2_moe": dict(QWEN, shared_expert_intermediate_size=2), "qwen3_moe": QWEN,
    "olmoe": dict({k: v for k, v in SIZES.items() if k != "head_dim"}, num_experts=3, num_experts_per_tok=1), "mixtral": LOCAL, "granitemoe": LOCAL, "gpt_oss": LOCAL, "llama4_text": dict(LOCAL, intermediate_size_mlp=4),
    "llama4": dict(text_config=dict(LOCAL, intermediate_size_mlp=4), vision_config=VISION),
}


def expert_output(experts, expert: int, inputs: torch.Tensor) -> torch.Tensor:
    """The expert alone, with weight 1."""
    if "Llama4" in type(experts).__name__:  # runs all experts, each on its own rows
        return experts(inputs.repeat(experts.num_experts, 1)).view(experts.num_experts, *inputs.shape)[expert]
    return experts(inputs, torch.full((len(inputs), 1), expert), torch.ones(len(inputs), 1))


torch.manual_seed(11)
out = []
for model_type, changes in CASES.items():
    config = AutoConfig.for_model(model_type, **changes)
    model = Llama4ForConditionalGeneration(config) if model_type == "llama4" else AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_((torch.randn_like(parameter) * 2).bfloat16())
    model.set_experts_implementation("eager")
    experts = next(module for module in model.modules() if type(module).__name__.endswith("Experts"))
    inputs = torch.randn(4, 6)
    with torch.no_grad():
        outputs = [expert_output(experts, expert, inputs) for expert in range(experts.num_experts)]
    with tempfile.TemporaryDirectory() as folder:
        model.bfloat16().save_pretrained(folder)
        config = json.loads((pathlib.Path(folder) / "config.json").read_text())
        file = (pathlib.Path(folder) / "model.safetensors").read_bytes()
    out.append({"name": model_type, "config": config, "file": b64(file), "inputs": inputs.tolist(), "outputs": [output.tolist() for output in outputs]})
write("expert-storage", ["transformers", "torch", "safetensors"], {"cases": out})
