"""Makes this folder's vectors with transformers and PyTorch, the references: tiny random models of every family that the engine computes.

Run here: python generate.py [name …]   (versions of the stored run stand in manifest.json)

<name>/config.json, model.safetensors   a tiny random model, float32, as transformers saves it
<name>/expected.safetensors             tokens, logits, token losses, routing, gradients of every parameter by autograd
"""
import hashlib, json, pathlib, sys
import torch, transformers
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

HERE = pathlib.Path(__file__).parent
COMMON = dict(max_position_embeddings=64, bos_token_id=None, eos_token_id=None, pad_token_id=None)
DEEPSEEK = dict(hidden_size=16, num_hidden_layers=3, num_attention_heads=2, num_key_value_heads=2, intermediate_size=20, moe_intermediate_size=10, vocab_size=32,
                n_routed_experts=6, num_experts_per_tok=2, n_shared_experts=2, first_k_dense_replace=1, kv_lora_rank=12, q_lora_rank=None, qk_nope_head_dim=6,
                qk_rope_head_dim=4, v_head_dim=6, rms_norm_eps=1e-5)
YARN = dict(rope_type="yarn", rope_theta=10000.0, factor=4.0, original_max_position_embeddings=16, beta_fast=32, beta_slow=1)
LLAMA3 = dict(rope_type="llama3", rope_theta=10000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)
QWEN = dict(hidden_size=12, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=14, moe_intermediate_size=8, vocab_size=32,
            num_experts=4, num_experts_per_tok=2)
QWEN2 = dict(QWEN, shared_expert_intermediate_size=10, rms_norm_eps=1e-5)
OLMOE = dict(hidden_size=12, num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=3, intermediate_size=8, vocab_size=32, num_experts=5, num_experts_per_tok=3)
MIXTRAL = dict(hidden_size=12, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=6, intermediate_size=9, vocab_size=32, num_local_experts=4, num_experts_per_tok=2)
GRANITE = dict(hidden_size=12, num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=3, intermediate_size=7, vocab_size=32, num_local_experts=4, num_experts_per_tok=2)
LLAMA4 = dict(hidden_size=12, num_attention_heads=4, num_key_value_heads=2, head_dim=6, intermediate_size=8, intermediate_size_mlp=10, vocab_size=32, num_local_experts=4, num_experts_per_tok=1)

# name: model_type, config, (rows, positions)
MODELS = {
    # As DeepSeek-V2-Lite: full query matrix, YaRN with equal mscales (so only the softmax is scaled), a dense layer, two shared experts.
    "deepseek-lite": ("deepseek_v2", dict(DEEPSEEK, rope_parameters=dict(YARN, mscale=0.707, mscale_all_dim=0.707)), (2, 8)),
    # As DeepSeek-V2: query rank, groups, scaled weights, YaRN whose mscales differ (queries and keys are scaled, too), every layer with experts.
    "deepseek-groups": ("deepseek_v2", dict(DEEPSEEK, num_hidden_layers=2, first_k_dense_replace=0, hidden_size=12, num_attention_heads=3, num_key_value_heads=3, q_lora_rank=7, n_routed_experts=8, num_experts_per_tok=3,
                        topk_method="group_limited_greedy", n_group=4, topk_group=2, routed_scaling_factor=4.0, n_shared_experts=1,
                        rope_parameters=dict(YARN, mscale=1.0, mscale_all_dim=0.5)), (2, 7)),
    # Odd sizes, biases, plain rope, tied head, top 1, more experts than some rows use.
    "deepseek-odd": ("deepseek_v2", dict(DEEPSEEK, hidden_size=11, num_hidden_layers=2, num_attention_heads=1, num_key_value_heads=1, q_lora_rank=5, kv_lora_rank=8, qk_nope_head_dim=4, qk_rope_head_dim=2, v_head_dim=5,
                     moe_intermediate_size=7, n_routed_experts=9, num_experts_per_tok=1, attention_bias=True, mlp_bias=True, tie_word_embeddings=True, routed_scaling_factor=2.5,
                     vocab_size=29), (1, 5)),
    # As DeepSeek-V3: sigmoid scores, a bias that only the choice sees, groups by their two best, renormalised and scaled weights, YaRN.
    "deepseek-v3": ("deepseek_v3", dict(DEEPSEEK, hidden_size=12, num_hidden_layers=2, first_k_dense_replace=1, q_lora_rank=7, n_routed_experts=8, num_experts_per_tok=3, n_shared_experts=1, n_group=4, topk_group=2,
                    moe_intermediate_size=6, rope_parameters=dict(YARN, mscale=1.0, mscale_all_dim=1.0)), (2, 7)),
    # Pairs half a head apart, one group, weights not renormalised, biases, tied head.
    "deepseek-v3-plain": ("deepseek_v3", dict(DEEPSEEK, hidden_size=10, num_hidden_layers=2, first_k_dense_replace=0, n_routed_experts=5, n_shared_experts=1, n_group=1, topk_group=1, norm_topk_prob=False,
                          moe_intermediate_size=6, routed_scaling_factor=1.5, attention_bias=True, rope_interleave=False, tie_word_embeddings=True), (1, 6)),
    # Biases on queries, keys and values, a gated shared expert, weights as they are, rope stretched linearly.
    "qwen2": ("qwen2_moe", dict(QWEN2, head_dim=6, rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=3.0)), (2, 7)),
    # Dense layers by both rules, no biases, renormalised weights, tied head, one key-value head, windows in some layers.
    "qwen2-dense": ("qwen2_moe", dict(QWEN2, num_hidden_layers=6, num_key_value_heads=1, decoder_sparse_step=2, mlp_only_layers=[3], qkv_bias=False, norm_topk_prob=True, tie_word_embeddings=True,
                    head_dim=2, use_sliding_window=True, sliding_window=3, max_window_layers=4, num_experts=3), (2, 8)),
    # Biases everywhere, top 1, a window in every layer, rope stretched as in YaRN without mscales.
    "qwen3-window": ("qwen3_moe", dict(QWEN, hidden_size=9, num_attention_heads=3, num_key_value_heads=1, head_dim=8, attention_bias=True, num_experts=7, num_experts_per_tok=1, use_sliding_window=True, sliding_window=4,
                     rope_parameters=dict(YARN, original_max_position_embeddings=8, factor=2.5)), (1, 9)),
    # Short and long factors of rope: rows longer than the trained length.
    "qwen3-longrope": ("qwen3_moe", dict(QWEN, head_dim=6, norm_topk_prob=True, max_position_embeddings=24,
                       rope_parameters=dict(rope_type="longrope", rope_theta=10000.0, original_max_position_embeddings=6, short_factor=[1.0, 1.1, 1.2], long_factor=[1.5, 2.5, 4.0])), (2, 8)),
    # Norms over the full width of queries and keys, no groups, every query clipped somewhere.
    "olmoe": ("olmoe", dict(OLMOE, clip_qkv=0.8), (2, 6)),
    # Shared key-value heads, biases, renormalised weights, tied head, rope whose theta grows with rows beyond the trained length.
    "olmoe-grouped": ("olmoe", dict(OLMOE, hidden_size=16, num_attention_heads=4, num_key_value_heads=2, attention_bias=True, norm_topk_prob=True, tie_word_embeddings=True, max_position_embeddings=5,
                      rope_parameters=dict(rope_type="dynamic", rope_theta=10000.0, factor=2.0)), (1, 8)),
    # Other tensor names, heads wider than the hidden size, rope stretched as in Llama 3.
    "mixtral": ("mixtral", dict(MIXTRAL, head_dim=8, rope_parameters=LLAMA3), (2, 7)),
    # A window, odd sizes, tied head, experts that get no tokens.
    "mixtral-window": ("mixtral", dict(MIXTRAL, hidden_size=7, num_attention_heads=1, num_key_value_heads=1, num_local_experts=9, intermediate_size=5, vocab_size=19, sliding_window=3, tie_word_embeddings=True), (1, 7)),
    # Fixed factors on embeddings, attention, residuals and logits; experts of a layer in one tensor.
    "granite": ("granitemoe", dict(GRANITE, embedding_multiplier=3.0, attention_multiplier=0.3, residual_multiplier=0.6, logits_scaling=2.5), (2, 6)),
    # Tied head, biases, one key-value head, top 1.
    "granite-tied": ("granitemoe", dict(GRANITE, num_key_value_heads=1, num_experts_per_tok=1, attention_bias=True, tie_word_embeddings=True, intermediate_size=5), (1, 5)),
    # Layers without rope whose queries are scaled by position, chunks, norms without weights, weights on the input of experts, a shared expert.
    "llama4": ("llama4_text", dict(LLAMA4, num_hidden_layers=3, no_rope_layers=[1, 0, 1], attention_chunk_size=3, floor_scale=2, attn_scale=0.5), (2, 7)),
    # Dense layers between, no norms, biases, top 2, tied head.
    "llama4-dense": ("llama4_text", dict(LLAMA4, num_hidden_layers=2, interleave_moe_layer_step=2, num_experts_per_tok=2, use_qk_norm=False, attn_temperature_tuning=False, attention_bias=True,
                     tie_word_embeddings=True), (1, 6)),
}

# Names of an expert's gate, up and down matrix on disk.
SEPARATE = ("mlp", "gate_proj", "up_proj", "down_proj")
NAMES = {"mixtral": ("block_sparse_moe", "w1", "w3", "w2")}
# On disk, too, these hold a layer's experts in two tensors; gradients get the names that moe-core gives to single experts.
FUSED = ("granitemoe", "llama4_text")


def make(name):
    family, changes, _ = MODELS[name]
    torch.manual_seed(sum(map(ord, name)))
    config = AutoConfig.for_model(family, **{**COMMON, **changes})
    config._attn_implementation = "eager"
    config._experts_implementation = "eager"
    model = AutoModelForCausalLM.from_config(config).float().eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            parameter.copy_(1 + 0.2 * torch.randn_like(parameter) if "norm" in key else 0.4 * torch.randn_like(parameter))
        for key, buffer in model.named_buffers():
            if key.endswith("e_score_correction_bias"):
                buffer.copy_(0.3 * torch.randn_like(buffer))
    return model


def gradients(model, family):
    """On-disk name -> gradient: transformers holds a layer's experts in fused tensors, gate rows above up rows."""
    block, gate, up, down = NAMES.get(family, SEPARATE)
    out = {}
    for key, parameter in model.named_parameters():
        key = f"gradient/{key.replace('.mlp.', f'.{block}.')}"
        if not key.endswith(("gate_up_proj", "experts.down_proj")):
            out[key.replace("router.weight", "router.layer.weight") if family == "granitemoe" else key] = parameter.grad
            continue
        key = key.replace("block_sparse_moe", block).replace("feed_forward", "mlp") if family in FUSED else key
        grad = parameter.grad.transpose(1, 2) if family == "llama4_text" else parameter.grad
        prefix, width = key.rpartition(".")[0], grad.shape[1] // 2
        for e, expert in enumerate(grad):
            if key.endswith("experts.down_proj"):
                out[f"{prefix}.{e}.{down}.weight"] = expert
            else:
                out[f"{prefix}.{e}.{gate}.weight"], out[f"{prefix}.{e}.{up}.weight"] = expert[:width], expert[width:]
    return out


def in_order(router, output):
    if len(output) == 3:
        return output if output[2].dtype == torch.int64 else output[::-1][:1] + (output[1], output[0])
    scores, logits = output
    ids = logits.topk(router.top_k, dim=1).indices
    return logits, scores.gather(1, ids), ids


def watch_routing(model, routing):
    """Each router gives logits, weights, ids; some leave their order open, here it is by falling weight, or biased score where the choice sees a bias."""
    def hook(index):
        def record(module, _inputs, output):
            logits, weights, ids = in_order(module, output)
            bias = getattr(module, "e_score_correction_bias", None)
            rank = weights if bias is None else (logits.sigmoid() + bias).gather(1, ids)
            order = rank.detach().argsort(dim=-1, descending=True, stable=True)
            routing[f"ids.{index}"] = ids.gather(1, order).to(torch.int32)
            routing[f"weights.{index}"] = weights.detach().gather(1, order)
            assert all(len(set(row)) == len(row) for row in routing[f"ids.{index}"].tolist())
        return record

    for index, layer in enumerate(model.model.layers):
        block = next(getattr(layer, name) for name in ("mlp", "block_sparse_moe", "feed_forward") if hasattr(layer, name))
        router = getattr(block, "gate", getattr(block, "router", None))
        if router is not None:
            router.register_forward_hook(hook(index))


def vectors(name):
    family, _, shape = MODELS[name]
    model = make(name)
    folder = HERE / name
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    tokens = torch.randint(0, model.config.vocab_size, shape)
    routing = {}
    watch_routing(model, routing)
    logits = model(input_ids=tokens).logits
    losses = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten(), reduction="none").view(shape[0], -1)
    loss = losses.mean()
    loss.backward()
    assert abs(loss.item() - model(input_ids=tokens, labels=tokens).loss.item()) < 1e-6 * loss.item()
    tensors = {"tokens": tokens.to(torch.int32), "logits": logits.detach(), "losses": losses.detach(), "loss": loss.detach().view(1), **routing, **gradients(model, family)}
    save_file({key: value.contiguous().clone() for key, value in tensors.items()}, folder / "expected.safetensors")


torch.set_num_threads(1)
for model_name in sys.argv[1:] or MODELS:
    vectors(model_name)
files = sorted(p for p in HERE.rglob("*") if p.suffix == ".safetensors" or p.name == "config.json")
manifest = {
    "generator": "packages/moe-engine/test/vectors/families/generate.py",
    "versions": {"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0], "python": sys.version.split()[0]},
    "files": {str(p.relative_to(HERE)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files},
}
(HERE / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
