"""The peer of pretrain.bench.mjs: the same pretraining in PyTorch with transformers. This script made the committed model, on rows that it drew itself.

Usage: python pretrain.py DIRECTORY --threads N

DIRECTORY holds the start (config.json, model.safetensors in float32), rows.safetensors (`rows`, int32 [steps * batch, row]) and training.json. Prints a line of JSON for every
100 steps and writes the trained weights to DIRECTORY/pytorch.
"""

import argparse
import json
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM


def load(directory: Path):
    config = AutoConfig.from_pretrained(directory)
    # With a padding token PyTorch's embedding gives that row, which ends documents here, no gradient from the input.
    config.pad_token_id = None
    # 30 times as fast as batched_mm on a CPU at this size.
    config._experts_implementation = "grouped_mm"
    return AutoModelForCausalLM.from_pretrained(directory, config=config, dtype=torch.float32).train()


def rate(step: int, t: dict) -> float:
    """Linear warm-up, then cosine to a share of the peak."""
    if step < t["warmupSteps"]:
        return t["learningRate"] * (step + 1) / t["warmupSteps"]
    progress = (step - t["warmupSteps"]) / (t["steps"] - t["warmupSteps"])
    return t["learningRate"] * (t["finalShare"] + (1 - t["finalShare"]) * 0.5 * (1 + math.cos(math.pi * progress)))


def balance_loss(router_logits, active: int) -> torch.Tensor:
    """Mean over layers of `E * sum_e(choices of e per token * mean probability of e)`; `active` when balanced.

    Summed over layers, four times as strong, it spread mathematics over more experts (1.5 instead of 1 a layer at threshold 0.2, one run each).
    """
    total = torch.zeros(())
    for logits in router_logits:
        probabilities = logits.float().softmax(-1)
        chosen = F.one_hot(probabilities.topk(active, dim=-1).indices, logits.shape[-1]).float().mean(0).sum(0)
        total = total + logits.shape[-1] * (chosen * probabilities.mean(0)).sum()
    return total / len(router_logits)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    t = json.loads((options.directory / "training.json").read_text())
    rows = load_file(options.directory / "rows.safetensors")["rows"].long()
    model = load(options.directory)
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": t["weightDecay"]}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=t["learningRate"], betas=t["betas"], eps=t["epsilon"])
    window, started = [], time.perf_counter()
    for step in range(t["steps"]):
        for group in optimizer.param_groups:
            group["lr"] = rate(step, t)
        tokens = rows[step * t["batchSize"] : (step + 1) * t["batchSize"]]
        output = model(input_ids=tokens, output_router_logits=True)
        loss = F.cross_entropy(output.logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
        (loss + t["auxiliary"]["balance"] * balance_loss(output.router_logits, model.config.num_experts_per_tok)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), t["clipNorm"])
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        window.append(loss.item())
        if (step + 1) % 100 == 0 or step + 1 == t["steps"]:
            print(json.dumps({"step": step + 1, "loss": sum(window) / len(window), "seconds": time.perf_counter() - started}), flush=True)
            window = []
    model.save_pretrained(options.directory / "pytorch")


if __name__ == "__main__":
    main()
