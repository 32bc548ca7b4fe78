"""Makes the vectors of pretraining: gradients of every parameter, by PyTorch autograd through transformers' models.

Run here, after generate.py: python generate_pretraining.py [model …]

<name>/pretraining.safetensors   for each model folder beside this file:
  loss, auxiliaryLoss, routerZLoss, gradient/<tensor>      of `loss + BALANCE · auxiliaryLoss + ROUTER_Z · routerZLoss` on the tokens of expected.safetensors;
                                                         auxiliaryLoss is transformers' own aux_loss (left out where a model has none)
  bags/tokens, bags/loss, bags/gradient/<tensor>         of a step of Token-Superposition Training with bags of BAG tokens

Gradients get their names and layout on disk from transformers: they are put in the parameters' place and saved as a checkpoint.
"""
import hashlib, json, pathlib, sys, tempfile
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
        has_router_logits = hasattr(model.config, "router_aux_loss_coef")
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
    torch.manual_seed(len(folder.name))
    vocabulary = json.loads((folder / "config.json").read_text())["vocab_size"]
    long = torch.randint(0, vocabulary, (tokens.shape[0], tokens.shape[1] * BAG))
    long[:, 1::BAG] = long[:, ::BAG]  # bags that hold an id twice
    bag_losses, bag_expected = gradients(folder, superposed(long))
    tensors = {**losses, **{f"gradient/{name}": value for name, value in expected.items()}}
    tensors |= {"bags/tokens": long.to(torch.int32), "bags/loss": bag_losses["loss"], **{f"bags/gradient/{name}": value for name, value in bag_expected.items()}}
    save_file({name: value.contiguous().clone() for name, value in tensors.items()}, folder / "pretraining.safetensors")


torch.set_num_threads(1)
for model_folder in sorted(path.parent for path in HERE.glob("*/model.safetensors")):
    if not sys.argv[1:] or model_folder.name in sys.argv[1:]:
        vectors(model_folder)
manifest = {
    "generator": "packages/moe-engine/test/vectors/generate_pretraining.py",
    "versions": {"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0], "python": sys.version.split()[0]},
    "balance": BALANCE,
    "routerZ": ROUTER_Z,
    "bag": BAG,
    "files": {str(p.relative_to(HERE)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(HERE.glob("*/pretraining.safetensors"))},
}
(HERE / "pretraining.json").write_text(json.dumps(manifest, indent=1) + "\n")
