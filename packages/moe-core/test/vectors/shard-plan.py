"""How huggingface_hub cuts a checkpoint into files, and the index that transformers writes. Run: python shard-plan.py"""
import json, pathlib, random, tempfile
import torch
from huggingface_hub import split_torch_state_dict_into_shards
from safetensors.torch import save_file
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM
from vectors import sha256, write

random.seed(3)
plans = []
for limit in (1, 40, 64, 100, 10_000):
    for count in (1, 7, 20):
        sizes = [random.choice((1, 8, 20, 39, 40, 41, 64, 100, 101)) for _ in range(count)]
        state = {f"t{i:02}": torch.zeros(size, dtype=torch.uint8) for i, size in enumerate(sizes)}
        plan = split_torch_state_dict_into_shards(state, filename_pattern="model{suffix}.safetensors", max_shard_size=limit)
        files = [{"name": name, "tensors": tensors} for name, tensors in plan.filename_to_tensors.items()]
        plans.append({"limit": limit, "sizes": sizes, "files": files, "totalBytes": plan.metadata["total_size"]})

config = Qwen3MoeConfig(vocab_size=24, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1, head_dim=4,
                        moe_intermediate_size=4, num_experts=2, num_experts_per_tok=1)
with tempfile.TemporaryDirectory() as folder:
    Qwen3MoeForCausalLM(config).save_pretrained(folder, max_shard_size="1KB")
    folder = pathlib.Path(folder)
    index = json.loads((folder / "model.safetensors.index.json").read_text())
write("shard-plan", ["huggingface_hub", "transformers", "torch"], {"plans": plans, "index": index})
