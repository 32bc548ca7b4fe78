"""The routers of nine families in transformers, float32, on given logits: an identity matrix as router weight hands them through unchanged. Run: python routing.py"""
import types
import torch
from transformers.models.deepseek_v2.modeling_deepseek_v2 import DeepseekV2TopkRouter
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3TopkRouter
from transformers.models.gpt_oss.modeling_gpt_oss import GptOssTopKRouter
from transformers.models.granitemoe.modeling_granitemoe import GraniteMoeTopKRouter
from transformers.models.llama4.modeling_llama4 import Llama4Router
from transformers.models.mixtral.modeling_mixtral import MixtralTopKRouter
from transformers.models.olmoe.modeling_olmoe import OlmoeTopKRouter
from transformers.models.qwen2_moe.modeling_qwen2_moe import Qwen2MoeTopKRouter
from transformers.models.qwen3_moe.modeling_qwen3_moe import Qwen3MoeTopKRouter
from vectors import b64, write

torch.manual_seed(20261120)


def run(router, logits, bias=None):
    """(ids, weights) of a router, whatever the order in which its class returns them."""
    experts = logits.shape[1]
    with torch.no_grad():
        router.weight.copy_(torch.eye(experts))
        if bias is not None:
            router.e_score_correction_bias.copy_(bias)
        output = router(logits)
    if isinstance(router, Llama4Router):  # scores [T, E], 0 where an expert is not chosen; its sigmoid is never 0 on these logits
        scores, passed = output
        ids = scores.topk(router.top_k, dim=1).indices
        weights = scores.gather(1, ids)
    elif isinstance(router, GraniteMoeTopKRouter):
        ids, weights, passed = output
    else:
        passed, weights, ids = output
    assert torch.equal(passed, logits)
    return ids, weights


def gap(values, k):
    """Units in the last place between rank k and k + 1, per row."""
    if k >= values.shape[1]:
        return torch.full(values.shape[:1], 2**31)
    bits = values.sort(dim=1, descending=True).values[:, k - 1 : k + 1].contiguous().view(torch.int32).long()
    ordered = torch.where(bits < 0, -(2**31) - bits, bits)
    return ordered[:, 0] - ordered[:, 1]


def is_clear(router, logits, bias):
    """Where the choice is not left to rounding: over 4 units in the last place between the last chosen and the first not chosen of what the router ranks, groups included."""
    k = router.top_k
    if isinstance(router, (GptOssTopKRouter, GraniteMoeTopKRouter, Llama4Router)):
        return gap(logits, k) > 4
    scores = logits.softmax(1) if bias is None else logits.sigmoid() + bias
    groups = getattr(router, "num_group", None)
    if groups is None:
        return gap(scores, k) > 4
    per_group = scores.view(len(scores), groups, -1)
    group_scores = per_group.amax(2) if bias is None else per_group.topk(2, dim=2).values.sum(2)
    kept = torch.zeros_like(group_scores).scatter_(1, group_scores.topk(router.topk_group, dim=1).indices, 1).repeat_interleave(per_group.shape[2], dim=1)
    inside = scores.masked_fill(kept == 0, 0.0 if bias is None else float("-inf"))
    return (gap(group_scores, router.topk_group) > 4) & (gap(inside, k) > 4)


def case(name, router, logits, rule, bias=None):
    ids, weights = run(router, logits, bias)
    return {"name": name, "rule": {"experts": logits.shape[1], "expertsPerToken": ids.shape[1], **rule}, "logits": b64(logits.numpy().tobytes()),
            "selectionBias": None if bias is None else b64(bias.numpy().tobytes()),
            "clear": is_clear(router, logits, bias).int().tolist(), "ids": ids.flatten().tolist(), "weights": b64(weights.detach().contiguous().numpy().tobytes())}


def config(experts, k, **more):
    return types.SimpleNamespace(num_experts_per_tok=k, num_experts=experts, num_local_experts=experts, hidden_size=experts, **more)


def softmax_family(name, router, logits, k, normalize):
    experts = logits.shape[1]
    module = router(config(experts, k, norm_topk_prob=normalize))
    return case(f"{name} {experts}/{k}", module, logits, {"scoring": "softmax", "normalizeTopK": normalize})


def deepseek_v2(logits, k, method, scale, groups=None, kept=None):
    experts = logits.shape[1]
    module = DeepseekV2TopkRouter(config(experts, k, routed_scaling_factor=scale, topk_method=method, n_group=groups, topk_group=kept))
    rule = {"scoring": "softmax", "normalizeTopK": False, "scale": scale}
    if method != "greedy":
        rule["groups"] = {"count": groups, "kept": kept, "score": "max", "outside": "zero"}
    return case(f"deepseek_v2 {method} {experts}/{k}, scale {scale}", module, logits, rule)


def deepseek_v3(name, logits, k, groups, kept, scale, bias, normalize=True):
    experts = logits.shape[1]
    module = DeepseekV3TopkRouter(config(experts, k, routed_scaling_factor=scale, n_group=groups, topk_group=kept, norm_topk_prob=normalize))
    rule = {"scoring": "sigmoid", "normalizeTopK": normalize, "scale": scale, "groups": {"count": groups, "kept": kept, "score": "top2-sum", "outside": "exclude"}}
    return case(f"deepseek_v3 {experts}/{k}, {name}", module, logits, rule, bias)


randn = torch.randn
cases = []
for experts, k in [(16, 2), (64, 6), (128, 8)]:
    for normalize in (False, True):
        cases.append(softmax_family("qwen3_moe" + (", normalised" if normalize else ""), Qwen3MoeTopKRouter, randn(16, experts), k, normalize))
cases.append(softmax_family("qwen3_moe, wide, normalised", Qwen3MoeTopKRouter, randn(16, 64) * 30, 6, True))
cases.append(softmax_family("qwen3_moe, wide", Qwen3MoeTopKRouter, randn(16, 64) * 30, 6, False))
cases.append(softmax_family("qwen3_moe, narrow, normalised", Qwen3MoeTopKRouter, 1 + randn(16, 64) * 1e-4, 6, True))
cases.append(softmax_family("qwen3_moe, all chosen, normalised", Qwen3MoeTopKRouter, randn(8, 8), 8, True))
cases.append(softmax_family("qwen3_moe, one chosen", Qwen3MoeTopKRouter, randn(8, 8), 1, False))
cases.append(softmax_family("qwen3_moe, bfloat16 logits, normalised", Qwen3MoeTopKRouter, randn(24, 64).bfloat16().float(), 8, True))
for normalize in (False, True):
    cases.append(softmax_family("qwen2_moe" + (", normalised" if normalize else ""), Qwen2MoeTopKRouter, randn(16, 60), 4, normalize))
    cases.append(softmax_family("olmoe" + (", normalised" if normalize else ""), OlmoeTopKRouter, randn(16, 64), 8, normalize))
cases.append(softmax_family("mixtral", MixtralTopKRouter, randn(32, 8), 2, True))
cases.append(softmax_family("mixtral, wide", MixtralTopKRouter, randn(32, 8) * 20, 2, True))
for name, router in [("granitemoe", GraniteMoeTopKRouter), ("gpt_oss", GptOssTopKRouter)]:
    for experts, k in [(8, 2), (32, 4), (128, 4)]:
        cases.append(softmax_family(name, router, randn(16, experts), k, True))
    cases.append(softmax_family(f"{name}, wide", router, randn(16, 32) * 30, 4, True))
for experts, k in [(16, 1), (128, 1), (16, 2)]:
    cases.append(case(f"llama4 {experts}/{k}", Llama4Router(config(experts, k)), randn(24, experts) * 3, {"scoring": "sigmoid", "normalizeTopK": False}))
for scale in (1.0, 16.0):
    cases.append(deepseek_v2(randn(16, 64), 6, "greedy", scale))
    cases.append(deepseek_v2(randn(8, 160), 6, "group_limited_greedy", scale, 8, 3))
cases.append(deepseek_v2(randn(16, 16), 3, "group_limited_greedy", 2.5, 8, 2))
cases.append(deepseek_v3("zero bias", randn(16, 64), 8, 8, 4, 2.5, torch.zeros(64)))
cases.append(deepseek_v3("released shape", randn(8, 256), 8, 8, 4, 2.5, randn(256) * 0.1))
cases.append(deepseek_v3("negative bias", randn(24, 64), 8, 8, 4, 2.5, -1 - torch.rand(64)))
cases.append(deepseek_v3("large bias", randn(24, 64), 6, 4, 2, 1.0, 5 * randn(64)))
cases.append(deepseek_v3("one group", randn(16, 32), 4, 1, 1, 1.0, randn(32) * 0.1))
cases.append(deepseek_v3("not normalised", randn(16, 32), 4, 4, 2, 2.5, randn(32) * 0.1, normalize=False))
cases.append(deepseek_v3("low scores", randn(16, 32) * 5 - 60, 4, 4, 2, 2.5, randn(32) * 0.1))
write("routing", ["torch", "transformers"], {"cases": cases})
