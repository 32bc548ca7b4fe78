"""Makes the vectors of pretraining: gradients of every parameter, by PyTorch autograd through transformers' models.

Run here, after generate.py: python generate_pretraining.py [model …]

<name>/pretraining.safetensors   for each model folder beside this file:
  loss, auxiliaryLoss, routerZLoss, gradient/<tensor>    of `loss + BALANCE · auxiliaryLoss + ROUTER_Z · routerZLoss` on the tokens of expected.safetensors;
                                                         auxiliaryLoss is transformers' own aux_loss; both are left out where a model gives no router logits
  bags/tokens, bags/loss, bags/gradient/<tensor>         of a step of Token-Superposition Training with bags of BAG tokens
and for those in families/ the first line only, without experts' tensors, whose gradients are in expected.safetensors.

pretraining/run.safetensors        losses and weights of a run over all parameters of the model "grouped" (torch.optim.AdamW, balance loss by layer, z-loss), its
                                   first steps with superposed tokens, and initial weights (`initial`) by a second writing of the definition in initial-weights.ts

Gradients get their names and layout on disk from transformers: they are put in the parameters' place and saved as a checkpoint.
"""
import hashlib, json, math, pathlib, struct, sys, tempfile
import torch, transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

HERE = pathlib.Path(__file__).parent
BALANCE, ROUTER_Z, BAG = 0.3, 0.05, 3


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager").train()


def gradients(folder, loss_of):
    """Losses by name, and the gradient of `total` by the name on disk."""
    model = load(folder)
    losses = loss_of(model)
    losses["total"].backward()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.zeros_like(parameter) if parameter.grad is None else parameter.grad)
    with tempfile.TemporaryDirectory() as temporary:
        model.save_pretrained(temporary)
        saved = load_file(pathlib.Path(temporary) / "model.safetensors")
    return {name: value.detach().view(1) for name, value in losses.items() if name != "total"}, saved


def auxiliary_losses(tokens):
    def loss_of(model):
        targets = tokens[:, 1:].flatten()
        has_router_logits = hasattr(model.config, "router_aux_loss_coef") and model.config.model_type != "llama4_text"
        output = model(input_ids=tokens, output_router_logits=True) if has_router_logits else model(input_ids=tokens)
        loss = torch.nn.functional.cross_entropy(output.logits[:, :-1].flatten(0, 1), targets)
        if not has_router_logits:
            return {"loss": loss, "total": loss}
        z = torch.stack([logits.logsumexp(-1).square().mean() for logits in output.router_logits]).mean()
        return {"loss": loss, "auxiliaryLoss": output.aux_loss, "routerZLoss": z, "total": loss + BALANCE * output.aux_loss + ROUTER_Z * z}
    return loss_of


def superposed(tokens):
    def loss_of(model):
        bags = tokens.view(tokens.shape[0], -1, BAG)
        logits = model(inputs_embeds=model.get_input_embeddings()(bags).mean(2)).logits
        log_probabilities = logits[:, :-1].log_softmax(-1)
        loss = -log_probabilities.gather(2, bags[:, 1:]).mean()
        return {"loss": loss, "total": loss}
    return loss_of


def vectors(folder):
    tokens = load_file(folder / "expected.safetensors")["tokens"].long()
    losses, expected = gradients(folder, auxiliary_losses(tokens))
    if folder.parent.name == "families":
        expected = {name: value for name, value in expected.items() if not any(part in name for part in (".experts.", "_linear.", "e_score_correction_bias"))}
        return save_file({**losses, **{f"gradient/{name}": value.contiguous().clone() for name, value in expected.items()}}, folder / "pretraining.safetensors")
    torch.manual_seed(len(folder.name))
    vocabulary = json.loads((folder / "config.json").read_text())["vocab_size"]
    long = torch.randint(0, vocabulary, (tokens.shape[0], tokens.shape[1] * BAG))
    long[:, 1::BAG] = long[:, ::BAG]  # bags that hold an id twice
    bag_losses, bag_expected = gradients(folder, superposed(long))
    tensors = {**losses, **{f"gradient/{name}": value for name, value in expected.items()}}
    tensors |= {"bags/tokens": long.to(torch.int32), "bags/loss": bag_losses["loss"], **{f"bags/gradient/{name}": value for name, value in bag_expected.items()}}
    save_file({name: value.contiguous().clone() for name, value in tensors.items()}, folder / "pretraining.safetensors")


def saved_names(model):
    """The tensors of a model by the name on disk."""
    with tempfile.TemporaryDirectory() as temporary:
        model.save_pretrained(temporary)
        return load_file(pathlib.Path(temporary) / "model.safetensors")


RUN = dict(steps=8, superposed=3, rows=21, positions=6, batch=2, bag=2, rate=1e-2, warmup=2, final=0.1, betas=(0.9, 0.95), eps=1e-8, decay=0.1, clip=1.0, balance=0.05, router_z=0.01)


def balance_by_layer(router_logits, active):
    """`load_balancing_loss_func` of each layer on its own, averaged."""
    from transformers.models.qwen3_moe.modeling_qwen3_moe import load_balancing_loss_func
    return torch.stack([load_balancing_loss_func((logits,), logits.shape[-1], active) for logits in router_logits]).mean()


def run():
    t = RUN
    model = load(HERE / "grouped")
    torch.manual_seed(7)
    tokens = torch.randint(0, model.config.vocab_size, (t["rows"], t["positions"]))
    matrices, vectors_ = [p for p in model.parameters() if p.ndim >= 2], [p for p in model.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW([dict(params=matrices, weight_decay=t["decay"]), dict(params=vectors_, weight_decay=0.0)], betas=t["betas"], eps=t["eps"])
    losses = []
    for step in range(t["steps"]):
        bag = t["bag"] if step < t["superposed"] else 1
        rows = tokens.flatten()[: tokens.numel() // (bag * t["positions"]) * bag * t["positions"]].view(-1, t["positions"], bag)
        first = (step - (0 if step < t["superposed"] else t["superposed"])) * t["batch"]
        bags = rows[[(first + index) % len(rows) for index in range(t["batch"])]]
        output = model(inputs_embeds=model.get_input_embeddings()(bags).mean(2), output_router_logits=True)
        loss = -output.logits[:, :-1].log_softmax(-1).gather(2, bags[:, 1:]).mean()
        z = torch.stack([logits.logsumexp(-1).square().mean() for logits in output.router_logits]).mean()
        optimizer.zero_grad()
        (loss + t["balance"] * balance_by_layer(output.router_logits, model.config.num_experts_per_tok) + t["router_z"] * z).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), t["clip"])
        progress = (step - t["warmup"]) / (t["steps"] - t["warmup"])
        rate = t["rate"] * ((step + 1) / t["warmup"] if step < t["warmup"] else t["final"] + (1 - t["final"]) * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        losses.append(loss.item())
    (HERE / "pretraining").mkdir(exist_ok=True)
    tensors = {"tokens": tokens.to(torch.int32), "losses": torch.tensor(losses, dtype=torch.float64), "initial": torch.tensor(initial("some seed", "model.embed_tokens.weight", 9, 0.02))}
    save_file(tensors | {f"weights/{name}": value.contiguous().clone() for name, value in saved_names(model).items()}, HERE / "pretraining" / "run.safetensors")


def initial(seed, name, count, deviation):
    """The first `count` initial weights of a tensor."""
    state = list(struct.unpack("<4I", hashlib.sha256(f"connito/initial-weights/v1\0{seed}\0{name}".encode()).digest()[:16]))
    left = lambda word, bits: ((word << bits) | (word >> (32 - bits))) & 0xFFFFFFFF

    def word():
        result = left(state[1] * 5 & 0xFFFFFFFF, 7) * 9 & 0xFFFFFFFF
        shifted = state[1] << 9 & 0xFFFFFFFF
        state[2] ^= state[0]
        state[3] ^= state[1]
        state[1] ^= state[2]
        state[0] ^= state[3]
        state[2] ^= shifted
        state[3] = left(state[3], 11)
        return result

    out = []
    while len(out) < count:
        radius = deviation * math.sqrt(-2 * math.log((word() + 1) / 2**32))
        angle = 2 * math.pi * (word() / 2**32)
        out += [radius * math.cos(angle), radius * math.sin(angle)]
    return out[:count]


torch.set_num_threads(1)
for model_folder in sorted(path.parent for path in [*HERE.glob("*/model.safetensors"), *HERE.glob("families/*/model.safetensors")]):
    if not sys.argv[1:] or model_folder.name in sys.argv[1:]:
        vectors(model_folder)
run()
manifest = {
    "generator": "packages/moe-engine/test/vectors/generate_pretraining.py",
    "versions": {"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0], "python": sys.version.split()[0]},
    "balance": BALANCE,
    "routerZ": ROUTER_Z,
    "bag": BAG,
    "run": RUN,
    "files": {str(p.relative_to(HERE)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted([*HERE.glob("**/pretraining.safetensors"), HERE / "pretraining" / "run.safetensors"])},
}
(HERE / "pretraining.json").write_text(json.dumps(manifest, indent=1) + "\n")
