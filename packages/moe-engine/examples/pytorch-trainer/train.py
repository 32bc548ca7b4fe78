"""A trainer for Connito in PyTorch and transformers: python train.py JOB_FILE. TRAINER-FORMAT.md of @connito/moe-engine describes what it reads and writes.

It does what `trainExperts` does, in other words: the same rows in the same order, AdamW on the selected experts alone, everything else frozen. Start from here and change what you
think is better; only the tensors that it was given may come back, in their shapes, in float32.

Needs torch, transformers and safetensors. For every family whose experts transformers keeps in fused tensors `gate_up_proj` and `down_proj`.
"""
import json, math, os, re, sys
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

job = json.load(open(sys.argv[1]))
assert job["format"] == "connito/trainer-job/1", job["format"]
assert job.get("present") is None, "this example trains the whole model only"
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
device = "cuda" if torch.cuda.is_available() else "cpu"
# Each document is computed by itself, so plain attention is right, and eager experts take any number of tokens.
model = AutoModelForCausalLM.from_pretrained(job["model"], dtype=torch.float32, attn_implementation="eager", experts_implementation="eager").to(device).train()
model.requires_grad_(False)

start = {name: tensor.to(device) for name, tensor in load_file(job["start"]).items()}
rows = load_file(job["rows"])
tokens, order = rows["tokens"].long(), rows["order"]
documents = rows.get("documents", torch.zeros_like(tokens))
labels = rows.get("labelMask", torch.ones_like(tokens))


def part_of_fused(name):
    """Fused parameter of transformers, and the function that cuts an expert's tensor out of it: (layer, expert, projection) come from the name on disk."""
    layer, expert, projection = re.fullmatch(r"model\.layers\.(\d+)\.(?:mlp|block_sparse_moe)\.experts\.(\d+)\.(\w+)\.weight", name).groups()
    block = model.model.layers[int(layer)]
    fused, e = getattr(block, "mlp", getattr(block, "block_sparse_moe", None)).experts, int(expert)
    width = fused.down_proj.shape[-1]
    return {
        "gate_proj": (fused.gate_up_proj, lambda t: t[e, :width]), "w1": (fused.gate_up_proj, lambda t: t[e, :width]),
        "up_proj": (fused.gate_up_proj, lambda t: t[e, width:]), "w3": (fused.gate_up_proj, lambda t: t[e, width:]),
        "down_proj": (fused.down_proj, lambda t: t[e]), "w2": (fused.down_proj, lambda t: t[e]),
    }[projection]


parts = {name: part_of_fused(name) for name in start}
for parameter, _ in parts.values():
    parameter.requires_grad_(True)
# Trained experts are parameters of their own, so that decay, moments and the norm see nothing else.
own = {name: torch.nn.Parameter(tensor.clone()) for name, tensor in start.items()}
optimizer = torch.optim.AdamW(own.values(), lr=job["learningRate"], betas=tuple(job["betas"]), eps=job["epsilon"], weight_decay=job["weightDecay"])


def put_into_model():
    with torch.no_grad():
        for name, (parameter, cut) in parts.items():
            cut(parameter.data).copy_(own[name])


def separate(chosen):
    """The documents of these rows, each padded at its end: ids, attention mask, labels with -100 where nothing is learnt."""
    texts = [(tokens[row][at], torch.where(labels[row][at] == 1, tokens[row][at], -100)) for row in chosen for number in documents[row].unique() if number >= 0 for at in [documents[row] == number]]
    width = max(len(ids) for ids, _ in texts)
    pad = lambda values, fill: torch.nn.functional.pad(values, (0, width - len(values)), value=fill)
    return (torch.stack(column).to(device) for column in zip(*[(pad(ids, 0), pad(torch.ones_like(ids), 0), pad(wanted, -100)) for ids, wanted in texts]))


def count_targets(chosen):
    after = documents[chosen][:, 1:]
    return int(((labels[chosen][:, 1:] == 1) & (after >= 0) & (after == documents[chosen][:, :-1])).sum())


def learning_rate(step):
    if step < job["warmupSteps"]:
        return job["learningRate"] * (step + 1) / job["warmupSteps"]
    if job["schedule"] == "constant":
        return job["learningRate"]
    progress = (step - job["warmupSteps"]) / (job["steps"] - job["warmupSteps"])
    return job["learningRate"] * (job["finalShare"] + (1 - job["finalShare"]) * 0.5 * (1 + math.cos(math.pi * progress)))


def micro_batch(chosen, targets):
    ids, attention, wanted = separate(chosen)
    balance = job["auxiliaryCoefficient"]
    out = model(input_ids=ids, attention_mask=attention, labels=wanted, num_items_in_batch=targets, **({"output_router_logits": True} if balance else {}))
    if not balance:
        out.loss.backward()
        return out.loss.item()
    # Models with routers add their own config's share of the balance loss to the loss.
    loss = out.loss - model.config.router_aux_loss_coef * out.aux_loss
    (loss + balance / job["microBatches"] * out.aux_loss).backward()
    return loss.item()


for step in range(job["steps"]):
    put_into_model()
    model.zero_grad()
    chosen, targets = order[step].tolist(), count_targets(order[step].tolist())
    if targets == 0:
        continue
    loss = sum(micro_batch(chosen[first:first + job["batchSize"]], targets) for first in range(0, len(chosen), job["batchSize"]))
    for name, (parameter, cut) in parts.items():
        own[name].grad = cut(parameter.grad).clone()
    norm = torch.nn.utils.clip_grad_norm_(own.values(), job["clipNorm"] or math.inf).item()
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(step)
    if math.isfinite(loss) and math.isfinite(norm):
        optimizer.step()
    print(json.dumps({"step": step + 1, "loss": loss if math.isfinite(loss) else None, "gradientNorm": norm if math.isfinite(norm) else None, "targets": targets}), flush=True)

save_file({name: parameter.detach().cpu().contiguous() for name, parameter in own.items()}, job["out"])
