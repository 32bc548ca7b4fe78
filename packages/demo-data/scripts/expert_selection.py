"""Which experts each domain needs, and what training only those of mathematics is worth. Writes EXPERTS.md.

Relevance is ESFT's token score: of all (token, active expert) pairs of a layer, the share that goes to the expert.
Selected are the experts in falling order of relevance until their sum reaches the threshold.
"""

import argparse
import hashlib
import random
from itertools import combinations

import numpy as np
import torch
from transformers import AutoModelForCausalLM

from corpus import EVALUATION_FILES, MODEL, ROOT, documents, rows
from pretrain import evaluate, next_token_loss

DOMAINS = ("mathematics", "prose", "code")
THRESHOLDS = (0.2, 0.3, 0.4, 0.5)
RELEVANCE_ROWS, EVALUATION_ROWS = 256, 128
STEPS, BATCH, SEEDS = 100, 8, (1, 2, 3)
SETTINGS = ((0.2, 3e-4), (0.2, 1e-3), (0.5, 3e-4))
Selection = list[list[int]]


def load():
    model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32)
    model.set_experts_implementation("grouped_mm")
    return model


def target_split() -> tuple[list[str], list[str]]:
    """Target documents to train on and held out (one in ten, by hash)."""
    training, held_out = [], []
    for text in documents(EVALUATION_FILES["mathematics"]):
        (held_out if hashlib.sha256(text.encode()).digest()[0] % 10 == 0 else training).append(text)
    return training, held_out


@torch.no_grad()
def relevance(model, data: np.ndarray) -> np.ndarray:
    """Token score `[layers, experts]`, rows summing to 1, rounded to four places as ESFT does."""
    config = model.config
    counts = np.zeros((config.num_hidden_layers, config.num_experts))
    for batch in torch.from_numpy(data).split(32):
        for layer, logits in enumerate(model(input_ids=batch, output_router_logits=True).router_logits):
            chosen = logits.topk(config.num_experts_per_tok, dim=-1).indices
            counts[layer] += np.bincount(chosen.flatten().numpy(), minlength=config.num_experts)
    return np.round(counts / counts.sum(1, keepdims=True), 4)


def select(scores: np.ndarray, threshold: float) -> Selection:
    """Per layer the experts in falling order of score (lower id first on ties) until the sum reaches the threshold."""
    selection = []
    for row in scores:
        chosen, total = [], 0.0
        for expert in np.argsort(-row, kind="stable"):
            if total >= threshold:
                break
            chosen.append(int(expert))
            total += float(row[expert])
        selection.append(chosen)
    return selection


def jaccard(a: Selection, b: Selection) -> float:
    left, right = ({(layer, expert) for layer, row in enumerate(s) for expert in row} for s in (a, b))
    return len(left & right) / len(left | right)


def random_selection(like: Selection, experts: int, seed: int) -> Selection:
    """As many experts a layer as `like`, drawn from all."""
    rng = random.Random(seed)
    return [sorted(rng.sample(range(experts), len(row))) for row in like]


def train(selection: Selection, data: np.ndarray, learning_rate: float, seed: int):
    """A copy of the model with only the selected experts trained; all else, the router too, is frozen."""
    model = load()
    model.requires_grad_(False)
    masks = []
    for layer, experts in zip(model.model.layers, selection, strict=True):
        for parameter in (layer.mlp.experts.gate_up_proj, layer.mlp.experts.down_proj):
            mask = torch.zeros(len(parameter), 1, 1)
            mask[experts] = 1
            masks.append((parameter.requires_grad_(True), mask))
    # No weight decay: it would also move the experts that are not selected, whose gradients and so whose steps are exactly 0.
    optimizer = torch.optim.AdamW([parameter for parameter, _ in masks], lr=learning_rate, betas=(0.9, 0.95), weight_decay=0.0)
    order = np.random.default_rng(seed).permutation(len(data))
    model.train()
    for step in range(STEPS):
        tokens = torch.from_numpy(data[order[step * BATCH : (step + 1) * BATCH]])
        next_token_loss(model(input_ids=tokens).logits, tokens).backward()
        for parameter, mask in masks:
            parameter.grad *= mask
        torch.nn.utils.clip_grad_norm_([parameter for parameter, _ in masks], 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return model


def overlap_table(scores: dict[str, np.ndarray]) -> tuple[list[str], float]:
    pairs = list(combinations(DOMAINS, 2))
    lines = ["| threshold | experts a layer: " + " / ".join(DOMAINS) + " | Jaccard " + ", ".join("–".join(pair) for pair in pairs) + " |", "|---|---|---|"]
    largest = 0.0
    for threshold in THRESHOLDS:
        chosen = {domain: select(scores[domain], threshold) for domain in DOMAINS}
        overlaps = [jaccard(chosen[a], chosen[b]) for a, b in pairs]
        largest = max(overlaps) if threshold == THRESHOLDS[0] else largest
        sizes = " / ".join(f"{np.mean([len(row) for row in chosen[domain]]):.2f}" for domain in DOMAINS)
        lines.append(f"| {threshold} | {sizes} | " + ", ".join(f"{overlap:.2f}" for overlap in overlaps) + " |")
    return lines, largest


def training_table(scores: np.ndarray, training: np.ndarray, held_out: np.ndarray, general: np.ndarray) -> tuple[list[str], bool]:
    base = load()
    before, general_before = evaluate(base, held_out), evaluate(base, general)
    lines = [f"Before: mathematics {before:.3f}, general {general_before:.3f} nats per token.", ""]
    lines += ["| threshold | learning rate | experts in all | seed | selected: mathematics / general | random: mathematics / general | selected among random |", "|---|---|---|---|---|---|---|"]
    wins = True
    for threshold, learning_rate in SETTINGS:
        selection = select(scores, threshold)
        for seed in SEEDS:
            cells, results = [], []
            others = random_selection(selection, scores.shape[1], seed)
            for choice in (selection, others):
                model = train(choice, training, learning_rate, seed)
                after, general_after = evaluate(model, held_out), evaluate(model, general)
                results.append(after)
                cells.append(f"{after:.3f} ({100 * (after / before - 1):+.1f} %) / {100 * (general_after / general_before - 1):+.1f} %")
            common = sum(len(set(a) & set(b)) for a, b in zip(selection, others, strict=True))
            wins = wins and results[0] < results[1]
            lines.append(f"| {threshold} | {learning_rate:g} | {sum(map(len, selection))} | {seed} | {cells[0]} | {cells[1]} | {common} |")
            print(lines[-1], flush=True)
    return lines, wins


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    torch.set_num_threads(parser.parse_args().threads)
    training_texts, held_out_texts = target_split()
    training, held_out = rows(training_texts), rows(held_out_texts)[:EVALUATION_ROWS]
    prose, code = rows(documents(EVALUATION_FILES["prose"])), rows(documents(EVALUATION_FILES["code"]))
    model = load()
    scores = {domain: relevance(model, data[:RELEVANCE_ROWS]) for domain, data in (("mathematics", training), ("prose", prose), ("code", code))}
    overlaps, largest = overlap_table(scores)
    print("\n".join(overlaps), flush=True)
    experts = [f"| {layer} | " + " | ".join(", ".join(map(str, select(scores[domain], 0.2)[layer])) for domain in DOMAINS) + " |" for layer in range(len(scores["prose"]))]
    general = np.concatenate([prose[-EVALUATION_ROWS // 2 :], code[-EVALUATION_ROWS // 2 :]])
    gains, wins = training_table(scores["mathematics"], training, held_out, general)
    text = (ROOT / "scripts" / "EXPERTS.template.md").read_text()
    for name, lines in (("overlaps", overlaps), ("experts", ["| layer | " + " | ".join(DOMAINS) + " |", "|---|---|---|---|", *experts]), ("gains", gains)):
        text = text.replace("{{" + name + "}}", "\n".join(lines))
    (ROOT / "EXPERTS.md").write_text(text)
    assert largest < 0.6, f"domains overlap by {largest} at threshold {THRESHOLDS[0]}"
    assert wins, "random experts beat the selected ones"


if __name__ == "__main__":
    main()
