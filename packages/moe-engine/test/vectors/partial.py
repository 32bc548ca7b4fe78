"""Makes partial/*.safetensors with transformers and PyTorch: partial models of the tiny ones beside this file. Run generate.py first, then: python partial.py

natural   the full model with the absent experts' weights at zero
masked    the full model whose router logits are -inf for absent experts, before transformers' own softmax and top-k; where every layer keeps
          equally many, also a smaller model with only these experts (num_experts, gate rows cut), which must give the same

Each file holds the tokens of the full model's vectors, token losses, routing, and gradients of the trained experts by autograd; its metadata says which model, routing, present and
trained experts.
"""
import json, pathlib, types
import torch
from safetensors.torch import load_file, save_file
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM
from transformers.models.qwen3_moe import modeling_qwen3_moe

HERE = pathlib.Path(__file__).parent
CASES = {
    # some tokens lose one expert, some both; expert 3 of layer 0 helps without being trained
    "grouped-natural": dict(model="grouped", routing="natural", present={0: [3, 1], 1: [0]}, trained={0: [1], 1: [0]}),
    # equally many in each layer, more than K
    "grouped-masked": dict(model="grouped", routing="masked", present={0: [3, 1, 2], 1: [0, 2, 1]}, trained={0: [1, 2], 1: [0, 2]}),
    # layer 1 holds fewer than K
    "grouped-masked-few": dict(model="grouped", routing="masked", present={0: [3, 1], 1: [2]}, trained={0: [1], 1: [2]}),
    # layer 1 holds none; weights are not renormalised
    "odd-natural": dict(model="odd", routing="natural", present={0: [0, 2], 2: [4]}, trained={0: [0], 2: [4]}),
    "odd-masked": dict(model="odd", routing="masked", present={0: [4, 1, 0, 2], 1: [0, 1, 2], 2: [2, 4]}, trained={0: [0, 1], 1: [2], 2: [2]}),
    # one expert per token: most tokens have none left
    "dense-natural": dict(model="dense", routing="natural", present={0: [5, 2], 2: [7, 1, 0]}, trained={0: [5, 2], 2: [7, 1, 0]}),
    # one expert each, so that every token has the same
    "dense-masked": dict(model="dense", routing="masked", present={0: [5], 2: [7]}, trained={0: [5], 2: [7]}),
}


def load(name, **changes):
    config = Qwen3MoeConfig.from_pretrained(HERE / name, **changes)
    config._experts_implementation = "eager"
    config._attn_implementation = "eager"
    return config


def full_model(name):
    return Qwen3MoeForCausalLM.from_pretrained(HERE / name, config=load(name), dtype=torch.float32).eval()


def zero_absent(model, present):
    with torch.no_grad():
        for index, layer in enumerate(model.model.layers):
            if not hasattr(layer.mlp, "gate"):
                continue
            for expert in range(model.config.num_experts):
                if expert not in present.get(index, []):
                    layer.mlp.experts.gate_up_proj[expert] = 0
                    layer.mlp.experts.down_proj[expert] = 0


def mask_routers(model, present):
    """The routers' logits become -inf for absent experts: transformers' module sees a linear function that adds a mask to the products of gate weights."""
    masks = {}
    for index, layer in enumerate(model.model.layers):
        if hasattr(layer.mlp, "gate"):
            mask = torch.full((model.config.num_experts,), float("-inf"))
            mask[present[index]] = 0
            masks[id(layer.mlp.gate.weight)] = mask
    linear = torch.nn.functional.linear
    modeling_qwen3_moe.F = types.SimpleNamespace(linear=lambda x, w: linear(x, w) + masks[id(w)] if id(w) in masks else linear(x, w))


def run(model, tokens):
    """Token losses, their mean's gradients in `.grad`, and routing by layer."""
    routing = {}
    for index, layer in enumerate(model.model.layers):
        if hasattr(layer.mlp, "gate"):
            layer.mlp.gate.register_forward_hook(lambda _m, _i, out, index=index: routing.update({index: (out[2], out[1])}))
    logits = model(input_ids=tokens).logits
    losses = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten(), reduction="none").view(tokens.shape[0], -1)
    losses.mean().backward()
    return losses.detach(), routing


def gradients(model, trained, names=lambda _layer, expert: expert):
    width = model.config.moe_intermediate_size
    out = {}
    for layer, experts in trained.items():
        fused = model.model.layers[layer].mlp.experts
        for expert in experts:
            prefix = f"gradient/model.layers.{layer}.mlp.experts.{expert}"
            at = names(layer, expert)
            out[f"{prefix}.gate_proj.weight"] = fused.gate_up_proj.grad[at, :width]
            out[f"{prefix}.up_proj.weight"] = fused.gate_up_proj.grad[at, width:]
            out[f"{prefix}.down_proj.weight"] = fused.down_proj.grad[at]
    return out


def smaller_model(name, full, present):
    """Only the present experts, renumbered by ascending id."""
    count = len(next(iter(present.values())))
    small = Qwen3MoeForCausalLM(load(name, num_experts=count, num_experts_per_tok=min(count, full.config.num_experts_per_tok))).float().eval()
    weights = {key: value.clone() for key, value in full.state_dict().items()}
    for layer, experts in present.items():
        for part in ("experts.gate_up_proj", "experts.down_proj", "gate.weight"):
            key = f"model.layers.{layer}.mlp.{part}"
            weights[key] = weights[key][sorted(experts)]
    small.load_state_dict(weights)
    return small


def check_smaller(name, spec, tokens, found, losses):
    present = spec["present"]
    small = smaller_model(name, full_model(name), present)
    own, _ = run(small, tokens)
    assert torch.allclose(own, losses, rtol=1e-5, atol=1e-6), (own - losses).abs().max()
    for key, value in gradients(small, spec["trained"], lambda layer, expert: sorted(present[layer]).index(expert)).items():
        assert torch.allclose(value, found[key], rtol=1e-4, atol=1e-7), key


def case(name, spec):
    modeling_qwen3_moe.F = torch.nn.functional
    model, present = full_model(spec["model"]), spec["present"]
    tokens = load_file(HERE / spec["model"] / "expected.safetensors")["tokens"].long()
    if spec["routing"] == "natural":
        zero_absent(model, present)
    else:
        mask_routers(model, present)
    losses, routing = run(model, tokens)
    modeling_qwen3_moe.F = torch.nn.functional
    found = gradients(model, spec["trained"])
    if spec["routing"] == "masked" and len({len(experts) for experts in present.values()}) == 1:
        check_smaller(spec["model"], spec, tokens, found, losses)
    tensors = {"tokens": tokens.to(torch.int32), "losses": losses, **found}
    for layer, (ids, weights) in routing.items():
        tensors |= {f"ids.{layer}": ids.to(torch.int32), f"weights.{layer}": weights.detach().float()}
    (HERE / "partial").mkdir(exist_ok=True)
    metadata = {"model": spec["model"], "routing": spec["routing"], "present": json.dumps(present), "trained": json.dumps(spec["trained"])}
    save_file({key: value.contiguous().clone() for key, value in tensors.items()}, HERE / "partial" / f"{name}.safetensors", metadata=metadata)


torch.set_num_threads(1)
for case_name, case_spec in CASES.items():
    case(case_name, case_spec)
