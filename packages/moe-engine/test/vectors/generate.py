"""Makes this folder's vectors with transformers and PyTorch, the references.

Run here: python generate.py   (versions of the stored run stand in manifest.json)

<name>/config.json, model.safetensors   a tiny random Qwen3MoeForCausalLM, float32, Hugging Face layout
<name>/expected.safetensors             tokens, token losses, routing, gradients of the trained experts by autograd
training/expected.safetensors           losses and weights of a run with torch.optim.AdamW on the model "grouped"
adamw.safetensors                       torch.optim.AdamW and clip_grad_norm_ on given gradients
"""
import hashlib, json, math, pathlib, sys
import torch, transformers
from safetensors.torch import save_file
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM
from row_order import row_order

HERE = pathlib.Path(__file__).parent
COMMON = dict(max_position_embeddings=64, rms_norm_eps=1e-6, attention_bias=False, bos_token_id=None, eos_token_id=None, pad_token_id=None)
MODELS = {
    # grouped-query attention, tied head, renormalised routing weights
    "grouped": dict(config=dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=8, num_experts=4,
                    num_experts_per_tok=2, moe_intermediate_size=12, intermediate_size=20, vocab_size=40, norm_topk_prob=True, tie_word_embeddings=True),
                    batch=2, positions=7, trained={0: [1, 3], 1: [0, 2]}),
    # odd sizes, separate head, one key-value head, weights not renormalised, top 3
    "odd": dict(config=dict(hidden_size=10, num_hidden_layers=3, num_attention_heads=3, num_key_value_heads=1, head_dim=6, num_experts=5,
                num_experts_per_tok=3, moe_intermediate_size=7, intermediate_size=9, vocab_size=31, norm_topk_prob=False, tie_word_embeddings=False),
                batch=3, positions=9, trained={0: [0, 1, 2, 3, 4], 2: [4]}),
    # a dense layer, top 1, more experts than tokens (some get none), every head its own key-value head
    "dense": dict(config=dict(hidden_size=8, num_hidden_layers=3, num_attention_heads=2, num_key_value_heads=2, head_dim=4, num_experts=8,
                  num_experts_per_tok=1, moe_intermediate_size=5, intermediate_size=11, vocab_size=23, norm_topk_prob=False, tie_word_embeddings=False,
                  mlp_only_layers=[1], rope_theta=1e6),
                  batch=1, positions=5, trained={0: [0, 1, 2, 3, 4, 5, 6, 7], 2: [0, 1, 2, 3, 4, 5, 6, 7]}),
}


def make(name):
    spec = MODELS[name]
    torch.manual_seed(len(name))
    config = Qwen3MoeConfig(**COMMON, **spec["config"])
    config._experts_implementation = "eager"
    config._attn_implementation = "eager"
    model = Qwen3MoeForCausalLM(config).float().eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            parameter.copy_(1 + 0.2 * torch.randn_like(parameter) if "norm" in key else 0.4 * torch.randn_like(parameter))
    return model, spec


def save(model, folder):
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)


def trained_parameters(model, trained):
    """Per expert and projection: on-disk name -> function that cuts it out of the fused tensor (or its gradient)."""
    width = model.config.moe_intermediate_size
    cuts = {}
    for layer, experts in trained.items():
        fused = model.model.layers[layer].mlp.experts
        for e in experts:
            prefix = f"model.layers.{layer}.mlp.experts.{e}"
            cuts[f"{prefix}.gate_proj.weight"] = (fused.gate_up_proj, lambda t, e=e: t[e, :width])
            cuts[f"{prefix}.up_proj.weight"] = (fused.gate_up_proj, lambda t, e=e: t[e, width:])
            cuts[f"{prefix}.down_proj.weight"] = (fused.down_proj, lambda t, e=e: t[e])
    return cuts


def token_losses(model, tokens):
    logits = model(input_ids=tokens).logits
    return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten(), reduction="none").view(tokens.shape[0], -1)


def vectors(name):
    model, spec = make(name)
    save(model, HERE / name)
    tokens = torch.randint(0, model.config.vocab_size, (spec["batch"], spec["positions"]))
    routing = {}

    def hook(layer):
        def record(_module, _inputs, output):
            routing[f"ids.{layer}"] = output[2].to(torch.int32)
            routing[f"weights.{layer}"] = output[1].float()
        return record

    for index, layer in enumerate(model.model.layers):
        if hasattr(layer.mlp, "gate"):
            layer.mlp.gate.register_forward_hook(hook(index))
    losses = token_losses(model, tokens)
    loss = losses.mean()
    assert abs(loss.item() - model(input_ids=tokens, labels=tokens).loss.item()) < 1e-6
    loss.backward()
    gradients = {f"gradient/{key}": cut(parameter.grad) for key, (parameter, cut) in trained_parameters(model, spec["trained"]).items()}
    tensors = {"tokens": tokens.to(torch.int32), "losses": losses.detach(), "loss": loss.detach().view(1), **routing, **gradients}
    save_file({key: value.contiguous().clone() for key, value in tensors.items()}, HERE / name / "expected.safetensors")


TRAINING = dict(rows=7, positions=6, steps=10, batch=3, rate=3e-3, warmup=3, final=0.1, seed="rows of a test", betas=(0.9, 0.95), eps=1e-8, decay=0.1, clip=0.5)


def training():
    model, spec = make("grouped")
    t = TRAINING
    tokens = torch.randint(0, model.config.vocab_size, (t["rows"], t["positions"]))
    order = row_order(t["seed"], t["rows"], t["steps"] * t["batch"])
    # Trained experts become parameters of their own, so that clipping and decay see only them.
    own = {}
    for key, (parameter, cut) in trained_parameters(model, spec["trained"]).items():
        own[key] = torch.nn.Parameter(cut(parameter.data).clone())
    optimizer = torch.optim.AdamW(own.values(), lr=t["rate"], betas=t["betas"], eps=t["eps"], weight_decay=t["decay"])
    losses, norms = [], []
    cuts = trained_parameters(model, spec["trained"])
    for step in range(t["steps"]):
        with torch.no_grad():
            for key, (parameter, cut) in cuts.items():
                cut(parameter.data).copy_(own[key])
        model.zero_grad()
        loss = token_losses(model, tokens[order[step * t["batch"]:(step + 1) * t["batch"]]]).mean()
        loss.backward()
        for key, (parameter, cut) in cuts.items():
            own[key].grad = cut(parameter.grad).clone()
        norms.append(torch.nn.utils.clip_grad_norm_(own.values(), t["clip"]).item())
        if step < t["warmup"]:
            rate = t["rate"] * (step + 1) / t["warmup"]
        else:
            progress = (step - t["warmup"]) / (t["steps"] - t["warmup"])
            rate = t["rate"] * (t["final"] + (1 - t["final"]) * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        losses.append(loss.item())
    (HERE / "training").mkdir(exist_ok=True)
    tensors = {"tokens": tokens.to(torch.int32), "order": torch.tensor(order, dtype=torch.int32), "losses": torch.tensor(losses, dtype=torch.float64),
               "norms": torch.tensor(norms, dtype=torch.float64), **{f"weights/{key}": value.detach().clone() for key, value in own.items()}}
    save_file(tensors, HERE / "training" / "expected.safetensors")


def adamw():
    torch.manual_seed(11)
    steps, size = 12, 40
    start = torch.randn(size)
    parameter = torch.nn.Parameter(start.clone())
    gradients = torch.randn(steps, size) * torch.logspace(-4, 2, steps)[:, None]
    rates = torch.logspace(-4, -1, steps, dtype=torch.float64)
    optimizer = torch.optim.AdamW([parameter], lr=1, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1, foreach=False)
    after, norms = [], []
    for step in range(steps):
        parameter.grad = gradients[step].clone()
        norms.append(torch.nn.utils.clip_grad_norm_([parameter], 1.0).item())
        optimizer.param_groups[0]["lr"] = rates[step].item()
        optimizer.step()
        after.append(parameter.detach().clone())
    save_file({"start": start, "gradients": gradients, "rates": rates, "norms": torch.tensor(norms, dtype=torch.float64), "weights": torch.stack(after)}, HERE / "adamw.safetensors")


torch.set_num_threads(1)
for model_name in MODELS:
    vectors(model_name)
training()
adamw()
files = sorted(p for p in HERE.rglob("*") if p.suffix in (".safetensors",) or p.name == "config.json")
manifest = {
    "generator": "packages/moe-engine/test/vectors/generate.py",
    "versions": {"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0], "python": sys.version.split()[0]},
    "training": TRAINING,
    "trained": {name: {str(layer): experts for layer, experts in spec["trained"].items()} for name, spec in MODELS.items()},
    "files": {str(p.relative_to(HERE)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files},
}
(HERE / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
