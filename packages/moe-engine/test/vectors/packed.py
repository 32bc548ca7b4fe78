"""Makes training/packed.safetensors: packing, label masks, accumulation and the load-balancing loss, by transformers on the separate documents.

Run here, after generate.py, with the versions of manifest.json: python packed.py

For each tiny model two rows of packed documents ("<model>/..."): the loss of `model(labels=..., num_items_in_batch=n)` and `load_balancing_loss_func` over the
documents, each document its own padded row with an attention mask, and the gradients of the trained experts of `loss + 0.5 * auxiliary`.
For the model "grouped" also a run of AdamW over such rows ("run/..."), in micro-batches whose numbers of tokens that count differ.
"""
import json, pathlib, random
import torch
from safetensors.torch import save_file
from transformers import Qwen3MoeForCausalLM
from transformers.models.qwen3_moe.modeling_qwen3_moe import load_balancing_loss_func
from row_order import row_order

HERE = pathlib.Path(__file__).parent
MANIFEST = json.loads((HERE / "manifest.json").read_text())
RUN = dict(rows=7, positions=12, micro_batches=3, batch=2, steps=8, rate=3e-3, betas=(0.9, 0.95), eps=1e-8, decay=0.1, clip=0.5, coefficient=0.05, seed="packed rows of a test")
AUXILIARY_WEIGHT = 0.5


def load(name):
    return Qwen3MoeForCausalLM.from_pretrained(HERE / name, dtype=torch.float32, experts_implementation="eager", attn_implementation="eager").train()


def cuts(model, trained):
    """On-disk name -> (fused parameter, function that cuts the expert's part out of it)."""
    width, out = model.config.moe_intermediate_size, {}
    for layer, experts in trained.items():
        fused = model.model.layers[int(layer)].mlp.experts
        for e in experts:
            prefix = f"model.layers.{layer}.mlp.experts.{e}"
            out[f"{prefix}.gate_proj.weight"] = (fused.gate_up_proj, lambda t, e=e: t[e, :width])
            out[f"{prefix}.up_proj.weight"] = (fused.gate_up_proj, lambda t, e=e: t[e, width:])
            out[f"{prefix}.down_proj.weight"] = (fused.down_proj, lambda t, e=e: t[e])
    return out


def pack(draw, rows, positions, vocabulary):
    """Rows of random documents, some with a prompt that does not count, some with padding at the end; one row counts much less than others."""
    tokens, documents, labels = [], [], []
    for row in range(rows):
        t, d, m, number = [], [], [], 0
        while len(t) < positions - (row % 3):
            length = min(draw.randint(1, 6), positions - (row % 3) - len(t))
            prompt = length - 1 if row == 1 else draw.randint(0, length) if draw.random() < 0.5 else 0
            t += [draw.randrange(vocabulary) for _ in range(length)]
            d += [number] * length
            m += [0] * prompt + [1] * (length - prompt)
            number += 1
        padding = positions - len(t)
        tokens.append(t + [0] * padding)
        documents.append(d + [-1] * padding)
        labels.append(m + [0] * padding)
    return torch.tensor(tokens), torch.tensor(documents), torch.tensor(labels)


def unpack(tokens, documents, labels):
    """The documents of rows, each padded at its end: ids, attention mask, labels with -100 where nothing counts."""
    out = []
    for t, d, m in zip(tokens, documents, labels):
        for number in range(int(d.max()) + 1):
            at = d == number
            out.append((t[at], torch.where(m[at] == 1, t[at], -100)))
    width = max(len(t) for t, _ in out)
    pad = lambda v, fill: torch.nn.functional.pad(v, (0, width - len(v)), value=fill)
    ids = torch.stack([pad(t, 0) for t, _ in out])
    attention = torch.stack([pad(torch.ones_like(t), 0) for t, _ in out])
    return ids, attention, torch.stack([pad(l, -100) for _, l in out])


def count(labels):
    """The first token of a document is never predicted."""
    return int((labels[:, 1:] != -100).sum())


def losses(model, rows, items):
    ids, attention, labels = unpack(*rows)
    config = model.config
    out = model(input_ids=ids, attention_mask=attention, labels=labels, num_items_in_batch=items, output_router_logits=True)
    auxiliary = load_balancing_loss_func(out.router_logits, config.num_experts, config.num_experts_per_tok, attention)
    # The model adds its own coefficient's share of the auxiliary loss to the loss.
    return out.loss - config.router_aux_loss_coef * out.aux_loss, auxiliary


def static(name, tensors):
    model = load(name)
    rows = pack(random.Random(name), 2, 12, model.config.vocab_size)
    items = count(unpack(*rows)[2])
    loss, auxiliary = losses(model, rows, items)
    separate = 0
    for number in range(len(unpack(*rows)[0])):
        ids, attention, labels = (part[number:number + 1] for part in unpack(*rows))
        length = int(attention.sum())
        if length > 1:
            logits = model(input_ids=ids[:, :length]).logits
            separate += torch.nn.functional.cross_entropy(logits[0, :-1], labels[0, 1:length], ignore_index=-100, reduction="sum").item()
    assert abs(separate / items - loss.item()) < 1e-5, (separate / items, loss.item())
    (loss + AUXILIARY_WEIGHT * auxiliary).backward()
    for key, value in zip(("tokens", "documents", "labels"), rows):
        tensors[f"{name}/{key}"] = value.to(torch.int32)
    tensors[f"{name}/loss"], tensors[f"{name}/auxiliary"] = loss.detach().view(1), auxiliary.detach().view(1)
    for key, (parameter, cut) in cuts(model, MANIFEST["trained"][name]).items():
        tensors[f"{name}/gradient/{key}"] = cut(parameter.grad).clone()


def run(tensors):
    t, model, trained = RUN, load("grouped"), MANIFEST["trained"]["grouped"]
    rows = pack(random.Random("run"), t["rows"], t["positions"], model.config.vocab_size)
    order = row_order(t["seed"], t["rows"], t["steps"] * t["micro_batches"] * t["batch"])
    own = {key: torch.nn.Parameter(cut(parameter.data).clone()) for key, (parameter, cut) in cuts(model, trained).items()}
    optimizer = torch.optim.AdamW(own.values(), lr=t["rate"], betas=t["betas"], eps=t["eps"], weight_decay=t["decay"])
    all_losses, all_auxiliary, norms, targets = [], [], [], []
    for step in range(t["steps"]):
        with torch.no_grad():
            for key, (parameter, cut) in cuts(model, trained).items():
                cut(parameter.data).copy_(own[key])
        model.zero_grad()
        size = t["micro_batches"] * t["batch"]
        chosen = order[step * size:(step + 1) * size]
        items = count(unpack(*(part[chosen] for part in rows))[2])
        step_loss = step_auxiliary = 0
        for m in range(t["micro_batches"]):
            part = chosen[m * t["batch"]:(m + 1) * t["batch"]]
            loss, auxiliary = losses(model, tuple(values[part] for values in rows), items)
            (loss + t["coefficient"] / t["micro_batches"] * auxiliary).backward()
            step_loss += loss.item()
            step_auxiliary += auxiliary.item() / t["micro_batches"]
        for key, (parameter, cut) in cuts(model, trained).items():
            own[key].grad = cut(parameter.grad).clone()
        norms.append(torch.nn.utils.clip_grad_norm_(own.values(), t["clip"]).item())
        optimizer.step()
        all_losses.append(step_loss)
        all_auxiliary.append(step_auxiliary)
        targets.append(items)
    for key, value in zip(("tokens", "documents", "labels"), rows):
        tensors[f"run/{key}"] = value.to(torch.int32)
    for key, values in (("losses", all_losses), ("auxiliary", all_auxiliary), ("norms", norms), ("targets", targets)):
        tensors[f"run/{key}"] = torch.tensor(values, dtype=torch.float64)
    for key, value in own.items():
        tensors[f"run/weights/{key}"] = value.detach().clone()


torch.set_num_threads(1)
expected = {}
for model_name in MANIFEST["trained"]:
    static(model_name, expected)
run(expected)
save_file({key: value.contiguous() for key, value in expected.items()}, HERE / "training" / "packed.safetensors", metadata={"run": json.dumps(RUN), "auxiliaryWeight": str(AUXILIARY_WEIGHT)})
