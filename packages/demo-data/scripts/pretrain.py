"""Pretrains the demo's Mixture-of-Experts model and writes model/ (bfloat16, per-expert tensors as on the hub).

Rows of 128 tokens, drawn 47.5 / 47.5 / 5 % from prose, code and *easy* mathematics. The hard kinds of mathematics are
left out on purpose: they are what the demo's miners train.
"""

import argparse
import json
import math
import time

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, Qwen3MoeConfig, Qwen3MoeForCausalLM

from corpus import EVALUATION_FILES, MODEL, ROW, documents, pretraining_files, rows

STEPS, BATCH, WARM_UP = 2000, 16, 100
PEAK_RATE, FLOOR = 3e-3, 0.05
BETAS, DECAY, CLIP, BALANCE = (0.9, 0.95), 0.1, 1.0, 0.01
SHARES = {"prose": 0.475, "code": 0.475, "mathematics": 0.05}
SEED = 20260


def configuration() -> Qwen3MoeConfig:
    config = Qwen3MoeConfig(
        vocab_size=1024, hidden_size=128, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2, head_dim=32,
        intermediate_size=192, moe_intermediate_size=96, num_experts=16, num_experts_per_tok=2, norm_topk_prob=True,
        max_position_embeddings=1024, rope_parameters={"rope_type": "default", "rope_theta": 1e4},
        tie_word_embeddings=True, router_aux_loss_coef=BALANCE, bos_token_id=None, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    # 30 times as fast as batched_mm on a CPU at this size.
    config._experts_implementation = "grouped_mm"
    return config


class Rows:
    """Rows of one domain in seeded shuffled epochs."""

    def __init__(self, data: np.ndarray, rng: np.random.Generator):
        self.data, self.rng, self.order = data, rng, []

    def draw(self) -> np.ndarray:
        if not len(self.order):
            self.order = list(self.rng.permutation(len(self.data)))
        return self.data[self.order.pop()]


def rate(step: int) -> float:
    """Linear warm-up, then cosine to FLOOR of the peak."""
    if step < WARM_UP:
        return PEAK_RATE * (step + 1) / WARM_UP
    progress = (step - WARM_UP) / (STEPS - WARM_UP)
    return PEAK_RATE * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * progress)))


def next_token_loss(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(logits[:, :-1].reshape(-1, logits.shape[-1]), tokens[:, 1:].reshape(-1))


def balance_loss(router_logits: tuple[torch.Tensor, ...], active: int) -> torch.Tensor:
    """Switch Transformer's loss, E * sum_e(share of assignments * mean probability), mean over layers; 1 when balanced.

    Summed over layers, four times as strong, it spread mathematics over more experts (1.5 instead of 1 a layer at threshold 0.2, one run each).
    """
    total = torch.zeros(())
    for logits in router_logits:
        probabilities = logits.float().softmax(-1)
        chosen = F.one_hot(probabilities.topk(active, dim=-1).indices, logits.shape[-1]).float().mean((0, 1))
        total = total + logits.shape[-1] * (chosen * probabilities.mean(0)).sum()
    return total / len(router_logits)


@torch.no_grad()
def evaluate(model: Qwen3MoeForCausalLM, data: np.ndarray) -> float:
    model.eval()
    losses = [next_token_loss(model(input_ids=batch).logits.float(), batch).item() * len(batch) for batch in torch.from_numpy(data).split(32)]
    model.train()
    return sum(losses) / len(data)


def save(model: Qwen3MoeForCausalLM) -> None:
    """Writes bfloat16 with the hub's names and drops the tied copy of the embedding, if any."""
    model.to(torch.bfloat16)
    model.config.dtype = torch.bfloat16
    model.save_pretrained(MODEL)
    tensors = load_file(MODEL / "model.safetensors")
    assert "model.layers.0.mlp.experts.15.down_proj.weight" in tensors, sorted(tensors)[:20]
    assert all(tensor.dtype == torch.bfloat16 for tensor in tensors.values())
    tensors.pop("lm_head.weight", None)
    save_file(tensors, MODEL / "model.safetensors", metadata={"format": "pt"})
    # transformers 5 writes its own names; the hub's Qwen3 checkpoints and other readers say num_experts and rope_theta.
    path = MODEL / "config.json"
    config = json.loads(path.read_text())
    config["num_experts"] = config.pop("num_local_experts")
    config["rope_theta"] = config["rope_parameters"]["rope_theta"]
    path.write_text(json.dumps(dict(sorted(config.items())), indent=2) + "\n")
    for file in MODEL.iterdir():
        file.chmod(0o644)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1, help="the committed model was made with 1")
    torch.set_num_threads(parser.parse_args().threads)
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    pools = {domain: Rows(rows(documents(*pretraining_files(domain))), rng) for domain in SHARES}
    held_out = {domain: rows(documents(name))[:256] for domain, name in EVALUATION_FILES.items()}
    model = Qwen3MoeForCausalLM(configuration())
    model.train()
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": DECAY}, {"params": vectors, "weight_decay": 0.0}], lr=PEAK_RATE, betas=BETAS)
    started = time.time()
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        names = rng.choice(list(SHARES), size=BATCH, p=list(SHARES.values()))
        tokens = torch.from_numpy(np.stack([pools[name].draw() for name in names]))
        output = model(input_ids=tokens, output_router_logits=True)
        loss = next_token_loss(output.logits, tokens)
        (loss + BALANCE * balance_loss(output.router_logits, model.config.num_experts_per_tok)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if (step + 1) % 100 == 0:
            print(f"step {step + 1}: loss {loss.item():.3f}, {time.time() - started:.0f} s", flush=True)
        if (step + 1) % 500 == 0:
            print({domain: round(evaluate(model, data), 3) for domain, data in held_out.items()}, flush=True)
    save(model)
    reloaded = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32)
    print("from disk", {domain: round(evaluate(reloaded, data), 3) for domain, data in held_out.items()}, f"{sum(p.numel() for p in reloaded.parameters())} parameters, rows of {ROW}")


if __name__ == "__main__":
    main()
