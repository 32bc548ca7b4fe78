"""torch on one thread: top-k of a softmax over all experts, plain and renormalised over the chosen."""
import numpy as np
import torch
from peer import seconds, serve

state = {}


def load(experts, tokens, seed, threads):
    torch.set_num_threads(threads)
    state["logits"] = torch.from_numpy(np.random.default_rng(seed).standard_normal((tokens, experts), dtype=np.float32))
    return torch.__version__


def full(k):
    return seconds(lambda: torch.topk(torch.softmax(state["logits"], dim=-1), k, dim=-1))


def renormalised(k):
    def run():
        weights, ids = torch.topk(torch.softmax(state["logits"], dim=-1), k, dim=-1)
        return ids, weights / weights.sum(dim=-1, keepdim=True)

    return seconds(run)


def renormalised_logits_first(k):
    def run():
        top, ids = torch.topk(state["logits"], k, dim=-1)
        return ids, torch.softmax(top, dim=-1)

    return seconds(run)


def deepseek_v3(k, groups, kept, scale):
    """The steps of DeepseekV3TopkRouter in transformers 5.18 after its matrix product, with a bias of zeros."""
    logits = state["logits"]
    experts = logits.shape[1]
    bias = torch.zeros(experts)

    def run():
        scores = logits.sigmoid()
        ranked = scores + bias
        best_groups = ranked.view(-1, groups, experts // groups).topk(2, dim=-1)[0].sum(dim=-1).topk(kept, dim=-1, sorted=False)[1]
        mask = torch.zeros(len(logits), groups).scatter_(1, best_groups, 1).repeat_interleave(experts // groups, dim=1)
        ids = ranked.masked_fill(mask == 0, float("-inf")).topk(k, dim=-1, sorted=False)[1]
        weights = scores.gather(1, ids)
        return ids, weights / (weights.sum(dim=-1, keepdim=True) + 1e-20) * scale

    return seconds(run)


serve(deepseek_v3=deepseek_v3, load=load, full=full, renormalised=renormalised, renormalised_logits_first=renormalised_logits_first)
