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


serve(load=load, full=full, renormalised=renormalised, renormalised_logits_first=renormalised_logits_first)
