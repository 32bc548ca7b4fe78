"""Makes partial/*.safetensors with transformers and PyTorch: partial models of the tiny ones beside this file. Run generate.py and families/generate.py first, then: python partial.py

natural   the full model with the absent experts' weights at zero
masked    the full model whose router logits are -inf for absent experts, before transformers' own softmax, groups and top-k; where every layer keeps equally many and
          there are no groups, also a smaller model with only these experts (their number in the config, gate rows cut), which must give the same

Each file holds the tokens of the full model's vectors, token losses, routing, and gradients of the trained experts by autograd; its metadata says which model, routing, present and
trained experts.
"""
import json, pathlib, sys, types
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

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
    # a dense layer first, shared experts for tokens that have no other
    "deepseek-natural": dict(model="families/deepseek-lite", routing="natural", present={1: [4, 0], 2: [3]}, trained={1: [4], 2: [3]}),
    "deepseek-masked": dict(model="families/deepseek-lite", routing="masked", present={1: [4, 0, 2], 2: [3, 5, 1]}, trained={1: [4, 0], 2: [3]}),
    # groups of two, of which two are kept for three experts: some are absent, some half present, so that kept groups may hold fewer than three
    "groups-natural": dict(model="families/deepseek-groups", routing="natural", present={0: [0, 1, 5], 1: [7, 2, 3, 6]}, trained={0: [0, 5], 1: [2, 7]}),
    "groups-masked": dict(model="families/deepseek-groups", routing="masked", present={0: [0, 1, 5], 1: [7, 2, 3, 6]}, trained={0: [0, 5], 1: [2, 7]}),
    "qwen2-natural": dict(model="families/qwen2", routing="natural", present={0: [1], 1: [2, 3]}, trained={0: [1], 1: [3]}),
    "qwen2-masked": dict(model="families/qwen2", routing="masked", present={0: [1, 0], 1: [2, 3]}, trained={0: [1], 1: [3]}),
    "olmoe-masked": dict(model="families/olmoe", routing="masked", present={0: [4, 1], 1: [0, 2, 3, 4]}, trained={0: [4], 1: [0, 2]}),
    "mixtral-natural": dict(model="families/mixtral", routing="natural", present={0: [3], 1: [0, 2]}, trained={0: [3], 1: [0]}),
    "mixtral-masked": dict(model="families/mixtral", routing="masked", present={0: [3, 1], 1: [0, 2]}, trained={0: [3], 1: [0]}),
}

# Names of an expert's gate, up and down matrix on disk.
SEPARATE = ("mlp", "gate_proj", "up_proj", "down_proj")
NAMES = {"mixtral": ("block_sparse_moe", "w1", "w3", "w2")}


def load(name, **changes):
    config = AutoConfig.from_pretrained(HERE / name, **changes)
    config._experts_implementation = "eager"
    config._attn_implementation = "eager"
    return config


def full_model(name):
    return AutoModelForCausalLM.from_pretrained(HERE / name, config=load(name), dtype=torch.float32).eval()


def layers_with_experts(model):
    return {index: layer.mlp for index, layer in enumerate(model.model.layers) if hasattr(layer.mlp, "experts")}


def zero_absent(model, present):
    with torch.no_grad():
        for index, block in layers_with_experts(model).items():
            for expert in range(block.experts.down_proj.shape[0]):
                if expert not in present.get(index, []):
                    block.experts.gate_up_proj[expert] = 0
                    block.experts.down_proj[expert] = 0


def mask_routers(model, present):
    """The routers' logits become -inf for absent experts: transformers' module sees a linear function that adds a mask to the products of gate weights."""
    masks = {}
    for index, block in layers_with_experts(model).items():
        mask = torch.full((block.gate.weight.shape[0],), float("-inf"))
        mask[present[index]] = 0
        masks[id(block.gate.weight)] = mask
    functional = torch.nn.functional
    masked = types.SimpleNamespace(**vars(functional))
    masked.linear = lambda x, w, *rest: functional.linear(x, w, *rest) + masks[id(w)] if id(w) in masks else functional.linear(x, w, *rest)
    sys.modules[type(model).__module__].F = masked


def unmask_routers(model):
    sys.modules[type(model).__module__].F = torch.nn.functional


def run(model, tokens):
    """Token losses, their mean's gradients in `.grad`, and routing by layer, by falling weight."""
    routing = {}

    def hook(index):
        def record(_module, _inputs, output):
            _, weights, ids = output
            order = weights.detach().argsort(dim=-1, descending=True, stable=True)
            routing[f"ids.{index}"] = ids.gather(1, order).to(torch.int32)
            routing[f"weights.{index}"] = weights.detach().gather(1, order).float()
        return record

    for index, block in layers_with_experts(model).items():
        block.gate.register_forward_hook(hook(index))
    logits = model(input_ids=tokens).logits
    losses = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten(), reduction="none").view(tokens.shape[0], -1)
    losses.mean().backward()
    return losses.detach(), routing


def gradients(model, trained, place=lambda _layer, expert: expert):
    block, gate, up, down = NAMES.get(model.config.model_type, SEPARATE)
    out = {}
    for layer, experts in trained.items():
        fused = model.model.layers[layer].mlp.experts
        width = fused.down_proj.shape[2]
        for expert in experts:
            prefix = f"gradient/model.layers.{layer}.{block}.experts.{expert}"
            at = place(layer, expert)
            out[f"{prefix}.{gate}.weight"] = fused.gate_up_proj.grad[at, :width]
            out[f"{prefix}.{up}.weight"] = fused.gate_up_proj.grad[at, width:]
            out[f"{prefix}.{down}.weight"] = fused.down_proj.grad[at]
    return out


def smaller_model(name, full, present):
    """Only the present experts, renumbered by ascending id."""
    count = len(next(iter(present.values())))
    written = json.loads((HERE / name / "config.json").read_text())
    field = next(key for key in ("n_routed_experts", "num_local_experts", "num_experts") if key in written)
    small = AutoModelForCausalLM.from_config(load(name, **{field: count}, num_experts_per_tok=min(count, full.config.num_experts_per_tok))).float().eval()
    weights = {key: value.clone() for key, value in full.state_dict().items()}
    for layer, experts in present.items():
        for part in ("experts.gate_up_proj", "experts.down_proj", "gate.weight"):
            key = f"model.layers.{layer}.mlp.{part}"
            weights[key] = weights[key][sorted(experts)]
    small.load_state_dict(weights)
    return small


def check_smaller(spec, tokens, found, losses):
    present = spec["present"]
    small = smaller_model(spec["model"], full_model(spec["model"]), present)
    own, _ = run(small, tokens)
    assert torch.allclose(own, losses, rtol=1e-5, atol=1e-6), (own - losses).abs().max()
    for key, value in gradients(small, spec["trained"], lambda layer, expert: sorted(present[layer]).index(expert)).items():
        assert torch.allclose(value, found[key], rtol=1e-4, atol=1e-7), key


def case(name, spec):
    model, present = full_model(spec["model"]), spec["present"]
    tokens = load_file(HERE / spec["model"] / "expected.safetensors")["tokens"].long()
    if spec["routing"] == "natural":
        zero_absent(model, present)
    else:
        mask_routers(model, present)
    losses, routing = run(model, tokens)
    unmask_routers(model)
    found = gradients(model, spec["trained"])
    is_even = len({len(experts) for experts in present.values()}) == 1
    if spec["routing"] == "masked" and is_even and getattr(model.config, "topk_method", "greedy") == "greedy":
        check_smaller(spec, tokens, found, losses)
        print(f"{name}: the smaller model gives the same")
    tensors = {"tokens": tokens.to(torch.int32), "losses": losses, **routing, **found}
    (HERE / "partial").mkdir(exist_ok=True)
    metadata = {"model": spec["model"], "routing": spec["routing"], "present": json.dumps(present), "trained": json.dumps(spec["trained"])}
    save_file({key: value.contiguous().clone() for key, value in tensors.items()}, HERE / "partial" / f"{name}.safetensors", metadata=metadata)


torch.set_num_threads(1)
for case_name, case_spec in CASES.items():
    case(case_name, case_spec)
