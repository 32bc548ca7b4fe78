"""Loads model/ with transformers and writes test/vectors/transformers-loss.json: the oracle for every other implementation.

A row is 128 tokens of packed text treated as one causal sequence without padding; its loss is the mean over the 127
predicted tokens, in nats. Everything is computed in float32 from the bfloat16 weights on disk.
"""

import argparse
import hashlib
import json
import platform

import numpy as np
import torch
import torch.nn.functional as F
import transformers
from transformers import AutoModelForCausalLM

from corpus import EVALUATION_FILES, MODEL, ROW, VECTORS, documents, rows

STORED_ROWS = 4


@torch.no_grad()
def row_losses(model, data: np.ndarray) -> np.ndarray:
    """float64 `[rows]`."""
    result = []
    for batch in torch.from_numpy(data).split(32):
        logits = model(input_ids=batch).logits
        losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), batch[:, 1:], reduction="none")
        result.append(losses.double().mean(1))
    return torch.cat(result).numpy()


@torch.no_grad()
def routing(model, row: np.ndarray) -> list[dict]:
    """Router logits of every layer, and what the model does with them: the top K of the softmax, divided by their sum."""
    output = model(input_ids=torch.from_numpy(row)[None], output_router_logits=True)
    layers = []
    for layer, logits in enumerate(output.router_logits):
        weights, experts = logits.float().softmax(-1).topk(model.config.num_experts_per_tok, dim=-1)
        weights = weights / weights.sum(-1, keepdim=True)
        entry = {"layer": layer, "experts": experts.tolist(), "weights": rounded(weights.numpy())}
        layers.append(entry | ({"logits": rounded(logits.numpy())} if layer == 0 else {}))
    return layers


def rounded(values: np.ndarray) -> list[list[float]]:
    """Seven significant digits: float32 has no more."""
    return [[float(f"{value:.7g}") for value in row] for row in values]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    torch.set_num_threads(parser.parse_args().threads)
    model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32, attn_implementation="eager").eval()
    model.set_experts_implementation("eager")
    domains = {}
    for domain, name in EVALUATION_FILES.items():
        data = rows(documents(name))
        losses = row_losses(model, data)
        stored = [len(data) * i // STORED_ROWS for i in range(STORED_ROWS)]
        domains[domain] = {
            "file": f"text/{name}",
            "rowCount": len(data),
            "meanLoss": float(losses.mean()),
            "rows": [{"row": i, "loss": float(losses[i]), "tokens": data[i].tolist()} for i in stored],
        }
        print(f"{domain}: {losses.mean():.4f} nats per token over {len(data)} rows")
    example = domains["mathematics"]["rows"][0]
    weights = (MODEL / "model.safetensors").read_bytes()
    vectors = {
        "generator": "packages/demo-data/scripts/check_transformers.py",
        "versions": {"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0], "python": platform.python_version()},
        "model": {"file": "model/model.safetensors", "sha256": hashlib.sha256(weights).hexdigest()},
        "rowTokens": ROW,
        "loss": "mean over the 127 predicted tokens of a row, nats, float32 forward pass, eager attention, eager experts",
        "domains": domains,
        "routing": {"domain": "mathematics", "row": example["row"], "layers": routing(model, np.array(example["tokens"], dtype=np.int64))},
    }
    VECTORS.mkdir(parents=True, exist_ok=True)
    (VECTORS / "transformers-loss.json").write_text(json.dumps(vectors) + "\n")


if __name__ == "__main__":
    main()
