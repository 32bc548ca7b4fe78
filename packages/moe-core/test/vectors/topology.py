"""Configs and tensor lists as transformers saves them. Run: python topology.py"""
import json, pathlib, tempfile
from safetensors import safe_open
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM
from vectors import write

BASE = dict(vocab_size=96, hidden_size=32, intermediate_size=48, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
            moe_intermediate_size=24, num_experts=6, num_experts_per_tok=2, max_position_embeddings=64)
CASES = {
    "plain": {},
    "tied, normalised": dict(tie_word_embeddings=True, norm_topk_prob=True, head_dim=16, rope_parameters={"rope_type": "default", "rope_theta": 1000000.0}),
    "some dense layers": dict(mlp_only_layers=[1], decoder_sparse_step=2, rms_norm_eps=1e-5),
}
out = []
for name, changes in CASES.items():
    with tempfile.TemporaryDirectory() as folder:
        model = Qwen3MoeForCausalLM(Qwen3MoeConfig(**{**BASE, **changes}))
        model.save_pretrained(folder)
        config = json.loads((pathlib.Path(folder) / "config.json").read_text())
        with safe_open(str(pathlib.Path(folder) / "model.safetensors"), "pt") as file:
            shapes = {key: list(file.get_slice(key).get_shape()) for key in sorted(file.keys())}
    out.append({"name": name, "config": config, "shapes": shapes, "parameters": sum(p.numel() for p in model.parameters())})
write("topology", ["transformers", "safetensors"], {"cases": out})
