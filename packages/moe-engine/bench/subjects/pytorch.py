"""Steps of PyTorch and transformers for ever: python pytorch.py JOB_JSON. Run by ../engine.bench.mjs, see ../turns.mjs.

As a user who cares for speed writes it: sdpa attention, no key-value cache, no logits of last positions, fused AdamW, gradients of what is trained
only. `experts` picks the implementation: `grouped_mm`, `batched_mm`, `eager` are those of transformers, whose fused tensors take gradients of all
experts of a layer (the others' are set to zero); `separate` is written here, with one tensor per expert, so that only the trained ones take gradients.
"""
import json, os, resource, sys, time
import numpy, torch
from torch import nn
from torch.nn.functional import cross_entropy, linear, silu
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

job = json.loads(sys.argv[1])
torch.set_num_threads(job["threads"])
torch.manual_seed(1)


def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()


class SeparateExperts(nn.Module):
    """Tokens sorted by expert, one product each; the weight multiplies the activation. The tensors are views into the fused ones."""

    def __init__(self, fused, trained):
        super().__init__()
        part = lambda tensor, expert: nn.Parameter(tensor.data[expert], requires_grad=expert in trained)
        count = fused.gate_up_proj.shape[0]
        self.gate_up = nn.ParameterList(part(fused.gate_up_proj, expert) for expert in range(count))
        self.down = nn.ParameterList(part(fused.down_proj, expert) for expert in range(count))

    def forward(self, hidden, ids, weights):
        tokens, active = ids.shape
        order = ids.reshape(-1).argsort(stable=True)
        counts = ids.reshape(-1).bincount(minlength=len(self.down)).tolist()
        rows = hidden.index_select(0, order // active).split(counts)
        shares = weights.reshape(-1, 1).index_select(0, order).split(counts)
        parts = []
        for gate_up, down, row, share in zip(self.gate_up, self.down, rows, shares):
            gate, up = linear(row, gate_up).chunk(2, dim=-1)
            parts.append(linear(silu(gate) * up * share, down))
        inverse = torch.empty_like(order).index_copy_(0, order, torch.arange(order.numel()))
        return torch.cat(parts).index_select(0, inverse).view(tokens, active, -1).sum(1)


def load():
    config = Qwen3MoeConfig.from_pretrained(job["directory"])
    separate = job["implementation"] == "separate"
    config._experts_implementation = "grouped_mm" if separate else job["implementation"]
    model = Qwen3MoeForCausalLM.from_pretrained(job["directory"], config=config, dtype=torch.float32, attn_implementation="sdpa")
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    for layer in model.model.layers if separate else []:
        layer.mlp.experts = SeparateExperts(layer.mlp.experts, dict(job["experts"]).get(layer.self_attn.layer_idx, []) if job["purpose"] == "training" else [])
    return model.train(job["purpose"] == "training")


def losses(model, rows):
    hidden = model.model(input_ids=rows, use_cache=False).last_hidden_state
    logits = model.lm_head(hidden[:, :-1])
    return cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten(), reduction="none").view(rows.shape[0], -1)


def evaluation(model, rows):
    @torch.no_grad()
    def step():
        return forward(model, rows).mean(dim=1).mean().item()

    return step


def training(model, rows):
    masks = {}
    for layer, experts in job["experts"] if job["implementation"] != "separate" else []:
        fused = model.model.layers[layer].mlp.experts
        for parameter in (fused.gate_up_proj, fused.down_proj):
            parameter.requires_grad_(True)
            masks[parameter] = torch.zeros(parameter.shape[0], 1, 1).index_fill_(0, torch.tensor(experts), 1)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=3e-4, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1, fused=True)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = forward(model, rows).mean()
        loss.backward()
        for parameter, mask in masks.items():
            parameter.grad.mul_(mask)
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        return loss.item()

    return step


def say(**line):
    print(json.dumps(line), flush=True)


say(imported=resident())
model = load()
forward = torch.compile(losses) if job["compiled"] else losses
tokens = torch.from_numpy(numpy.fromfile(job["tokensFile"], dtype=numpy.int32).astype(numpy.int64)).view(-1, job["sequenceLength"])
step = {"training": training, "evaluation": evaluation}[job["purpose"]](model, tokens)
while True:
    begun, cpu = time.time(), time.process_time()
    loss = step()
    say(begun=begun * 1000, ended=time.time() * 1000, cpu=time.process_time() - cpu, loss=loss)
