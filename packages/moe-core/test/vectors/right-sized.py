"""Models with fewer experts, made inside of transformers and shown there to equal the full model with its routers masked.

    python right-sized.py                     writes right-sized.json
    python right-sized.py check FULL SMALL …  exits with 1 unless the models of each pair of directories agree in this way (experts kept: SMALL/expert_cfg.json)
"""
import copy, json, pathlib, sys, tempfile
import numpy as np, torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, Llama4ForConditionalGeneration
from vectors import sha256, write

SIZES = dict(vocab_size=32, hidden_size=16, intermediate_size=12, num_hidden_layers=3, num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=32,
             bos_token_id=None, eos_token_id=None, pad_token_id=None)
QWEN = dict(SIZES, moe_intermediate_size=8, num_experts=6, num_experts_per_tok=2)
DEEPSEEK = dict(SIZES, moe_intermediate_size=8, n_routed_experts=8, num_experts_per_tok=2, kv_lora_rank=6, q_lora_rank=10, qk_nope_head_dim=4, qk_rope_head_dim=2, v_head_dim=6,
                first_k_dense_replace=1)
LOCAL = dict(SIZES, num_local_experts=5, num_experts_per_tok=2)
LLAMA4 = dict(LOCAL, num_experts_per_tok=1, head_dim=8, intermediate_size_mlp=10)
VISION = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, vision_output_dim=16, image_size=28, patch_size=14, projector_input_dim=16,
              projector_output_dim=16)
EVERY = {"0": [4, 1, 3], "1": [0, 2, 1], "2": [2, 4, 3]}
CASES = {
    "qwen3_moe": ("qwen3_moe", QWEN, EVERY),
    "qwen3_moe normalised, one dense layer, K above what is left": ("qwen3_moe", dict(QWEN, norm_topk_prob=True, num_experts_per_tok=4, mlp_only_layers=[1]), {"0": [5, 2], "2": [1, 3]}),
    "qwen2_moe": ("qwen2_moe", dict(QWEN, shared_expert_intermediate_size=8), EVERY),
    "olmoe": ("olmoe", dict(SIZES, num_experts=5, num_experts_per_tok=2), EVERY),
    "mixtral": ("mixtral", LOCAL, EVERY),
    "granitemoe": ("granitemoe", LOCAL, EVERY),
    "gpt_oss": ("gpt_oss", dict(LOCAL, head_dim=8), EVERY),
    "llama4_text": ("llama4_text", LLAMA4, EVERY),
    "llama4 with vision": ("llama4", dict(text_config=dict(LLAMA4, num_hidden_layers=2), vision_config=VISION), {"0": [4, 1, 3], "1": [0, 2, 1]}),
    "deepseek_v2": ("deepseek_v2", DEEPSEEK, {"1": [7, 0, 3], "2": [2, 1, 5]}),
    "deepseek_v2 equal groups": ("deepseek_v2", dict(DEEPSEEK, topk_method="group_limited_greedy", n_group=4, topk_group=2), {"1": [0, 1, 2, 3, 6, 7], "2": [2, 3, 4, 5, 6, 7]}),
    "deepseek_v2 as many groups as a token may use": ("deepseek_v2", dict(DEEPSEEK, topk_method="group_limited_greedy", n_group=4, topk_group=2), {"1": [0, 1, 7], "2": [2, 4, 5]}),
    "deepseek_v3 one group": ("deepseek_v3", dict(DEEPSEEK, n_group=1, topk_group=1), {"1": [7, 0, 3], "2": [2, 1, 5]}),
    "deepseek_v3 equal groups": ("deepseek_v3", dict(DEEPSEEK, n_routed_experts=12, n_group=4, topk_group=2), {"1": [0, 2, 4, 5, 9, 11], "2": [0, 1, 3, 4, 6, 8]}),
    "deepseek_v3 as many groups as a token may use": ("deepseek_v3", dict(DEEPSEEK, n_group=4, topk_group=2), {"1": [0, 1, 7], "2": [2, 4, 5]}),
}
TOKENS = torch.arange(24).reshape(2, 12) * 7 % 32


def values(index: int, shape: list[int], shift: float) -> torch.Tensor:
    """Value i of tensor `index` (by name): 16 bits of a hash, so that another language makes the same float32; from -1/2 to 1/2, moved by `shift`."""
    x = (np.arange(int(np.prod(shape)), dtype=np.uint64) + np.uint64(index * 100_003)) & np.uint64(0xFFFFFFFF)
    for factor, bits in ((2654435761, 15), (2246822519, 13)):
        x = (x * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
        x ^= x >> np.uint64(bits)
    return torch.from_numpy(((x & np.uint64(0xFFFF)).astype(np.float64) / 65536 - 0.5 + shift).astype(np.float32)).reshape(shape)


def class_of(config):
    return Llama4ForConditionalGeneration if config.model_type == "llama4" else AutoModelForCausalLM


def build(config, **options):
    return Llama4ForConditionalGeneration(config) if config.model_type == "llama4" else AutoModelForCausalLM.from_config(config, **options)


def load(folder):
    """The model, and that every tensor of the files went into it."""
    model, info = class_of(AutoConfig.from_pretrained(folder)).from_pretrained(folder, trust_remote_code=False, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager", output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
    return model.eval()


def routers(model):
    """Per layer the router: the module whose weight has a row per expert and that stands beside the experts."""
    found = {}
    for name, module in model.named_modules():
        parts = name.split(".")
        if "layers" not in parts:
            continue
        weight = getattr(module, "weight", None)
        if parts[-1] in ("gate", "router") and weight is not None and weight.dim() == 2 and weight.shape[0] > 1:
            found[int(parts[parts.index("layers") + 1])] = module
    return found


def masked_logits(model, kept: dict[str, list[int]]):
    """Logits of the full model whose routers give -inf to every other expert; a bias that only the choice sees is far below every score there.
    (Were it -inf, a group that keeps one expert would count no more than one that keeps none, because a group's score is the sum of its best two.)"""
    masks = {}
    for layer, router in routers(model).items():
        mask = torch.ones(router.weight.shape[0], dtype=torch.bool)
        mask[kept[str(layer)]] = False
        masks[router.weight.data_ptr()] = mask
        if hasattr(router, "e_score_correction_bias"):
            router.e_score_correction_bias.data[mask] = -1e4
    linear, hits = F.linear, set()

    def masking(x, weight, bias=None):
        out = linear(x, weight, bias)
        mask = masks.get(weight.data_ptr())
        # The router may have been converted to float32 first: then the pointer is another.
        return out if mask is None else (hits.add(weight.data_ptr()), out.masked_fill(mask, float("-inf")))[1]

    F.linear = torch.nn.functional.linear = masking
    try:
        with torch.no_grad():
            logits = model(TOKENS).logits
    finally:
        F.linear = torch.nn.functional.linear = linear
    assert len(hits) == len(masks) == len(kept), (len(hits), len(masks), len(kept))
    return logits


def assert_masked(full, small, kept):
    with torch.no_grad():
        free = full(TOKENS).logits
        got = small(TOKENS).logits
    want = masked_logits(full, kept)
    error = (got - want).abs().max().item()
    moved = (free - want).abs().max().item()
    assert error < 1e-5 < 1e-3 < moved, (error, moved)
    return error, moved


def check(directories):
    for full, small in zip(directories[::2], directories[1::2], strict=True):
        kept = json.loads((pathlib.Path(small) / "expert_cfg.json").read_text())["experts"]
        print(f"{small}: %.1e, masking moves logits by %.1e" % assert_masked(load(full), load(small), kept), flush=True)


def shrink(model, config, kept):
    """A model of the smaller config with the experts' slices, taken in memory, where transformers keeps all experts of a layer in one tensor."""
    small = build(config, attn_implementation="eager", experts_implementation="eager").eval()
    state = {}
    for key, tensor in model.state_dict().items():
        parts = key.split(".")
        layer = parts[parts.index("layers") + 1] if "layers" in parts else None
        want = small.state_dict()[key].shape
        state[key] = tensor if layer not in kept or tensor.shape == want else tensor[sorted(kept[layer])]
        assert state[key].shape == want, key
    small.load_state_dict(state)
    return small


def small_config(config, kept):
    """By hand, family by family."""
    config = copy.deepcopy(config)
    count = len(next(iter(kept.values())))
    outer, config = config, config.get_text_config()
    for field in ("num_experts", "n_routed_experts", "num_local_experts"):
        if field in config.to_dict():
            setattr(config, field, count)
    config.num_experts_per_tok = min(config.num_experts_per_tok, count)
    if config.model_type in ("deepseek_v2", "deepseek_v3") and config.n_group is not None:
        size = 8 // config.n_group if count < 6 else (2 if config.model_type == "deepseek_v2" else 3)
        groups = {len({e // size for e in ids}) for ids in kept.values()}
        config.n_group, config.topk_group = (1, 1) if max(groups) <= config.topk_group else (groups.pop(), config.topk_group)
    return outer


def generate():
    out = []
    for name, (model_type, changes, kept) in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            config = AutoConfig.for_model(model_type, **changes)
            build(config).save_pretrained(path / "full")
            stored = load_file(path / "full/model.safetensors")
            names = sorted(stored, key=lambda key: key.encode())
            filled = {key: values(i, list(stored[key].shape), 1.0 if "norm" in key else 0.0) for i, key in enumerate(names)}
            save_file(filled, path / "full/model.safetensors", {"format": "pt"})
            full = load(path / "full")
            full.config.save_pretrained(path / "full")  # loading has written dtypes into nested configs
            small = shrink(full, small_config(full.config, kept), kept)
            small.save_pretrained(path / "small")
            error, moved = assert_masked(load(path / "full"), load(path / "small"), kept)
            print(f"{name}: {error:.1e}, masking moves logits by {moved:.1e}")
            made = load_file(path / "small/model.safetensors")
            tensors = {key: [list(made[key].shape), sha256(made[key].float().numpy().tobytes())[:16]] for key in sorted(made)}
            configs = [(path / which / "config.json").read_text() for which in ("full", "small")]
        out.append({"name": name, "config": configs[0], "smallConfig": configs[1], "experts": kept, "tensors": {key: list(filled[key].shape) for key in names}, "smallTensors": tensors})
    write("right-sized", ["torch", "transformers", "safetensors"], {"cases": out})


if __name__ == "__main__":
    check(sys.argv[2:]) if sys.argv[1:2] == ["check"] else generate()
