"""transformers' Qwen3MoeTopKRouter on given logits: an identity matrix as router weight hands them through unchanged. Run: python routing.py"""
import types
import torch
from transformers.models.qwen3_moe.modeling_qwen3_moe import Qwen3MoeTopKRouter
from vectors import b64, write

torch.manual_seed(20261120)


def case(name, logits, k, normalize):
    experts = logits.shape[1]
    config = types.SimpleNamespace(num_experts_per_tok=k, num_experts=experts, norm_topk_prob=normalize, hidden_size=experts)
    router = Qwen3MoeTopKRouter(config)
    with torch.no_grad():
        router.weight.copy_(torch.eye(experts))
        passed, weights, ids = router(logits)
    assert torch.equal(passed, logits)
    return {"name": name, "experts": experts, "expertsPerToken": k, "normalizeTopK": normalize,
            "logits": b64(logits.numpy().tobytes()), "ids": ids.flatten().tolist(), "weights": b64(weights.detach().numpy().tobytes())}


cases = []
for experts, k in [(16, 2), (64, 6), (128, 8)]:
    for normalize in (False, True):
        cases.append(case(f"{experts}/{k} {'normalised' if normalize else 'plain'}", torch.randn(32, experts), k, normalize))
cases.append(case("wide", torch.randn(16, 64) * 30, 6, True))
cases.append(case("wide, not normalised", torch.randn(16, 64) * 30, 6, False))
cases.append(case("narrow", 1 + torch.randn(16, 64) * 1e-4, 6, True))
cases.append(case("all chosen", torch.randn(8, 8), 8, True))
cases.append(case("one chosen", torch.randn(8, 8), 1, False))
cases.append(case("bf16 logits", torch.randn(32, 64).bfloat16().float(), 8, True))
write("routing", ["torch", "transformers"], {"cases": cases})
