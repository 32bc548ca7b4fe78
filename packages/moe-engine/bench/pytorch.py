"""The same work in PyTorch and transformers: python pytorch.py MODEL_DIR JOB_JSON; prints one JSON line. Run by compare.bench.mjs."""
import json, sys, time
import torch
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

directory, job = sys.argv[1], json.loads(sys.argv[2])
torch.set_num_threads(job["threads"])
config = Qwen3MoeConfig.from_pretrained(directory)
config._experts_implementation = "grouped_mm"
model = Qwen3MoeForCausalLM.from_pretrained(directory, config=config, dtype=torch.float32)
tokens = torch.tensor(job["tokens"]).view(-1, job["sequenceLength"])
batch = job["batchSize"]


def losses(rows):
    logits = model(input_ids=rows).logits
    return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), rows[:, 1:].flatten(), reduction="none").view(rows.shape[0], -1)


def timed(action, count):
    wall, cpu = [], []
    for step in range(count + 2):
        w, c = time.perf_counter(), time.process_time()
        action(step)
        wall.append(time.perf_counter() - w)
        cpu.append(time.process_time() - c)
    return {"wall": wall[2:], "cpu": cpu[2:]}


def rows_of(step):
    start = step * batch % (len(tokens) - batch + 1)
    return tokens[start:start + batch]


def evaluate(step):
    with torch.no_grad():
        losses(rows_of(step)).mean(dim=1)


# Everything frozen but the experts of the layers that are trained; gradients of the others in the fused tensor are masked to zero,
# as fused weights allow nothing finer.
for parameter in model.parameters():
    parameter.requires_grad_(False)
masks = {}
for layer, experts in job["experts"].items():
    fused = model.model.layers[int(layer)].mlp.experts
    for parameter in (fused.gate_up_proj, fused.down_proj):
        parameter.requires_grad_(True)
        mask = torch.zeros(parameter.shape[0], 1, 1)
        mask[experts] = 1
        masks[parameter] = mask
optimizer = torch.optim.AdamW(masks.keys(), lr=3e-4, betas=(0.9, 0.95), weight_decay=0.0)


def train(step):
    optimizer.zero_grad(set_to_none=True)
    losses(rows_of(step)).mean().backward()
    for parameter, mask in masks.items():
        parameter.grad.mul_(mask)
    torch.nn.utils.clip_grad_norm_(masks.keys(), 1.0)
    optimizer.step()


with torch.no_grad():
    first = losses(tokens[:batch]).mean().item()
print(json.dumps({"loss": first, "evaluation": timed(evaluate, job["steps"]), "training": timed(train, job["steps"])}))
